"""Read a file of vectors from start to end, decompressed."""

from __future__ import annotations

import io
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from tokemb.errors import VectorsError
from tokemb.sources.compressed import SIGNATURE_SIZE, compression_of, decompress, decompression_errors
from tokemb.sources.urls import filesystem_of

REMEDY = "download it again, or read the rows that are complete with load_vectors(..., lenient=True)"
"""The remedy for a truncated file."""

# Bytes per read, so that a header with wrong numbers costs no memory.
_CHUNK = 1 << 22
# Arrow loses the bytes of a read that meets the end of truncated data.
_LENIENT_ZSTD_CHUNK = 1 << 12


class Stream:
    """A file that is read from start to end. Its compression is detected from the first bytes.

    Attributes:
        name: The name of the file, for messages.
        ends_early: Whether the compressed data is truncated, which only a lenient stream accepts.
        compressed: Whether the file is compressed.
    """

    def __init__(self, source: Path | str, *, lenient: bool = False) -> None:
        """Open a file.

        Args:
            source: The path or the URL of the file.
            lenient: Whether truncated compressed data ends the stream.

        Raises:
            VectorsError: If there is no such file.
            TextError: If the URL cannot be reached.
        """
        self.name = str(source)
        self.ends_early = False
        self._lenient = lenient
        self._unread = b""
        self._opened = ExitStack()
        self._raw = self._opened.enter_context(_open(self.name))
        self._size = self._raw.seek(0, io.SEEK_END)
        self._raw.seek(0)
        compression = compression_of(self._raw.read(SIGNATURE_SIZE))
        self._raw.seek(0)
        self.compressed = compression is not None
        self._largest_read = _LENIENT_ZSTD_CHUNK if lenient and compression == "zstd" else _CHUNK
        self._file: Any = decompress(self._raw, compression, self._opened, lenient=lenient)

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer at the end, and stay at the same position."""
        content = self.read(size)
        self.unread(content)
        return content

    def read(self, size: int) -> bytes:
        """Read the next ``size`` bytes, fewer only at the end of the file."""
        chunks, remaining = [self._unread[:size]], size - len(self._unread)
        self._unread = self._unread[size:]
        while remaining > 0 and (chunk := self._read_chunk(min(remaining, self._largest_read))):
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
        while size > 0 and (chunk := self._read_chunk(min(size, self._largest_read))):
            size -= len(chunk)

    def _read_chunk(self, size: int) -> bytes:
        try:
            # read() would lose the data before a truncation.
            chunk: bytes = b"" if self.ends_early else self._file.read1(size)
            if not chunk and not self.ends_early and self._raw.tell() < self._size:
                raise VectorsError(f"{self.name} was truncated while it was read: read it again")
            return chunk
        except EOFError:
            return self._end_early()
        except decompression_errors() as error:
            if isinstance(error, OSError) and error.errno is not None:  # an error of the disk
                raise
            if "truncated" in str(error).lower():  # Arrow's error
                return self._end_early()
            raise VectorsError(f"{self.name} is damaged: its compressed data cannot be read ({error})") from None

    def _end_early(self) -> bytes:
        if not self._lenient:
            raise VectorsError(f"{self.name} is truncated: its compressed data ends early; {REMEDY}") from None
        self.ends_early = True
        return b""

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()


def _open(name: str) -> Any:  # noqa: ANN401 - a file of Python or of Arrow
    if "://" in name:
        filesystem, path = filesystem_of(name)
        return filesystem.open_input_file(path)
    if not Path(name).is_file():
        raise VectorsError(
            f"{name} is a folder, not a file of vectors" if Path(name).is_dir() else f"no file at {name}"
        )
    return Path(name).open("rb")
