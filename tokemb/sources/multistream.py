"""Decompression of bz2 and xz streams with several members."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from tokemb.files.output_stream import ByteStream

# Bytes of compressed data that are read at a time.
_CHUNK = 1 << 18

_Decompressor: TypeAlias = bz2.BZ2Decompressor | lzma.LZMADecompressor

_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    "bz2": bz2.BZ2Decompressor,
    "xz": partial(lzma.LZMADecompressor, lzma.FORMAT_XZ),
}


class MultiStream:
    """The decompressed content of all members of a stream.

    ``bz2.BZ2File`` and ``lzma.LZMAFile`` end silently at a later member with an invalid start. Arrow does not support
    xz, and rejects empty bz2 members.

    Args:
        stream: The compressed stream.
        compression: ``"bz2"`` or ``"xz"``.
    """

    def __init__(self, stream: ByteStream, compression: str) -> None:
        self._stream = stream
        self._new = _DECOMPRESSORS[compression]
        self._decompressor = self._new()
        self._data = stream.read(_CHUNK)
        self._ended = not self._data

    def read(self, size: int) -> bytes:
        """Read the next ``size`` bytes, fewer at the end. Raises ``OSError`` or ``EOFError`` for corrupt data."""
        parts, length = [], 0
        while length < size and (part := self.read1(size - length)):
            parts.append(part)
            length += len(part)
        return b"".join(parts)

    def read1(self, size: int) -> bytes:
        """Read up to ``size`` bytes, none at the end. Bytes before corrupt data are returned."""
        part = b""
        while not part and not self._ended:
            part = self._next(size)
        return part

    def _next(self, size: int) -> bytes:
        try:
            part = self._decompressor.decompress(self._data, size)
        except lzma.LZMAError as error:
            raise OSError(str(error)) from None
        self._data = b""
        if self._decompressor.eof:
            # There may be zeros between members and at the end.
            self._data = self._decompressor.unused_data.lstrip(b"\0")
            while not self._data and (more := self._stream.read(_CHUNK)):
                self._data = more.lstrip(b"\0")
            self._ended = not self._data
            self._decompressor = self._new()
        elif self._decompressor.needs_input:
            self._data = self._stream.read(_CHUNK)
            if not self._data:
                raise EOFError("truncated compressed stream")
        return part
