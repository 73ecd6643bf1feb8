"""What is written, and which of what is there already it may replace."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tokemb.errors import OutputExistsError


@dataclass(frozen=True)
class Kind:
    """A kind of file or folder.

    Attributes:
        name: What it is called in messages, for example ``"token counts"``.
        matches: Whether the file or folder at a path is of this kind.
        trained: Whether it holds the weights of a training, which are replaced only on request.
    """

    name: str
    matches: Callable[[Path], bool]
    trained: bool = False


def check_file(path: Path, kind: Kind | None, force: bool) -> None:
    """Raise ``OutputExistsError`` if the file at ``path`` must not be replaced by one of ``kind`` without ``force``.

    A file without content is always replaced, and any file where ``kind`` is ``None``.
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

    An empty folder is always replaced. With ``force`` also a read-only one and one that holds a training, but never
    one of another kind.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path.is_dir() and kind.matches(path)):
        raise FileExistsError(
            errno.EEXIST, "something else is there already; name a new folder, or move it away", str(path)
        )
    if force:
        return
    if kind.trained:
        raise OutputExistsError(
            f"{path} holds {kind.name}: pass force=True to replace the trained weights, or name a new folder"
        )
    if any(map(_is_read_only, (path, *path.rglob("*")))):
        raise OutputExistsError(f"{path} is read-only: pass force=True to replace it, or name a new folder")


def _is_read_only(path: Path) -> bool:
    # By the mode too: root may write everywhere.
    return not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK)
