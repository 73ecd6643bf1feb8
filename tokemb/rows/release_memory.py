"""Return freed memory to the system."""

from __future__ import annotations

import sys

import pyarrow as pa


def release_memory() -> None:
    """Return freed memory to the system. Arrow and the C library would keep up to hundreds of megabytes of it."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only the GNU C library has it
        if trim is not None:
            trim(0)
