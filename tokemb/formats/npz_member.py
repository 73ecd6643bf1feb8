"""One array of a ``.npz`` archive, read from its start to its end."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from tokemb.errors import ArgumentError
from tokemb.files.expansion import FREE_BYTES, is_bomb
from tokemb.formats.source import LARGEST_READ

Array = npt.NDArray[Any]

_LONGEST_HEADER = 1 << 16
_LONGEST_SCALAR = 1 << 12


@dataclass(frozen=True)
class Header:
    """What stands in front of an array in a zip. ``start``: where its numbers begin in the member, in bytes."""

    member: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int

    @property
    def rows_at_a_time(self) -> int:
        """How many rows of this array may be read at a time."""
        row = int(np.prod([self.dtype.itemsize, *self.row_shape], dtype=object))
        return max(FREE_BYTES // max(row, 1), 1)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """All axes but the first."""
        return self.shape[1:]


def read_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, any_order: bool = False) -> Header:
    """Read the header of a member; raises ``ArgumentError`` for Python objects and for what is cut or no array.

    ``any_order``: whether the array may be in Fortran's order.
    """
    with archive.open(info) as member:
        file = io.BytesIO(member.read(_LONGEST_HEADER))  # NumPy would read as much as the header says that it has
        try:
            version = np.lib.format.read_magic(file)
            npy: Any = np.lib.format  # older NumPy has no types for these
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran_order, dtype = read(file)
        except Exception as error:  # a broken header can make NumPy raise anything
            raise ArgumentError(f"{info.filename} is not an array: {error}") from None
        start = file.tell()
    if dtype.hasobject:
        raise ArgumentError(f"{info.filename} holds Python objects, which only pickle could read: save it without")
    if fortran_order and len(shape) > 1 and not any_order:
        raise ArgumentError(f"{info.filename} is in Fortran's order: save np.ascontiguousarray of it")
    header = Header(info.filename, tuple(shape), dtype, start)
    size = int(np.prod([dtype.itemsize, *shape], dtype=object))
    if info.file_size != start + size:
        raise ArgumentError(f"{info.filename} says {dtype} {shape}, and has {info.file_size - start} bytes for it")
    return header


def read_scalar(archive: zipfile.ZipFile, header: Header | None, kinds: str) -> Any:  # noqa: ANN401
    """The value of an array without axes, ``None`` if there is none of these ``kinds`` of dtype."""
    if header is None or header.shape or header.dtype.kind not in kinds:
        return None
    if header.dtype.itemsize > _LONGEST_SCALAR:
        raise ArgumentError(f"{header.member} must be at most {_LONGEST_SCALAR} bytes; it is {header.dtype.itemsize:,}")
    with Member(archive, header) as member:
        return member.read_bytes(header.dtype.itemsize).view(header.dtype)[0].item()


class Member:
    """Reads the rows of an array one after the other."""

    def __init__(self, archive: zipfile.ZipFile, header: Header) -> None:
        self._header = header
        self._stored = archive.getinfo(header.member).compress_size
        self._file: IO[bytes] = archive.open(header.member)
        self._file.read(header.start)

    def read(self, rows: int) -> Array:
        """The next rows, (rows, *row_shape); raises ``ArgumentError`` if the archive is cut or damaged."""
        header = self._header
        size = rows * int(np.prod(header.row_shape, dtype=np.int64)) * header.dtype.itemsize
        return self.read_bytes(size).view(header.dtype).reshape(rows, *header.row_shape)

    def read_bytes(self, size: int) -> Array:
        """The next bytes, uint8 (size,); raises ``ArgumentError`` if they are a row made to fill the memory."""
        if is_bomb(size, self._stored, LARGEST_READ):
            raise ArgumentError(
                f"{self._header.member} unpacks from {self._stored:,} bytes to rows of {size:,} bytes: no ids or texts "
                "are that regular"
            )
        try:
            content = self._file.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ArgumentError(f"{self._header.member}: {str(error) or 'the file ends before its last row'}") from None
        if len(content) != size:
            raise ArgumentError(f"{self._header.member} ends before its last row")
        return np.frombuffer(content, np.uint8)

    def __enter__(self) -> Member:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
