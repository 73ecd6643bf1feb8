"""Atomic outputs: files and folders that are written in a hidden folder beside the final path and then renamed."""

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

# Other processes may write the same folder. Each attempt takes microseconds.
_ATTEMPTS = 100

# The errors of renaming a folder to one that is not empty.
_NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)


@contextmanager
def atomic_file(
    path: Path, kind: Kind | None = None, *, force: bool = False, folder: Path | None = None
) -> Iterator[Path]:
    """Yield a temporary path with the name of ``path``, and rename it to ``path`` at the end of the block.

    If the block raises or is interrupted, the temporary file is removed and the file at ``path`` is unchanged.

    Args:
        path: The file to write.
        kind: The kind of the output. A file at ``path`` of another kind is not replaced. ``None`` replaces any file.
        force: Whether to replace files of any kind, and read-only files.
        folder: A temporary folder on the same file system, for several files in turn. By default one is created. With
            ``folder``, a link at ``path`` is replaced. Otherwise its target is replaced.

    Yields:
        The temporary path.

    Raises:
        OutputExistsError: If the file at ``path`` must not be replaced.
        OSError: If ``path`` is a folder or a device, or its parent is not a folder.
    """
    output, path = path, check_output(path, kind, force=force) if folder is None else _check_no_folder(path)
    with temporary_folder(path.parent) if folder is None else nullcontext(folder) as work:
        temporary = work / path.name
        with naming_output(output, temporary):
            yield temporary
            _flush(temporary)
            check_file(path, kind, force)  # again, since it may have appeared meanwhile
            mode = _mode(path)
            if mode is not None and not path.is_symlink():
                temporary.chmod(mode)
            os.replace(temporary, path)


def check_output(path: Path, kind: Kind | None = None, *, force: bool = False) -> Path:
    """Return the file that is written for ``path``, which may be a link.

    The errors are those of ``atomic_file``. Callers raise them before any work is done.
    """
    path = _check_no_folder(_resolve(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "the output must be a regular file", str(path))
    check_file(path, kind, force)
    return path


@contextmanager
def atomic_folder(path: Path, kind: Kind, *, force: bool = False) -> Iterator[Path]:
    """Yield a new temporary folder and rename it to ``path`` at the end of the block.

    A folder of the same kind at ``path`` is replaced in one step if the file system supports it. Two processes may
    write one folder at the same time: the last one replaces the folder of the other completely.

    Args:
        path: The folder to write.
        kind: The kind of the output. Nothing of another kind is replaced, except an empty folder.
        force: Whether to replace read-only folders and trained weights.

    Yields:
        The temporary folder.

    Raises:
        OutputExistsError: If the folder at ``path`` is read-only or contains trained weights.
        OSError: If anything else is at ``path``, or its parent is not a folder.
    """
    output, path = path, check_folder(path, kind, force=force)
    with temporary_folder(path.parent) as folder:
        temporary = folder / path.name
        with naming_output(output, temporary):
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _flush(file)
        for _ in range(_ATTEMPTS):
            check_replaced_folder(path, kind, force)  # again, since it may have appeared meanwhile
            mode = _mode(path)
            if mode is not None:
                # Before others can read it. Only a folder that its user can write to can be moved.
                temporary.chmod(mode | stat.S_IRWXU)
            if _put_in_place(temporary, path, folder / REPLACED):
                if mode is not None:
                    path.chmod(mode)
                return
        raise FileExistsError(errno.EEXIST, "other processes keep replacing the folder", str(path))


def check_folder(path: Path, kind: Kind, *, force: bool = False) -> Path:
    """Return the folder that is written for ``path``, which may be a link.

    The errors are those of ``atomic_folder``. Callers raise them before any work is done.
    """
    path = _resolve(path)
    check_replaced_folder(path, kind, force)
    return path


def _put_in_place(new: Path, path: Path, replaced: Path) -> bool:
    """Rename the folder ``new`` to ``path``. Return ``False`` if another process interfered.

    A folder that was at ``path`` is at ``new`` or in ``replaced`` afterwards.
    """
    try:
        os.rename(new, path)  # succeeds if there is no folder or an empty one
        return True
    except OSError as error:
        if error.errno not in _NOT_EMPTY or not path.is_dir():
            raise
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if not os.access(path, os.W_OK):
            path.chmod(mode | stat.S_IRWXU)  # otherwise it cannot be moved to another folder
        return exchange(new, path) or _replace_in_two_steps(new, path, replaced)
    except FileNotFoundError:
        return False


def _replace_in_two_steps(new: Path, path: Path, replaced: Path) -> bool:
    """Move the folder ``path`` away and rename ``new`` to it. Return ``False`` if another process was faster.

    If the process is killed between the steps, ``restore`` performs the second one.
    """
    remove_folder(replaced)
    replaced.mkdir()
    os.rename(path, replaced / path.name)
    try:
        os.rename(new, path)
    except OSError as error:
        if error.errno in _NOT_EMPTY:
            return False
        os.rename(replaced / path.name, path)
        raise
    return True


def _resolve(path: Path) -> Path:
    path = Path(os.path.realpath(path))  # the target of a link is replaced, not the link
    if not path.parent.is_dir():
        raise NotADirectoryError(
            errno.ENOTDIR, "the folder of the output must exist; create it first", str(path.parent)
        )
    return path


def _check_no_folder(path: Path) -> Path:
    """Return ``path``. Raise ``OSError`` if it is a folder and not a link to one."""
    if path.is_dir() and not path.is_symlink():
        raise IsADirectoryError(errno.EISDIR, "the output is an existing folder; name a file", str(path))
    return path


def _mode(path: Path) -> int | None:
    """Return the permissions of the file or folder at ``path``, or ``None`` if there is none."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None


def _flush(file: Path) -> None:
    """Write the bytes to the disk before renaming, so that a crash cannot leave an empty file at the final path."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
