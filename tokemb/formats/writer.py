"""The base class of writers, which checks blocks of rows and converts them to the dtype of the file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array, Int64
from tokemb.errors import ArgumentError
from tokemb.files.output_errors import naming_file
from tokemb.formats.output_options import OutputOptions, RowColumn
from tokemb.rows.ragged import Ragged
from tokemb.sources.column_types import with_plain_nulls

# The rows of a file: those of its only column, or of each column of a table by name.
FileRows = Array | Ragged | Mapping[str, Array | Ragged]


@dataclass(frozen=True, eq=False)
class BlockColumn:
    """Some rows of one column in the dtype of the file.

    Attributes:
        values: (rows, *row_shape), or (total,) for ragged rows.
        ragged_splits: int64 (rows + 1,) for ragged rows, otherwise ``None``.
    """

    values: Array
    ragged_splits: Int64 | None

    def __len__(self) -> int:
        return len(self.values) if self.ragged_splits is None else len(self.ragged_splits) - 1

    @property
    def row_splits(self) -> Int64:
        """The positions of the rows in the flat values, int64 (rows + 1,)."""
        if self.ragged_splits is not None:
            return self.ragged_splits
        return np.arange(len(self) + 1, dtype=np.int64) * int(np.prod(self.values.shape[1:], dtype=np.int64))

    def slice(self, start: int, stop: int) -> BlockColumn:
        """Return the rows from ``start`` up to ``stop``. They share memory with this column."""
        if self.ragged_splits is None:
            return BlockColumn(self.values[start:stop], None)
        splits = self.ragged_splits[start : stop + 1]
        return BlockColumn(self.values[splits[0] : splits[-1]], splits - splits[0])


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows in the dtype of the file.

    Attributes:
        columns: The columns of rows by name, in the order of the options of the file.
        lengths: int64 (rows,), the number of tokens of each padded row. ``None`` if it is not known.
        kept_columns: The kept columns of these rows. There may be none.
    """

    columns: Mapping[str, BlockColumn]
    lengths: Int64 | None
    kept_columns: pa.RecordBatch

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), self.kept_columns))

    def slice(self, start: int, stop: int) -> Block:
        """Return the rows from ``start`` up to ``stop``. They share memory with this block."""
        columns = {name: column.slice(start, stop) for name, column in self.columns.items()}
        lengths = None if self.lengths is None else self.lengths[start:stop]
        return Block(columns, lengths, self.kept_columns.slice(start, stop - start))

    def parts(self, size: int) -> Iterator[Block]:
        """Yield the block in parts of whole rows with about ``size`` values each, those of all columns together."""
        splits = np.arange(len(self) + 1, dtype=np.int64)
        for column in self.columns.values():
            splits = splits + column.row_splits
        bounds = np.searchsorted(splits, np.arange(0, splits[-1], size)).tolist() + [len(self)]
        for start, stop in zip(bounds, bounds[1:], strict=False):
            if stop > start:
                yield self.slice(start, stop)


