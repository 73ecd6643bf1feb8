"""Opening of files of any kind, as a stream of bytes or as a seekable file."""

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

from tokemb.errors import TextError, one_line
from tokemb.files.output_errors import naming_file
from tokemb.files.output_stream import ByteStream, read_some

if TYPE_CHECKING:
    from tokemb.sources.listing import Source

# Bytes of compressed data that are read at a time.
_CHUNK = 1 << 18
_BUFFER = 1 << 20
# Size of the smallest file for which a thread that reads ahead pays.
_WORTH_A_THREAD = 1 << 20

# The first bytes of compressed files.
_SIGNATURES = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
SIGNATURE_SIZE = max(map(len, _SIGNATURES))

# A function that is called with a number of bytes.
OnRead: TypeAlias = Callable[[int], None]


@contextmanager
def open_stream(source: Source, on_read: OnRead | None = None) -> Iterator[ByteStream]:
    """Open a source for reading once, decompressed.

    Bytes that are appended to a file after it was opened are not read.

    Args:
        source: The file.
        on_read: A function that is called with the number of bytes read from disk since its last call.

    Raises:
        OSError: If the file cannot be read, here or in the ``with`` block.
        TextError: If compressed data is corrupt, truncated or has no bytes, or a file is truncated while it is read.
    """
    if source.compression is not None and source.size() == 0:  # for libraries, this is a file without content
        raise TextError(f"{source.name} is not a valid {source.kind} file or is truncated: it has no bytes")
    with errors_with_name(source), ExitStack() as opened:
        raw = opened.enter_context(_open(source))
        yield decompress(_FixedSizeFile(raw, source, on_read), source.compression, opened)


def compression_of(beginning: bytes) -> str | None:
    """Return the compression of a file that starts with these bytes: ``"gzip"``, ``"bz2"``, ``"xz"`` or ``"zstd"``."""
    return next((name for signature, name in _SIGNATURES.items() if beginning.startswith(signature)), None)


def decompress(
    raw: Any,  # noqa: ANN401 - any binary file
    compression: str | None,
    opened: ExitStack,
    *,
    lenient: bool = False,
) -> ByteStream:
    """Return a stream of the decompressed bytes of ``raw``, which ``opened`` closes.

    Args:
        raw: A binary file.
        compression: ``"gzip"``, ``"bz2"``, ``"xz"``, ``"zstd"`` or ``None``.
        opened: The files to close.
        lenient: Whether the bytes before the end of truncated gzip data are returned, which takes longer.
    """
    stream: Any = raw
    if compression == "gzip" and lenient:
        import gzip  # imported late: few files need it

        stream = opened.enter_context(gzip.GzipFile(fileobj=raw))
    elif compression == "gzip" and (igzip := _import_igzip()):
        stream = opened.enter_context(igzip.IGzipFile(fileobj=raw))
    elif compression in ("bz2", "xz"):
        from tokemb.sources.multistream import MultiStream  # imported late: other files do not need it

        stream = MultiStream(raw, compression)
    elif compression is not None:
        # Without the buffer, Arrow waits for the interpreter lock every 64 KB.
        buffered = pa.BufferedInputStream(pa.PythonFile(raw, "r"), _BUFFER)
        stream = opened.enter_context(pa.CompressedInputStream(buffered, compression))
    return cast(ByteStream, stream)


@contextmanager
def open_seekable(source: Source) -> Iterator[Any]:
    """Open a source as a seekable file. Pipes and compressed files are copied to disk first."""
    if source.compression is None and (source.filesystem is not None or is_regular(source)):
        with errors_with_name(source), _open(source) as file:
            yield file
    else:
        import tempfile  # imported late: other files do not need it

        folder = Path(tempfile.gettempdir())
        # On a full disk, the error does not concern the source. Closing the copy writes its last bytes once more.
        with naming_file(folder), tempfile.TemporaryFile(dir=folder) as copy:
            with open_stream(source) as stream:
                while block := stream.read(_CHUNK):
                    with naming_file(folder):
                        copy.write(block)
            copy.seek(0)
            with errors_with_name(source), pa.PythonFile(copy, "r") as file:
                yield file


