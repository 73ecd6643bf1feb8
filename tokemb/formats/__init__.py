"""Files of ids and vectors: readers, writers and shards, in constant memory (docs/outputs.md)."""

from tokemb.formats.open_ids import find_ids, open_ids
from tokemb.formats.open_writer import FORMATS, check_layout, check_target, least_row_bytes, open_writer
from tokemb.formats.output_options import OutputOptions, RowColumn, ids_dtype, vectors_dtype
from tokemb.formats.source import IdBlock, IdsSource
from tokemb.formats.writer import Writer

__all__ = [
    "FORMATS",
    "IdBlock",
    "IdsSource",
    "OutputOptions",
    "RowColumn",
    "Writer",
    "check_layout",
    "check_target",
    "find_ids",
    "ids_dtype",
    "open_ids",
    "least_row_bytes",
    "open_writer",
    "vectors_dtype",
]
