"""Standard output that is written completely or fails with its name, and standard error that never fails."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class CompleteStream(io.RawIOBase):
    """Write every byte to a raw stream, which may take only some at a time."""

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
        """Tell that this can be written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the raw stream."""
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """Tell whether the raw stream is a terminal."""
        return bool(self._raw.isatty())

    def write(self, data: Any) -> int:  # noqa: ANN401 - any object with a buffer
        """Write all of ``data`` and return its size."""
        view = memoryview(data).cast("B")
        size = len(view)
        try:
            taken = self._raw.write(view)
            if taken != size:
                from tokemb.files.output_stream import write_all  # here, as --help need not wait for the library

                write_all(self._raw, view[taken or 0 :])
        except OSError as error:
            if self._strict:
                raise OSError(error.errno, error.strerror, self.name) from error
        self.written += size
        return size


def use() -> None:
    """Put complete streams in the place of ``sys.stdout`` and ``sys.stderr``."""
    _occupy()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _complete(
            sys.stdout, "standard output", strict=True, encoding="utf-8"
        )  # as the texts that are read
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _complete(sys.stderr, "standard error", strict=False, encoding=sys.stderr.encoding)


def output_was_written() -> bool:
    """Tell whether some data went to standard output."""
    stream = getattr(sys.stdout, "buffer", None)
    return isinstance(stream, CompleteStream) and stream.written > 0


def _complete(stream: io.TextIOWrapper, name: str, *, strict: bool, encoding: str) -> io.TextIOWrapper:
    if isinstance(stream.buffer, CompleteStream):
        return stream
    stream.flush()
    # With PYTHONUNBUFFERED the buffer is the raw stream itself.
    complete = CompleteStream(getattr(stream.buffer, "raw", stream.buffer), name, strict)
    return io.TextIOWrapper(complete, encoding, stream.errors, write_through=True)


def _occupy() -> None:
    """Open the null device where a standard stream is closed.

    Otherwise the first file to be opened gets its descriptor, and what libraries write to it goes into that file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
