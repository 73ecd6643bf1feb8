"""Parquet files: read ids, and write ids or vectors with their kept columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from tokemb._arrays import Array
from tokemb.errors import ArgumentError, one_line
from tokemb.files.arrow_files import open_parquet
from tokemb.files.expansion import is_bomb
from tokemb.files.parquet_footer import read_chunks
from tokemb.formats.output_options import OutputOptions, RowColumn
from tokemb.formats.source import BLOCK, LARGEST_READ, IdBlock, IdsSource, changed_file, int32_ids, invalid_file
from tokemb.formats.writer import Block, BlockColumn, Writer
from tokemb.rows.ragged import Ragged

# The number of ragged rows that are read at a time.
_ROWS = 1 << 14
# The number of bytes of a column that are read at a time.
_READ_BUFFER = 1 << 20


class ParquetSource(IdsSource):
    """The column ``ids``, or the only column of lists of integers. The other columns are kept columns."""

    def __init__(self, path: Path, schema: pa.Schema, rows: int) -> None:
        self.column = _ids_column(path, schema)
        self._schema = schema
        metadata = schema.metadata or {}
        kind = schema.field(self.column).type
        maxlen = kind.list_size if pt.is_fixed_size_list(kind) else _metadata_integer(path, metadata, b"tokemb.maxlen")
        kept_columns = schema.remove(schema.get_field_index(self.column)).remove_metadata()
        fingerprint = metadata.get(b"tokemb.fingerprint", b"").decode(errors="replace")
        dtype = np.dtype(kind.value_type.to_pandas_dtype())
        super().__init__(
            path, maxlen, rows, dtype, kept_columns, fingerprint, _metadata_integer(path, metadata, b"tokemb.pad_id")
        )

    def _blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Yield the rows. See ``IdsSource.blocks``."""
        rows_read = 0
        rows = _ROWS if self.maxlen is None else min(self._rows_at_a_time(row_size), BLOCK)
        # By default, Arrow reads the whole file ahead.
        low_memory: dict[str, Any] = {"buffer_size": _READ_BUFFER, "pre_buffer": False}
        with validate(self.path), open_parquet(self.path, page_checksum_verification=True, **low_memory) as file:
            self._check_row_sizes()
            if not file.schema_arrow.equals(self._schema) or file.metadata.num_rows != self.rows:
                raise changed_file(self.path)
            for batch in file.iter_batches(rows, use_threads=False):
                rows_read += len(batch)
                yield self._block(batch)
            if rows_read != self.rows:
                raise ArgumentError(
                    f"{self.path} must hold {self.rows:,} rows as its footer declares; it holds {rows_read:,}"
                )
        if not rows_read and self.maxlen is not None:
            empty = pa.RecordBatch.from_pylist([], self.kept_columns)
            yield IdBlock(np.zeros((0, self.maxlen), np.int32), empty)

    def _check_row_sizes(self) -> None:
        """Raise ``ArgumentError`` if one row can take far more memory than all rows take in the file."""
        with self.path.open("rb") as file:
            chunks = [chunk for group in read_chunks(file) for chunk in group if chunk.path[0] == self.column]
        padded = bool(self.maxlen) and sum(chunk.values for chunk in chunks) == (self.rows or 0) * (self.maxlen or 0)
        for chunk in chunks:
            # If the file does not declare a length, one row may have all values.
            size = 8 * ((self.maxlen or 0) if padded else chunk.values)
            if is_bomb(size, chunk.stored, LARGEST_READ):
                raise ArgumentError(
                    f"{self.path} has {chunk.values:,} ids in {chunk.stored:,} bytes, far more than ids compress to"
                )

    def _block(self, batch: pa.RecordBatch) -> IdBlock:
        lists = batch.column(self.column)
        if lists.null_count or lists.flatten().null_count:
            raise ArgumentError(f"{self.path} holds a missing row or id in its column {self.column}: fill or remove it")
        kept_columns = batch.drop_columns([self.column]).replace_schema_metadata()
        ids = int32_ids(lists.flatten().to_numpy(), self.path)
        if pt.is_fixed_size_list(lists.type):
            return IdBlock(ids.reshape(len(lists), lists.type.list_size), kept_columns)
        splits = lists.offsets.to_numpy().astype(np.int64)
        rows = Ragged(ids, splits - splits[0])
        if self.maxlen is None:
            return IdBlock(rows, kept_columns)
        if np.any(rows.lengths != self.maxlen):
            raise ArgumentError(f"{self.path} declares rows of {self.maxlen} ids, but holds rows of other lengths")
        return IdBlock(ids.reshape(len(rows), self.maxlen), kept_columns)


def open_source(path: Path) -> ParquetSource:
    """Open a file and read its schema.

    Raises:
        ArgumentError: If no column holds ids.
    """
    with validate(path), open_parquet(path) as file:
        return ParquetSource(path, file.schema_arrow, file.metadata.num_rows)


@contextmanager
def validate(path: Path) -> Iterator[None]:
    """Convert errors about a damaged file to an ``ArgumentError`` that names it. Disk errors remain ``OSError``."""
    try:
        yield
    except ArgumentError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # a disk error: those of Arrow itself have no number
            raise
        raise invalid_file(path, ".parquet", error) from None


