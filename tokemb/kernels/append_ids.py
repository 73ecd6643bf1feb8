"""Write the ids of the pre-tokens of a chunk: they are looked up, hashed, or encoded by a subword model and cached."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, UInt8, UInt64
from tokemb.kernels.compiler import inlined, inlined_by_type
from tokemb.kernels.encode_pretoken import encode_pretoken
from tokemb.kernels.hashing import bucket_of
from tokemb.kernels.pretoken_table import NUMBER, PACKED_IDS, find, key_of, slot_of
from tokemb.kernels.simd import prefetch
from tokemb.kernels.structs import (
    DONE,
    LEFT_TO_REFERENCE,
    MISS_TO_REFERENCE,
    NEEDS_PRETOKEN,
    RECORD_MISS_IN_PLACE,
    SCAN_FULL,
    Report,
)
from tokemb.kernels.subword_cache import add, make_room, pack_ids
from tokemb.kernels.subword_structs import REFUSED, BucketLookup, Lookup, SubwordEncoder

# The packed ids of a pre-token with one id are _ONE_ID plus the id in the lower half.
_ONE_ID, _LOWER = np.uint64(1 << 32), np.uint64(0xFFFFFFFF)


@inlined
def _prefetch_slots(
    slots: UInt64, scratch: UInt8, starts: Int32, ends: Int32, count: int, keys: UInt64, slot_positions: UInt64
) -> None:
    """Write the key and the first slot of each pre-token of a chunk, and load the slots into the processor's cache.

    Waiting for memory for each pre-token in turn would take longer than everything else.
    """
    for pretoken in range(count):
        if starts[pretoken] < 0:
            continue
        first, second = key_of(scratch, starts[pretoken], ends[pretoken])
        keys[2 * pretoken], keys[2 * pretoken + 1] = first, second
        slot_positions[pretoken] = slot_of(slots, first, second)
        prefetch(slots, slot_positions[pretoken])


@inlined
def _append(values: Int32, position: int, stop: int, ids: Int32, packed_ids: int, dropped_id: int) -> int:
    """Write the ids of a pre-token to ``values`` from ``position`` on, up to ``stop``. Return the next position."""
    if packed_ids >> np.uint64(32) == np.uint64(1):
        token = np.int32(packed_ids & _LOWER)
        if token != dropped_id and position < stop:
            values[position] = token
            position += 1
        return position
    begin = np.int64(packed_ids & _LOWER)
    for k in range(begin, begin + np.int64(packed_ids >> np.uint64(32))):
        if ids[k] != dropped_id and position < stop:
            values[position] = ids[k]
            position += 1
    return position


@inlined
def _record_miss(report: Report, miss_count: int, scratch: UInt8, start: int, end: int) -> bool:
    """Record a pre-token that is not in the table. Return whether there was room for it."""
    used = report.miss_splits[miss_count]
    if miss_count + 1 >= len(report.miss_splits) or used + end - start > len(report.misses):
        return False
    for k in range(end - start):
        report.misses[used + k] = scratch[start + k]
    report.miss_splits[miss_count + 1] = used + end - start
    return True


def _append_known_ids(
    encoder: Lookup,
    scratch: UInt8,
    starts: Int32,
    ends: Int32,
    count: int,
    keys: UInt64,
    slot_positions: UInt64,
    values: Int32,
    position: int,
    stop: int,
    dropped_id: int,
    report: Report,
    miss_count: int,
) -> tuple[int, int, int]:
    pretokens, ids, on_miss = encoder
    slots, pretoken_text, pretoken_starts = pretokens
    status = DONE
    _prefetch_slots(slots, scratch, starts, ends, count, keys, slot_positions)
    for pretoken in range(count):
        start, end = starts[pretoken], ends[pretoken]
        if start < 0:  # the id of a character
            position = _append(values, position, stop, ids, _ONE_ID | np.uint64(-1 - start), dropped_id)
            continue
        first, second, slot = keys[2 * pretoken], keys[2 * pretoken + 1], slot_positions[pretoken]
        slot = find(slots, pretoken_text, pretoken_starts, first, second, slot, scratch, start, end)
        known = slots[slot + NUMBER] != np.uint64(0)
        if known or on_miss >= 0:
            packed_ids = slots[slot + PACKED_IDS] if known else _ONE_ID | np.uint64(on_miss)
            position = _append(values, position, stop, ids, packed_ids, dropped_id)
        elif on_miss == MISS_TO_REFERENCE:
            status = LEFT_TO_REFERENCE
        elif not _record_miss(report, miss_count, scratch, start, end):
            return position, SCAN_FULL, miss_count
        else:
            miss_count += 1
            if on_miss == RECORD_MISS_IN_PLACE:
                values[position] = -miss_count
                position += 1
            else:
                status = max(status, NEEDS_PRETOKEN)
    return position, status, miss_count


def _append_bucket_ids(
    encoder: BucketLookup,
    scratch: UInt8,
    starts: Int32,
    ends: Int32,
    count: int,
    keys: UInt64,
    slot_positions: UInt64,
    values: Int32,
    position: int,
    stop: int,
    dropped_id: int,
    report: Report,
    miss_count: int,
) -> tuple[int, int, int]:
    pretokens, ids, first_id, buckets, hash_key = encoder
    slots, pretoken_text, pretoken_starts = pretokens
    has_tokens = len(pretoken_starts) > 1
    if has_tokens:
        _prefetch_slots(slots, scratch, starts, ends, count, keys, slot_positions)
    for pretoken in range(count):
        if position >= stop:
            break
        start, end = starts[pretoken], ends[pretoken]
        if start < 0:  # the id of a character
            position = _append(values, position, stop, ids, _ONE_ID | np.uint64(-1 - start), dropped_id)
            continue
        packed_ids = np.uint64(0)
        if has_tokens:
            first, second, slot = keys[2 * pretoken], keys[2 * pretoken + 1], slot_positions[pretoken]
            slot = find(slots, pretoken_text, pretoken_starts, first, second, slot, scratch, start, end)
            packed_ids = slots[slot + PACKED_IDS]  # 0 if the slot is free
        if packed_ids == np.uint64(0):
            values[position] = first_id + bucket_of(scratch, start, end, buckets, hash_key)
            position += 1
        else:
            position = _append(values, position, stop, ids, packed_ids, dropped_id)
    return position, DONE, miss_count


def _append_subword_ids(
    encoder: SubwordEncoder,
    scratch: UInt8,
    starts: Int32,
    ends: Int32,
    count: int,
    keys: UInt64,
    slot_positions: UInt64,
    values: Int32,
    position: int,
    stop: int,
    dropped_id: int,
    report: Report,
    miss_count: int,
) -> tuple[int, int, int]:
    model, affix, cache, workspace = encoder
    cached_text, cached_starts, ids, counts = cache.text, cache.starts, cache.ids, cache.counts
    slots, has_room = make_room(cache, count)
    _prefetch_slots(slots, scratch, starts, ends, count, keys, slot_positions)
    for pretoken in range(count):
        if position >= stop:
            break
        start, end = starts[pretoken], ends[pretoken]
        if start < 0:  # the id of a character
            position = _append(values, position, stop, ids, _ONE_ID | np.uint64(-1 - start), dropped_id)
            continue
        first, second, slot = keys[2 * pretoken], keys[2 * pretoken + 1], slot_positions[pretoken]
        slot = find(slots, cached_text, cached_starts, first, second, slot, scratch, start, end)
        if slots[slot + NUMBER] == np.uint64(0):
            new_ids = encode_pretoken(model, affix, workspace, scratch, start, end)
            if new_ids < 0:
                return position, LEFT_TO_REFERENCE, miss_count
            if not has_room or not add(cache, slots, slot, first, second, scratch, start, end, workspace.ids, new_ids):
                counts[REFUSED] += 1
                packed_ids = pack_ids(workspace.ids, new_ids, 0)
                position = _append(values, position, stop, workspace.ids, packed_ids, dropped_id)
                continue
        position = _append(values, position, stop, ids, slots[slot + PACKED_IDS], dropped_id)
    return position, DONE, miss_count


# Write the ids of the pre-tokens of a chunk.
#
# Args:
#     encoder: A ``Lookup``, a ``BucketLookup`` or a ``SubwordEncoder``. Each has an implementation.
#     scratch: uint8, the normalized text. ``SLACK`` bytes after the last pre-token can be read.
#     starts: int32, the starts of the pre-tokens in ``scratch``. If the id is known: minus the id, minus 1.
#     ends: int32, their ends.
#     count: The number of pre-tokens, at most MAX_PRETOKENS.
#     keys: uint64 (2 * MAX_PRETOKENS,), work space.
#     slot_positions: uint64 (MAX_PRETOKENS,), work space.
#     values: int32, where the ids are written.
#     position: The position of the next id in ``values``.
#     stop: The end of the row in ``values``. Further ids are left out.
#     dropped_id: An id that is left out. -1 for none.
#     report: Where pre-tokens that are not in the table are recorded.
#     miss_count: The number of recorded pre-tokens.
#
# Returns:
#     The next position, the status of the row or ``SCAN_FULL``, and the number of recorded pre-tokens.
append_ids = inlined_by_type(
    {Lookup: _append_known_ids, BucketLookup: _append_bucket_ids, SubwordEncoder: _append_subword_ids}
)
