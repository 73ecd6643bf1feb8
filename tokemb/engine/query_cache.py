"""Results of long series of queries to `tokenizers`, saved in the cache folder of the kernels.

A result is valid for one version of `tokenizers` and for one state of the code that queries it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

from tokemb.kernels import object_cache, structs

Arrays = Mapping[str, npt.NDArray[Any]]

_SOURCES = (Path(__file__).parent, Path(structs.__file__))


def cached_arrays(key: str, build: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that were saved for ``key``. Otherwise build and save them.

    Args:
        key: All that determines the arrays, except the versions of the code.
        build: Makes the arrays.
    """
    name = f"characters-{hashlib.sha256(_versions() + key.encode()).hexdigest()[:32]}.npz"
    content = object_cache.read(name)
    if content is not None:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return dict(file)
    arrays = build()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    object_cache.write(name, buffer.getvalue())
    return arrays


@cache
def _versions() -> bytes:
    """Return a digest of the version of `tokenizers` and of the code of this package."""
    digest = hashlib.sha256(f"{tokenizers.__version__} {np.__version__}\n".encode())
    folder, constants = _SOURCES
    for file in (*sorted(folder.glob("*.py")), constants):
        digest.update(file.read_bytes())
    return digest.digest()
