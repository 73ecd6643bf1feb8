"""Write every byte to a binary stream, and read from one, also where the stream does not block."""

from __future__ import annotations

import errno
import io
import select
import time
from typing import BinaryIO, Protocol

# How long to wait where the system cannot say when a stream is ready.
_PAUSE_SECONDS = 0.01


class ByteStream(Protocol):
    """Bytes that are read once, from the beginning to the end."""

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes: fewer at the end, none after it."""
        ...


def write_all(stream: BinaryIO | io.RawIOBase, data: bytes | memoryview) -> None:
    """Write all of ``data`` to ``stream``.

    A buffered stream that blocks does this itself. An unbuffered stream may take only some of the bytes, and a
    non-blocking one may take none for a while.

    Raises:
        OSError: If the stream fails, or takes no more bytes.
    """
    rest = memoryview(data).cast("B")
    while rest:
        try:
            taken = stream.write(rest)
        except BlockingIOError as error:
            taken = error.characters_written or None
        else:
            if taken is None and not isinstance(stream, io.RawIOBase):
                return  # only raw streams say None for "not now"; other objects have written it all
        if taken == 0:
            raise OSError(errno.EIO, "the stream takes no more bytes")
        if taken is None:
            _wait(stream)
        else:
            rest = rest[taken:]


def read_some(stream: BinaryIO | io.RawIOBase, size: int) -> bytes:
    """Read up to ``size`` bytes, none at the end; wait while a non-blocking ``stream`` has none."""
    while (block := stream.read(size)) is None:
        _wait(stream, for_reading=True)
    return block


def flush_all(stream: BinaryIO) -> None:
    """Flush ``stream``, and wait while a non-blocking one takes no more."""
    while True:
        try:
            stream.flush()
            return
        except BlockingIOError:
            _wait(stream)


def _wait(stream: BinaryIO | io.RawIOBase, *, for_reading: bool = False) -> None:
    """Wait until ``stream`` takes, or has, more bytes."""
    try:
        select.select([stream] if for_reading else [], [] if for_reading else [stream], [])
    except (OSError, ValueError, TypeError):  # no descriptor, one above 1023, or a pipe of Windows
        time.sleep(_PAUSE_SECONDS)