class Writer(ABC):
    """Writer of rows to one file. Leaving the context without an error completes the file."""

    _file: BinaryIO

    @abstractmethod
    def __init__(self, target: Path | BinaryIO, layout: OutputOptions) -> None:
        """Initialize the writer.

        Args:
            target: A path that does not exist. ``JsonlWriter`` also accepts a stream.
            layout: The options of the file.
        """
        self.layout = layout
        self.rows = 0
        self._target = target

    @classmethod
    @abstractmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` if files of this format cannot hold ``layout``."""

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the minimum number of bytes of a row. 0 if it is not known, because the format compresses padding."""
        return 0

    def append(self, rows: FileRows, lengths: Int64 | None = None, kept_columns: pa.RecordBatch | None = None) -> None:
        """Append rows.

        Args:
            rows: (rows, *row_shape) of numbers that fit the dtype of ``layout``, or a ``Ragged`` if its ``row_shape``
                is ``None``. For a table, these of each column by name.
            lengths: int64 (rows,), the number of tokens of each padded row. Pass it in all calls or in none.
            kept_columns: The kept columns of these rows. ``None`` if there are none.

        Raises:
            ArgumentError: If the file cannot hold a number or a kept value.
            ValueError: If the rows do not match ``layout``.
        """
        block = self._checked_block(rows, lengths, kept_columns)
        with naming_file(self._target):
            self._write(block)
        self.rows += len(block)

    def _checked_block(self, rows: FileRows, lengths: Int64 | None, kept_columns: pa.RecordBatch | None) -> Block:
        layout = self.layout
        by_name = rows if isinstance(rows, Mapping) else {layout.name: rows}
        if set(by_name) != {column.name for column in layout.columns}:
            raise ValueError(f"the columns must be {layout.columns}; received {', '.join(by_name)}")
        columns = {
            column.name: _checked_column(by_name[column.name], column, layout.dtype) for column in layout.columns
        }
        if len(set(map(len, columns.values()))) > 1:
            raise ValueError(f"columns must have the same number of rows; received {[*map(len, columns.values())]}")
        if kept_columns is None:
            kept_columns = pa.RecordBatch.from_arrays([], schema=pa.schema([]))
        if not kept_columns.schema.equals(layout.kept_columns):
            raise ValueError(f"kept columns must be {layout.kept_columns}; received {kept_columns.schema}")
        block = Block(columns, lengths, with_plain_nulls(kept_columns))
        if len(layout.kept_columns) and kept_columns.num_rows != len(block):
            raise ValueError(f"kept columns must have {len(block)} rows, as the ids; received {kept_columns.num_rows}")
        return block

    @abstractmethod
    def _write(self, block: Block) -> None:
        """Write a block that was checked."""

    def _complete(self) -> None:
        """Write the data that follow the last row."""
        self._file.flush()

    def _close(self) -> None:
        """Close the file, also after an error. Never raise an exception that would hide that error."""
        self._file.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with naming_file(self._target):
                    self._complete()
        finally:
            self._close()


def _checked_column(rows: Array | Ragged, column: RowColumn, dtype: np.dtype[Any]) -> BlockColumn:
    if isinstance(rows, Ragged):
        rows = rows.slice(0, len(rows))  # drops values that belong to no row
        values, row_splits, row_shape = rows.values, rows.row_splits, None
    else:
        values, row_splits, row_shape = rows, None, rows.shape[1:]
    if row_shape != column.row_shape:
        raise ValueError(f"rows must have the shape {column.row_shape}; received {row_shape}")
    return BlockColumn(cast(values, dtype), row_splits)


def cast(values: Array, dtype: np.dtype[Any]) -> Array:
    """Return ``values`` as ``dtype``, which must be of the same kind (integer or float).

    Raises:
        ArgumentError: If a number does not fit. The message names it.

    Example:
        >>> cast(np.array([7, 70_000]), np.dtype("uint16"))
        Traceback (most recent call last):
        tokemb.errors.ArgumentError: uint16 holds integers from 0 to 65535; received 70000: use int32
    """
    if values.dtype == dtype:
        return values
    if (values.dtype.kind == "f") != (dtype.kind == "f") or values.dtype.kind not in "fiu":
        raise ValueError(f"values must be of the kind of {dtype}; received {values.dtype}")
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            narrow = values.astype(dtype)
        overflows = values[np.isinf(narrow) & np.isfinite(values)]
        if len(overflows):
            raise ArgumentError(
                f"{dtype} holds numbers up to {np.finfo(dtype).max:.0f}; received {overflows[0]}: use float32"
            )
        return narrow
    lowest, highest, limits = int(values.min(initial=0)), int(values.max(initial=0)), np.iinfo(dtype)
    if lowest < limits.min or highest > limits.max:
        outside = highest if highest > limits.max else lowest
        raise ArgumentError(
            f"{dtype} holds integers from {limits.min} to {limits.max}; received {outside}: "
            f"use {'int64' if dtype == np.int32 else 'int32'}"
        )
    return values.astype(dtype)
