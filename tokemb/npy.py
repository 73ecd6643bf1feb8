"""``.npy`` files, written row by row and read without loading them.

The format is NumPy's (numpy.lib.format), version 1.0, so that ``np.load(path, mmap_mode="r")`` opens what is written.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb.errors import ArgumentError

Array = npt.NDArray[Any]


class NpyWriter:
    """Writes an array of unknown length: ``append`` blocks of rows, the header is completed at the end.

    Give it a temporary path; a file whose header was not completed is not an array.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._rows = 0
        self._row_shape: tuple[int, ...] | None = None
        self._dtype: np.dtype[Any] = np.dtype(np.int32)
        self._data_start = 0

    def append(self, block: Array) -> None:
        """Add rows: an array (rows, ...) whose dtype and other axes are those of the first block."""
        if self._row_shape is None:
            self._row_shape, self._dtype = block.shape[1:], block.dtype
            self._write_header()
            self._data_start = self._file.tell()
        elif (block.shape[1:], block.dtype) != (self._row_shape, self._dtype):
            raise ValueError(f"blocks of {self._row_shape} and {block.shape[1:]} cannot stand in one array")
        self._file.write(np.ascontiguousarray(block).data)
        self._rows += len(block)

    def _write_header(self) -> None:
        # NumPy pads the header so that the first axis can grow to 21 digits in place.
        shape = (self._rows, *(self._row_shape or ()))
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def __enter__(self) -> NpyWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.seek(0)
                self._write_header()
                if self._file.tell() != self._data_start:
                    raise RuntimeError("this NumPy does not leave room in the header for the number of rows")
        finally:
            self._file.close()


def open_npy(path: Path) -> Array:
    """Map the array in a ``.npy`` file; raises ``ArgumentError`` if it is none, or holds Python objects."""
    if path.is_dir():
        raise ArgumentError(f"{path} is a folder, not a .npy file")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a broken header can make NumPy raise anything
        raise ArgumentError(f"{path} is not a .npy file of numbers: {' '.join(str(error).split()):.200}") from None
    if not isinstance(array, np.ndarray):
        raise ArgumentError(f"{path} is an archive of arrays, not one .npy array")
    return array


def open_ids(path: Path) -> Array:
    """Map ids (rows, maxlen) of any integer dtype; raises ``ArgumentError`` for anything else."""
    array = open_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise ArgumentError(f"{path} must hold ids, whole numbers (rows, maxlen); it holds {array.dtype} {array.shape}")
    return array
