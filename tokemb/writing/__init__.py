"""Ids and vectors go out: one file a format, in constant memory, whole or not at all (docs/outputs.md)."""

from tokemb.writing.layout import Layout, ids_dtype, vectors_dtype
from tokemb.writing.open_writer import FORMATS, check_layout, check_target, least_row_bytes, open_writer
from tokemb.writing.writer import Writer

__all__ = [
    "FORMATS",
    "Layout",
    "Writer",
    "check_layout",
    "check_target",
    "ids_dtype",
    "least_row_bytes",
    "open_writer",
    "vectors_dtype",
]
