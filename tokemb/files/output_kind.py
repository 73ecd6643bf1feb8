"""Kinds of outputs, and the existing files and folders that they may replace."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tokemb.errors import OutputExistsError

# The number of bytes at the start of a file that contain its metadata.
_METADATA_BYTES = 1 << 12


class Kind(NamedTuple):
    """A kind of file or folder.

    Attributes:
        name: The name in messages, for example ``"token counts"``.
        matches: A function that returns whether the file or folder at a path is of this kind.
        trained: Whether it contains trained weights, which are replaced only on request.
    """

    name: str
    matches: Callable[[Path], bool]
    trained: bool = False

    @classmethod
    def of_marker(cls, name: str, marker: str) -> Kind:
        """Return the kind of files whose metadata, in their first bytes, contain ``marker``."""

        def matches(path: Path) -> bool:
            with path.open("rb") as file:
                return marker.encode() in file.read(_METADATA_BYTES)

        return cls(name, matches)


def check_file(path: Path, kind: Kind | None, force: bool) -> None:
    """Raise ``OutputExistsError`` if the file at ``path`` must not be replaced by one of ``kind``.

    An empty file may always be replaced. ``force`` and the kind ``None`` allow any file.
    """
    if force or kind is None or not path.exists():
        return
    if _is_read_only(path):
        raise OutputExistsError(f"{path} is read-only: pass force=True to replace it, or name another file")
    if path.stat().st_size and not kind.matches(path):
        raise OutputExistsError(
            f"{path} exists and is not {kind.name}: pass force=True to replace it, or name another file"
        )


def check_folder(path: Path, kind: Kind, force: bool) -> None:
    """Raise ``OSError`` if what is at ``path`` must not be replaced by a folder of ``kind``.

    An empty folder may always be replaced. ``force`` allows read-only folders and trained weights, but never a folder
    of another kind.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path.is_dir() and kind.matches(path)):
        raise FileExistsError(
            errno.EEXIST, "something else exists at this path; name a new folder, or move it away", str(path)
        )
    if force:
        return
    if kind.trained:
        raise OutputExistsError(
            f"{path} contains {kind.name}: pass force=True to replace the trained weights, or name a new folder"
        )
    if any(map(_is_read_only, (path, *path.rglob("*")))):
        raise OutputExistsError(f"{path} is read-only: pass force=True to replace it, or name a new folder")


def _is_read_only(path: Path) -> bool:
    # The mode is checked too, since root may write everywhere.
    return not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK)
