"""Limits on what compressed data may unpack to, so that a small file cannot use a large amount of memory or disk."""

from __future__ import annotations

# Data of this size is unpacked whatever its ratio: any machine has room for it.
FREE_BYTES = 1 << 24

# Weights, ids and JSON shrink to a tenth at best. Deflate itself reaches 1,032 for zeros alone.
_LARGEST_RATIO = 100


def is_bomb(unpacked: int, stored: int, free: int = FREE_BYTES) -> bool:
    """Return whether ``stored`` bytes that unpack to ``unpacked`` bytes were made to fill memory or disk.

    Args:
        unpacked: The size in memory.
        stored: The size in the file.
        free: The size in memory up to which the ratio does not matter.
    """
    return unpacked > free and unpacked > _LARGEST_RATIO * max(stored, 1)
