"""Standard output that is complete or fails with its name, and standard error that never fails."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class CompleteStream(io.RawIOBase):
    """A stream that writes every byte to a raw stream, which may accept only a part at a time."""

    def __init__(self, raw: Any, name: str, strict: bool) -> None:  # noqa: ANN401 - a FileIO or a console of Windows
        """Wrap a raw stream.

        Args:
            raw: The stream to write to.
            name: The name in messages.
            strict: Whether a failure is an error. If not, the bytes are dropped.
        """
        super().__init__()
        self._raw, self.name, self._strict = raw, name, strict
        self.written = 0

    def writable(self) -> bool:
        """Return ``True``."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the raw stream."""
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """Return whether the raw stream is a terminal."""
        return bool(self._raw.isatty())

    def write(self, data: Any) -> int:  # noqa: ANN401 - any object with a buffer
        """Write all of ``data`` and return its size."""
        view = memoryview(data).cast("B")
        size = len(view)
        try:
            written = self._raw.write(view)
            if written != size:
                from tokemb.files.output_stream import write_all  # here, so that --help does not import the library

                write_all(self._raw, view[written or 0 :])
        except OSError as error:
            if self._strict:
                raise OSError(error.errno, error.strerror, self.name) from error
        self.written += size
        return size


def install() -> None:
    """Replace ``sys.stdout`` and ``sys.stderr`` by complete streams."""
    _open_closed_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _complete(
            sys.stdout, "standard output", strict=True, encoding="utf-8"
        )  # the encoding of texts that are read
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _complete(sys.stderr, "standard error", strict=False, encoding=sys.stderr.encoding)


def output_was_written() -> bool:
    """Return whether data was written to standard output."""
    stream = getattr(sys.stdout, "buffer", None)
    return isinstance(stream, CompleteStream) and stream.written > 0


def _complete(stream: io.TextIOWrapper, name: str, *, strict: bool, encoding: str) -> io.TextIOWrapper:
    if isinstance(stream.buffer, CompleteStream):
        return stream
    stream.flush()
    # With PYTHONUNBUFFERED the buffer is the raw stream itself.
    complete = CompleteStream(getattr(stream.buffer, "raw", stream.buffer), name, strict)
    return io.TextIOWrapper(complete, encoding, stream.errors, write_through=True)


def _open_closed_descriptors() -> None:
    """Open the null device for each closed standard stream.

    Otherwise the next file that is opened gets its descriptor, and libraries write their messages into that file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
