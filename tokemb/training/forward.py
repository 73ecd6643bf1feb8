"""Models as functions, for inference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tokemb._arrays import Array

if TYPE_CHECKING:
    import keras

# A function from inputs (one array, or one per name of the model's inputs) to an output.
Forward = Callable[[Any], Array]


def forward(model: keras.Model) -> Forward:
    """Return a function that runs a model for inference.

    Args:
        model: The model.

    Returns:
        A function from the inputs (one array, or one per name of the model's inputs) to the output, a float32 array
        ``(rows, ...)``. One graph serves batches of all lengths.
    """
    import tensorflow as tf

    specs = {tensor.name: tf.TensorSpec(tuple(tensor.shape), tensor.dtype) for tensor in model.inputs}
    is_by_name = len(specs) > 1 or isinstance(model.input, dict)
    signature: Any = specs if is_by_name else next(iter(specs.values()))
    run = tf.function(lambda inputs: model(inputs, training=False), input_signature=[signature]).get_concrete_function()
    return lambda inputs: run(tf.nest.map_structure(tf.constant, inputs)).numpy()
