"""Counts of the tokens of one batch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tokemb._arrays import Int64
from tokemb.rows.ragged import Ragged


class Tally(NamedTuple):
    """The counts of the tokens of some rows.

    Attributes:
        tokens: The distinct tokens in the order of their first appearance, ``large_string`` (distinct,).
        counts: The occurrences of each token, int64 (distinct,).
        documents: The number of rows with each token, int64 (distinct,).
        row_lengths: The number of rows for each length in tokens.
    """

    tokens: pa.LargeStringArray
    counts: Int64
    documents: Int64
    row_lengths: dict[int, int]


def tally(rows: Ragged, tokens: pa.LargeStringArray) -> Tally:
    """Count rows of indices into ``tokens``, ``large_string`` (distinct,). Every token must occur."""
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
