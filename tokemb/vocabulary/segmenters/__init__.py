"""Segmenters: other libraries that put words apart in languages that are written without spaces."""
