"""Write every byte to a binary stream, also where the stream takes only a part at a time."""

from __future__ import annotations

import errno
import io
import select
import time
from typing import BinaryIO

# How long to wait where the system cannot say when a stream takes more.
_PAUSE_SECONDS = 0.01


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


def flush_all(stream: BinaryIO) -> None:
    """Flush ``stream``, and wait while a non-blocking one takes no more."""
    while True:
        try:
            stream.flush()
            return
        except BlockingIOError:
            _wait(stream)


def _wait(stream: BinaryIO | io.RawIOBase) -> None:
    """Wait until ``stream`` takes more bytes."""
    try:
        select.select([], [stream], [])
    except (OSError, ValueError, TypeError):  # no descriptor, one above 1023, or a pipe of Windows
        time.sleep(_PAUSE_SECONDS)
