"""Preserve the state of an optimizer when the ``Embedding`` of a model gets more rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tokemb._arrays import Array


def optimizer_slots(model: Any) -> list[Array] | None:  # noqa: ANN401 - Keras is untyped
    """Return the values of all optimizer variables, or ``None`` if the model is not compiled."""
    optimizer = getattr(model, "optimizer", None)
    return None if optimizer is None else [variable_to_numpy(variable) for variable in optimizer.variables]


def restore_slots(model: Any, state: list[Array]) -> None:  # noqa: ANN401
    """Compile the model for its current weights, and copy ``state`` into the new optimizer.

    New rows of an optimizer variable have the initial values of a new optimizer. The exception is a moving average of
    the weights (``use_ema``): Keras writes it into the weights after training, so its new rows start as the new rows
    of the weights.
    """
    model.compile_from_config(model.get_compile_config())
    averaged_weights = dict(_averages(model.optimizer))
    for variable, old_values in zip(model.optimizer.variables, state, strict=True):
        values = np.array(variable_to_numpy(averaged_weights.get(id(variable), variable)))
        values[tuple(map(slice, old_values.shape))] = old_values
        variable.assign(values)


def _averages(optimizer: Any) -> Iterator[tuple[int, Any]]:  # noqa: ANN401
    """Yield the ``id()`` of each moving average, and the weights that it averages."""
    # Keras has no public attribute for these variables.
    averages = getattr(optimizer, "_model_variables_moving_average", ())
    for average, weights in zip(averages, optimizer._trainable_variables, strict=False):
        if average is not None:
            yield id(average), weights
    inner = getattr(optimizer, "inner_optimizer", None)  # of LossScaleOptimizer
    for wrapped in (*getattr(optimizer, "optimizers", ()), *([] if inner is None else [inner])):
        yield from _averages(wrapped)


def variable_to_numpy(variable: Any) -> Array:  # noqa: ANN401
    """Return the values of a Keras variable as a NumPy array."""
    import keras

    values: Array = keras.ops.convert_to_numpy(variable)
    return values
