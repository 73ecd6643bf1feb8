"""Encode one pre-token with a BPE model: merge the pair of neighbours with the lowest rank, again and again.

Of equal pairs, the first one is merged first, as in `tokenizers` (``tokenizers/src/models/bpe/word.rs``).
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, UInt8, UInt64
from tokemb.kernels.compiler import inlined
from tokemb.kernels.key_table import MISSING, find_value
from tokemb.kernels.merge_queue import pop, push
from tokemb.kernels.pretokenize import decode
from tokemb.kernels.subword_structs import Bpe, SubwordWorkspace
from tokemb.kernels.trie import token_at

_HALF, _LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)

# The merges of fewer symbols are searched one by one. Those of more symbols are kept in a queue.
_FEW = 48


@inlined
def _merge_of(merges: UInt64, left: int, right: int) -> int:
    """Return the rank of a pair of ids, in the upper half, and the id of the merged token, or ``MISSING``."""
    return find_value(merges, np.uint64(left) << _HALF | np.uint64(right))


@inlined
def _byte_symbols(bytes_: Int32, unk_id: int, fuse_unk: int, text: UInt8, start: int, end: int, ids: Int32) -> int:
    """Write the ids of bytes to ``ids``. Return their number."""
    count, is_unknown = 0, False
    for at in range(start, end):
        token = bytes_[np.int64(at > start) | np.int64(at + 1 == end) << 1, text[at]]
        if token >= 0:
            ids[count] = token
            count += 1
        elif unk_id >= 0 and not (is_unknown and fuse_unk):
            ids[count] = unk_id
            count += 1
        is_unknown = token < 0
    return count


@inlined
def _has_bytes(bytes_: Int32, text: UInt8, start: int, end: int) -> bool:
    for at in range(start, end):
        if bytes_[0, text[at]] < 0:
            return False
    return True


@inlined
def _character_symbols(
    characters: UInt64,
    bytes_: Int32,
    unk_id: int,
    fuse_unk: int,
    text: UInt8,
    start: int,
    end: int,
    ids: Int32,
) -> int:
    """Write the ids of characters to ``ids``. Return their number.

    The id of a character out of vocabulary is written after the bytes of the following ones, as in `tokenizers`.
    """
    count, is_unknown, at = 0, False, start
    while at < end:
        code, length = decode(text, at)
        place = np.int64(at > start) | np.int64(at + length == end) << 1
        token = find_value(characters, np.uint64(code << 2 | place))
        if token != MISSING:
            if is_unknown:
                ids[count] = unk_id
                count += 1
                is_unknown = False
            ids[count] = np.int32(token)
            count += 1
        elif _has_bytes(bytes_, text, at, at + length):
            for offset in range(length):
                ids[count + offset] = bytes_[0, text[at + offset]]
            count += length
        elif unk_id >= 0:
            if is_unknown and not fuse_unk:
                ids[count] = unk_id
                count += 1
            is_unknown = True
        at += length
    if is_unknown:
        ids[count] = unk_id
        count += 1
    return count


@inlined
def _merge_few(merges: UInt64, ids: Int32, found: UInt64, count: int) -> int:
    """Merge the symbols ``ids[:count]``. Return their new number. ``found`` is work space."""
    for at in range(count - 1):
        found[at] = _merge_of(merges, ids[at], ids[at + 1])
    while True:
        best, best_at = MISSING, 0
        for at in range(count - 1):
            if found[at] < best:
                best, best_at = found[at], at
        if best == MISSING:
            return count
        ids[best_at] = np.int32(best & _LOWER)
        count -= 1
        for at in range(best_at + 1, count):
            ids[at] = ids[at + 1]
        for at in range(best_at + 1, count - 1):
            found[at] = found[at + 1]
        if best_at > 0:
            found[best_at - 1] = _merge_of(merges, ids[best_at - 1], ids[best_at])
        if best_at + 1 < count:
            found[best_at] = _merge_of(merges, ids[best_at], ids[best_at + 1])


@inlined
def _merge_many(merges: UInt64, ids: Int32, symbols: Int32, queue: UInt64, count: int) -> int:
    """Merge the symbols ``ids[:count]``. Return their new number. ``symbols`` and ``queue`` are work space.

    The queue contains the rank and the position of merges. A merge whose symbols have changed is ignored.
    """
    before, after = symbols[:count], symbols[count : 2 * count]
    queued = 0
    for at in range(count):
        before[at], after[at] = at - 1, at + 1
        if at + 1 < count:
            queued = _enqueue(merges, ids, queue, queued, at, at + 1)
    while queued:
        top = queue[0]
        queued = pop(queue, queued)
        at = np.int64(top & _LOWER)
        if ids[at] < 0 or after[at] >= count:
            continue
        following = np.int64(after[at])
        merge = _merge_of(merges, ids[at], ids[following])
        if merge == MISSING or merge >> _HALF != top >> _HALF:
            continue
        ids[at] = np.int32(merge & _LOWER)
        ids[following] = -1
        after[at] = after[following]
        if after[at] < count:
            before[after[at]] = at
            queued = _enqueue(merges, ids, queue, queued, at, np.int64(after[at]))
        if before[at] >= 0:
            queued = _enqueue(merges, ids, queue, queued, np.int64(before[at]), at)
    kept = 0
    for at in range(count):
        if ids[at] >= 0:
            ids[kept] = ids[at]
            kept += 1
    return kept


@inlined
def _enqueue(merges: UInt64, ids: Int32, queue: UInt64, queued: int, left: int, right: int) -> int:
    """Add the merge of two neighbours to the queue, if there is one. Return the new length of the queue."""
    merge = _merge_of(merges, ids[left], ids[right])
    if merge == MISSING:
        return queued
    return push(queue, queued, merge >> _HALF << _HALF | np.uint64(left))


def encode_bpe(model: Bpe, workspace: SubwordWorkspace, text: UInt8, start: int, end: int, count: int) -> int:
    """Write the ids of the pre-token ``text[start:end]`` to ``workspace.ids`` from ``count`` on.

    Returns:
        The position after the last id.
    """
    merges, characters, bytes_, whole, is_byte_level, unk_id, fuse_unk = model
    ids = workspace.ids[count:]
    if len(whole.tokens):
        token = token_at(whole, text, start, end)
        if token >= 0:
            ids[0] = token
            return count + 1
    if is_byte_level:
        symbols = _byte_symbols(bytes_, unk_id, fuse_unk, text, start, end, ids)
    else:
        symbols = _character_symbols(characters, bytes_, unk_id, fuse_unk, text, start, end, ids)
    if symbols < _FEW:
        return count + _merge_few(merges, ids, workspace.queue, symbols)
    return count + _merge_many(merges, ids, workspace.symbols, workspace.queue, symbols)
