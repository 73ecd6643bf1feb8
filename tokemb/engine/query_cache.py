"""Results of long series of queries to `tokenizers`, saved in the cache folder of the kernels.

A result is valid for one version of `tokenizers` and for one state of the code that queries it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from tokemb._arrays import Array
from tokemb.kernels import object_cache, structs
from tokemb.vocabulary.tokenizers_library import library_version

Arrays = Mapping[str, Array]

_SOURCES = (Path(__file__).parent, Path(structs.__file__))


def saved_arrays(key: str, is_valid: Callable[[Arrays], bool] | None = None) -> Arrays | None:
    """Return the arrays that were saved for ``key``, or ``None``.

    Args:
        key: All that determines the arrays, except the versions of the code.
        is_valid: Compares some of the saved arrays with new queries. Arrays for which it is false are not returned.
    """
    content = object_cache.read(_name(key))
    if content is None:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays: Arrays = dict(file)
    return arrays if is_valid is None or is_valid(arrays) else None


def cached_arrays(key: str, build: Callable[[], Arrays], is_valid: Callable[[Arrays], bool] | None = None) -> Arrays:
    """Return what ``saved_arrays`` returns. If that is nothing, make the arrays with ``build`` and save them."""
    arrays = saved_arrays(key, is_valid)
    if arrays is None:
        arrays = build()
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        object_cache.write(_name(key), buffer.getvalue())
    return arrays


def _name(key: str) -> str:
    return f"characters-{hashlib.sha256(_versions() + key.encode()).hexdigest()[:32]}.npz"


@cache
def _versions() -> bytes:
    """Return a digest of the version of `tokenizers` and of the code of this package."""
    digest = hashlib.sha256(f"{library_version()} {np.__version__}\n".encode())
    folder, constants = _SOURCES
    for file in (*sorted(folder.glob("*.py")), constants):
        digest.update(file.read_bytes())
    return digest.digest()
