"""Hidden folders beside outputs, in which these are made; those of killed processes are removed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tokemb.files.locks import LOCK, FileLock, owner_of, take_lock

_PREFIX = ".tokemb-"
_NAME = re.compile(re.escape(_PREFIX) + r"[0-9a-f]{12}")

# In a temporary folder: the folder that was there before, while its name is given to the new one.
REPLACED = ".replaced"

# Some network file systems have locks that only processes of one host respect.
_SECONDS_OF_OTHER_HOSTS = 7 * 24 * 3600


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Create a hidden folder in ``parent`` for the time of the block, locked, and remove what killed runs left there.

    Raises ``OSError`` if ``parent`` is no folder, or nothing can be created in it.
    """
    remove_abandoned(parent)
    folder, lock = _create(parent)
    try:
        yield folder
    finally:
        remove_folder(folder)
        lock.release()


def remove_abandoned(parent: Path) -> None:
    """Remove the temporary folders in ``parent`` whose processes have ended.

    A folder that such a process was about to replace gets its name back, or the new one takes it if it is whole.
    """
    with suppress(OSError):
        with os.scandir(parent) as entries:
            names = [entry.name for entry in entries if entry.name.startswith(_PREFIX)]
        for name in names:
            with suppress(OSError):
                _remove_if_abandoned(parent / name)


def restore_missing(path: Path) -> None:
    """Give a folder its name if the process that was replacing it was killed between the two renames that it takes."""
    if not path.exists():
        remove_abandoned(path.parent)


def is_temporary(file: Path) -> bool:
    """Whether a file or folder is a temporary of an output, or a lock."""
    return file.name == LOCK or _NAME.fullmatch(file.name) is not None


def _create(parent: Path) -> tuple[Path, FileLock]:
    while True:
        folder = parent / f"{_PREFIX}{os.urandom(6).hex()}"
        try:
            folder.mkdir()
        except OSError as error:  # on a read-only disk, for instance: users do not know the name of the temporary
            raise OSError(error.errno, error.strerror, str(parent)) from None
        # Until it is locked, another process may take it for abandoned and remove it.
        with suppress(FileNotFoundError):
            lock = take_lock(folder / LOCK)
            if lock is not None:
                return folder, lock


def _remove_if_abandoned(folder: Path) -> None:
    if not _NAME.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
        return
    path = folder / LOCK
    owner = owner_of(path)
    if owner is not None and not owner.is_here and time.time() - path.stat().st_mtime < _SECONDS_OF_OTHER_HOSTS:
        return
    lock = take_lock(path)
    if lock is None:
        return
    try:
        restore(folder)
        remove_folder(folder)
    finally:
        lock.release()


def restore(folder: Path) -> None:
    """Finish the replacement of a folder, for which it was already moved away."""
    replaced = folder / REPLACED
    is_own = replaced.is_dir() and not replaced.is_symlink()  # a link may lead to files of others
    for old in replaced.iterdir() if is_own else ():
        target, new = folder.parent / old.name, folder / old.name
        if not os.path.lexists(target):
            os.rename(new if new.exists() else old, target)


def remove_folder(folder: Path) -> None:
    """Remove a folder and all that it holds, if it is there; raise nothing."""
    if _remove_flat_folder(folder):
        return
    import shutil  # here, so that files do not wait for the archives that it knows

    shutil.rmtree(folder, ignore_errors=True)
    for path, _, _ in os.walk(folder):  # something in it is read-only
        with suppress(OSError):
            os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _remove_flat_folder(folder: Path) -> bool:
    """Remove a folder that holds no other folder; return whether it is gone."""
    try:
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                return False
            os.unlink(entry.path)
        os.rmdir(folder)
    except OSError:
        return False
    return True
