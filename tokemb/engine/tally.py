"""What is counted in one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int64
from tokemb.rows.ragged import Ragged


@dataclass(frozen=True)
class Tally:
    """The tokens of some rows, counted.

    ``tokens``: the distinct tokens in the order of their first appearance, Arrow ``large_string`` (distinct,).
    ``counts``: occurrences, int64 (distinct,). ``documents``: rows with at least one, int64 (distinct,).
    ``row_lengths``: for each length in tokens, the number of rows that have it.
    """

    tokens: pa.LargeStringArray
    counts: Int64
    documents: Int64
    row_lengths: dict[int, int]


def tally(rows: Ragged, tokens: pa.LargeStringArray) -> Tally:
    """Count rows whose values are positions in ``tokens``, ``large_string`` (distinct,), all of which occur."""
    size = len(tokens)
    first_seen = pa.array(rows.values).unique().to_numpy()  # in the order of first appearance
    counts = np.bincount(rows.values, minlength=size)
    row_of = np.repeat(np.arange(len(rows), dtype=np.int64), rows.lengths)
    distinct_pairs = pa.array(row_of * size + rows.values).unique().to_numpy()  # each pair of row and token
    documents = np.bincount(distinct_pairs % max(size, 1), minlength=size)
    lengths, row_counts = np.unique(rows.lengths, return_counts=True)
    return Tally(
        tokens.take(pa.array(first_seen)),
        counts[first_seen].astype(np.int64),
        documents[first_seen].astype(np.int64),
        dict(zip(lengths.tolist(), row_counts.tolist(), strict=True)),
    )
