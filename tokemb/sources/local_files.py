"""Local folders and globs. What cannot be read is an error: files are never left out silently."""

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
    """Tell whether there is anything at ``path``; raise ``OSError`` if a folder above it cannot be searched."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL, which no name has
        return False
    return True


def files_below(folder: str, is_hidden: Callable[[str], bool]) -> Iterator[os.DirEntry[str]]:
    """Yield all that is no folder in ``folder`` and in the folders below it.

    Links to folders are followed, and no folder is read twice. ``is_hidden``: names of folders that are left out.

    Raises:
        OSError: If a folder cannot be read.
    """
    for _, entries in _walk(folder, is_hidden):
        yield from entries


def check_file(path: str) -> None:
    """Check that a path found in a folder or by a glob is a file, as reading a pipe nobody writes to never ends.

    Raises:
        TextError: If it is a named pipe, a socket or a device.
        OSError: If it is a link to nothing, or vanished.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "a device")
        raise TextError(f"{path} is {kind}, and folders and globs give files only: pass its own name, or move it away")


def glob_files(pattern: str, *, only_folders: bool = False) -> Iterator[str]:
    """Yield what matches ``pattern``, in no order; ``glob.glob`` leaves out what it is not allowed to read.

    Raises:
        OSError: If a folder cannot be read.
    """
    if not MAGIC.search(pattern):
        if os.path.isdir(pattern) if only_folders else exists(pattern):
            yield pattern
        return
    base, name = os.path.split(pattern)
    if not name:  # a slash at the end
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
        # As in a shell, only a pattern that starts with a dot finds names that do.
        if fnmatch(found, name) and (name.startswith(".") or not found.startswith(".")):
            yield os.path.join(folder, found)


def _below(folder: str) -> Iterator[str]:
    """Yield ``folder`` and all that is in it and below it, but names that start with a dot."""
    start = len(os.path.join(os.curdir, "")) if not folder else 0  # no "./" in front of all
    for here, entries in _walk(folder or os.curdir, _starts_with_dot):
        yield here[start:]
        yield from (entry.path[start:] for entry in entries if not _starts_with_dot(entry.name))


def _starts_with_dot(name: str) -> bool:
    return name.startswith(".")


def _walk(folder: str, is_hidden: Callable[[str], bool]) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Yield each folder from ``folder`` on, and what is in it but folders; links last, so that names are without."""
    seen: set[tuple[int, int]] = set()
    links = [folder]
    for link in links:
        waiting = [link]
        while waiting:
            here = waiting.pop()
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
                        (links if entry.is_symlink() else waiting).append(entry.path)
            yield here, files
