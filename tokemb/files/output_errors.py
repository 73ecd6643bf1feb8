"""Name the output in errors of the disk, which name a temporary file or none."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Errors that only writing gives, so that they are about the output where they name no file.
_WRITING = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextmanager
def naming_output(path: Path, temporary: Path) -> Iterator[None]:
    """Name ``path`` in errors of the block that name ``temporary``, a file in it, or no file that is written to."""
    try:
        yield
    except OSError as error:
        name = _final_name(error, path, temporary)
        if name is None:
            raise
        raise _named(error, name) from error


@contextmanager
def naming_file(path: object) -> Iterator[None]:
    """Name ``path`` in errors of the block that name no file; the block only writes to it."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None or not isinstance(path, Path):
            raise
        raise _named(error, path) from error


def _final_name(error: OSError, path: Path, temporary: Path) -> Path | None:
    if error.filename is None:
        return path if error.errno in _WRITING else None
    if error.errno is None or not isinstance(error.filename, str):
        return None
    named = Path(error.filename)
    return path / named.relative_to(temporary) if named.is_relative_to(temporary) else None


def _named(error: OSError, name: Path) -> OSError:
    number = error.errno or 0
    # Some libraries have texts of many lines as the reason.
    return OSError(number, os.strerror(number) if number in _WRITING else error.strerror, str(name))
