"""Read the column metadata in the footer of a Parquet file without Arrow.

If the footer is corrupt, the objects of Arrow end the process with a C++ exception. The footer is encoded in the
compact protocol of Thrift: structs of fields that have a type and a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

_MAGIC = b"PAR1"
_MAX_DEPTH = 32

# The field numbers of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
_ROW_GROUPS, _COLUMNS, _METADATA = 4, 1, 3
_TYPE, _ENCODINGS, _PATH, _VALUES, _UNCOMPRESSED, _COMPRESSED = 1, 2, 3, 5, 6, 7

_BYTE_ARRAY = 6
_DICTIONARIES = {2, 8}


@dataclass(frozen=True)
class Chunk:
    """A column chunk: the values of one column in one row group.

    Attributes:
        path: The name of the column, followed by the names of nested fields.
        values: The number of values, including missing ones.
        unpacked: The decompressed size of the pages in bytes.
        stored: The size of the pages in the file in bytes.
        is_bytes: Whether the values are texts or bytes.
        in_dictionary: Whether pages refer to a dictionary of values.
    """

    path: tuple[str, ...]
    values: int
    unpacked: int
    stored: int
    is_bytes: bool
    in_dictionary: bool


def read_chunks(file: BinaryIO) -> list[list[Chunk]]:
    """Return the column chunks of each row group. Raise ``ValueError`` if the footer is corrupt."""
    size = file.seek(0, 2)
    file.seek(max(size - 8, 0))
    end = file.read(8)
    length = int.from_bytes(end[:4], "little")
    if end[4:] != _MAGIC or length > size - 8:
        raise ValueError("its footer is corrupt")
    file.seek(size - 8 - length)
    try:
        footer = _Thrift(file.read(length)).struct(0)
        return [[_chunk(column[_METADATA]) for column in group[_COLUMNS]] for group in footer[_ROW_GROUPS]]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise ValueError("its footer is corrupt") from None


def _chunk(fields: dict[int, Any]) -> Chunk:
    path = tuple(part.decode() for part in fields[_PATH])
    values, unpacked, stored = fields[_VALUES], fields[_UNCOMPRESSED], fields[_COMPRESSED]
    if not all(type(number) is int and number >= 0 for number in (values, unpacked, stored)):
        raise ValueError
    in_dictionary = not _DICTIONARIES.isdisjoint(fields[_ENCODINGS])
    return Chunk(path, values, unpacked, stored, fields[_TYPE] == _BYTE_ARRAY, in_dictionary)


class _Thrift:
    """A reader of values in the compact protocol of Thrift."""

    def __init__(self, content: bytes) -> None:
        self._content, self._position = content, 0
        number: Callable[[int], Any] = lambda _: self._zigzag()  # noqa: E731 - an entry of the table
        self._readers: dict[int, Callable[[int], Any]] = {
            3: lambda _: self._take(1)[0],
            4: number,
            5: number,
            6: number,
            7: lambda _: self._take(8),
            8: lambda _: self._take(self._varint()),
            9: self._items,
            10: self._items,
            11: self._pairs,
            12: self.struct,
        }

    def struct(self, depth: int) -> dict[int, Any]:
        """Read a struct. Return its fields by their numbers."""
        if depth > _MAX_DEPTH:
            raise ValueError
        fields: dict[int, Any] = {}
        number = 0
        while head := self._take(1)[0]:
            step, kind = head >> 4, head & 15
            number = number + step if step else self._zigzag()
            fields[number] = kind == 1 if kind in (1, 2) else self._readers[kind](depth + 1)
        return fields

    def _items(self, depth: int) -> list[Any]:
        head = self._take(1)[0]
        size, kind = head >> 4, head & 15
        if size == 15:
            size = self._varint()
        read = self._readers[3 if kind in (1, 2) else kind]
        if depth > _MAX_DEPTH:
            raise ValueError
        return [read(depth + 1) for _ in range(size)]

    def _pairs(self, depth: int) -> list[tuple[Any, Any]]:
        size = self._varint()
        if not size:
            return []
        kinds = self._take(1)[0]
        key, value = self._readers[kinds >> 4], self._readers[kinds & 15]
        if depth > _MAX_DEPTH:
            raise ValueError
        return [(key(depth + 1), value(depth + 1)) for _ in range(size)]

    def _take(self, size: int) -> bytes:
        part = self._content[self._position : self._position + size]
        if len(part) != size:
            raise IndexError
        self._position += size
        return part

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
