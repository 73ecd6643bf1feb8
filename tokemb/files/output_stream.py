"""Write to and read from binary streams completely, including streams that do not block."""

from __future__ import annotations

import errno
import io
import os
import select
import time
from contextlib import suppress
from typing import BinaryIO, Protocol

# The interval of waiting if the system cannot report that a stream is ready.
_PAUSE_SECONDS = 0.01


class ByteStream(Protocol):
    """A stream of bytes that is read once from the beginning to the end."""

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes, or fewer at the end."""
        ...


def write_all(stream: BinaryIO | io.RawIOBase, data: bytes | memoryview) -> None:
    """Write all of ``data`` to ``stream``.

    A blocking, buffered stream writes everything in one call. An unbuffered stream may accept only some of the bytes,
    and a non-blocking stream temporarily none.

    Raises:
        OSError: If the stream fails, or accepts no more bytes.
    """
    rest = memoryview(data).cast("B")
    while rest:
        try:
            written = stream.write(rest)
        except BlockingIOError as error:
            written = error.characters_written or None
        else:
            if written is None and not isinstance(stream, io.RawIOBase):
                return  # None means "later" only for raw streams; other objects have written everything
        if written == 0:
            raise OSError(errno.EIO, "the stream accepts no more bytes")
        if written is None:
            _wait(stream)
        else:
            rest = rest[written:]


def start_writeback(file: BinaryIO, start: int) -> None:
    """Have the system write the bytes of ``file`` from ``start`` on to the disk, without waiting for it.

    Otherwise most bytes are still in memory at the end, and flushing them takes a tenth of the time of a command.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    file.flush()
    # Linux starts to write the bytes. They stay in memory, since only written ones could be dropped.
    with suppress(OSError):  # a file system that does not support it
        os.posix_fadvise(file.fileno(), start, file.tell() - start, os.POSIX_FADV_DONTNEED)


def read_some(stream: BinaryIO | io.RawIOBase, size: int) -> bytes:
    """Read up to ``size`` bytes, or none at the end. Wait while a non-blocking ``stream`` has none."""
    while (block := stream.read(size)) is None:
        _wait(stream, for_reading=True)
    return block


def flush_all(stream: BinaryIO) -> None:
    """Flush ``stream``. Wait while a non-blocking stream accepts no bytes."""
    while True:
        try:
            stream.flush()
            return
        except BlockingIOError:
            _wait(stream)


def _wait(stream: BinaryIO | io.RawIOBase, *, for_reading: bool = False) -> None:
    """Wait until ``stream`` accepts or has more bytes."""
    try:
        select.select([stream] if for_reading else [], [] if for_reading else [stream], [])
    except (OSError, ValueError, TypeError):  # no descriptor, one above 1023, or a pipe on Windows
        time.sleep(_PAUSE_SECONDS)
