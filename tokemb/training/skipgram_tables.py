"""Lookup tables of skip-gram: subsampling, negative samples and the sigmoid."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Float32, Int32, Int64, UInt32
from tokemb.kernels.structs import SIGMOID_POINTS, SIGMOID_REACH

# The exponent of the counts in the distribution of negatives (Mikolov et al. 2013).
_POWER = 0.75
# The mean number of entries per id.
_ENTRIES = 64


def keep_table(counts: Int64, sample: float) -> UInt32:
    """Return the probability that an occurrence of each id is kept, times 2**32, as uint32 ``(input_dim,)``.

    A token with the relative frequency ``f`` is kept with the probability ``sqrt(sample / f) + sample / f``, at most 1.
    With ``sample`` 0, all tokens are kept.

    Example:
        >>> (keep_table(np.array([90, 10]), 0.01) / 2**32).round(4).tolist()
        [0.1165, 0.4162]
    """
    share = np.where(counts > 0, counts / max(int(counts.sum()), 1), 1)
    probability = np.sqrt(sample / share) + sample / share if sample else np.ones(len(counts))
    return (np.minimum(probability, 1) * (2**32 - 1)).astype(np.uint32)


def negative_table(counts: Int64) -> Int32:
    """Return a table of ids to sample negatives from, int32 ``(64 * input_dim,)``.

    Ids occur in proportion to ``counts ** 0.75``.

    Example:
        >>> np.bincount(negative_table(np.array([0, 16, 1]))).tolist()
        [0, 171, 21]
    """
    shares = np.cumsum(counts**_POWER)
    entries = _ENTRIES * len(counts)
    positions = (np.arange(entries) + 0.5) / entries * shares[-1]
    return np.searchsorted(shares, positions, side="right").astype(np.int32)


def sigmoid_tables() -> tuple[Float32, Float32]:
    """Return the sigmoid at points from -SIGMOID_REACH to SIGMOID_REACH, and its negative logarithm, both float32."""
    scores = ((np.arange(SIGMOID_POINTS) + 0.5) / SIGMOID_POINTS * 2 - 1) * SIGMOID_REACH
    return (1 / (1 + np.exp(-scores))).astype(np.float32), np.log1p(np.exp(-scores)).astype(np.float32)
