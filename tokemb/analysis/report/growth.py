"""Zipf's and Heaps' laws: how counts fall with the rank, and how the vocabulary grows with the text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Int64
from tokemb.analysis.report.frequencies import Frequencies

_POINTS = 40
_FORECAST = 10
_SMALLEST_PART = 1e-3


@dataclass(frozen=True)
class Zipf:
    """The counts of tokens by rank.

    Attributes:
        exponent: The slope of the straight line that fits log(count) over log(rank) best, with its sign changed.
        ranks: Some ranks, from 1.
        counts: The count of the token of each of these ranks.
    """

    exponent: float
    ranks: list[int]
    counts: list[int]


@dataclass(frozen=True)
class Heaps:
    """The number of distinct tokens in a part of the text.

    Attributes:
        exponent: The slope of log(distinct) over log(tokens) at the end of the text: the share of distinct tokens that
            occur once.
        tokens: Some lengths of text, in tokens.
        distinct: The expected number of distinct tokens in so many random tokens of the text.
        forecast_tokens: Ten times the length of the text.
        forecast_distinct: The number of distinct tokens in so much text, if the exponent stays the same.
    """

    exponent: float
    tokens: list[int]
    distinct: list[float]
    forecast_tokens: int
    forecast_distinct: int


def zipf(frequencies: Frequencies) -> Zipf:
    """Return the counts by rank. There must be at least one token."""
    ranks = np.unique(np.geomspace(1, len(frequencies.counts), _POINTS).astype(np.int64))
    counts = frequencies.counts[ranks - 1]
    slope = np.polyfit(np.log(ranks), np.log(counts), 1)[0] if len(ranks) > 1 else 0.0
    return Zipf(float(-slope), ranks.tolist(), counts.tolist())


def heaps(frequencies: Frequencies) -> Heaps | None:
    """Return the growth of the vocabulary, or ``None`` if the counts of some tokens are missing."""
    if not frequencies.is_complete:
        return None
    total, distinct = frequencies.total, len(frequencies.counts)
    spectrum = np.unique(frequencies.counts, return_counts=True)
    once = int(np.count_nonzero(frequencies.counts == 1))
    exponent = once / distinct
    parts = np.geomspace(max(_SMALLEST_PART, 1 / total), 1, _POINTS)
    return Heaps(
        exponent,
        np.rint(parts * total).astype(np.int64).tolist(),
        [_expected_distinct(*spectrum, float(part)) for part in parts],
        _FORECAST * total,
        round(distinct * _FORECAST**exponent),
    )


def _expected_distinct(counts: Int64, tokens: Int64, part: float) -> float:
    """Return the expected number of distinct tokens if each occurrence is in the sample with probability ``part``.

    Args:
        counts: The distinct counts.
        tokens: The number of tokens with each count.
        part: The probability.
    """
    return float(tokens @ (1 - (1 - part) ** counts))
