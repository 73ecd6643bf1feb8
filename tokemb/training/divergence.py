"""Detect training that diverged, by its losses and its weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from tokemb._arrays import Array
from tokemb.errors import TrainingError


def check_losses(epoch: int, losses: Mapping[str, float], learning_rate: float) -> None:
    """Check that the losses of an epoch are finite.

    Args:
        epoch: The number of the epoch.
        losses: The losses of the epoch, by name.
        learning_rate: The learning rate, for the message.

    Raises:
        TrainingError: If a loss is NaN or infinite.
    """
    for name, loss in losses.items():
        if not math.isfinite(loss):
            label = name.replace("val_", "validation ")
            raise TrainingError(
                f"the training diverged: the {label} of epoch {epoch} is {loss}{_suggest_smaller_rate(learning_rate)}"
            )


def check_weights(weights: Iterable[Array], learning_rate: float) -> None:
    """Check that all weights are finite.

    Args:
        weights: The weights of the model.
        learning_rate: The learning rate, for the message.

    Raises:
        TrainingError: If a weight is NaN or infinite.
    """
    if not are_finite(weights):
        raise TrainingError(
            f"the training diverged: weights of the model are NaN or infinite{_suggest_smaller_rate(learning_rate)}"
        )


def are_finite(weights: Iterable[Array]) -> bool:
    """Return whether no weight is NaN or infinite."""
    return all(np.isfinite(numbers).all() for numbers in weights)


def _suggest_smaller_rate(learning_rate: float) -> str:
    return (
        f" with learning_rate={learning_rate:g}: pass a smaller one, for example learning_rate={learning_rate / 10:g}"
    )
