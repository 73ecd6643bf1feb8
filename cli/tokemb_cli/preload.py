"""Load what a command needs in threads, while Python imports modules."""

from __future__ import annotations

from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from threading import Thread


def arrow() -> None:
    """Load the libraries of pyarrow. This is half of the work of ``import pyarrow``, which lets no other thread run."""
    Thread(target=_load_arrow, name="tokemb-background").start()


def llvm() -> None:
    """Load LLVM, which runs the kernels that large files need."""
    from tokemb.rows.threads import in_background

    in_background(_load_llvm)


def _load_arrow() -> None:
    with suppress(Exception):  # import pyarrow raises the error again
        from tokemb.files.libraries import load_library

        load_library("pyarrow", f"lib{EXTENSION_SUFFIXES[0]}")


def _load_llvm() -> None:
    from tokemb.files.libraries import load_library
    from tokemb.kernels.warm_up import load_llvm

    load_library("llvmlite", "binding", "libllvmlite.so")
    load_llvm()
