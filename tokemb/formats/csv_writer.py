"""CSV files of predictions."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.types as pt

from tokemb.files.output_stream import flush_all
from tokemb.formats.jsonl import JsonlWriter, format_column
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.writer import Block, Writer
from tokemb.sources.column_types import plain, plain_type


class CsvWriter(Writer):
    """Writer of CSV with a header. Lists become JSON texts such as ``["a","b"]``, missing values become empty."""

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for the columns that JSON cannot hold either."""
        JsonlWriter.check(layout)

    def __init__(self, target: Path | BinaryIO, layout: OutputOptions) -> None:
        super().__init__(target, layout)
        self._schema = pa.schema([pa.field(field.name, _csv_type(field.type)) for field in layout.kept_columns])
        self._file = Path(str(target)).open("xb")
        self._writer = pyarrow.csv.CSVWriter(self._file, self._schema)

    def _write(self, block: Block) -> None:
        columns = [
            _csv_column(plain(column), field)
            for field, column in zip(self._schema, block.kept_columns.columns, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def _complete(self) -> None:
        self._writer.close()
        flush_all(self._file)

    def _close(self) -> None:
        with suppress(Exception):  # an unclosed writer tries again when it is garbage-collected
            self._writer.close()
        with suppress(OSError):
            self._file.close()


def _csv_column(column: pa.Array, field: pa.Field) -> pa.Array:
    """Return a column in the type of ``field``. A missing value stays missing, and does not become the text null."""
    if column.type == field.type:
        return column
    return pc.if_else(column.is_null(), pa.scalar(None, field.type), format_column(column, field.name))


def _csv_type(kind: pa.DataType) -> pa.DataType:
    """Return the type in which Arrow writes a column to CSV: its own for simple values, otherwise JSON text."""
    kind = plain_type(kind)
    is_simple = pt.is_primitive(kind) or pt.is_string(kind) or pt.is_large_string(kind) or pt.is_null(kind)
    return kind if is_simple and not pt.is_float16(kind) else pa.large_string()
