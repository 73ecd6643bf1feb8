"""Keras models from the ids of several columns to a rating."""

from __future__ import annotations

import math
import re
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Float32, Int32
from tokemb._validation import RATING_HEADS, check_choice, check_count
from tokemb.errors import ArgumentError
from tokemb.tables import ColumnEncoder
from tokemb.training.forward import Forward

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import keras

# A mean and a standard deviation.
Scale = tuple[float, float]
# A lowest and a highest rating.
RatingRange = tuple[float, float]

DIM = 64
# The L2 penalty of biases relative to that of embeddings. A bias is a single weight, and requires less of it.
_BIAS_PENALTY = 0.25


def rating_model(
    columns: ColumnEncoder,
    scale: Scale,
    *,
    head: str = "dot",
    dim: int = DIM,
    units: int = 64,
    rating_range: RatingRange | None = None,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model that predicts ratings, float32 ``(batch, 1)``.

    It has one input per column, int32 ``(batch,)``, with the name of the column.

    Args:
        columns: The vocabularies of at least two columns with one value per row.
        scale: The mean and the standard deviation of the ratings. The first predictions are near the mean.
        head: ``"dot"`` is the dot product of the embeddings, summed over all pairs of columns, plus a bias for each id.
            ``"dense"`` is a dense layer of ``units`` over the concatenated embeddings.
        dim: The embedding dimension. The embeddings of a column are in the layer ``<column>_embedding``.
        units: The number of units of the dense layer.
        rating_range: The lowest and the highest rating. A sigmoid limits predictions to them. ``None`` has no limits.
        seed: The random seed of the weights.

    Raises:
        ArgumentError: If an argument is invalid.
    """
    check_choice("head", head, RATING_HEADS)
    check_count("dim", dim)
    check_count("units", units)
    _check_columns(columns)
    if rating_range is not None and not (-math.inf < rating_range[0] < scale[0] < rating_range[1] < math.inf):
        raise ArgumentError(
            "rating_range must be a lower and an upper limit around the mean rating, "
            f"{scale[0]:g}; received {rating_range[0]:g} and {rating_range[1]:g}"
        )
    import keras

    inputs = {name: keras.Input((), dtype="int32", name=name) for name in columns.names}
    names_of_layers = layer_names(columns.names)
    embedded = [
        _embedding(keras, names_of_layers[name][0], columns, name, dim, seed)(ids) for name, ids in inputs.items()
    ]
    if head == "dot":
        terms = [keras.layers.Dot(axes=1)(list(pair)) for pair in combinations(embedded, 2)]
        terms += [
            _embedding(keras, names_of_layers[name][1], columns, name, 1, seed)(ids) for name, ids in inputs.items()
        ]
        score = keras.layers.Add(name=free_name("score", inputs))(terms)
    else:
        layers = keras.layers
        uniform = keras.initializers.GlorotUniform
        hidden = layers.Dense(units, "relu", kernel_initializer=uniform(seed), name=free_name("hidden", inputs))
        output = layers.Dense(1, kernel_initializer=uniform(seed), name=free_name("score", inputs))
        score = output(hidden(layers.Concatenate()(embedded)))
    return keras.Model(
        inputs, _scale_to_ratings(keras, score, scale, rating_range, free_name("rating", inputs)), name="ratings"
    )


def layers_of_columns(model: keras.Model) -> dict[str, tuple[str, str]]:
    """Return the names of the embedding and the bias of each column of a ``rating_model``."""
    return layer_names([tensor.name for tensor in model.inputs])


def layer_names(columns: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return names of embedding and bias for each column. They are distinct and those that TensorFlow permits."""
    permitted = {column: re.sub(r"[^A-Za-z0-9_.\\>-]", "_", column) for column in columns}
    names: dict[str, tuple[str, str]] = {}
    taken = set(columns)
    # Columns that need no other name keep theirs.
    for column in sorted(columns, key=lambda column: (column != permitted[column], column)):
        start = permitted[column]
        while taken & {f"{start}_embedding", f"{start}_bias"}:
            start += "_"
        names[column] = (f"{start}_embedding", f"{start}_bias")
        taken.update(names[column])
    return names


def free_name(name: str, columns: Collection[str]) -> str:
    """Return a name of a layer that no column has."""
    while name in columns:
        name += "_"
    return name


def training_model(model: keras.Model, l2: float) -> keras.Model:
    """Make a model that trains the layers of a ``rating_model`` with an L2 penalty of the embeddings of each row.

    A user with many ratings is penalized in as many rows, as in matrix factorization by SGD (Funk's SVD). The weight
    decay of an optimizer shrinks the embedding of a user at every step, whether or not the batch has ratings of the
    user.

    Args:
        model: The model.
        l2: The weight of the penalty.

    Returns:
        A model from the same inputs to the ratings and the penalty, float32 ``(batch, 2)``, for the loss ``penalized``.
        The value of the penalty is 0 and only its gradient is not, so that losses are the errors of the ratings alone.
    """
    import keras
    from keras import ops

    penalties = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Embedding):
            weight = l2 * (_BIAS_PENALTY if layer.name.endswith("_bias") else 1)
            penalties.append(weight * ops.sum(ops.square(layer.output), axis=-1, keepdims=True))
    penalty = sum(penalties[1:], penalties[0])
    return keras.Model(model.inputs, ops.concatenate([model.output, penalty - ops.stop_gradient(penalty)], axis=-1))


