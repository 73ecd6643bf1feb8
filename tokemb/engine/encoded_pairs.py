"""Pairs of texts as ids, before they are joined to rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Int64
from tokemb.rows.pairs import Part
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.pair_template import PairArrays, PairTemplate


@dataclass(frozen=True)
class EncodedPairs:
    """Truncated pairs of texts, and statistics of their tokens.

    Attributes:
        template: The special tokens and type ids of a pair.
        first: The ids of the first texts.
        second: The ids of the second texts.
        tokens: The number of tokens before truncation, if they were counted.
        unknown: The number of tokens out of vocabulary before truncation, if they were counted.
        truncated: The number of pairs that lost tokens, if they were counted.
    """

    template: PairTemplate
    first: Part
    second: Part
    tokens: int = 0
    unknown: int = 0
    truncated: int = 0

    def __len__(self) -> int:
        return len(self.first.lengths)

    @property
    def lengths(self) -> Int64:
        """The number of ids of each row, with special tokens, int64 ``(rows,)``."""
        return self.first.lengths + self.second.lengths + len(self.template)

    def rows(self, threads: int | None = None) -> Ragged:
        """Return the rows of ids, with special tokens."""
        return self.template.rows(self.first, self.second, threads)


def pad_pairs(
    batches: Sequence[EncodedPairs], template: PairTemplate, shape: PadTruncate, pad_id: int, threads: int | None
) -> PairArrays:
    """Pad pairs."""
    no_rows = np.zeros(0, np.int64)
    lengths = np.concatenate([no_rows, *(batch.lengths for batch in batches)])
    first_lengths = np.concatenate([no_rows, *(batch.first.lengths for batch in batches)])
    maxlen = shape.padded_length(int(lengths.max(initial=0)))
    fill_first = shape.padding == "pre"
    ids, start = np.empty((len(lengths), maxlen), np.int32), 0
    for batch in batches:
        block = ids[start : start + len(batch)].reshape(-1)
        splits = np.arange(len(batch) + 1, dtype=np.int64) * maxlen
        template.fill_ids(batch.first, batch.second, splits, block, fill=pad_id, fill_first=fill_first, threads=threads)
        start += len(batch)
    masks = template.padded_masks(first_lengths, lengths, maxlen, fill_first=fill_first, threads=threads)
    return {"ids": ids, **masks._asdict()}
