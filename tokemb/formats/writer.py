"""What all writers have in common: blocks of rows are checked and brought to the dtype of the file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._arrays import Int64
from tokemb.errors import ArgumentError
from tokemb.files.output_errors import naming_file
from tokemb.formats.output_options import OutputOptions
from tokemb.rows.ragged import Ragged
from tokemb.sources.column_types import with_plain_nulls

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Block:
    """Some rows in the dtype of the file.

    ``values``: (rows, *row_shape), or of ragged rows (total,) with ``row_splits`` int64 (rows + 1,).
    ``lengths``: int64 (rows,), the real tokens of padded rows, if they are known.
    ``kept``: as many rows of the layout's ``kept``, whose columns may be none.
    """

    values: Array
    row_splits: Int64 | None
    lengths: Int64 | None
    kept: pa.RecordBatch

    def __len__(self) -> int:
        return len(self.values) if self.row_splits is None else len(self.row_splits) - 1

    def slice(self, start: int, stop: int) -> Block:
        """The rows from ``start`` to before ``stop``, which share memory with these."""
        kept = self.kept.slice(start, stop - start)
        if self.row_splits is None:
            lengths = None if self.lengths is None else self.lengths[start:stop]
            return Block(self.values[start:stop], None, lengths, kept)
        row_splits = self.row_splits[start : stop + 1]
        values = self.values[row_splits[0] : row_splits[-1]]
        return Block(values, row_splits - row_splits[0], None, kept)

    def parts(self, size: int) -> Iterator[Block]:
        """Whole rows, of about ``size`` numbers at a time."""
        if self.row_splits is None:
            row_size = int(np.prod(self.values.shape[1:], dtype=np.int64))
            splits = np.arange(len(self) + 1, dtype=np.int64) * (row_size + 1)
        else:
            splits = self.row_splits + np.arange(len(self) + 1)
        cuts = np.searchsorted(splits, np.arange(0, splits[-1], size)).tolist() + [len(self)]
        for start, stop in zip(cuts, cuts[1:], strict=False):
            if stop > start:
                yield self.slice(start, stop)


class Writer(ABC):
    """Writes rows into one file of one format; leaving the context without an error completes the file."""

    @abstractmethod
    def __init__(self, target: Path | BinaryIO, layout: OutputOptions) -> None:
        """``target``: a path where nothing is yet; lines of JSON also go to a stream."""
        self.layout = layout
        self.rows = 0
        self._target = target

    @classmethod
    @abstractmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` if files of this format cannot hold ``layout``."""

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the least number of bytes that a row takes; 0 if it cannot be told, as padding is compressed."""
        return 0

    def append(self, rows: Array | Ragged, lengths: Int64 | None = None, kept: pa.RecordBatch | None = None) -> None:
        """Add rows.

        ``rows``: (rows, *row_shape) of numbers that fit the layout's dtype, or a ``Ragged`` if it has no row shape.
        ``lengths``: int64 (rows,), how many real tokens each padded row has; given always or never.
        ``kept``: a batch of the layout's kept columns with as many rows, ``None`` if there are none.

        Raises ``ArgumentError`` for numbers or kept values that the file cannot hold, ``ValueError`` for blocks that
        are not of the layout.
        """
        block = self._block(rows, lengths, kept)
        with naming_file(self._target):
            self._write(block)
        self.rows += len(block)

    def _block(self, rows: Array | Ragged, lengths: Int64 | None, kept: pa.RecordBatch | None) -> Block:
        layout = self.layout
        if isinstance(rows, Ragged):
            rows = rows.slice(0, len(rows))  # values that are no row's go
            values, row_splits, row_shape = rows.values, rows.row_splits, None
        else:
            values, row_splits, row_shape = rows, None, rows.shape[1:]
        if row_shape != layout.row_shape:
            raise ValueError(f"rows of {row_shape} cannot stand in a file of rows of {layout.row_shape}")
        if kept is None:
            kept = pa.RecordBatch.from_arrays([], schema=pa.schema([]))
        if not kept.schema.equals(layout.kept):
            raise ValueError(f"kept columns must be {layout.kept}; received {kept.schema}")
        block = Block(cast(values, layout.dtype), row_splits, lengths, with_plain_nulls(kept))
        if len(layout.kept) and kept.num_rows != len(block):
            raise ValueError(f"{len(block)} rows came with {kept.num_rows} rows of kept columns")
        return block

    @abstractmethod
    def _write(self, block: Block) -> None:
        """Add a block that was checked."""

    @abstractmethod
    def _complete(self) -> None:
        """Write what comes after the last row."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of what is open, also after an error; raises nothing that hides one."""

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


def cast(values: Array, dtype: np.dtype[Any]) -> Array:
    """``values`` as ``dtype``, of the same kind; raises ``ArgumentError``, naming it, if a number does not fit.

    >>> cast(np.array([7, 70_000]), np.dtype("uint16"))
    Traceback (most recent call last):
    tokemb.errors.ArgumentError: uint16 holds whole numbers from 0 to 65535; received 70000: use int32
    """
    if values.dtype == dtype:
        return values
    if (values.dtype.kind == "f") != (dtype.kind == "f") or values.dtype.kind not in "fiu":
        raise ValueError(f"{values.dtype} cannot stand in a file of {dtype}")
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            narrow = values.astype(dtype)
        overflown = values[np.isinf(narrow) & np.isfinite(values)]
        if len(overflown):
            raise ArgumentError(
                f"{dtype} holds numbers up to {np.finfo(dtype).max:.0f}; received {overflown[0]}: use float32"
            )
        return narrow
    lowest, highest, limits = int(values.min(initial=0)), int(values.max(initial=0)), np.iinfo(dtype)
    if lowest < limits.min or highest > limits.max:
        outside = highest if highest > limits.max else lowest
        raise ArgumentError(
            f"{dtype} holds whole numbers from {limits.min} to {limits.max}; received {outside}: "
            f"use {'int64' if dtype == np.int32 else 'int32'}"
        )
    return values.astype(dtype)
