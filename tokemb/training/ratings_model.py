"""Keras models from the ids of several columns to a rating."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32
from tokemb._validation import check_choice, check_count
from tokemb.errors import ArgumentError
from tokemb.tables import ColumnEncoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import keras

HEADS = ("dot", "dense")
Scale = tuple[float, float]


def rating_model(
    columns: ColumnEncoder,
    scale: Scale,
    *,
    head: str = "dot",
    dim: int = 16,
    units: int = 64,
    between: Scale | None = None,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model from an input int32 (batch,) for each column, called as it is, to float32 (batch, 1).

    ``columns``: whose ids they are, two columns at least, each of single values. ``scale``: the mean and the standard
    deviation of the ratings, which the model starts at.
    ``head``: ``"dot"``, the dot product of the embeddings, of all pairs with more than two columns, and a bias for each
    id; ``"dense"``, a layer of ``units`` over the embeddings side by side.
    ``dim``: latent factors of each id, in the layer ``<column>_embedding``. ``between``: the lowest and the highest
    rating, which a sigmoid keeps predictions in; ``None`` for no bounds. ``seed``: makes what is random repeatable.

    Raises ``ArgumentError`` for settings that cannot be.
    """
    check_choice("head", head, HEADS)
    check_count("dim", dim)
    check_count("units", units)
    _check_columns(columns)
    if between is not None and not (-math.inf < between[0] < scale[0] < between[1] < math.inf):
        raise ArgumentError(
            "between must be a lower and an upper limit around the mean rating, "
            f"{scale[0]:g}; received {between[0]:g} and {between[1]:g}"
        )
    import keras

    inputs = {name: keras.Input((), dtype="int32", name=name) for name in columns.names}
    embedded = [_embedding(keras, f"{name}_embedding", columns, name, dim, seed)(ids) for name, ids in inputs.items()]
    if head == "dot":
        terms = [keras.layers.Dot(axes=1)(list(pair)) for pair in combinations(embedded, 2)]
        terms += [_embedding(keras, f"{name}_bias", columns, name, 1, seed)(ids) for name, ids in inputs.items()]
        score = keras.layers.Add(name="score")(terms)
    else:
        layers = keras.layers
        hidden = layers.Dense(units, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed), name="hidden")
        out = layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed), name="score")
        score = out(hidden(layers.Concatenate()(embedded)))
    return keras.Model(inputs, _rated(keras, score, scale, between), name="ratings")


def fill_unmet(model: keras.Model, ids: Mapping[str, Int32]) -> None:
    """Give the ids that are not among ``ids``, by column, the mean of the embeddings and biases of those that are.

    With the head ``dot``, an unknown user is then predicted what the users are on average.
    """
    for name, values in ids.items():
        for layer in model.layers:
            if layer.name in (f"{name}_embedding", f"{name}_bias"):
                [matrix] = layer.get_weights()
                met = np.bincount(values, minlength=len(matrix)) > 0
                matrix[~met] = matrix[met].mean(axis=0)
                layer.set_weights([matrix])


def scale_of(ratings: npt.NDArray[np.float32]) -> Scale:
    """The mean and the standard deviation of ratings; the latter 1 if all are the same."""
    return float(ratings.mean(dtype=np.float64)), float(ratings.std(dtype=np.float64)) or 1.0


def _check_columns(columns: ColumnEncoder) -> None:
    of_lists = [column.name for column in columns.columns if column.kind == "lists"]
    if of_lists:
        raise ArgumentError(f"columns must hold a value a row; {', '.join(map(repr, of_lists))} hold lists")
    if len(columns.names) < 2:
        raise ArgumentError(
            f"ratings require at least two columns, such as user and item; received {', '.join(columns.names)}"
        )


def _embedding(keras: Any, layer: str, columns: ColumnEncoder, name: str, dim: int, seed: int | None) -> Any:  # noqa: ANN401
    # Columns with the same numbers would have the same product in all rows: each has numbers of its own.
    own = None if seed is None else seed + columns.names.index(name)
    start = "zeros" if layer.endswith("_bias") else keras.initializers.RandomNormal(stddev=0.1, seed=own)
    return keras.layers.Embedding(columns.input_dims[name], dim, embeddings_initializer=start, name=layer)


def _rated(keras: Any, score: Any, scale: Scale, between: Scale | None) -> Any:  # noqa: ANN401
    """Scores as ratings: 0 is the mean, 1 a standard deviation more."""
    mean, deviation = scale
    if between is None:
        return keras.layers.Rescaling(deviation, offset=mean, name="rating")(score)
    low, high = between
    at_mean = float(np.log((mean - low) / (high - mean)))
    # As steep at the mean as it would be without the sigmoid.
    slope = deviation * (high - low) / ((mean - low) * (high - mean))
    sigmoid = keras.layers.Activation("sigmoid")(keras.layers.Rescaling(slope, offset=at_mean)(score))
    return keras.layers.Rescaling(high - low, offset=low, name="rating")(sigmoid)
