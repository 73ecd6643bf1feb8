"""Hidden temporary folders beside the outputs. The folders of killed processes are removed."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tokemb.files.locks import LOCK, FileLock, owner_of, take_lock

_PREFIX = ".tokemb-"
_NAME = re.compile(re.escape(_PREFIX) + r"[0-9a-f]{12}")

# The entry of a temporary folder that contains the replaced folder until the new one is renamed.
REPLACED = ".replaced"

# On some network file systems, only processes of the same host respect locks.
_MAX_AGE_ON_OTHER_HOSTS_SECONDS = 7 * 24 * 3600


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Create a locked, hidden folder in ``parent`` for the block, and remove those of killed processes.

    Only this user can read it.

    Raises:
        OSError: If ``parent`` is not a folder, or nothing can be created in it.
    """
    remove_abandoned(parent)
    folder, lock = _create(parent)
    try:
        yield folder
    finally:
        remove_folder(folder)
        lock.release()


def remove_abandoned(parent: Path) -> None:
    """Remove the temporary folders of this user in ``parent`` whose processes have ended.

    If such a process was killed while it replaced a folder, the new folder is renamed into place if it is complete.
    Otherwise the replaced folder is.
    """
    with suppress(OSError):
        with os.scandir(parent) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(_PREFIX)]
        for name in names:
            with suppress(OSError):
                _remove_if_abandoned(parent / name)


def restore_missing(path: Path) -> None:
    """Restore the folder ``path`` if the process that was replacing it was killed between the two renames."""
    if not path.exists():
        remove_abandoned(path.parent)


def is_temporary(file: Path) -> bool:
    """Return whether a file or folder is a temporary of an output or a lock."""
    return file.name == LOCK or _NAME.fullmatch(file.name) is not None


def _create(parent: Path) -> tuple[Path, FileLock]:
    while True:
        folder = parent / f"{_PREFIX}{os.urandom(6).hex()}"
        try:
            folder.mkdir(mode=0o700)  # the output can be private, and the folder of temporary files is public
            # Until the folder is locked, another process may regard it as abandoned and remove it.
            with suppress(FileNotFoundError):
                lock = take_lock(folder / LOCK)
                if lock is not None:
                    return folder, lock
        except OSError as error:  # for example on a full disk: users do not know the name of the temporary folder
            remove_folder(folder)
            raise OSError(error.errno, error.strerror, str(parent)) from None


def _remove_if_abandoned(folder: Path) -> None:
    if not _NAME.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir() or not _is_own(folder):
        return
    path = folder / LOCK
    owner = owner_of(path)
    if owner is not None and not owner.is_here and time.time() - path.stat().st_mtime < _MAX_AGE_ON_OTHER_HOSTS_SECONDS:
        return
    lock = take_lock(path)
    if lock is None:
        return
    try:
        restore(folder)
        remove_folder(folder)
    finally:
        lock.release()


def _is_own(folder: Path) -> bool:
    """Return whether a folder belongs to this user. Others could replace theirs by a link while it is removed."""
    return sys.platform == "win32" or folder.lstat().st_uid == os.geteuid()


def restore(folder: Path) -> None:
    """Finish the replacement of a folder that was already moved away."""
    replaced = folder / REPLACED
    is_own = replaced.is_dir() and not replaced.is_symlink()  # a link may lead to other files
    for old in replaced.iterdir() if is_own else ():
        target, new = folder.parent / old.name, folder / old.name
        if not os.path.lexists(target):
            os.rename(new if new.exists() else old, target)


def remove_folder(folder: Path) -> None:
    """Remove a folder with its contents, if it exists. Errors are ignored."""
    if _remove_flat_folder(folder):
        return
    import shutil  # only here, because it imports the archive formats

    shutil.rmtree(folder, ignore_errors=True)
    for path, _, _ in os.walk(folder):  # some of it is read-only
        with suppress(OSError):
            os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_flat_folder(folder: Path) -> bool:
    """Remove a folder without subfolders. Return whether it was removed."""
    try:
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                return False
            os.unlink(entry.path)
        os.rmdir(folder)
    except OSError:
        return False
    return True
