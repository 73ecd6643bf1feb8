"""NumPy ``.npy`` files: read ids, and write ids or vectors.

The format is NumPy's (numpy.lib.format), version 1.0, so that ``np.load(path, mmap_mode="r")`` opens what is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.source import NOTHING_KEPT, IdBlock, IdsSource, changed, int32_ids
from tokemb.formats.writer import Array, Block, Writer


def open_npy(path: Path) -> Array:
    """Map the array in a ``.npy`` file; raises ``ArgumentError`` if it is none, or holds Python objects."""
    if path.is_dir():
        raise ArgumentError(f"{path} is a folder, not a .npy file")
    try:
        with np.errstate(over="ignore"):  # of a shape that no memory can hold, which is an error then
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a broken header can make NumPy raise anything
        raise ArgumentError(f"{path} is not a .npy file of numbers: {' '.join(str(error).split()):.200}") from None
    if not isinstance(array, np.ndarray):
        raise ArgumentError(f"{path} is an archive of arrays, not one .npy array")
    return array


class NpySource(IdsSource):
    """One array of ids (rows, maxlen).

    It is read, not mapped: a process is killed if it touches mapped bytes of a file that was truncated.
    """

    def __init__(self, path: Path, array: Any) -> None:  # noqa: ANN401 - a memmap, of which older NumPy has no types
        super().__init__(path, array.shape[1], len(array), array.dtype)
        self._shape: tuple[int, int] = array.shape
        self._numbers: np.dtype[Any] = array.dtype
        self._by_column = bool(array.flags.fnc)
        with path.open("rb") as file:
            self._header = file.read(array.offset)
            size = os.fstat(file.fileno()).st_size
        if size != array.offset + array.nbytes:
            raise ArgumentError(
                f"{path} must hold one array; it goes on for {size - array.offset - array.nbytes:,} bytes after the "
                "first: save each array to a file of its own"
            )

    def blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Read some rows at a time."""
        step = self._rows_at_a_time(row_size)
        kept = pa.RecordBatch.from_arrays([], schema=NOTHING_KEPT)
        with self.path.open("rb") as file:
            if file.read(len(self._header)) != self._header:
                raise changed(self.path)
            for start in range(0, max(self._shape[0], 1), step):
                rows = self._columns(file, start, step) if self._by_column else self._rows(file, start, step)
                yield IdBlock(int32_ids(rows, self.path), kept)

    def _rows(self, file: BinaryIO, start: int, step: int) -> Array:
        rows, width = min(step, self._shape[0] - start), self._shape[1]
        return self._read(file, rows * width).reshape(rows, width)

    def _columns(self, file: BinaryIO, start: int, step: int) -> Array:
        """Read rows of an array in Fortran's order, from as many places as it has columns."""
        rows, width = self._shape
        columns = np.empty((width, min(step, rows - start)), self._numbers)
        for index, column in enumerate(columns):
            file.seek(len(self._header) + (index * rows + start) * columns.itemsize)
            column[:] = self._read(file, len(column))
        return columns.T

    def _read(self, file: BinaryIO, count: int) -> Array:
        content = file.read(count * self._numbers.itemsize)
        if len(content) != count * self._numbers.itemsize:
            raise changed(self.path)
        return np.frombuffer(content, self._numbers)


def open_source(path: Path) -> NpySource:
    """Look at ids (rows, maxlen) of any integer dtype; raises ``ArgumentError`` for anything else."""
    array = open_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise ArgumentError(f"{path} must hold ids, whole numbers (rows, maxlen); it holds {array.dtype} {array.shape}")
    return NpySource(path, array)


class NpyWriter(Writer):
    """One array (rows, *row_shape) and nothing else."""

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for kept columns and rows of different lengths."""
        if len(layout.kept):
            raise ArgumentError(
                f".npy holds one array and no kept columns, here {', '.join(layout.kept.names)}: write .npz or .parquet"
            )
        if layout.row_shape is None:
            raise ArgumentError(".npy holds rows of one length: pad them, or write .npz or .parquet")

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the bytes of the numbers."""
        return layout.row_size * layout.dtype.itemsize

    def __init__(self, path: Path, layout: OutputOptions) -> None:
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
