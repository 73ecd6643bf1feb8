"""Limits of decompressed sizes, so that a small file cannot use a large amount of memory or disk."""

from __future__ import annotations

# Data of up to this size is always decompressed: any machine has enough memory for it.
FREE_BYTES = 1 << 24

# Weights, ids and JSON shrink to a tenth at best. Deflate reaches 1,032 for a file of zeros.
_MAX_RATIO = 100


def is_bomb(unpacked: int, stored: int, free: int = FREE_BYTES) -> bool:
    """Return whether compressed data was made to fill memory or disk.

    Args:
        unpacked: The decompressed size in bytes.
        stored: The size in the file in bytes.
        free: The decompressed size up to which any ratio is accepted.
    """
    return unpacked > free and unpacked > _MAX_RATIO * max(stored, 1)
