"""Train with several random seeds, to know how much the metrics depend on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tokemb._validation import check_count
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.result import Trained
from tokemb.training.schedule import Schedule

# A function that is called before each of several trainings with its name, such as "trial-3", and its settings, such as
# "dim 8". It returns the function that is called after each epoch of the training.
Watch = Callable[[str, str], OnEpoch | None]


def watch_nothing(_name: str, _settings: str) -> OnEpoch | None:
    """Show no epochs."""
    return None


@locks_checkpoints
def repeat(
    train: Callable[..., Trained],
    schedule: Schedule,
    seeds: int,
    watch: Watch = watch_nothing,
    **settings: Any,  # noqa: ANN401
) -> Trained:
    """Train several times, with consecutive random seeds.

    Args:
        train: A function that trains with the arguments ``schedule``, ``on_epoch`` and ``settings``.
        schedule: The schedule. The trainings have its seed and the following ones. Without a validation set, the seed
            also decides the validation split.
        seeds: The number of trainings.
        watch: A function that is called with the name and the settings of each training and returns its
            ``on_epoch``.
        **settings: Other arguments of ``train``.

    Returns:
        The first training. With several seeds, its metrics have ``seeds``: the mean and the sample standard deviation
        of each metric, and the metric of each seed. An interruption ends the trainings.

    Raises:
        ArgumentError: If ``seeds`` is invalid.
    """
    if check_count("seeds", seeds) == 1:
        return train(schedule=schedule, on_epoch=watch("", ""), **settings)

    def train_with(seed: int) -> Trained:
        name = f"seed-{seed}"
        return train(schedule=schedule.part(name, seed=seed), on_epoch=watch(name, ""), **settings)

    first = train_with(schedule.seed)
    metrics = [first.metrics]
    for seed in range(schedule.seed + 1, schedule.seed + seeds):
        if first.fitted.interrupted:
            return first
        trained = train_with(seed)
        if trained.fitted.interrupted:
            return as_interrupted(first)
        metrics.append(trained.metrics)
    return replace(first, metrics={**first.metrics, "seeds": spread(metrics)})


def as_interrupted(trained: Trained) -> Trained:
    """Return a complete training as the result of several, of which a later one was interrupted."""
    return replace(trained, fitted=replace(trained.fitted, interrupted=True))


def spread(metrics: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the mean, the sample standard deviation and the values of each metric that is a fraction."""
    names = [name for name in metrics[0] if all(isinstance(each.get(name), float) for each in metrics)]
    values = {name: [each[name] for each in metrics] for name in names}
    return {
        name: {"mean": round(float(np.mean(found)), 4), "std": round(float(np.std(found, ddof=1)), 4), "values": found}
        for name, found in values.items()
    }
