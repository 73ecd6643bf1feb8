"""Tell a training that diverged by its losses and its weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb.errors import TrainingError


def check_losses(epoch: int, losses: Mapping[str, float], rate: float) -> None:
    """Raise ``TrainingError`` if a loss of an epoch is NaN or infinite; ``rate`` is the learning rate."""
    for name, loss in losses.items():
        if not math.isfinite(loss):
            what = name.replace("val_", "validation ")
            raise TrainingError(f"the training diverged: the {what} of epoch {epoch} is {loss}{_smaller(rate)}")


def check_weights(weights: Iterable[npt.NDArray[Any]], rate: float) -> None:
    """Raise ``TrainingError`` if a weight is NaN or infinite; ``rate`` is the learning rate."""
    if not all(np.isfinite(numbers).all() for numbers in weights):
        raise TrainingError(f"the training diverged: weights of the model are NaN or infinite{_smaller(rate)}")


def _smaller(rate: float) -> str:
    return f" with rate={rate:g}: pass a smaller learning rate, for example rate={rate / 10:g}"
