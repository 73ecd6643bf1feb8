"""A hash table from integers to integers, for the tables of the subword models."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import UInt64
from tokemb.kernels.compiler import inlined

# No key has this value, so that it stands for a missing key.
MISSING = np.uint64(0xFFFFFFFFFFFFFFFF)

_K0 = np.uint64(0x9E3779B185EBCA87)
_ONE = np.uint64(1)


@inlined
def first_slot(table: UInt64, key: int) -> int:
    """Return the position in ``table`` at which the search for ``key`` begins."""
    mixed = key * _K0
    return ((mixed ^ (mixed >> np.uint64(32))) << _ONE) & np.uint64(len(table) - 1)


@inlined
def find_slot(table: UInt64, key: int) -> int:
    """Return the position of ``key`` in ``table``, or of the free slot for it. Free slots contain 0."""
    mask = np.uint64(len(table) - 1)
    slot = first_slot(table, key)
    while table[slot] != key + _ONE and table[slot] != np.uint64(0):
        slot = (slot + np.uint64(2)) & mask
    return slot


@inlined
def find_value(table: UInt64, key: int) -> int:
    """Return the value of ``key``, uint64, or ``MISSING``.

    Args:
        table: uint64 (2 * slots,), where the number of slots is a power of two: for each slot, the key + 1, or 0 if the
            slot is free, and the value. At least one slot is free.
        key: The key, uint64.
    """
    slot = find_slot(table, key)
    return table[slot + _ONE] if table[slot] != np.uint64(0) else MISSING


def fill_key_table(keys: UInt64, values: UInt64, table: UInt64) -> None:
    """Insert ``keys`` and ``values``, uint64 (keys,), into ``table``. A later value replaces an earlier one."""
    for index in range(len(keys)):
        slot = find_slot(table, keys[index])
        table[slot] = keys[index] + _ONE
        table[slot + _ONE] = values[index]
