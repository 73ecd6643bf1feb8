"""The order of tokens by their counts and their bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int64, UInt64
from tokemb.rows.string_buffers import string_buffers


def token_order(tokens: pa.LargeStringArray, counts: Int64, ties: str) -> Int64:
    """Return the order of tokens by descending count, int64 ``(tokens,)``.

    NumPy sorts by the first eight bytes of the tokens, and Arrow only the tokens for which they are not sufficient.

    Args:
        tokens: Distinct tokens, ``large_string`` ``(tokens,)`` without nulls.
        counts: int64 ``(tokens,)``.
        ties: The order of equally frequent tokens: ``"ascending"`` or ``"descending"`` by their UTF-8 bytes, or
            ``"first seen"``.
    """
    if ties == "first seen":
        return np.argsort(-counts, kind="stable")
    first_bytes = _first_bytes(tokens)
    order = np.argsort(first_bytes if ties == "ascending" else ~first_bytes)
    rarity = counts.max(initial=0) - counts
    if rarity.max(initial=0) < 1 << 16:
        rarity = rarity.astype(np.uint16)  # which NumPy sorts in linear time
    order = order[np.argsort(rarity[order], kind="stable")]
    sorted_counts, sorted_bytes = counts[order], first_bytes[order]
    is_tie = (sorted_counts[1:] == sorted_counts[:-1]) & (sorted_bytes[1:] == sorted_bytes[:-1])
    if is_tie.any():
        import pyarrow.compute as pc  # only here, because encoding does not need it

        tied = np.flatnonzero(np.append(is_tie, False) | np.append(False, is_tie))
        groups = np.cumsum(~np.append(False, is_tie))[tied]
        table = pa.table({"group": groups, "token": tokens.take(pa.array(order[tied]))})
        order[tied] = order[tied[pc.sort_indices(table, [("group", "ascending"), ("token", ties)]).to_numpy()]]
    return order


def _first_bytes(tokens: pa.LargeStringArray) -> UInt64:
    """Return the first eight bytes of each token as an integer that orders them as bytes, uint64 ``(tokens,)``."""
    offsets, data = string_buffers(tokens)
    data = np.append(data, np.zeros(8, np.uint8))
    words = np.ndarray(len(data) - 7, ">u8", data, strides=(1,))[offsets[:-1]].astype(np.uint64)
    unused = 8 * (8 - np.minimum(np.diff(offsets), 8)).astype(np.uint64)
    shift = np.minimum(unused, 63)
    return np.where(unused == 64, 0, words >> shift << shift).astype(np.uint64)
