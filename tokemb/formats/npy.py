"""NumPy ``.npy`` files: read ids, and write ids or vectors.

The format is that of ``numpy.lib.format``, version 1.0. ``np.load(path, mmap_mode="r")`` opens the written files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array
from tokemb.errors import ArgumentError, one_line
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.source import NO_KEPT_COLUMNS, IdBlock, IdsSource, changed_file, int32_ids
from tokemb.formats.writer import Block, Writer


def open_npy(path: Path) -> Array:
    """Memory-map the array of a ``.npy`` file.

    Raises:
        ArgumentError: If the file is not a ``.npy`` array, or holds Python objects.
    """
    if path.is_dir():
        raise ArgumentError(f"{path} is a folder, not a .npy file")
    try:
        with np.errstate(over="ignore"):  # a shape that no memory can hold gives an error below
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a broken header can make NumPy raise anything
        reason = one_line(error)
        # NumPy takes any file that does not start with the signature for a pickle, and advises to load it.
        if "pickle" in reason:
            reason = "it is damaged, or holds Python objects, which tokemb never unpickles"
        raise ArgumentError(f"{path} is not a .npy file of numbers: {reason:.200}") from None
    if not isinstance(array, np.ndarray):
        raise ArgumentError(f"{path} is an archive of arrays, not one .npy array")
    return array


class NpySource(IdsSource):
    """One array of ids (rows, maxlen).

    It is read and not memory-mapped: a process is killed if it touches mapped bytes of a file that was truncated.
    """

    def __init__(self, path: Path, array: Any) -> None:  # noqa: ANN401 - a memmap, of which older NumPy has no types
        super().__init__(path, array.shape[1], len(array), array.dtype)
        self._shape: tuple[int, int] = array.shape
        self._file_dtype: np.dtype[Any] = array.dtype
        self._fortran_order = bool(array.flags.fnc)
        with path.open("rb") as file:
            self._header = file.read(array.offset)
            size = os.fstat(file.fileno()).st_size
        if size != array.offset + array.nbytes:
            raise ArgumentError(
                f"{path} must hold one array; {size - array.offset - array.nbytes:,} bytes follow the first: save each "
                "array to its own file"
            )

    def _blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Yield the rows. See ``IdsSource.blocks``."""
        step = self._rows_at_a_time(row_size)
        kept_columns = pa.RecordBatch.from_arrays([], schema=NO_KEPT_COLUMNS)
        with self.path.open("rb") as file:
            if file.read(len(self._header)) != self._header:
                raise changed_file(self.path)
            for start in range(0, max(self._shape[0], 1), step):
                rows = (
                    self._read_fortran_rows(file, start, step) if self._fortran_order else self._rows(file, start, step)
                )
                yield IdBlock(int32_ids(rows, self.path), kept_columns)

    def _rows(self, file: BinaryIO, start: int, step: int) -> Array:
        rows, width = min(step, self._shape[0] - start), self._shape[1]
        return self._read(file, rows * width).reshape(rows, width)

    def _read_fortran_rows(self, file: BinaryIO, start: int, step: int) -> Array:
        """Read rows of an array in Fortran order, one read for each of its columns."""
        rows, width = self._shape
        columns = np.empty((width, min(step, rows - start)), self._file_dtype)
        for index, column in enumerate(columns):
            file.seek(len(self._header) + (index * rows + start) * columns.itemsize)
            column[:] = self._read(file, len(column))
        return columns.T

    def _read(self, file: BinaryIO, count: int) -> Array:
        content = file.read(count * self._file_dtype.itemsize)
        if len(content) != count * self._file_dtype.itemsize:
            raise changed_file(self.path)
        return np.frombuffer(content, self._file_dtype)


def open_source(path: Path) -> NpySource:
    """Open ids (rows, maxlen) of any integer dtype.

    Raises:
        ArgumentError: If the file holds anything else.
    """
    array = open_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise ArgumentError(f"{path} must hold ids, integers (rows, maxlen); it holds {array.dtype} {array.shape}")
    return NpySource(path, array)


class NpyWriter(Writer):
    """Writer of one array (rows, *row_shape) without kept columns."""

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for a table, kept columns or ragged rows."""
        if layout.table:
            names = ", ".join(column.name for column in layout.table)
            raise ArgumentError(f".npy holds one array; the output has the columns {names}: write .npz or .parquet")
        if len(layout.kept_columns):
            names = ", ".join(layout.kept_columns.names)
            raise ArgumentError(f".npy holds one array; the output has kept columns ({names}): write .npz or .parquet")
        if layout.row_shape is None:
            raise ArgumentError(".npy holds rows of one length: pad the rows, or write .npz or .parquet")

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the size in bytes of the numbers."""
        return layout.row_size * layout.dtype.itemsize

    def __init__(self, path: Path, layout: OutputOptions) -> None:
        super().__init__(path, layout)
        self._file = path.open("xb")
        self._array = GrowingArray(self._file, layout.dtype, layout.row_shape or ())

    def _write(self, block: Block) -> None:
        self._array.append(block.columns[self.layout.name].values)

    def _complete(self) -> None:
        self._array.complete()


class GrowingArray:
    """A ``.npy`` array whose number of rows is unknown until ``complete`` updates the header."""

    def __init__(self, file: IO[bytes], dtype: np.dtype[Any], row_shape: tuple[int, ...]) -> None:
        """Write the header.

        Args:
            file: An empty seekable file.
            dtype: The dtype of the array.
            row_shape: The lengths of all axes but the first.
        """
        self._file, self._dtype, self._row_shape = file, dtype, row_shape
        self._rows = 0
        self._write_header()
        self._data_start = file.tell()

    def append(self, rows: Array) -> None:
        """Append ``rows``, (rows, *row_shape) of the dtype."""
        # As bytes: the buffer protocol does not support every dtype, for example datetime64.
        self._file.write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)
        self._rows += len(rows)

    def complete(self) -> None:
        """Write the number of rows into the header."""
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
