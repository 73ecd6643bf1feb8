"""Keep the state of an optimizer when a model's ``Embedding`` gets more rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def optimizer_slots(model: Any) -> list[Array] | None:  # noqa: ANN401 - Keras is untyped
    """Return the values of all optimizer variables, or ``None`` if the model is not compiled."""
    optimizer = getattr(model, "optimizer", None)
    return None if optimizer is None else [numbers_of(variable) for variable in optimizer.variables]


def restore_slots(model: Any, state: list[Array]) -> None:  # noqa: ANN401
    """Compile the model for the weights that it has now, and copy ``state`` into the new optimizer.

    New rows of an optimizer variable keep the values that a new optimizer starts with. The exception is a moving
    average of the weights (``use_ema``): Keras writes it into the weights after training, so its new rows start as
    the new rows of the weights themselves.
    """
    model.compile_from_config(model.get_compile_config())
    averaged = dict(_averages(model.optimizer))
    for variable, before in zip(model.optimizer.variables, state, strict=True):
        values = np.array(numbers_of(averaged.get(id(variable), variable)))
        values[tuple(map(slice, before.shape))] = before
        variable.assign(values)


def _averages(optimizer: Any) -> Iterator[tuple[int, Any]]:  # noqa: ANN401
    """Yield the id of each moving average of weights, and the weights that it is the average of."""
    # Keras has no public way to tell these variables from the other ones.
    averages = getattr(optimizer, "_model_variables_moving_average", ())
    for average, weights in zip(averages, optimizer._trainable_variables, strict=False):
        if average is not None:
            yield id(average), weights
    inner = getattr(optimizer, "inner_optimizer", None)  # of LossScaleOptimizer
    for wrapped in (*getattr(optimizer, "optimizers", ()), *([] if inner is None else [inner])):
        yield from _averages(wrapped)


def numbers_of(variable: Any) -> Array:  # noqa: ANN401
    """Return the values of a Keras variable as a NumPy array."""
    import keras

    numbers: Array = keras.ops.convert_to_numpy(variable)
    return numbers
