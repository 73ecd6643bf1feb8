"""The rows of a fastText matrix that make up the vector of a word: its own and those of its character n-grams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_FNV_START = 2166136261
_FNV_PRIME = 16777619
_UINT32 = 0xFFFFFFFF


@dataclass(frozen=True)
class SubwordIds:
    """Which rows belong to n-grams.

    ``words``: rows before the first n-gram's. ``buckets``: how many rows n-grams share. ``shortest``, ``longest``: of
    the n-grams in characters. ``kept``: where a bucket's row went if most were pruned, ``None`` if all are there.
    ``whole``: the words that have no n-grams.
    """

    words: int
    buckets: int
    shortest: int
    longest: int
    kept: Mapping[int, int] | None = None
    whole: frozenset[bytes] = frozenset()

    def of(self, word: bytes) -> list[int]:
        """The rows of the n-grams of ``<word>``, in fastText's order; one that comes twice counts twice."""
        if word in self.whole or not self.buckets:
            return []
        buckets = [value % self.buckets for value in self._hashes(b"<" + word + b">")]
        if self.kept is not None:
            buckets = [self.kept[bucket] for bucket in buckets if bucket in self.kept]
        return [self.words + bucket for bucket in buckets]

    def _hashes(self, word: bytes) -> list[int]:
        # A character begins at each byte that does not continue one.
        starts = [place for place, byte in enumerate(word) if byte & 0xC0 != 0x80]
        ends = [*starts[1:], len(word)]
        hashes = []
        for first, start in enumerate(starts):
            value, place = _FNV_START, start
            for length, end in enumerate(ends[first : first + self.longest], 1):
                # FNV-1a, but each byte is a signed char that is widened first.
                for byte in word[place:end]:
                    value = ((value ^ (byte if byte < 0x80 else byte | 0xFFFFFF00)) * _FNV_PRIME) & _UINT32
                place = end
                alone = length == 1 and (start == 0 or end == len(word))  # "<" and ">" are no n-grams
                if length >= self.shortest and not alone:
                    hashes.append(value)
        return hashes
