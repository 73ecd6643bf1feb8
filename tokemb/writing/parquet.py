"""``.parquet`` files: a column of lists, the kept columns with their types, and facts as metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tokemb.errors import ArgumentError
from tokemb.writing.layout import Layout
from tokemb.writing.writer import Array, Block, Writer

# Bytes of a row group, before compression.
_ROW_GROUP = 1 << 26


class ParquetWriter(Writer):
    """``ids``, list<dtype>; or ``vectors``, fixed_size_list<dtype>[dim] in as many lists as there are other axes."""

    def __init__(self, path: Path, layout: Layout) -> None:
        super().__init__(path, layout)
        self._schema = pa.schema([pa.field(layout.name, _rows_type(layout)), *layout.kept], _metadata(layout))
        self._pending: list[pa.RecordBatch] = []
        self._bytes = 0
        self._file = path.open("xb")
        # Ids hardly shrink further as entries of a dictionary of ids.
        coded = [field.name for field in layout.kept]
        self._writer = pq.ParquetWriter(
            self._file, self._schema, compression="zstd", use_dictionary=coded or False, write_page_checksum=True
        )

    @classmethod
    def check(cls, layout: Layout) -> None:
        """Raise ``ArgumentError`` for kept columns of types that are not Parquet's."""
        with _refusing(), pq.ParquetWriter(pa.BufferOutputStream(), layout.kept):
            pass

    def _write(self, block: Block) -> None:
        # An offset of list<> is int32.
        step = max((1 << 30) // max(self.layout.row_size, 1), 1)
        for start in range(0, len(block), step):
            part = block.slice(start, min(start + step, len(block)))
            batch = pa.RecordBatch.from_arrays(
                [_rows_array(part, self.layout), *part.kept.columns], schema=self._schema
            )
            self._pending.append(batch)
            self._bytes += batch.nbytes
            if self._bytes >= _ROW_GROUP:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending, self._schema)
            self._pending, self._bytes = [], 0
            with _refusing():
                self._writer.write_table(table, row_group_size=max(len(table), 1))

    def _complete(self) -> None:
        self._flush()
        self._writer.close()
        self._file.flush()

    def _close(self) -> None:
        with suppress(Exception):  # a writer that is not closed tries again when it is collected
            self._writer.close()
        with suppress(OSError):
            self._file.close()


@contextmanager
def _refusing() -> Iterator[None]:
    """Raise what Arrow says of types and values that are not Parquet's as ``ArgumentError``."""
    try:
        yield
    except (pa.ArrowException, NotImplementedError) as error:
        raise ArgumentError(f"Parquet cannot keep these columns: {' '.join(str(error).split()):.200}") from None


def _rows_type(layout: Layout) -> pa.DataType:
    kind = pa.from_numpy_dtype(layout.dtype)
    if layout.name == "ids":
        return pa.list_(kind)
    for number, size in enumerate(reversed(layout.row_shape or ())):
        kind = pa.list_(kind) if number else pa.list_(kind, size)
    return kind


def _rows_array(block: Block, layout: Layout) -> pa.Array:
    """The rows as Arrow lists around the NumPy array's own memory."""
    shape = block.values.shape
    array = pa.array(np.ascontiguousarray(block.values).reshape(-1))
    if block.row_splits is not None:
        return _lists(block.row_splits, array)
    if layout.name == "vectors" and len(shape) > 1:
        array, shape = pa.FixedSizeListArray.from_arrays(array, shape[-1]), shape[:-1]
    for axis in range(len(shape) - 1, 0, -1):
        lists = int(np.prod(shape[:axis], dtype=np.int64))
        array = _lists(np.arange(lists + 1, dtype=np.int64) * shape[axis], array)
    return array


def _lists(splits: Array, values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), values)


def _metadata(layout: Layout) -> dict[str, str]:
    facts: dict[str, object] = {
        "tokemb.fingerprint": layout.fingerprint or None,
        "tokemb.pad_id": layout.pad_id,
        "tokemb.maxlen": None if layout.name != "ids" or layout.row_shape is None else layout.row_shape[0],
    }
    return {key: str(value) for key, value in facts.items() if value is not None}
