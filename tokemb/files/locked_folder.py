"""A folder that one process at a time writes into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tokemb.errors import ArgumentError, OutputInUseError
from tokemb.files.locks import LOCK, FileLock, owner_of, take_lock


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Create the folder if it is not there, and keep other processes from writing into it during the block.

    The folder is removed again if it is new and still empty at the end.
    Raises ``OutputInUseError`` at once, naming the process, if another one writes into it.
    """
    is_new = not folder.exists()
    lock = _lock(folder)
    try:
        yield
    finally:
        lock.release()
        if is_new:
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def _lock(folder: Path) -> FileLock:
    while True:
        try:
            folder.mkdir(exist_ok=True)
        except FileExistsError:
            raise ArgumentError(f"{folder} is not a folder: name a new folder") from None
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
