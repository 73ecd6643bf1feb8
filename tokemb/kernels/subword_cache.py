"""The cache of the pre-tokens that one thread has encoded."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, UInt8, UInt64
from tokemb.kernels.compiler import inlined
from tokemb.kernels.pretoken_table import NUMBER, PACKED_IDS, SECOND, SHORT, slot_of
from tokemb.kernels.structs import SLOT
from tokemb.kernels.subword_structs import CACHED, CACHED_IDS, CACHED_LONG, SLOT_WORDS, SubwordCache

_HALF, _LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)


@inlined
def make_room(cache: SubwordCache, pretokens: int) -> tuple[UInt64, bool]:
    """Double the hash table until it is at most half full with this number of further pre-tokens.

    A new table follows the previous one in ``cache.slots``. Its memory is free and zero.

    Returns:
        The table in use, and whether it has room.
    """
    slots, counts = cache.slots, cache.counts
    words = counts[SLOT_WORDS]
    needed = 2 * SLOT * (counts[CACHED] + pretokens)
    while words < needed and 4 * words <= len(slots):
        _copy_slots(slots[words : 2 * words], slots[2 * words : 4 * words])
        words *= 2
    counts[SLOT_WORDS] = words
    return slots[words : 2 * words], words >= needed


@inlined
def _copy_slots(slots: UInt64, out: UInt64) -> None:
    for at in range(0, len(slots), SLOT):
        source = np.uint64(at)
        if slots[source + NUMBER] == np.uint64(0):
            continue
        target = slot_of(out, slots[source], slots[source + SECOND])
        while out[target + NUMBER] != np.uint64(0):
            target = (target + np.uint64(SLOT)) & np.uint64(len(out) - 1)
        for word in range(SLOT):
            out[target + np.uint64(word)] = slots[source + np.uint64(word)]


@inlined
def add(
    cache: SubwordCache,
    slots: UInt64,
    slot: int,
    first: int,
    second: int,
    text: UInt8,
    start: int,
    end: int,
    ids: Int32,
    count: int,
) -> bool:
    """Add the pre-token ``text[start:end]`` with the ids ``ids[:count]``. Return whether there was room for it.

    Args:
        cache: The cache.
        slots: The table in use.
        slot: The free slot for the pre-token.
        first: The first word of the key of the pre-token.
        second: The second word.
        text: The bytes that contain the pre-token.
        start: Its start.
        end: Its end.
        ids: Its ids.
        count: Their number.
    """
    counts = cache.counts
    number = _add_text(cache, text, start, end) if end - start > SHORT else 1
    if number == 0 or counts[CACHED_IDS] + count > len(cache.ids):
        return False
    packed = np.uint64(counts[CACHED_IDS])
    if count == 1 or count == 2:
        packed = np.uint64(ids[0]) | np.uint64(ids[count - 1]) << _HALF
    else:
        for k in range(count):
            cache.ids[counts[CACHED_IDS] + k] = ids[k]
        counts[CACHED_IDS] += count
    slots[slot], slots[slot + SECOND] = first, second
    slots[slot + NUMBER], slots[slot + PACKED_IDS] = np.uint64(count) << _HALF | np.uint64(number), packed
    counts[CACHED] += 1
    return True


@inlined
def _add_text(cache: SubwordCache, text: UInt8, start: int, end: int) -> int:
    """Add the bytes of a pre-token. Return its number + 1, or 0 if there is no room."""
    _, cached_text, starts, _, counts = cache
    number = counts[CACHED_LONG]
    begin = starts[number]
    if number + 1 >= len(starts) or begin + end - start > len(cached_text):
        return 0
    for offset in range(end - start):
        cached_text[begin + offset] = text[start + offset]
    starts[number + 1] = begin + end - start
    counts[CACHED_LONG] = number + 1
    return number + 1


@inlined
def append_cached(
    ids: Int32, ids_word: int, packed: int, values: Int32, position: int, stop: int, dropped_id: int
) -> int:
    """Write the ids of a pre-token to ``values`` from ``position`` on, up to ``stop``.

    Args:
        ids: The field of the cache.
        ids_word: The third word of the slot.
        packed: The fourth word.
        values: Where the ids are written.
        position: The position of the first id.
        stop: The end of the row.
        dropped_id: An id that is left out. -1 for none.

    Returns:
        The next position.
    """
    count = np.int64(ids_word >> _HALF)
    one_or_two = count == 1 or count == 2
    if one_or_two and dropped_id < 0 and position + 2 <= stop:
        # No branch, which the processor could not predict: the second id is overwritten unless there are two.
        at = np.uint64(position)
        values[at], values[at + np.uint64(1)] = np.int32(packed & _LOWER), np.int32(packed >> _HALF)
        return position + count
    for k in range(count):
        token = np.int32(packed >> (_HALF * np.uint64(k)) & _LOWER) if one_or_two else ids[np.int64(packed) + k]
        if token != dropped_id and position < stop:
            values[position] = token
            position += 1
    return position


@inlined
def append_new(ids: Int32, count: int, values: Int32, position: int, stop: int, dropped_id: int) -> int:
    """Write ``ids[:count]`` to ``values`` as ``append_cached``."""
    for k in range(count):
        if ids[k] != dropped_id and position < stop:
            values[position] = ids[k]
            position += 1
    return position
