"""Rows of ids: ragged arrays, padding, pooling, row counts, and the threads that process them."""