def decompression_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions that libraries raise for corrupt or truncated data."""
    import zlib  # imported late: it is needed only after an error

    isal = sys.modules.get("isal.isal_zlib")
    of_isal: list[type[Exception]] = [isal.error] if isal else []
    # UnicodeError: the names of columns are corrupt.
    return (OSError, EOFError, UnicodeError, zlib.error, pa.ArrowException, *of_isal)


@contextmanager
def errors_with_name(source: Source) -> Iterator[None]:
    """Make errors of Arrow, of decompression and of the disk name the source."""
    try:
        yield
    except decompression_errors() as error:
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = error.filename or source.name
            raise
        reason = one_line(error).removesuffix(".")
        raise TextError(f"{source.name} is not a valid {source.kind} file or is truncated: {reason:.300}") from None


def is_regular(source: Source) -> bool:
    """Return whether a source is a regular local file, not a pipe."""
    return source.filesystem is None and source.path != "-" and stat.S_ISREG(os.stat(source.path).st_mode)


def worth_thread(source: Source) -> bool:
    """Return whether a thread should read ahead. From a pipe it could wait forever."""
    if source.filesystem is not None:
        return True
    return is_regular(source) and os.stat(source.path).st_size >= _WORTH_A_THREAD


def _open(source: Source) -> Any:  # noqa: ANN401 - an Arrow file
    if source.filesystem is not None:
        return source.filesystem.open_input_file(source.path)
    if source.path == "-":
        if sys.stdin is None:
            raise TextError("standard input is closed: pass a file")
        return pa.PythonFile(_KeepOpen(sys.stdin.buffer), "r")
    file = Path(source.path).open("rb")  # noqa: SIM115 - the caller closes it
    if not is_regular(source):
        return pa.PythonFile(file, "r")
    file.close()  # the file is readable; Arrow reads it without holding the interpreter lock
    return pa.OSFile(os.fsencode(source.path))  # file names need not be UTF-8


def _import_igzip() -> ModuleType | None:
    """Import a library that reads gzip three times as fast as zlib. It does not support every processor."""
    try:
        from isal import igzip
    except ImportError:
        return None
    return igzip


class _FixedSizeFile:
    """An open file of fixed size. Truncation while reading is an error, and appended bytes are not read."""

    closed = False

    def __init__(self, file: Any, source: Source, on_read: OnRead | None) -> None:  # noqa: ANN401
        self._file, self._source, self._on_read = file, source, on_read
        # The size of a pipe, or of a file in /proc (0), is known only after reading.
        self._size = file.size() or None if source.filesystem is not None or is_regular(source) else None
        self._done = 0

    def read(self, size: int) -> bytes:
        requested = size if self._size is None else min(size, self._size - self._done)
        block: bytes = self._file.read(requested)
        if requested and not block and self._size is not None and not self._is_generated():
            raise TextError(
                f"{self._source.name} was truncated while it was read: it had {self._size:,} bytes, of which "
                f"{self._done:,} were read; read it again when no other program writes to it"
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
        """Return whether the system generates the content, as in /sys. Sizes of such files are meaningless."""
        if self._source.filesystem is not None:
            return False
        status = Path(self._source.path).stat()
        return status.st_size == self._size and getattr(status, "st_blocks", 1) == 0

    def close(self) -> None:
        self.closed = True


class _KeepOpen:
    """A file that stays open when the stream is closed. Non-blocking files are waited for."""

    closed = False

    def __init__(self, file: Any) -> None:  # noqa: ANN401
        self._file = file

    def read(self, size: int) -> bytes:
        return read_some(self._file, size)

    def close(self) -> None:
        self.closed = True
