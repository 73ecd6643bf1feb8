"""The merges of byte-pair encoding, learned from counted words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tokemb import kernels
from tokemb._arrays import Int32, Int64
from tokemb.kernels.bpe_training_structs import NEEDS_PAIRS, NEEDS_TOKENS, Events, Pairs, Tokens, Words

# There is room for this many pairs at first, and for fewer tokens. The arrays grow when they are full.
CAPACITY = 1 << 16
_PAIRS_PER_TOKEN = 16
_BYTES_PER_TOKEN = 16

_Value = TypeVar("_Value", bound=np.generic)


class Merges(NamedTuple):
    """What was learned.

    Attributes:
        tokens: The tokens. Their positions are their ids.
        pairs: The merged pairs of tokens, in order.
    """

    tokens: list[str]
    pairs: list[tuple[str, str]]


def learn_merges(
    words: Sequence[str],
    counts: Sequence[int],
    first_tokens: Sequence[str],
    max_tokens: int,
    prefix: str = "",
    capacity: int = CAPACITY,
) -> Merges:
    """Learn the merges that BpeTrainer of `tokenizers` learns from the same words.

    Args:
        words: The words, ``(words,)``. None is empty.
        counts: The number of occurrences of each word, ``(words,)``.
        first_tokens: The tokens with the first ids, which include each character of the words, and for those that are
            not the first of a word the character with ``prefix``.
        max_tokens: The number of tokens at which training ends.
        prefix: The prefix of tokens inside a word.
        capacity: The number of pairs for which there is room at first. The result does not depend on it.

    Returns:
        The tokens, first those of ``first_tokens``, and the merges in the order in which they are applied.
    """
    id_of = {token: index for index, token in enumerate(first_tokens)}
    symbols, lengths = _symbols(words, id_of, prefix)
    starts = np.append(np.int64(0), np.cumsum(lengths)[:-1])
    training = _Training(Words(symbols, starts, lengths, np.asarray(counts, np.int64)), first_tokens, capacity)
    return training.run(max_tokens, len(prefix.encode()))


def _symbols(words: Sequence[str], id_of: dict[str, int], prefix: str) -> tuple[Int32, Int64]:
    """Return the ids of the characters of all words, int32 (characters,), and the lengths of the words."""
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    codes = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
    used = np.unique(codes)
    first = np.array([id_of[chr(code)] for code in used.tolist()], np.int32)
    symbols = first[np.searchsorted(used, codes)]
    if prefix:
        # A character that is only the first one of words may have no token with the prefix.
        inside = np.array([id_of.get(prefix + chr(code), -1) for code in used.tolist()], np.int32)
        is_inside = np.ones(len(codes), bool)
        is_inside[np.cumsum(lengths) - lengths] = False
        symbols = np.where(is_inside, inside[np.searchsorted(used, codes)], symbols)
    return symbols, lengths


class _Training:
    """The arrays of the kernels, which grow when a kernel asks for it."""

    def __init__(self, words: Words, first_tokens: Sequence[str], capacity: int) -> None:
        self._words = words
        # Each pair of neighbours is an event at first, and each merge of two symbols makes two more. The last one is
        # written before it is known to be new.
        room = 3 * len(words.symbols) + 1
        self._events = Events(*(np.empty(room, np.int32) for _ in range(3)))
        self._pairs = _empty_pairs(capacity)
        self._queue = np.empty((capacity, 3), np.int64)
        self._merges = np.empty((1 + capacity // _PAIRS_PER_TOKEN, 3), np.int32)
        texts = [token.encode() for token in first_tokens]
        offsets = np.append(np.int64(0), np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts))))
        self._tokens = Tokens(np.frombuffer(b"".join(texts), np.uint8), offsets, np.empty(0, np.int32))
        # The numbers of pairs, events, entries of the queue, tokens, merges and counted words.
        self._progress = np.array([0, 0, 0, len(texts), 0, 0], np.int64)
        self._enlarge_tokens()

    def run(self, max_tokens: int, prefix: int) -> Merges:
        while kernels.count_pairs(self._words, self._pairs, self._events, self._queue, self._progress) == NEEDS_PAIRS:
            self._enlarge_pairs()
        while status := kernels.merge_pairs(
            self._words,
            self._pairs,
            self._events,
            self._queue,
            self._tokens,
            self._merges,
            self._progress,
            max_tokens,
            prefix,
        ):
            if status == NEEDS_TOKENS:
                self._enlarge_tokens()
            else:
                self._enlarge_pairs()
        return self._result()

    def _enlarge_pairs(self) -> None:
        used = int(self._progress[0])
        old = self._pairs
        self._pairs = _empty_pairs(2 * len(old.keys))
        for new, values in zip(self._pairs[:3], old[:3], strict=True):
            new[:used] = values[:used]
        kernels.fill_key_table(self._pairs.keys[:used], np.arange(used, dtype=np.uint64), self._pairs.table)
        self._queue = np.concatenate([self._queue, np.empty_like(self._queue)])

    def _enlarge_tokens(self) -> None:
        count = int(self._progress[3])
        text, offsets, _ = self._tokens
        capacity = 2 * max(count, len(self._merges))
        size = max(2 * int(offsets[count]), _BYTES_PER_TOKEN * capacity) + _longest(offsets[: count + 1])
        table = np.full(1 << (2 * capacity).bit_length(), -1, np.int32)
        self._tokens = Tokens(_padded(text, size), _padded(offsets, capacity + 1), table)
        kernels.index_tokens(self._tokens, count)
        self._merges = _padded(self._merges, 2 * len(self._merges))

    def _result(self) -> Merges:
        count, merged = self._progress[3:5].tolist()
        bounds = self._tokens.offsets[: count + 1].tolist()
        data = self._tokens.text.tobytes()
        tokens = [data[start:end].decode() for start, end in zip(bounds, bounds[1:], strict=False)]
        pairs = [(tokens[left], tokens[right]) for left, right, _ in self._merges[:merged].tolist()]
        # A pair that was merged twice has the rank of its last merge, as in `tokenizers`.
        last = {pair: rank for rank, pair in enumerate(pairs)}
        return Merges(tokens, sorted(last, key=last.__getitem__))


def _empty_pairs(capacity: int) -> Pairs:
    return Pairs(
        np.empty(capacity, np.uint64),
        np.empty(capacity, np.int64),
        np.empty(capacity, np.int64),
        np.zeros(2 << (2 * capacity).bit_length(), np.uint64),
    )


def _longest(offsets: Int64) -> int:
    """Return room for the text of two tokens, which is written before it is known to be new."""
    return 2 * int(np.diff(offsets).max(initial=0))


def _padded(array: npt.NDArray[_Value], length: int) -> npt.NDArray[_Value]:
    """Return a copy with more rows."""
    larger = np.empty((length, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array[:length]
    return larger
