"""Machine code on disk: beside the package, or in the user's cache folder if the package folder is not writable.

A folder that other users can write to is not used.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import numpy as np

# The environment variable that selects another folder for the machine code.
FOLDER_VARIABLE = "TOKEMB_CACHE_DIR"

_HERE = Path(__file__).parent
_DIGEST = hashlib.sha256
_DIGEST_SIZE = _DIGEST().digest_size


def sources_digest() -> bytes:
    """Return a digest of all that determines the machine code, except the processor: this package and the compiler.

    The version of Numba is not part of it: each minor version requires another llvmlite. The code does not need Numba,
    and looking up the version of an installed package takes longer than loading a kernel.
    """
    import llvmlite

    digest = _DIGEST(f"{llvmlite.__version__} {np.__version__}\n".encode())
    for file in sorted(_HERE.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


def read(name: str) -> bytes | None:
    """Return the code that was saved as ``name``, or ``None`` if it is missing or damaged."""
    for folder in filter(_is_private, _folders()):
        with suppress(OSError):
            content = (folder / name).read_bytes()
            if content[:_DIGEST_SIZE] == _DIGEST(content[_DIGEST_SIZE:]).digest():
                return content[_DIGEST_SIZE:]
    return None


def write(name: str, code: bytes) -> None:
    """Save ``code`` in the first writable folder. Do nothing if there is none."""
    for folder in _folders():
        with suppress(OSError):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            if not _is_private(folder):
                continue
            temporary = folder / f".{name}.{uuid4().hex}"
            try:
                temporary.write_bytes(_DIGEST(code).digest() + code)
                temporary.replace(folder / name)
            finally:
                temporary.unlink(missing_ok=True)
            return


def _is_private(folder: Path) -> bool:
    """Return whether only this user and the administrator can write to a folder. Others could replace machine code."""
    if not hasattr(os, "geteuid"):  # Windows, where the user's folders are private
        return True
    try:
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _folders() -> Iterator[Path]:
    if folder := os.environ.get(FOLDER_VARIABLE):
        yield Path(folder)
        return
    yield _HERE / "__pycache__"
    from platformdirs import user_cache_path

    yield user_cache_path("tokemb", appauthor=False)
