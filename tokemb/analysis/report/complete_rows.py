"""The exact share of rows without a token out of vocabulary, which counts alone do not determine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tokemb._arrays import Int64
from tokemb.counts.token_counts import TokenCounts
from tokemb.fit import fit_vocab
from tokemb.sources.text_source import text_batches


def complete_row_counts(texts: Path | Iterable[Any], counts: TokenCounts, threads: int | None = None) -> Int64:
    """Read texts and count the rows that vocabularies of all sizes cover completely.

    Args:
        texts: The texts of ``counts``, at least one token.
        counts: Their counts.
        threads: The number of threads.

    Returns:
        int64 array ``(ranked + 1,)``. Item ``size`` is the number of rows all of whose tokens are among the first
        ``size`` ones.
    """
    encoder = fit_vocab(counts)
    ranked = encoder.input_dim - 2
    rows = np.zeros(ranked + 2, np.int64)
    for batch in text_batches(texts):
        ids = encoder.encode_ragged(batch, threads=threads)
        ranks = np.where(ids.values == encoder.unk_id, ranked + 1, ids.values - 1)
        rows += np.bincount(_row_maxima(ranks, ids.row_splits), minlength=ranked + 2)
    return np.cumsum(rows[:-1])


def _row_maxima(values: Int64, row_splits: Int64) -> Int64:
    """Return the highest value of each row, 0 for an empty row."""
    maxima = np.zeros(len(row_splits) - 1, np.int64)
    filled = np.flatnonzero(np.diff(row_splits))
    if len(filled):
        maxima[filled] = np.maximum.reduceat(values, row_splits[filled])
    return maxima
