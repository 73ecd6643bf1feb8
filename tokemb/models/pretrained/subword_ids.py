"""The rows of the character n-grams of a word in a fastText matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_FNV_START = 2166136261
_FNV_PRIME = 16777619
_UINT32 = 0xFFFFFFFF


@dataclass(frozen=True)
class SubwordIds:
    """The map from n-grams to rows.

    Attributes:
        words: The number of rows before the first n-gram.
        buckets: The number of rows that n-grams share.
        shortest: The minimum length of an n-gram, in characters.
        longest: The maximum length of an n-gram, in characters.
        bucket_rows: The row of each bucket that remains in a pruned model. ``None`` if all remain.
        without_ngrams: The words that have no n-grams.
    """

    words: int
    buckets: int
    shortest: int
    longest: int
    bucket_rows: Mapping[int, int] | None = None
    without_ngrams: frozenset[bytes] = frozenset()

    def rows(self, word: bytes) -> list[int]:
        """Return the rows of the n-grams of ``<word>``, in fastText's order. A repeated n-gram counts each time."""
        if word in self.without_ngrams or not self.buckets:
            return []
        buckets = [value % self.buckets for value in self._hashes(b"<" + word + b">")]
        if self.bucket_rows is not None:
            buckets = [self.bucket_rows[bucket] for bucket in buckets if bucket in self.bucket_rows]
        return [self.words + bucket for bucket in buckets]

    def _hashes(self, word: bytes) -> list[int]:
        # In UTF-8, a character starts at each byte that is not a continuation byte.
        starts = [index for index, byte in enumerate(word) if byte & 0xC0 != 0x80]
        ends = [*starts[1:], len(word)]
        hashes = []
        for first, start in enumerate(starts):
            value, position = _FNV_START, start
            for length, end in enumerate(ends[first : first + self.longest], 1):
                # FNV-1a, but fastText widens each byte as a signed char.
                for byte in word[position:end]:
                    value = ((value ^ (byte if byte < 0x80 else byte | 0xFFFFFF00)) * _FNV_PRIME) & _UINT32
                position = end
                is_boundary = length == 1 and (start == 0 or end == len(word))  # "<" and ">" are not n-grams
                if length >= self.shortest and not is_boundary:
                    hashes.append(value)
        return hashes
