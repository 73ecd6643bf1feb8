"""Opening files: whatever it is and wherever it lies, as a stream of bytes or as a file to seek in."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pyarrow as pa

from tokemb.errors import TextError
from tokemb.files.output_stream import ByteStream, read_some

if TYPE_CHECKING:
    from tokemb.sources.listing import Source

# Bytes of compressed data that are read at a time.
_CHUNK = 1 << 18
_BUFFER = 1 << 20
# Bytes below which a thread that reads ahead does not pay.
_WORTH_A_THREAD = 1 << 20

# Called with a number of bytes.
OnRead: TypeAlias = Callable[[int], None]


@contextmanager
def open_stream(source: Source, on_read: OnRead | None = None) -> Iterator[ByteStream]:
    """Open a source for reading once, decompressed.

    A file gives the bytes that it has when it is opened, and none that are appended later.

    ``on_read``: called with how many bytes more were read from disk.
    Raises ``OSError`` for a file that cannot be read, ``TextError`` for compressed data that are broken or cut short
    and for a file that is truncated while it is read, at the opening or by ``read`` inside of the ``with`` block.
    """
    with named_errors(source), ExitStack() as opened:
        raw = opened.enter_context(_open(source))
        yield _decompressed(_Opened(raw, source, on_read), source.compression, opened)


def _decompressed(raw: _Opened, compression: str | None, opened: ExitStack) -> ByteStream:
    stream: Any = raw
    if compression == "gzip" and (igzip := _igzip()):
        stream = opened.enter_context(igzip.IGzipFile(fileobj=raw))
    elif compression in ("bz2", "xz"):
        from tokemb.sources.multistream import (
            MultiStream,  # here, so that other files do not wait for the decompressors
        )

        stream = MultiStream(raw, compression)
    elif compression is not None:
        # Without the buffer Arrow waits for the interpreter lock every 64 KB.
        buffered = pa.BufferedInputStream(pa.PythonFile(raw, "r"), _BUFFER)
        stream = opened.enter_context(pa.CompressedInputStream(buffered, compression))
    return cast(ByteStream, stream)


@contextmanager
def open_seekable(source: Source) -> Iterator[Any]:
    """Open a source for reading here and there: what can be read only once, or is compressed, goes to disk first."""
    if source.compression is None and (source.filesystem is not None or is_regular(source)):
        with named_errors(source), _open(source) as file:
            yield file
    else:
        import tempfile  # here, so that other files do not wait for it

        with tempfile.TemporaryFile() as copy:
            with open_stream(source) as stream:
                while block := stream.read(_CHUNK):
                    copy.write(block)
            copy.seek(0)
            with named_errors(source), pa.PythonFile(copy, "r") as file:
                yield file


@contextmanager
def named_errors(source: Source) -> Iterator[None]:
    """Have errors of Arrow and of decompression name the source, and those of the disk too."""
    try:
        yield
    except (OSError, EOFError, UnicodeError, pa.ArrowException) as error:  # names of damaged columns are not UTF-8
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = error.filename or source.name
            raise
        reason = " ".join(str(error).split()).removesuffix(".")
        raise TextError(f"{source.name} is not a sound {source.kind} file, or cut short: {reason:.300}") from None


def is_regular(source: Source) -> bool:
    """Whether it is a local file whose bytes are all there, and not a pipe."""
    return source.filesystem is None and source.path != "-" and stat.S_ISREG(Path(source.path).stat().st_mode)


def is_worth_a_thread(source: Source) -> bool:
    """Whether to read ahead: not from pipes, which may never give the bytes that a thread would wait for."""
    if source.filesystem is not None:
        return True
    return is_regular(source) and Path(source.path).stat().st_size >= _WORTH_A_THREAD


def _open(source: Source) -> Any:  # noqa: ANN401 - a file of Arrow's
    if source.filesystem is not None:
        return source.filesystem.open_input_file(source.path)
    if source.path == "-":
        if sys.stdin is None:
            raise TextError("there is no standard input to read")
        return pa.PythonFile(_Unclosed(sys.stdin.buffer), "r")
    file = Path(source.path).open("rb")  # noqa: SIM115 - whoever called closes it
    if not is_regular(source):
        return pa.PythonFile(file, "r")
    file.close()  # it can be read: from here on by Arrow, which does not hold the interpreter lock meanwhile
    return pa.OSFile(os.fsencode(source.path))  # names need not be UTF-8


def _igzip() -> ModuleType | None:
    """The library that reads gzip three times as fast as zlib does; it is not there for every processor."""
    try:
        from isal import igzip
    except ImportError:
        return None
    return igzip


class _Opened:
    """An open file that gives the bytes that it has now: fewer later are an error, and more are not read."""

    closed = False

    def __init__(self, file: Any, source: Source, on_read: OnRead | None) -> None:  # noqa: ANN401
        self._file, self._source, self._on_read = file, source, on_read
        # Only reading tells how many bytes there are in a pipe, or in a file of /proc, whose size is 0.
        self._size = file.size() or None if source.filesystem is not None or is_regular(source) else None
        self._done = 0

    def read(self, size: int) -> bytes:
        wanted = size if self._size is None else min(size, self._size - self._done)
        block: bytes = self._file.read(wanted)
        if wanted and not block and self._size is not None and not self._is_generated():
            raise TextError(
                f"{self._source.name} was truncated while it was read: it had {self._size:,} bytes and gave "
                f"{self._done:,}; read it again when no other program writes it"
            )
        self._done += len(block)
        if self._on_read is not None:
            self._on_read(len(block))
        return block

    def readinto(self, buffer: memoryview) -> int:
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def _is_generated(self) -> bool:
        """Tell whether the system makes up the content, as in /sys, where sizes say nothing."""
        if self._source.filesystem is not None:
            return False
        status = Path(self._source.path).stat()
        return status.st_size == self._size and getattr(status, "st_blocks", 1) == 0

    def close(self) -> None:
        self.closed = True


class _Unclosed:
    """A file that stays open for those who come after, and is waited for if it does not block."""

    closed = False

    def __init__(self, file: Any) -> None:  # noqa: ANN401
        self._file = file

    def read(self, size: int) -> bytes:
        return read_some(self._file, size)

    def close(self) -> None:
        self.closed = True
