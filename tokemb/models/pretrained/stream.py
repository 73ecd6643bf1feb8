"""The bytes of a file, decompressed, from its beginning to its end."""

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
"""What to do about a file that is cut."""

# How compressed files begin.
_DECOMPRESSORS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": lambda file: MultiStream(file, "bz2"),
    b"\xfd7zXZ\x00": lambda file: MultiStream(file, "xz"),
}
_ZSTANDARD = b"\x28\xb5\x2f\xfd"

# Read at a time, so that a header which promises too much costs no memory.
_PIECE = 1 << 22


class Stream:
    """Reads a file from front to back; gzip, bzip2 and xz are known by how they begin.

    ``name``: for messages. ``ends_early``: whether the compressed data turned out to be cut, which a lenient stream
    takes for the end; any other raises ``VectorsError``, as for compressed data that is broken.
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
            raise VectorsError(f"{path} is compressed with Zstandard, which is not read here: unpack it with unzstd")
        opener = next((opener for magic, opener in _DECOMPRESSORS.items() if beginning.startswith(magic)), None)
        self.compressed = opener is not None
        self._raw = path.open("rb")
        self._file: Any = opener(self._raw) if opener else self._raw
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end, without going on."""
        content = self.read(size)
        self.unread(content)
        return content

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer only at the end of the file."""
        parts, missing = [self._ahead[:size]], size - len(self._ahead)
        self._ahead = self._ahead[size:]
        while missing > 0 and (part := self._read_piece(min(missing, _PIECE))):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def unread(self, content: bytes) -> None:
        """Have ``content``, which was read last, come again."""
        self._ahead = content + self._ahead

    def skip(self, size: int) -> None:
        """Go on by ``size`` bytes; beyond the end nothing is read."""
        from_ahead = min(size, len(self._ahead))
        self._ahead = self._ahead[from_ahead:]
        size -= from_ahead
        if not self.compressed:
            self._file.seek(min(size, self._size), io.SEEK_CUR)  # a number from a broken file may fit no seek
            return
        while size > 0 and (part := self._read_piece(min(size, _PIECE))):
            size -= len(part)

    def _read_piece(self, size: int) -> bytes:
        try:
            # Not read(), which loses what comes before a cut.
            part: bytes = b"" if self.ends_early else self._file.read1(size)
            if not part and not self.ends_early and self._raw.tell() < self._size:
                raise VectorsError(f"{self.name} was truncated while it was read: read it again")
            return part
        except EOFError:
            if not self._lenient:
                raise VectorsError(f"{self.name} is cut: its compressed data ends early; {REMEDY}") from None
            self.ends_early = True
            return b""
        except (zlib.error, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the disk
                raise
            raise VectorsError(f"{self.name} is broken: its compressed data cannot be read ({error})") from None

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()
