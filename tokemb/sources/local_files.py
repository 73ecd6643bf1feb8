"""Local folders and globs. Files that cannot be read are errors: none is skipped silently."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from fnmatch import fnmatch

from tokemb.errors import TextError

MAGIC = re.compile(r"[*?[]")

# Matches any number of folders.
ANY_DEPTH = "**"

_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


def exists(path: str) -> bool:
    """Return whether a path exists. Raises ``OSError`` if a folder above it cannot be searched."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: the path contains NUL
        return False
    return True


def files_below(folder: str, is_hidden: Callable[[str], bool]) -> Iterator[os.DirEntry[str]]:
    """Yield all entries in a folder and in the folders below it, except folders.

    Links to folders are followed, and no folder is read twice.

    Args:
        folder: The folder.
        is_hidden: Returns whether a folder with this name is skipped.

    Raises:
        OSError: If a folder cannot be read.
    """
    for _, entries in _walk(folder, is_hidden):
        yield from entries


def check_file(path: str) -> None:
    """Check that a path found in a folder or by a glob is a file. Reading a pipe could block forever.

    Raises:
        TextError: If it is a named pipe, a socket or a device.
        OSError: If it is a broken link, or was removed.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "a device")
        raise TextError(
            f"{path} is {kind}, and only files are read from folders and globs: pass its name, or move it away"
        )


def glob_files(glob: str, *, only_folders: bool = False) -> Iterator[str]:
    """Yield the paths that match a glob, in no order. Unlike ``glob.glob``, this skips no folder silently.

    Raises:
        OSError: If a folder cannot be read.
    """
    if not MAGIC.search(glob):
        if os.path.isdir(glob) if only_folders else exists(glob):
            yield glob
        return
    base, name = os.path.split(glob)
    if not name:  # the glob ends with a slash
        yield from glob_files(base, only_folders=True)
        return
    for folder in glob_files(base, only_folders=True) if base else [""]:
        for path in _below(folder) if name == ANY_DEPTH else _inside(folder, name):
            if os.path.isdir(path or os.curdir) if only_folders else path:
                yield path


def _inside(folder: str, name: str) -> Iterator[str]:
    """Yield the paths in ``folder`` whose last part matches ``name``."""
    if not MAGIC.search(name):
        path = os.path.join(folder, name)
        if exists(path):
            yield path
        return
    for found in os.listdir(folder or os.curdir):
        # As in a shell, only a glob that starts with a dot matches names that start with a dot.
        if fnmatch(found, name) and (name.startswith(".") or not found.startswith(".")):
            yield os.path.join(folder, found)


def _below(folder: str) -> Iterator[str]:
    """Yield a folder and everything below it, except names that start with a dot."""
    start = len(os.path.join(os.curdir, "")) if not folder else 0  # removes "./"
    for here, entries in _walk(folder or os.curdir, _starts_with_dot):
        yield here[start:]
        yield from (entry.path[start:] for entry in entries if not _starts_with_dot(entry.name))


def _starts_with_dot(name: str) -> bool:
    return name.startswith(".")


def _walk(folder: str, is_hidden: Callable[[str], bool]) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Yield a folder and all folders below it, with their other entries. Linked folders follow last."""
    seen: set[tuple[int, int]] = set()
    links = [folder]
    for link in links:
        pending = [link]
        while pending:
            here = pending.pop()
            status = os.stat(here)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                files = []
                for entry in entries:
                    if not entry.is_dir():
                        files.append(entry)
                    elif not is_hidden(entry.name):
                        (links if entry.is_symlink() else pending).append(entry.path)
            yield here, files
