"""The arguments of the kernels that train byte-pair encoding."""

from __future__ import annotations

from typing import NamedTuple

from tokemb._arrays import Int32, Int64, UInt8, UInt64

# What the kernels return. NEEDS_PAIRS, NEEDS_TOKENS: the arrays of pairs or of tokens are full.
FINISHED, NEEDS_PAIRS, NEEDS_TOKENS = 0, 1, 2


class Words(NamedTuple):
    """The distinct words. A word becomes shorter when two of its symbols are merged.

    Attributes:
        symbols: int32 (symbols,), the symbols of all words, which are ids of tokens.
        starts: int64 (words,), the position of the first symbol of each word.
        lengths: int64 (words,), the number of symbols of each word.
        counts: int64 (words,), how often each word occurs.
    """

    symbols: Int32
    starts: Int64
    lengths: Int64
    counts: Int64


class Pairs(NamedTuple):
    """The pairs of neighbouring symbols.

    Attributes:
        keys: uint64 (pairs,), the first symbol, shifted by 32 bits, and the second one.
        counts: int64 (pairs,), how often each pair occurs in the text.
        events: int64 (pairs,), the newest event of each pair that is not in the queue, or -1.
        table: uint64 (2 * slots,), the indices of the keys, as ``key_table`` defines it.
    """

    keys: UInt64
    counts: Int64
    events: Int64
    table: UInt64


class Events(NamedTuple):
    """The words in which pairs arose.

    Attributes:
        words: int32 (events,), the word of each event.
        pairs: int32 (events,), the pair of each event.
        earlier: int32 (events,), the previous event of the same pair, or -1.
    """

    words: Int32
    pairs: Int32
    earlier: Int32


class Tokens(NamedTuple):
    """The texts of the symbols.

    Attributes:
        text: uint8 (bytes,), the texts of all tokens.
        offsets: int64 (tokens + 1,), where each text begins.
        table: int32 (slots,), the ids by a hash of the text, or -1. The number of slots is a power of two.
    """

    text: UInt8
    offsets: Int64
    table: Int32
