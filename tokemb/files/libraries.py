"""Loading of shared libraries in advance, while Python code runs in another thread."""

from __future__ import annotations

import ctypes
import os
from importlib.machinery import PathFinder
from pathlib import Path


def load_library(package: str, *path: str) -> None:
    """Load a shared library of a package without holding the interpreter lock, as importing the package would.

    Nothing happens if the library cannot be loaded in this way. Importing the package loads it, or tells why not.

    Args:
        package: The name of the package, which is not imported.
        path: The path of the library in the folder of the package.
    """
    spec = PathFinder.find_spec(package)
    load = getattr(ctypes.CDLL(None), "dlopen", None) if os.name == "posix" else None
    if spec is not None and spec.origin is not None and load is not None:
        library = Path(spec.origin).parent.joinpath(*path)
        load(ctypes.c_char_p(os.fsencode(library)), ctypes.c_int(os.RTLD_NOW))
