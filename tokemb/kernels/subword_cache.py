"""The cache of the pre-tokens that one thread has encoded."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, UInt8, UInt64
from tokemb.kernels.compiler import inlined
from tokemb.kernels.pretoken_table import NUMBER, PACKED_IDS, SECOND, slot_of
from tokemb.kernels.structs import SLOT
from tokemb.kernels.subword_structs import CACHED, CACHED_IDS, SLOT_WORDS, SubwordCache


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
def pack_ids(ids: Int32, count: int, begin: int) -> int:
    """Return the packed ids of a pre-token with the ids ``ids[:count]``, which are stored from ``begin`` on."""
    return np.uint64(count << 32 | (np.int64(ids[0]) if count == 1 else begin))


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
    _, cached_text, starts, cached_ids, counts = cache
    number, used = counts[CACHED], counts[CACHED_IDS]
    begin = starts[number]
    if number + 1 >= len(starts) or begin + end - start > len(cached_text) or used + count > len(cached_ids):
        return False
    slots[slot], slots[slot + SECOND] = first, second
    slots[slot + NUMBER], slots[slot + PACKED_IDS] = number + 1, pack_ids(ids, count, used)
    for offset in range(end - start):
        cached_text[begin + offset] = text[start + offset]
    starts[number + 1] = begin + end - start
    counts[CACHED] = number + 1
    if count != 1:
        for k in range(count):
            cached_ids[used + k] = ids[k]
        counts[CACHED_IDS] = used + count
    return True
