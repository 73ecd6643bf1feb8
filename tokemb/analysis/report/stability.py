"""The population stability index (PSI): how much a distribution has moved from a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Float64

MODERATE, SIGNIFICANT = 0.1, 0.25
"""The usual thresholds of a PSI. Below the first, a distribution is stable."""

# Lower shares, and those of half a sample, count as this one, because the logarithm of 0 is infinite.
_LEAST_SHARE = 1e-4
# The 99.9 % quantile of the standard normal distribution.
_QUANTILE = 3.090


@dataclass(frozen=True)
class Bin:
    """One bin of a distribution.

    Attributes:
        name: The values in the bin.
        reference: The share of the reference that is in the bin.
        new: The share of the new data that is in the bin.
        psi: The part of the index that is due to this bin.
    """

    name: str
    reference: float
    new: float
    psi: float


@dataclass(frozen=True)
class Stability:
    """A distribution in the reference and in the new data.

    Attributes:
        name: The distribution.
        psi: The population stability index: the sum over the bins of (new - reference) * log(new / reference).
        chance: The index that random rows of the same source exceed in 1 of 1,000 cases, given the numbers of rows.
        verdict: ``"stable"`` (below 0.1, or not above ``chance``), ``"moderate"`` (below 0.25) or ``"significant"``.
        bins: The bins.
    """

    name: str
    psi: float
    chance: float
    verdict: str
    bins: list[Bin]

    @property
    def exceeds_chance(self) -> bool:
        """Whether chance does not explain the index."""
        return self.psi > self.chance


def compare(
    name: str,
    bin_names: Sequence[str],
    reference: Float64,
    new: Float64,
    rows: tuple[int, int],
    samples: tuple[int, int],
) -> Stability:
    """Compare two distributions.

    Args:
        name: The name of the distribution.
        bin_names: The names of the bins.
        reference: The shares of the reference in the bins, float64 ``(bins,)``.
        new: The shares of the new data, float64 ``(bins,)``.
        rows: The numbers of rows of both.
        samples: The numbers of values that the shares were computed from.
    """
    first, second = (
        np.maximum(shares, max(_LEAST_SHARE, 0.5 / size))
        for shares, size in zip((reference, new), samples, strict=True)
    )
    parts = (second - first) * np.log(second / first)
    psi, chance = float(parts.sum()), _chance(len(parts), rows)
    columns = zip(bin_names, reference.tolist(), new.tolist(), parts.tolist(), strict=True)
    return Stability(name, psi, chance, verdict(psi, chance), [Bin(*column) for column in columns])


def verdict(psi: float, chance: float) -> str:
    """Return the verdict of an index."""
    if psi <= chance or psi < MODERATE:
        return "stable"
    return "moderate" if psi < SIGNIFICANT else "significant"


def _chance(bins: int, rows: tuple[int, int]) -> float:
    """Return the 99.9 % quantile of the index of two samples of one distribution.

    The index is about chi-squared distributed with ``bins - 1`` degrees of freedom, times the sum of the reciprocals of
    the sample sizes. Tokens of a row depend on each other, and so the rows are the samples.
    """
    freedom = bins - 1
    if not freedom:
        return 0.0
    spread = 2 / (9 * freedom)  # the approximation of Wilson and Hilferty
    return float(freedom * (1 - spread + _QUANTILE * math.sqrt(spread)) ** 3 * (1 / rows[0] + 1 / rows[1]))
