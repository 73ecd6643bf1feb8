"""Memory that the kernels look up in."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import UInt64

# The words of a line of the processor's cache.
_LINE_WORDS = 8


def aligned_words(size: int) -> UInt64:
    """Return zeros, uint64 (size,), that begin at a line of the processor's cache.

    A slot of a hash table is then in one line. NumPy aligns arrays to 16 bytes only, so half of the slots would be in
    two lines, and each look-up would wait for the second one.
    """
    words = np.zeros(size + _LINE_WORDS - 1, np.uint64)
    first = -words.ctypes.data // words.itemsize % _LINE_WORDS
    return words[first : first + size]
