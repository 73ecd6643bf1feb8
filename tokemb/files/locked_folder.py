"""A folder that only one process at a time can write to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tokemb.errors import ArgumentError, OutputInUseError
from tokemb.files.locks import LOCK, FileLock, owner_of, take_lock


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Create the folder if it does not exist, and lock it during the block.

    The folder is removed again if it is new and still empty at the end.

    Raises:
        OutputInUseError: If another process has locked the folder. There is no waiting.
        ArgumentError: If there is a file at this path.
    """
    is_new = not folder.exists()
    try:
        lock = _lock(folder)
        try:
            yield
        finally:
            lock.release()
    finally:
        if is_new:
            with suppress(OSError):  # the folder is not empty
                folder.rmdir()


def _lock(folder: Path) -> FileLock:
    while True:
        try:
            folder.mkdir(exist_ok=True)
        except FileExistsError:
            raise ArgumentError(f"{folder} must be a folder and is a file: name a new folder") from None
        try:
            lock = take_lock(folder / LOCK)
        except FileNotFoundError:  # the process that created the folder removed it again
            continue
        if lock is None:
            owner = owner_of(folder / LOCK)
            raise OutputInUseError(
                f"{folder} is being written by {owner or 'another process'}: wait until it ends, or name another folder"
            )
        return lock
