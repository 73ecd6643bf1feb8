"""Train with several random seeds, to know how much the metrics depend on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tokemb._validation import check_count
from tokemb.training.fitting import Schedule, Trained


def repeat(train: Callable[[Schedule], Trained], schedule: Schedule, seeds: int) -> Trained:
    """Train several times, with consecutive random seeds.

    Args:
        train: A function that trains with a schedule.
        schedule: The schedule. The trainings have its seed and the following ones. Without a validation set, the seed
            also decides the validation split.
        seeds: The number of trainings.

    Returns:
        The first training. With several seeds, its metrics have ``seeds``: the mean and the sample standard deviation
        of each metric, and the metric of each seed. An interruption ends the trainings.

    Raises:
        ArgumentError: If ``seeds`` is invalid.
    """
    first = train(schedule)
    metrics = [first.metrics]
    for number in range(1, check_count("seeds", seeds)):
        if first.fitted.interrupted:
            break
        repeated = train(replace(schedule, seed=schedule.seed + number))
        if repeated.fitted.interrupted:
            return replace(first, fitted=replace(first.fitted, interrupted=True))
        metrics.append(repeated.metrics)
    return first if len(metrics) == 1 else replace(first, metrics={**first.metrics, "seeds": spread(metrics)})


def spread(metrics: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the mean, the sample standard deviation and the values of each metric that is a fraction."""
    names = [name for name in metrics[0] if all(isinstance(each.get(name), float) for each in metrics)]
    values = {name: [each[name] for each in metrics] for name in names}
    return {
        name: {"mean": round(float(np.mean(found)), 4), "std": round(float(np.std(found, ddof=1)), 4), "values": found}
        for name, found in values.items()
    }
