"""One array of a ``.npz`` archive, read sequentially."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from tokemb._arrays import Array
from tokemb.errors import ArgumentError
from tokemb.files.expansion import FREE_BYTES, is_bomb
from tokemb.formats.source import LARGEST_READ

_LONGEST_HEADER = 1 << 16
_LONGEST_SCALAR = 1 << 12


@dataclass(frozen=True)
class Header:
    """The header of an array.

    Attributes:
        member: The name of the archive member.
        shape: The shape of the array.
        dtype: The dtype of the array.
        start: The offset of its numbers in the member, in bytes.
    """

    member: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int

    @property
    def rows_at_a_time(self) -> int:
        """The number of rows of this array that may be read at a time."""
        row = int(np.prod([self.dtype.itemsize, *self.row_shape], dtype=object))
        return max(FREE_BYTES // max(row, 1), 1)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The lengths of all axes but the first."""
        return self.shape[1:]


def read_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, any_order: bool = False) -> Header:
    """Read the header of a member.

    Args:
        archive: The open archive.
        info: The member.
        any_order: Whether the array may be in Fortran order.

    Raises:
        ArgumentError: If the member is not an array, is truncated, or holds Python objects.
    """
    with archive.open(info) as member:
        file = io.BytesIO(member.read(_LONGEST_HEADER))  # NumPy would read as many bytes as the header claims
        try:
            version = np.lib.format.read_magic(file)
            npy: Any = np.lib.format  # older NumPy has no types for these
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran_order, dtype = read(file)
        except Exception as error:  # a broken header can make NumPy raise anything
            raise ArgumentError(f"{info.filename} is not an array: {error}") from None
        start = file.tell()
    if dtype.hasobject:
        raise ArgumentError(
            f"{info.filename} holds Python objects, which tokemb never unpickles: save numbers or texts"
        )
    if fortran_order and len(shape) > 1 and not any_order:
        raise ArgumentError(f"{info.filename} is in Fortran order: save np.ascontiguousarray of it")
    header = Header(info.filename, tuple(shape), dtype, start)
    size = int(np.prod([dtype.itemsize, *shape], dtype=object))
    if info.file_size != start + size:
        raise ArgumentError(
            f"{info.filename} must hold {dtype} {shape} as declared; it has {info.file_size - start} bytes"
        )
    return header


def read_scalar(archive: zipfile.ZipFile, header: Header | None, kinds: str) -> Any:  # noqa: ANN401
    """Return the value of an array without axes.

    Args:
        archive: The open archive.
        header: The header of the array. ``None`` if there is no such array.
        kinds: The allowed kinds of the dtype, as in ``numpy.dtype.kind``.

    Returns:
        The value, or ``None`` if there is no array without axes of these kinds.

    Raises:
        ArgumentError: If the value is too large.
    """
    if header is None or header.shape or header.dtype.kind not in kinds:
        return None
    if header.dtype.itemsize > _LONGEST_SCALAR:
        raise ArgumentError(f"{header.member} must be at most {_LONGEST_SCALAR} bytes; it is {header.dtype.itemsize:,}")
    with Member(archive, header) as member:
        return member.read_bytes(header.dtype.itemsize).view(header.dtype)[0].item()


class Member:
    """Sequential reader of the rows of an array."""

    def __init__(self, archive: zipfile.ZipFile, header: Header) -> None:
        self._header = header
        self._stored = archive.getinfo(header.member).compress_size
        self._file: IO[bytes] = archive.open(header.member)
        self._file.read(header.start)

    def read(self, rows: int) -> Array:
        """Read the next rows, (rows, *row_shape).

        Raises:
            ArgumentError: If the archive is truncated or damaged.
        """
        header = self._header
        size = rows * int(np.prod(header.row_shape, dtype=np.int64)) * header.dtype.itemsize
        return self.read_bytes(size).view(header.dtype).reshape(rows, *header.row_shape)

    def read_bytes(self, size: int) -> Array:
        """Read the next bytes, uint8 (size,).

        Raises:
            ArgumentError: If the archive is truncated, damaged, or made to fill the memory.
        """
        if is_bomb(size, self._stored, LARGEST_READ):
            raise ArgumentError(
                f"{self._header.member} expands from {self._stored:,} bytes to rows of {size:,} bytes, far more than "
                "ids or texts do"
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
