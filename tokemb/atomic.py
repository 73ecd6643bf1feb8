"""Outputs that appear whole or not at all: written under a temporary name beside the final one, then renamed."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".tokemb-"
_TEMPORARY = re.compile(re.escape(_PREFIX) + r"[0-9a-f]{12}(\.\w+)?")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path, with the suffix of ``path``, and rename it to ``path`` at the end of the block.

    If the block raises or is interrupted the temporary file goes, and what was at ``path`` stays.
    Raises ``OSError`` at once if ``path`` is a folder or a device, or its parent is not a folder.
    """
    path = check_output(path)
    temporary = _temporary(path)
    try:
        yield temporary
        _flush(temporary)
        if path.exists():
            _copy_mode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def check_output(path: Path) -> Path:
    """The file that is written for ``path``, which may be a link.

    Raises ``OSError`` if ``path`` is a folder or a device, or its parent is not a folder.
    """
    path = _resolved(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "the output is an existing folder; name a file", str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "the output is not a regular file", str(path))
    return path


@contextmanager
def atomic_folder(path: Path, may_replace: Callable[[Path], bool]) -> Iterator[Path]:
    """Give a temporary new folder and rename it to ``path`` at the end of the block.

    A folder that is already at ``path`` is replaced if ``may_replace`` says so; otherwise, or if a file is there,
    raises ``OSError`` at once.
    """
    path = check_folder(path, may_replace)
    temporary = _temporary(path)
    replaced = _temporary(path)
    try:
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        if path.exists():
            _copy_mode(path, temporary)
            path.rename(replaced)
        temporary.rename(path)
    except BaseException:
        _remove(temporary)
        if replaced.exists() and not path.exists():
            replaced.rename(path)
        raise
    _remove(replaced)


def check_folder(path: Path, may_replace: Callable[[Path], bool]) -> Path:
    """The folder that is written for ``path``, which may be a link.

    Raises ``OSError`` if something is there that ``may_replace`` does not give away, or its parent is not a folder.
    """
    path = _resolved(path)
    if path.exists() and not (path.is_dir() and (may_replace(path) or not any(path.iterdir()))):
        raise FileExistsError(
            errno.EEXIST, "something else is there already; name a new folder, or move it away", str(path)
        )
    return path


def remove_temporaries(folder: Path) -> None:
    """Remove what a killed process left in ``folder``: outputs that did not get their names."""
    for file in folder.glob(f"{_PREFIX}*"):
        if is_temporary(file):
            file.unlink(missing_ok=True)


def is_temporary(file: Path) -> bool:
    """Whether the name is one that an output has before it gets its own."""
    return _TEMPORARY.fullmatch(file.name) is not None


def _resolved(path: Path) -> Path:
    path = Path(os.path.realpath(path))  # write through a symbolic link, do not replace it
    if not path.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "the output's folder does not exist; make it first", str(path.parent))
    return path


def _temporary(path: Path) -> Path:
    return path.with_name(f"{_PREFIX}{os.urandom(6).hex()}{path.suffix}")


def _copy_mode(path: Path, temporary: Path) -> None:
    temporary.chmod(stat.S_IMODE(path.stat().st_mode))


def _remove(folder: Path) -> None:
    import shutil  # here, so that files do not wait for the archives that it knows

    shutil.rmtree(folder, ignore_errors=True)


def _flush(file: Path) -> None:
    """Have the bytes on disk before the name: a crash must not leave an empty file under it."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