def penalized(ratings: Any, outputs: Any) -> Any:  # noqa: ANN401 - tensors
    """Return the squared errors plus the penalties of the outputs of a ``training_model``, ``(batch,)``."""
    import keras

    errors = keras.ops.square(outputs[:, 0] - keras.ops.reshape(ratings, (-1,)))
    # The penalty is proportional to the variance of the noise, as in ridge regression with a normal prior.
    return errors + keras.ops.stop_gradient(keras.ops.mean(errors)) * outputs[:, 1]


def fill_unseen(model: keras.Model, ids: Mapping[str, Int32]) -> None:
    """Set the embeddings and biases of ids that do not occur in ``ids`` (by column) to the mean of those that do.

    With the head ``dot``, the prediction for a user out of vocabulary is then the mean prediction over all users.
    """
    names_of_layers = layers_of_columns(model)
    for name, values in ids.items():
        for layer in model.layers:
            if layer.name in names_of_layers[name]:
                [matrix] = layer.get_weights()
                seen = np.bincount(values, minlength=len(matrix)) > 0
                matrix[~seen] = matrix[seen].mean(axis=0)
                layer.set_weights([matrix])


def scale_of(ratings: Float32) -> Scale:
    """Return the mean and the standard deviation of ratings. The latter is 1 if all are equal."""
    return float(ratings.mean(dtype=np.float64)), float(ratings.std(dtype=np.float64)) or 1.0


def _check_columns(columns: ColumnEncoder) -> None:
    list_columns = [column.name for column in columns.columns if column.kind == "lists"]
    if list_columns:
        raise ArgumentError(f"columns must have one value per row; {', '.join(map(repr, list_columns))} hold lists")
    if len(columns.names) < 2:
        raise ArgumentError(
            f"ratings require at least two columns, such as user and item; received {', '.join(columns.names)}"
        )


def _embedding(keras: Any, layer: str, columns: ColumnEncoder, name: str, dim: int, seed: int | None) -> Any:  # noqa: ANN401
    # With one seed, all columns would start with equal embeddings.
    column_seed = None if seed is None else seed + columns.names.index(name)
    initializer = "zeros" if layer.endswith("_bias") else keras.initializers.RandomNormal(stddev=0.1, seed=column_seed)
    return keras.layers.Embedding(columns.input_dims[name], dim, embeddings_initializer=initializer, name=layer)


def _scale_to_ratings(keras: Any, score: Any, scale: Scale, rating_range: RatingRange | None, name: str) -> Any:  # noqa: ANN401
    """Scale scores to ratings: 0 becomes the mean, and 1 is one standard deviation above it."""
    mean, deviation = scale
    if rating_range is None:
        return keras.layers.Rescaling(deviation, offset=mean, name=name)(score)
    low, high = rating_range
    offset = float(np.log((mean - low) / (high - mean)))
    # The slope at the mean equals that without the sigmoid.
    slope = deviation * (high - low) / ((mean - low) * (high - mean))
    sigmoid = keras.layers.Activation("sigmoid")(keras.layers.Rescaling(slope, offset=offset)(score))
    return keras.layers.Rescaling(high - low, offset=low, name=name)(sigmoid)


def item_scores(model: keras.Model, user: str, item: str) -> Callable[[Int32, Forward], Float32]:
    """Return a function that scores all items for users, so that a higher score is a higher rating.

    Args:
        model: A ``rating_model`` of two columns.
        user: The column of the users.
        item: The column of the items.

    Returns:
        A function from user ids, int32 ``(users,)``, and the model to scores, float32 ``(users, items)``.
    """
    layers = {layer.name: layer for layer in model.layers}

    def weights(name: str) -> Float32:
        matrix: Float32 = layers[name].get_weights()[0]
        return matrix

    names_of_layers = layers_of_columns(model)
    (user_embedding, user_bias), (item_embedding, item_bias) = names_of_layers[user], names_of_layers[item]
    items = len(weights(item_embedding))
    if user_bias not in layers:

        def rate_all(ids: Int32, run: Forward) -> Float32:
            pairs = {user: np.repeat(ids, items), item: np.tile(np.arange(items, dtype=np.int32), len(ids))}
            ratings: Float32 = run(pairs)[:, 0].reshape(len(ids), items)
            return ratings

        return rate_all

    def dot(ids: Int32, _: Forward) -> Float32:
        # The bias of the user does not change the order of the items.
        return weights(user_embedding)[ids] @ weights(item_embedding).T + weights(item_bias)[:, 0]

    return dot
