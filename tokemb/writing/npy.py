"""``.npy`` files, written row by row.

The format is NumPy's (numpy.lib.format), version 1.0, so that ``np.load(path, mmap_mode="r")`` opens what is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tokemb.errors import ArgumentError
from tokemb.writing.layout import Layout
from tokemb.writing.writer import Array, Block, Writer


class NpyWriter(Writer):
    """One array (rows, *row_shape) and nothing else."""

    @classmethod
    def check(cls, layout: Layout) -> None:
        """Raise ``ArgumentError`` for kept columns and rows of different lengths."""
        if len(layout.kept):
            raise ArgumentError(
                f".npy holds one array and no kept columns, here {', '.join(layout.kept.names)}: write .npz or .parquet"
            )
        if layout.row_shape is None:
            raise ArgumentError(".npy holds rows of one length: pad them, or write .npz or .parquet")

    @classmethod
    def least_row_bytes(cls, layout: Layout) -> int:
        """Return the bytes of the numbers."""
        return layout.row_size * layout.dtype.itemsize

    def __init__(self, path: Path, layout: Layout) -> None:
        super().__init__(path, layout)
        self._file = path.open("xb")
        self._array = GrowingArray(self._file, layout.dtype, layout.row_shape or ())

    def _write(self, block: Block) -> None:
        self._array.append(block.values)

    def _complete(self) -> None:
        self._array.complete()

    def _close(self) -> None:
        self._file.close()


class GrowingArray:
    """An array in ``.npy`` form of which the number of rows is known at the end, when the header is completed."""

    def __init__(self, file: BinaryIO, dtype: np.dtype[Any], row_shape: tuple[int, ...]) -> None:
        """``file``: empty, and can seek. ``row_shape``: all axes but the first."""
        self._file, self._dtype, self._row_shape = file, dtype, row_shape
        self._rows = 0
        self._write_header()
        self._data_start = file.tell()

    def append(self, rows: Array) -> None:
        """Add ``rows``, (rows, *row_shape) of the dtype."""
        # As bytes: not every dtype, datetime64 for one, is in Python's buffer protocol.
        self._file.write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
        self._rows += len(rows)

    def complete(self) -> None:
        """Say in the header how many rows there are."""
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._data_start:
            raise RuntimeError("this NumPy does not leave room in the header for the number of rows")
        self._file.flush()

    def _write_header(self) -> None:
        # NumPy pads the header so that the first axis can grow to 21 digits in place.
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._rows, *self._row_shape),
        }
        np.lib.format.write_array_header_1_0(self._file, header)
