"""Kept columns as arrays of a ``.npz`` that NumPy opens without pickle.

The array ``label`` holds the numbers, Booleans or dates of a column ``label``. Short texts are fixed-width characters
in ``label``; if one is long, all are in ``label.utf8`` and ``label.offsets``. ``label.missing`` marks missing values.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import Array
from tokemb.errors import ArgumentError
from tokemb.formats.npy import GrowingArray
from tokemb.sources.column_types import is_moment, is_number, plain, plain_type

# Suffixes of the arrays of a column, after its name and a dot.
DERIVED = ("utf8", "offsets", "missing")

# The maximum length of fixed-width texts. A character takes four bytes.
WIDEST = 64

# The number of characters that are converted to fixed width at a time.
_BLOCK = 1 << 22


class BufferedArray(GrowingArray):
    """A growing array in a temporary file beside the output. The file has no name where the system allows it."""

    def __init__(self, folder: Path, dtype: np.dtype[Any], row_shape: tuple[int, ...] = ()) -> None:
        super().__init__(tempfile.TemporaryFile(dir=folder, prefix=".tokemb-"), dtype, row_shape)

    def completed(self) -> IO[bytes]:
        """Complete the array and return its file, positioned at the start."""
        self.complete()
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Close the file. Repeated calls are allowed."""
        self._file.close()


class KeptColumn(ABC):
    """A kept column whose arrays are buffered in files."""

    def __init__(self, folder: Path, field: pa.Field) -> None:
        self._folder, self._name = folder, field.name
        self._missing = BufferedArray(folder, np.dtype(np.bool_))
        self._any_missing = False

    def append(self, values: pa.Array) -> None:
        """Append the values of some rows."""
        self._any_missing |= values.null_count > 0
        self._missing.append(values.is_null().to_numpy(zero_copy_only=False))
        self._append(plain(values))

    @abstractmethod
    def _append(self, values: pa.Array) -> None:
        """Append values of a plain type."""

    @abstractmethod
    def _value_arrays(self) -> Iterator[tuple[str, BufferedArray]]:
        """Yield the names and buffers of the arrays, without that of the missing values."""

    def arrays(self) -> Iterator[tuple[str, BufferedArray]]:
        """Yield the names and buffers of the arrays."""
        yield from self._value_arrays()
        if self._any_missing:
            yield f"{self._name}.missing", self._missing

    def close(self) -> None:
        """Close the files."""
        self._missing.close()


class NumberColumn(KeptColumn):
    """Numbers, Booleans, dates or timestamps. Missing values are NaN, NaT, 0 or False."""

    def __init__(self, folder: Path, field: pa.Field) -> None:
        super().__init__(folder, field)
        kind = plain_type(field.type)
        self._fill_nulls = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        self._array = BufferedArray(folder, pa.array([], kind).to_numpy(zero_copy_only=False).dtype)

    def _append(self, values: pa.Array) -> None:
        if values.null_count and self._fill_nulls:
            values = values.fill_null(pa.scalar(0).cast(values.type))
        self._array.append(values.to_numpy(zero_copy_only=False))

    def _value_arrays(self) -> Iterator[tuple[str, BufferedArray]]:
        yield self._name, self._array

    def close(self) -> None:
        """Close the files."""
        super().close()
        self._array.close()


class TextColumn(KeptColumn):
    """Texts. Missing values are empty."""

    def __init__(self, folder: Path, field: pa.Field) -> None:
        super().__init__(folder, field)
        self._utf8 = BufferedArray(folder, np.dtype(np.uint8))
        self._offsets = BufferedArray(folder, np.dtype(np.int64))
        self._offsets.append(np.zeros(1, np.int64))
        self._wide: BufferedArray | None = None
        self._rows, self._total, self._longest = 0, 0, 1
        self._ends_in_nul = False

    def _append(self, values: pa.Array) -> None:
        values = values.fill_null("")
        if not len(values):
            return
        offsets = np.frombuffer(values.buffers()[1], np.int64, len(values) + 1, values.offset * 8)
        utf8 = np.frombuffer(values.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
        self._utf8.append(utf8)
        self._offsets.append(self._total + offsets[1:] - offsets[0])
        self._rows, self._total = self._rows + len(values), self._total + len(utf8)
        self._longest = max(self._longest, pc.max(pc.utf8_length(values)).as_py())
        # NumPy drops NULs at the end of fixed-width texts.
        self._ends_in_nul = self._ends_in_nul or bool(pc.any(pc.ends_with(values, "\0")).as_py())

    def _value_arrays(self) -> Iterator[tuple[str, BufferedArray]]:
        if self._longest > WIDEST or self._ends_in_nul:
            yield f"{self._name}.utf8", self._utf8
            yield f"{self._name}.offsets", self._offsets
        else:
            self._wide = self._fixed_width_array()
            yield self._name, self._wide

    def _fixed_width_array(self) -> BufferedArray:
        wide = BufferedArray(self._folder, np.dtype(f"<U{self._longest}"))
        utf8, offsets = self._utf8.completed(), self._offsets.completed()
        for file in (utf8, offsets):
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
        step = max(_BLOCK // self._longest, 1)
        last = np.frombuffer(offsets.read(8), np.int64)
        for start in range(0, self._rows, step):
            rows = min(step, self._rows - start)
            splits = np.concatenate([last, np.frombuffer(offsets.read(8 * rows), np.int64)])
            content = utf8.read(int(splits[-1] - splits[0]))
            wide.append(_fixed_width(splits - splits[0], content, self._longest))
            last = splits[-1:]
        return wide

    def close(self) -> None:
        """Close the files."""
        super().close()
        for array in (self._utf8, self._offsets, self._wide):
            if array is not None:
                array.close()


def _fixed_width(splits: Array, utf8: bytes, width: int) -> Array:
    """Return texts as ``<U`` of ``width``. They are padded with NULs and then decoded all at once."""
    texts = pa.LargeStringArray.from_buffers(len(splits) - 1, pa.py_buffer(splits), pa.py_buffer(utf8))
    filled = pc.utf8_rpad(texts, width=width, padding="\0")
    characters = bytes(filled.buffers()[2])[: int(pc.sum(pc.binary_length(filled)).as_py())].decode()
    return np.frombuffer(characters.encode("utf-32-le"), f"<U{width}")


def column_for(field: pa.Field) -> type[KeptColumn]:
    """Return the class for a kept column.

    Raises:
        ArgumentError: If NumPy has no dtype for its type.
    """
    kind = plain_type(field.type)
    if is_number(kind) or is_moment(kind):
        return NumberColumn
    if kind == pa.large_string():
        return TextColumn
    raise ArgumentError(
        f"a .npz holds columns of numbers, Booleans, dates, timestamps and texts; {field.name!r} is {field.type}: "
        "write .parquet"
    )
