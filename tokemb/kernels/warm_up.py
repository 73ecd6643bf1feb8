"""Loading of LLVM before the first kernel is called, while Python code runs in another thread."""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from pathlib import Path

from tokemb.kernels import machine_code
from tokemb.kernels.kernel import loading


def load_llvm() -> None:
    """Load LLVM. Call this in a thread before work that takes longer and calls no kernels."""
    with loading:
        _load_library()
        machine_code.load_linker()


def _load_library() -> None:
    """Load the library of llvmlite without holding the interpreter lock, as ``import llvmlite`` would for 30 ms."""
    package = find_spec("llvmlite")
    load = getattr(ctypes.CDLL(None), "dlopen", None) if os.name == "posix" else None
    if package is not None and package.origin is not None and load is not None:
        library = Path(package.origin).parent / "binding" / "libllvmlite.so"
        load(ctypes.c_char_p(os.fsencode(library)), ctypes.c_int(os.RTLD_NOW))
