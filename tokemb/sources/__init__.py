"""Texts in memory and in files, as Arrow batches."""
