"""Inputs that an output would replace."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO


def replaced_input(files: Iterable[Path], output: Path) -> Path | None:
    """Return the first file that writing ``output`` would replace, or that is in the folder ``output``.

    ``-`` stands for the file that standard input or output is redirected to.
    """
    target = _status(output, sys.stdout)
    if target is None:
        return None
    folder = Path(os.path.realpath(output)) if stat.S_ISDIR(target.st_mode) else None
    for file in files:
        status = _status(file, sys.stdin)
        is_same = status is not None and stat.S_ISREG(status.st_mode) and os.path.samestat(status, target)
        if is_same or folder in Path(os.path.realpath(file)).parents:
            return file
    return None


def _status(path: Path, stream: TextIO | None) -> os.stat_result | None:
    """Return the status of a file, or for ``-`` of the file that ``stream`` is redirected to, if it exists."""
    try:
        return path.stat() if str(path) != "-" or stream is None else os.fstat(stream.fileno())
    except (OSError, ValueError):  # ValueError: the stream is closed
        return None
