"""``.npy`` arrays, read without loading them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.reading_ids.source import NOTHING_KEPT, IdBlock, IdsSource, int32_ids

Array = npt.NDArray[Any]


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
    """One array of ids (rows, maxlen)."""

    def __init__(self, path: Path, array: Array) -> None:
        super().__init__(path, array.shape[1], len(array), array.dtype)
        self._array = array

    def blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Cut the array into blocks."""
        step = self._rows_at_a_time(row_size)
        kept = pa.RecordBatch.from_arrays([], schema=NOTHING_KEPT)
        for start in range(0, max(len(self._array), 1), step):
            yield IdBlock(int32_ids(self._array[start : start + step], self.path), kept)


def open_source(path: Path) -> NpySource:
    """Map ids (rows, maxlen) of any integer dtype; raises ``ArgumentError`` for anything else."""
    array = open_npy(path)
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise ArgumentError(f"{path} must hold ids, whole numbers (rows, maxlen); it holds {array.dtype} {array.shape}")
    return NpySource(path, array)
