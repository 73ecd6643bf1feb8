"""Read a file of vectors from start to end, decompressed."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from tokemb.errors import VectorsError
from tokemb.sources.multistream import MultiStream

REMEDY = "download it again, or read the rows that are complete with load_vectors(..., lenient=True)"
"""The remedy for a truncated file."""

# Decompressors by the first bytes of a file.
_DECOMPRESSORS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": lambda file: MultiStream(file, "bz2"),
    b"\xfd7zXZ\x00": lambda file: MultiStream(file, "xz"),
}
_ZSTANDARD = b"\x28\xb5\x2f\xfd"

# Bytes per read, so that a header with wrong numbers costs no memory.
_CHUNK = 1 << 22


class Stream:
    """A file that is read from start to end. gzip, bzip2 and xz are detected from the first bytes.

    Attributes:
        name: The name of the file, for messages.
        ends_early: Whether the compressed data is truncated, which only a lenient stream accepts.
        compressed: Whether the file is compressed.
    """

    def __init__(self, path: Path, *, lenient: bool = False) -> None:
        if not path.is_file():
            raise VectorsError(f"{path} is a folder, not a file of vectors" if path.is_dir() else f"no file at {path}")
        self.name = str(path)
        self.ends_early = False
        self._lenient = lenient
        with path.open("rb") as file:
            self._size = os.fstat(file.fileno()).st_size
            beginning = file.read(6)
        if beginning.startswith(_ZSTANDARD):
            raise VectorsError(f"{path} is compressed with Zstandard, which is not supported: unpack it with unzstd")
        opener = next((opener for magic, opener in _DECOMPRESSORS.items() if beginning.startswith(magic)), None)
        self.compressed = opener is not None
        self._raw = path.open("rb")
        self._file: Any = opener(self._raw) if opener else self._raw
        self._unread = b""

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end, and stay at the same position."""
        content = self.read(size)
        self.unread(content)
        return content

    def read(self, size: int) -> bytes:
        """Read the next ``size`` bytes, fewer only at the end of the file."""
        chunks, remaining = [self._unread[:size]], size - len(self._unread)
        self._unread = self._unread[size:]
        while remaining > 0 and (chunk := self._read_chunk(min(remaining, _CHUNK))):
            chunks.append(chunk)
            remaining -= len(chunk)
        return b"".join(chunks)

    def unread(self, content: bytes) -> None:
        """Put back ``content``, which was read last."""
        self._unread = content + self._unread

    def skip(self, size: int) -> None:
        """Skip ``size`` bytes. The position may be beyond the end, where nothing is read."""
        from_unread = min(size, len(self._unread))
        self._unread = self._unread[from_unread:]
        size -= from_unread
        if not self.compressed:
            self._file.seek(min(size, self._size), io.SEEK_CUR)  # a number from a damaged file may be too large to seek
            return
        while size > 0 and (chunk := self._read_chunk(min(size, _CHUNK))):
            size -= len(chunk)

    def _read_chunk(self, size: int) -> bytes:
        try:
            # read() would lose the data before a truncation.
            chunk: bytes = b"" if self.ends_early else self._file.read1(size)
            if not chunk and not self.ends_early and self._raw.tell() < self._size:
                raise VectorsError(f"{self.name} was truncated while it was read: read it again")
            return chunk
        except EOFError:
            if not self._lenient:
                raise VectorsError(f"{self.name} is truncated: its compressed data ends early; {REMEDY}") from None
            self.ends_early = True
            return b""
        except (zlib.error, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # an error of the disk
                raise
            raise VectorsError(f"{self.name} is damaged: its compressed data cannot be read ({error})") from None

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()