def _ids_column(path: Path, schema: pa.Schema) -> str:
    lists = [field.name for field in schema if _is_ids(field.type)]
    if "ids" in lists or len(lists) == 1:
        name = "ids" if "ids" in lists else str(lists[0])
        if schema.names.count(name) > 1:
            raise ArgumentError(f"{path} has the column {name!r} more than once: remove all but one")
        return name
    raise ArgumentError(
        f"{path} must have a column ids of lists of integers, or one column of such lists; it has "
        f"{', '.join(f'{field.name} {field.type}' for field in schema)}"
    )


def _is_ids(kind: pa.DataType) -> bool:
    is_list = pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind)
    return is_list and pt.is_integer(kind.value_type)


def _metadata_integer(path: Path, metadata: dict[bytes, bytes], key: bytes) -> int | None:
    try:
        return int(metadata[key]) if key in metadata else None
    except ValueError:
        raise ArgumentError(f"{path} has {metadata[key]!r} as its {key.decode()}, which is not a number") from None


# The number of bytes of a row group before compression. In a table, the rows of a call are a row group, up to a number.
_ROW_GROUP = 1 << 26
_TABLE_ROWS = 1 << 20

# The number of values that are written at a time: the offsets of list<> are int32.
_LISTED = 1 << 30


class ParquetWriter(Writer):
    """Writer of ids as list<dtype>, or ``vectors`` as fixed_size_list<dtype>[dim] in one list per further axis.

    A column of a table with one id per row is a column of integers.
    """

    def __init__(self, path: Path, layout: OutputOptions) -> None:
        super().__init__(path, layout)
        rows = [pa.field(column.name, _rows_type(column, layout)) for column in layout.columns]
        self._schema = pa.schema([*rows, *layout.kept_columns], _metadata(layout))
        self._pending: list[pa.RecordBatch] = []
        self._bytes = 0
        self._file = path.open("xb")
        # A dictionary hardly makes ids of texts smaller.
        dictionary_columns = True if layout.table else layout.kept_columns.names
        self._writer = pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            use_dictionary=dictionary_columns or False,
            write_page_checksum=True,
        )

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for kept columns whose types Parquet does not support."""
        with _explain_arrow_errors(), pq.ParquetWriter(pa.BufferOutputStream(), layout.kept_columns):
            pass

    def _write(self, block: Block) -> None:
        for part in block.parts(_LISTED):
            rows = [_rows_array(column, name, self.layout) for name, column in part.columns.items()]
            batch = pa.RecordBatch.from_arrays([*rows, *part.kept_columns.columns], schema=self._schema)
            self._pending.append(batch)
            self._bytes += batch.nbytes
            if self._bytes >= _ROW_GROUP or self.layout.table:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending, self._schema)
            self._pending, self._bytes = [], 0
            with _explain_arrow_errors():
                rows = _TABLE_ROWS if self.layout.table else len(table)
                self._writer.write_table(table, row_group_size=max(rows, 1))

    def _complete(self) -> None:
        self._flush()
        if self.layout.table and not self.rows:
            self._writer.write_table(self._schema.empty_table())  # a table has at least one row group
        self._writer.close()
        self._file.flush()

    def _close(self) -> None:
        with suppress(Exception):  # an unclosed writer tries again when it is garbage-collected
            self._writer.close()
        with suppress(OSError):
            self._file.close()


@contextmanager
def _explain_arrow_errors() -> Iterator[None]:
    """Convert Arrow errors about types and values that Parquet does not support to ``ArgumentError``."""
    try:
        yield
    except (pa.ArrowException, NotImplementedError) as error:
        raise ArgumentError(f"Parquet cannot hold these columns: {one_line(error):.200}") from None


def _rows_type(column: RowColumn, layout: OutputOptions) -> pa.DataType:
    kind = pa.from_numpy_dtype(layout.dtype)
    if layout.name == "ids":
        return kind if column.row_shape == () else pa.list_(kind)
    for number, size in enumerate(reversed(column.row_shape or ())):
        kind = pa.list_(kind) if number else pa.list_(kind, size)
    return kind


def _rows_array(rows: BlockColumn, name: str, layout: OutputOptions) -> pa.Array:
    """Return the rows as Arrow numbers or lists that share the memory of the NumPy array.

    Raises:
        ArgumentError: If a row is too long for a list.
    """
    shape = rows.values.shape
    array = pa.array(np.ascontiguousarray(rows.values).reshape(-1))
    if len(array) >= 2 * _LISTED:
        raise ArgumentError(f"a .parquet holds rows of up to {_LISTED:,} values; {name!r} has a longer one: write .npz")
    if rows.ragged_splits is not None:
        return _list_array(rows.ragged_splits, array)
    if layout.name == "vectors" and len(shape) > 1:
        array, shape = pa.FixedSizeListArray.from_arrays(array, shape[-1]), shape[:-1]
    for axis in range(len(shape) - 1, 0, -1):
        lists = int(np.prod(shape[:axis], dtype=np.int64))
        array = _list_array(np.arange(lists + 1, dtype=np.int64) * shape[axis], array)
    return array


def _list_array(splits: Array, values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), values)


def _metadata(layout: OutputOptions) -> dict[str, str]:
    metadata: dict[str, object] = {
        "tokemb.content": layout.name if layout.name == "predictions" else None,
        "tokemb.fingerprint": layout.fingerprint or None,
        "tokemb.pad_id": layout.pad_id,
        "tokemb.maxlen": None if layout.name != "ids" or layout.row_shape is None else layout.row_shape[0],
    }
    return {key: str(value) for key, value in metadata.items() if value is not None}
