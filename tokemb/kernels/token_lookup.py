"""Look up whole tokens, compiled, and hash those that are out of vocabulary."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, UInt64
from tokemb.kernels.hashing import bucket_of
from tokemb.kernels.pretoken_table import AHEAD, NUMBER, find, key_of, prefetch_slot, slot_of
from tokemb.kernels.structs import PretokenTable, Text

# The words of a table that stays in the cache.
_CACHED = 1 << 14


def look_up_tokens(
    pretokens: PretokenTable,
    ids: Int32,
    tokens: Text,
    empty_id: int,
    oov_id: int,
    buckets: int,
    key: UInt64,
    found: Int32,
) -> None:
    """Write the id of each token.

    Args:
        pretokens: The tokens of the vocabulary.
        ids: Their ids, int32 (tokens of the vocabulary,).
        tokens: The tokens. ``SLACK`` bytes after the last one can be read.
        empty_id: The id of empty tokens. If it is negative, they are tokens like all others.
        oov_id: The id of other tokens, or of the first of their buckets.
        buckets: The number of buckets, at least 1.
        key: The key of SipHash, as for ``bucket_of``.
        found: int32 (tokens,), where the ids are written.
    """
    slots, pretoken_text, pretoken_starts = pretokens
    data, offsets = tokens
    ahead = AHEAD if len(slots) > _CACHED else len(found)
    for index in range(len(found)):
        if index + ahead < len(found):
            prefetch_slot(slots, data, offsets[index + ahead], offsets[index + ahead + 1])
        start, end = offsets[index], offsets[index + 1]
        if start == end and empty_id >= 0:
            found[index] = empty_id
            continue
        first, second = key_of(data, start, end)
        slot = slot_of(slots, first, second)
        slot = find(slots, pretoken_text, pretoken_starts, first, second, slot, data, start, end)
        number = np.int64(slots[slot + NUMBER])
        if number != 0:
            found[index] = ids[number - 1]
        elif buckets > 1:
            found[index] = oov_id + bucket_of(data, start, end, buckets, key)
        else:
            found[index] = oov_id
