"""Name the output in errors of the disk that name a temporary file or no file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Only writing raises these errors. If they name no file, they concern the output.
_WRITE_ERRORS = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


@contextmanager
def naming_output(path: Path, temporary: Path) -> Iterator[None]:
    """Name ``path`` in errors of the block that name ``temporary``, a file in it, or no written file."""
    try:
        yield
    except OSError as error:
        name = _final_name(error, path, temporary)
        if name is None:
            raise
        raise _rename_error(error, name) from error


@contextmanager
def naming_file(path: object) -> Iterator[None]:
    """Name ``path`` in errors of the block that name no file. The block only writes to ``path``."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None or not isinstance(path, Path):
            raise
        raise _rename_error(error, path) from error


def _final_name(error: OSError, path: Path, temporary: Path) -> Path | None:
    if error.filename is None:
        return path if error.errno in _WRITE_ERRORS else None
    if error.errno is None or not isinstance(error.filename, str):
        return None
    file = Path(error.filename)
    return path / file.relative_to(temporary) if file.is_relative_to(temporary) else None


def _rename_error(error: OSError, name: Path) -> OSError:
    number = error.errno or 0
    # The reason of some libraries is a text of many lines.
    return OSError(number, os.strerror(number) if number in _WRITE_ERRORS else error.strerror, str(name))
