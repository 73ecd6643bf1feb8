"""Outputs that appear whole or not at all: written in a hidden folder beside the final name, then renamed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tokemb.files.exchange import exchange
from tokemb.files.output_errors import naming_output
from tokemb.files.output_kind import Kind, check_file
from tokemb.files.output_kind import check_folder as check_replaced_folder
from tokemb.files.temporaries import REPLACED, remove_folder, temporary_folder

# Other processes may write the same folder: each attempt takes microseconds.
_ATTEMPTS = 100

# What systems say if a folder is to be renamed to one that is not empty.
_EXISTS = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)


@contextmanager
def atomic_file(
    path: Path, kind: Kind | None = None, *, force: bool = False, folder: Path | None = None
) -> Iterator[Path]:
    """Give a temporary path, with the name of ``path``, and rename it to ``path`` at the end of the block.

    If the block raises or is interrupted, the temporary file is removed and what was at ``path`` stays.

    Args:
        path: The file to write.
        kind: What is written. A file at ``path`` that is of another kind is not replaced; ``None`` replaces any file.
        force: Replace files of any kind, and read-only ones.
        folder: A temporary folder on the same file system, for many files in turn. By default one is created. With it,
            a link at ``path`` is replaced; otherwise the file that it leads to is.

    Raises:
        OutputExistsError: If the file at ``path`` must not be replaced.
        OSError: If ``path`` is a folder or a device, or its parent is not a folder.
    """
    given, path = path, check_output(path, kind, force=force) if folder is None else _unlinked(path)
    with temporary_folder(path.parent) if folder is None else nullcontext(folder) as work:
        temporary = work / path.name
        with naming_output(given, temporary):
            yield temporary
            _flush(temporary)
            check_file(path, kind, force)  # again: it may have appeared meanwhile
            mode = _mode(path)
            if mode is not None and not path.is_symlink():
                temporary.chmod(mode)
            os.replace(temporary, path)


def check_output(path: Path, kind: Kind | None = None, *, force: bool = False) -> Path:
    """Return the file that is written for ``path``, which may be a link.

    Raises what ``atomic_file`` would, to know it before any work.
    """
    path = _unlinked(_resolved(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "the output is not a regular file", str(path))
    check_file(path, kind, force)
    return path


@contextmanager
def atomic_folder(path: Path, kind: Kind, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary new folder and rename it to ``path`` at the end of the block.

    A folder of the same kind that is already at ``path`` is replaced in one step, where the file system can. Two
    processes may write one folder at the same time: the last one replaces the folder of the other as a whole.

    Args:
        path: The folder to write.
        kind: What is written. Nothing of another kind is ever replaced, but for an empty folder.
        force: Replace read-only folders, and trained weights.

    Raises:
        OutputExistsError: If the folder at ``path`` is read-only or holds trained weights.
        OSError: If anything else is at ``path``, or its parent is not a folder.
    """
    given, path = path, check_folder(path, kind, force=force)
    with temporary_folder(path.parent) as folder:
        temporary = folder / path.name
        with naming_output(given, temporary):
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _flush(file)
        for _ in range(_ATTEMPTS):
            check_replaced_folder(path, kind, force)  # again: it may have appeared meanwhile
            mode = _mode(path)
            if _put_in_place(temporary, path, folder / REPLACED):
                if mode is not None:
                    path.chmod(mode)
                return
        raise FileExistsError(errno.EEXIST, "other processes replace the folder all the time", str(path))


def check_folder(path: Path, kind: Kind, *, force: bool = False) -> Path:
    """Return the folder that is written for ``path``, which may be a link.

    Raises what ``atomic_folder`` would, to know it before any work.
    """
    path = _resolved(path)
    check_replaced_folder(path, kind, force)
    return path


def _put_in_place(new: Path, path: Path, replaced: Path) -> bool:
    """Give the folder ``new`` the name ``path``; return ``False`` if another process interfered.

    A folder that had the name is at ``new`` or in ``replaced`` afterwards.
    """
    try:
        os.rename(new, path)  # nothing is there, or an empty folder
        return True
    except OSError as error:
        if error.errno not in _EXISTS or not path.is_dir():
            raise
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if not os.access(path, os.W_OK):
            path.chmod(mode | stat.S_IRWXU)  # else it cannot be moved to another folder
        return exchange(new, path) or _replace_in_two_steps(new, path, replaced)
    except FileNotFoundError:
        return False


def _replace_in_two_steps(new: Path, path: Path, replaced: Path) -> bool:
    """Move the folder ``path`` away, then give ``new`` its name; return ``False`` if another process was faster.

    If the process is killed in between, ``restore`` takes the second step.
    """
    remove_folder(replaced)
    replaced.mkdir()
    os.rename(path, replaced / path.name)
    try:
        os.rename(new, path)
    except OSError as error:
        if error.errno in _EXISTS:
            return False
        os.rename(replaced / path.name, path)
        raise
    return True


def _resolved(path: Path) -> Path:
    path = Path(os.path.realpath(path))  # write through a symbolic link, do not replace it
    if not path.parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "the output's folder does not exist; make it first", str(path.parent))
    return path


def _unlinked(path: Path) -> Path:
    """Return ``path``; raise ``OSError`` if a folder is there, and no link to one."""
    if path.is_dir() and not path.is_symlink():
        raise IsADirectoryError(errno.EISDIR, "the output is an existing folder; name a file", str(path))
    return path


def _mode(path: Path) -> int | None:
    """Return the permissions of what is at ``path``, ``None`` if nothing is."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _flush(file: Path) -> None:
    """Have the bytes on disk before the name: a crash must not leave an empty file under it."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
