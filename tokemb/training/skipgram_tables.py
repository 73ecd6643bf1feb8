"""What skip-gram looks up: how often words are kept, which are negatives, and the sigmoid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32, Int64
from tokemb.kernels.structs import SIGMOID_POINTS, SIGMOID_REACH
from tokemb.rows.pooling import Float32

# Frequent words are negatives less often than they occur (Mikolov et al. 2013).
_POWER = 0.75
# Entries for each id, on average.
_ENTRIES = 64


def keep_table(counts: Int64, sample: float) -> npt.NDArray[np.uint32]:
    """By how many of 2**32 an occurrence of each id is kept, uint32 (input_dim,).

    A word that is the share ``f`` of all is kept with the probability ``sqrt(sample / f) + sample / f``, at most 1; all
    are with ``sample`` 0.

    >>> (keep_table(np.array([90, 10]), 0.01) / 2**32).round(4).tolist()
    [0.1165, 0.4162]
    """
    share = np.where(counts > 0, counts / max(int(counts.sum()), 1), 1)
    kept = np.sqrt(sample / share) + sample / share if sample else np.ones(len(counts))
    return (np.minimum(kept, 1) * (2**32 - 1)).astype(np.uint32)


def negative_table(counts: Int64) -> Int32:
    """Ids, int32 (64 * input_dim,), each about as often as ``counts ** 0.75`` says.

    >>> np.bincount(negative_table(np.array([0, 16, 1]))).tolist()
    [0, 171, 21]
    """
    shares = np.cumsum(counts**_POWER)
    entries = _ENTRIES * len(counts)
    places = (np.arange(entries) + 0.5) / entries * shares[-1]
    return np.searchsorted(shares, places, side="right").astype(np.int32)


def sigmoid_tables() -> tuple[Float32, Float32]:
    """The sigmoid between -SIGMOID_REACH and SIGMOID_REACH, float32 (SIGMOID_POINTS,), and its negative logarithm."""
    scores = ((np.arange(SIGMOID_POINTS) + 0.5) / SIGMOID_POINTS * 2 - 1) * SIGMOID_REACH
    return (1 / (1 + np.exp(-scores))).astype(np.float32), np.log1p(np.exp(-scores)).astype(np.float32)
