"""A hash table from pre-tokens to ids, for the kernels."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, Int64, UInt8, UInt64
from tokemb.kernels.compiler import inlined
from tokemb.kernels.simd import load, prefetch
from tokemb.kernels.structs import SLOT, PretokenTable, Text

SECOND, NUMBER, PACKED_IDS = np.uint64(1), np.uint64(2), np.uint64(3)

# The packed ids of a pre-token with one id are this plus the id.
_ONE_ID = np.uint64(1 << 32)

AHEAD = 12
"""The number of look-ups before which a slot is loaded into the cache."""

# A pre-token of at most this many bytes is its own key. The last of the key's 16 bytes is the number of bytes.
_SHORT = 15
_LONG = np.uint64(0xFF << 56)
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
# Multipliers without a bit pattern, from xxHash.
_K0, _K1, _K2 = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)


@inlined
def key_of(text: UInt8, start: int, end: int) -> tuple[int, int]:
    """Return the key of the pre-token ``text[start:end]``."""
    length = end - start
    if length > _SHORT:
        return _hashes(text, start, end)
    if length == 0:
        return np.uint64(0), np.uint64(0)
    # The two halves are masked without a branch, because the processor could not predict it.
    first = load(text, start) & (_ONES >> np.uint64(64 - 8 * min(length, 8)))
    second = load(text, start + 8) & (_ONES >> np.uint64(1) >> np.uint64(63 - 8 * max(length - 8, 0)))
    return first, second | np.uint64(length) << np.uint64(56)


@inlined
def _hashes(text: UInt8, start: int, end: int) -> tuple[int, int]:
    first, second = np.uint64(end - start), np.uint64(0)
    at = start
    while at < end:  # the last eight bytes may overlap the ones before
        word = load(text, min(at, end - 8))
        first = (first ^ word) * _K0
        first ^= first >> np.uint64(29)
        second = (second + word) * _K1
        second ^= second >> np.uint64(31)
        at += 8
    return first, second | _LONG


@inlined
def slot_of(slots: UInt64, first: int, second: int) -> int:
    """Return the first slot to try for a key. It is unsigned, so that Numba does not test for negative indices."""
    mixed = (first ^ (second * _K1)) * _K0
    mixed ^= mixed >> np.uint64(32)
    mixed *= _K2
    return (mixed >> np.uint64(36)) * np.uint64(SLOT) & np.uint64(len(slots) - 1)


@inlined
def prefetch_slot(slots: UInt64, text: UInt8, start: int, end: int) -> None:
    """Load the first slot to try for the pre-token ``text[start:end]`` into the cache."""
    first, second = key_of(text, start, end)
    prefetch(slots, slot_of(slots, first, second))


@inlined
def find(
    slots: UInt64,
    pretoken_text: UInt8,
    pretoken_starts: Int64,
    first: int,
    second: int,
    slot: int,
    text: UInt8,
    start: int,
    end: int,
) -> int:
    """Return the position in ``slots`` of the pre-token ``text[start:end]``, or of the free slot for it.

    Args:
        slots: The field of ``PretokenTable``.
        pretoken_text: The field ``text`` of ``PretokenTable``.
        pretoken_starts: The field ``starts`` of ``PretokenTable``.
        first: The first word of the key.
        second: The second word of the key.
        slot: The first slot to try.
        text: The bytes that contain the pre-token.
        start: Its start.
        end: Its end.
    """
    while True:
        if slots[slot] == first and slots[slot + SECOND] == second:
            if end - start <= _SHORT or _same(slots[slot + NUMBER], pretoken_text, pretoken_starts, text, start, end):
                return slot
        elif slots[slot + NUMBER] == np.uint64(0):
            return slot
        slot = slot + np.uint64(SLOT) & np.uint64(len(slots) - 1)


@inlined
def _same(number: int, pretoken_text: UInt8, pretoken_starts: Int64, text: UInt8, start: int, end: int) -> bool:
    """Return whether the pre-token with this number (its index + 1) is ``text[start:end]``."""
    if number == np.uint64(0):
        return False
    begin = pretoken_starts[number - np.uint64(1)]
    if pretoken_starts[number] - begin != end - start:
        return False
    for offset in range(end - start):
        if pretoken_text[begin + offset] != text[start + offset]:
            return False
    return True


def insert(pretokens: PretokenTable, size: int, texts: Text, packed_ids: UInt64) -> None:
    """Insert ``texts`` as the pre-tokens from ``size`` on. The table must have room, and must not contain them.

    Args:
        pretokens: The table.
        size: The number of pre-tokens in it.
        texts: The new pre-tokens.
        packed_ids: Their packed ids, uint64 (texts,).
    """
    slots, pretoken_text, pretoken_starts = pretokens
    data, offsets = texts
    for index in range(len(offsets) - 1):
        start, end = offsets[index], offsets[index + 1]
        first, second = key_of(data, start, end)
        slot = slot_of(slots, first, second)
        slot = find(slots, pretoken_text, pretoken_starts, first, second, slot, data, start, end)
        slots[slot] = first
        slots[slot + SECOND] = second
        slots[slot + NUMBER] = size + index + 1
        slots[slot + PACKED_IDS] = packed_ids[index]
        begin = pretoken_starts[size + index]
        for offset in range(end - start):
            pretoken_text[begin + offset] = data[start + offset]
        pretoken_starts[size + index + 1] = begin + end - start


def number_tokens(pretokens: PretokenTable, size: int, texts: Text, numbers: Int32) -> int:
    """Write the number of each text to ``numbers``, int32 (texts,). New texts are inserted and get new numbers.

    Args:
        pretokens: The table, with room for all texts. The id of a pre-token is its number.
        size: The number of pre-tokens in the table.
        texts: The texts.
        numbers: Where the numbers are written.

    Returns:
        The number of pre-tokens in the table.
    """
    slots, pretoken_text, pretoken_starts = pretokens
    data, offsets = texts
    for index in range(len(numbers)):
        if index + AHEAD < len(numbers):
            prefetch_slot(slots, data, offsets[index + AHEAD], offsets[index + AHEAD + 1])
        start, end = offsets[index], offsets[index + 1]
        first, second = key_of(data, start, end)
        slot = slot_of(slots, first, second)
        slot = find(slots, pretoken_text, pretoken_starts, first, second, slot, data, start, end)
        if slots[slot + NUMBER] == np.uint64(0):
            slots[slot] = first
            slots[slot + SECOND] = second
            slots[slot + PACKED_IDS] = _ONE_ID | np.uint64(size)
            begin = pretoken_starts[size]
            for offset in range(end - start):
                pretoken_text[begin + offset] = data[start + offset]
            size += 1
            slots[slot + NUMBER] = size
            pretoken_starts[size] = begin + end - start
        numbers[index] = np.int64(slots[slot + NUMBER]) - 1
    return size


def move_slots(slots: UInt64, larger: UInt64) -> None:
    """Insert the pre-tokens of a table into a larger table. Both are the field ``slots`` of a ``PretokenTable``."""
    for old in range(0, len(slots), SLOT):
        if slots[old + 2] != 0:
            slot = slot_of(larger, slots[old], slots[old + 1])
            while larger[slot + NUMBER] != np.uint64(0):
                slot = slot + np.uint64(SLOT) & np.uint64(len(larger) - 1)
            for word in range(SLOT):
                larger[slot + np.uint64(word)] = slots[old + word]


def find_all(pretokens: PretokenTable, texts: Text, found: Int32) -> None:
    """Write the number of each text to ``found``, int32 (texts,). It is -1 for texts that are not in the table."""
    slots, pretoken_text, pretoken_starts = pretokens
    data, offsets = texts
    for index in range(len(found)):
        start, end = offsets[index], offsets[index + 1]
        first, second = key_of(data, start, end)
        slot = slot_of(slots, first, second)
        slot = find(slots, pretoken_text, pretoken_starts, first, second, slot, data, start, end)
        found[index] = np.int64(slots[slot + NUMBER]) - 1
