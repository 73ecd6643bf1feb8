"""Opening files: whatever it is and wherever it lies, as a stream of bytes or as a file to seek in."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pyarrow as pa

from tokemb.errors import TextError

if TYPE_CHECKING:
    from tokemb.reading.files import Source

# Bytes of compressed data that are read at a time.
_CHUNK = 1 << 18
# Bytes below which a thread that reads ahead does not pay.
_WORTH_A_THREAD = 1 << 20

# Called with a number of bytes.
OnRead: TypeAlias = Callable[[int], None]


class Stream(Protocol):
    """Bytes, read once from start to end."""

    def read(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end, none after it."""


@contextmanager
def open_stream(source: Source, on_read: OnRead | None = None) -> Iterator[Stream]:
    """Open a source for reading once, decompressed.

    ``on_read``: called with how many bytes more were read from disk.
    Raises ``OSError`` for a file that cannot be read, ``TextError`` for compressed data that are broken or cut short,
    at the opening or by ``read`` inside of the ``with`` block.
    """
    with named_errors(source), ExitStack() as opened:
        raw = opened.enter_context(_open(source))
        if on_read is not None:
            raw = pa.PythonFile(_Counted(raw, on_read), "r")
        if source.compression == "gzip" and (igzip := _igzip()):
            yield opened.enter_context(igzip.IGzipFile(fileobj=raw))
        elif source.compression in ("bz2", "xz"):
            from tokemb.reading.members import Members  # here, so that other files do not wait for the decompressors

            yield Members(raw, source.compression)
        elif source.compression is not None:
            yield opened.enter_context(pa.CompressedInputStream(raw, source.compression))
        else:
            yield raw


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
    """Have errors of Arrow and of decompression name the source; those of the disk pass as they are."""
    try:
        yield
    except (OSError, EOFError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
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
    return pa.OSFile(source.path)


def _igzip() -> ModuleType | None:
    """The library that reads gzip three times as fast as zlib does; it is not there for every processor."""
    try:
        from isal import igzip
    except ImportError:
        return None
    return igzip


class _Counted:
    """A file that tells how much of it is read."""

    closed = False

    def __init__(self, file: Any, on_read: OnRead) -> None:  # noqa: ANN401
        self._file, self._on_read = file, on_read

    def read(self, size: int) -> bytes:
        block: bytes = self._file.read(size)
        self._on_read(len(block))
        return block

    def close(self) -> None:
        self.closed = True


class _Unclosed:
    """A file that stays open for those who come after."""

    closed = False

    def __init__(self, file: Any) -> None:  # noqa: ANN401
        self.read = file.read

    def close(self) -> None:
        self.closed = True
