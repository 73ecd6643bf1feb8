"""Simple predictions that a trained model has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Array, Float64, Int32

# A bias is the mean of this many ratings without bias and its own ratings.
_PRIOR_RATINGS = 10
# Users and items are estimated in turn. More rounds change the biases by less than a thousandth.
_ROUNDS = 10


@dataclass(frozen=True)
class Biases:
    """The mean rating and a regularized bias of each id, the baseline of ratings.

    Attributes:
        mean: The mean rating.
        biases: The biases by column, float64 ``(input_dim,)``. Ids without ratings have 0.
    """

    mean: float
    biases: Mapping[str, Float64]

    @classmethod
    def fit(cls, ids: Mapping[str, Int32], ratings: Array, input_dims: Mapping[str, int]) -> Biases:
        """Estimate the biases of ids by column, int32 ``(rows,)``, from ratings ``(rows,)``."""
        mean = float(ratings.mean(dtype=np.float64))
        biases = {name: np.zeros(input_dims[name]) for name in ids}
        counts = {name: np.bincount(column, minlength=input_dims[name]) for name, column in ids.items()}
        residuals = ratings.astype(np.float64) - mean
        for _ in range(_ROUNDS):
            # Items first, as in the alternating least squares of Koren (2010).
            for name, column in reversed(list(ids.items())):
                residuals += biases[name][column]
                sums = np.bincount(column, residuals, input_dims[name])
                biases[name] = sums / (counts[name] + _PRIOR_RATINGS)
                residuals -= biases[name][column]
        return cls(mean, biases)

    def predict(self, ids: Mapping[str, Int32]) -> Float64:
        """Return the mean plus the biases of ids by column, float64 ``(rows,)``."""
        return self.mean + np.sum([self.biases[name][column] for name, column in ids.items()], axis=0)


def describe_unbeaten(
    model: float, baselines: Mapping[str, float], *, higher_is_better: bool, metric: str
) -> list[str]:
    """Return a sentence for each baseline that is at least as good as the model.

    Args:
        model: The metric of the model.
        baselines: The metric of each baseline by its description.
        higher_is_better: Whether higher values of the metric are better.
        metric: The name of the metric.
    """
    sign = 1 if higher_is_better else -1
    return [
        f"the model does not beat {name}: {metric} {model:g}, baseline {value:g}"
        for name, value in baselines.items()
        if sign * value >= sign * model
    ]
