"""Keras models with an input for each column of a table: texts, values, lists and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._validation import CELLS, HEADS, check_choice, check_count, check_fraction
from tokemb.errors import ArgumentError
from tokemb.models.embedding_model import model_name
from tokemb.tables import Column, ColumnEncoder
from tokemb.training.heads import DIM, is_token_mask, scaled_mean, text_features
from tokemb.training.ratings_model import free_name, layer_names

if TYPE_CHECKING:
    import keras

# A function from features to an output of a model, such as a Keras layer.
Output = Callable[[Any], Any]


def column_model(
    encoder: ColumnEncoder,
    outputs: Output | Mapping[str, Output] | None = None,
    *,
    head: str = "mean",
    dim: int | None = None,
    dims: Mapping[str, int] | None = None,
    units: int = 64,
    hidden: int = 0,
    dropout: float = 0.0,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model with an input for each column of a table, as Keras' ``FeatureSpace`` does.

    An input has the name of its column: int32 ``(batch,)`` for single values, int32 ``(batch, maxlen)`` for lists and
    texts, float32 ``(batch,)`` for numbers, as ``encoder.encode`` and ``encoder.dataset`` return them. The features
    are concatenated: those that ``head`` makes of the vectors of a text, the embedding of a value, the scaled mean of
    the embeddings of a list, and a number, normalized with the mean and the standard deviation of the fitted table.
    Columns that share a vocabulary share an embedding. Plain Keras loads, trains and saves the model.

    Args:
        encoder: The fitted columns.
        outputs: What the model predicts from the features: a layer, or any function of a Keras tensor. A mapping from
            names to these for a model with several outputs. ``None`` returns the features.
        head: How the vectors of a text become features, as for ``tokemb.training.heads.text_model``, except
            ``"tfidf"``.
        dim: The embedding dimension of texts. ``None`` is 50.
        dims: The embedding dimension of some columns, by their names. Other columns of values have
            ``encoder.suggested_dims``.
        units: The number of units of the heads ``conv``, ``attention``, ``gru`` and ``lstm``.
        hidden: The number of units of a hidden layer. Its outputs are appended to the features, so that outputs see
            combinations of columns, too. 0 has no hidden layer.
        dropout: The dropout rate of vectors of texts, and of all features but numbers.
        seed: The random seed of the embeddings.

    Returns:
        A model from the inputs by name to the features ``(batch, features)``, or to the outputs. Its name contains the
        fingerprint, as that of ``embedding_model``.

    Raises:
        ArgumentError: If an argument is invalid.

    Example:
        >>> import keras
        >>> table = {"title": ["good tea", "tea"], "shop": ["x", "y"], "price": [1.5, 2.5]}
        >>> encoder = ColumnEncoder.fit(table, texts=["title"], columns=["shop"], numbers=["price"])
        >>> model = column_model(encoder, keras.layers.Dense(1, "sigmoid"))
        >>> model.predict(encoder.encode(table), verbose=0).shape
        (2, 1)
    """
    _check_arguments(encoder, head, dims, dropout, hidden)
    sizes = _sizes(encoder, DIM if dim is None else check_count("dim", dim), dims or {})
    settings: dict[str, Any] = {"head": head, "sizes": sizes, "units": check_count("units", units), "hidden": hidden}
    settings |= {"dropout": dropout, "seed": seed}
    try:
        return _build(encoder, outputs, **settings)
    except ValueError:
        # Keras names an operation by its kind and a number, and a column can have the same name, such as "sum". In a
        # second model, the numbers are others.
        return _build(encoder, outputs, **settings)


def _build(
    encoder: ColumnEncoder,
    outputs: Output | Mapping[str, Output] | None,
    *,
    head: str,
    sizes: Mapping[str, int],
    units: int,
    hidden: int,
    dropout: float,
    seed: int | None,
) -> keras.Model:
    import keras

    inputs = {column.name: _input(keras, column, head) for column in encoder.columns}
    embeddings = _embeddings(keras, encoder, head, sizes, seed)
    embedded, numbers = [], []
    for column in encoder.columns:
        tensor = inputs[column.name]
        if column.numbers is not None:
            numbers.append(_normalized(keras, column, tensor))
            continue
        embedding = embeddings[column.name]
        if column.kind == "texts":
            vocabulary = encoder.vocabularies[column.name]
            embedded.append(text_features(vocabulary, tensor, embedding, head=head, units=units, dropout=dropout))
        elif column.kind == "lists":
            is_value = is_token_mask(tensor)
            embedded.append(scaled_mean(embedding(tensor), is_value, is_value))
        else:
            embedded.append(embedding(tensor))
    features = keras.layers.Dropout(dropout)(_joined(keras, embedded))
    features = _joined(keras, [features, *numbers], free_name("features", inputs))
    if hidden:
        combined = keras.layers.Dense(hidden, "relu", name=free_name("hidden", inputs))(features)
        features = _joined(keras, [features, keras.layers.Dropout(dropout)(combined)])
    return keras.Model(inputs, _outputs(outputs, features), name=model_name(encoder.fingerprint))


def embedding_layers(encoder: ColumnEncoder) -> dict[str, str]:
    """Return the name of the layer with the embedding of each column in a ``column_model``."""
    names = layer_names(encoder.names)
    first: dict[int, str] = {}
    for column in encoder.columns:
        if column.vocabulary is not None:
            first.setdefault(column.vocabulary, names[column.name][0])
    return {column.name: first[column.vocabulary] for column in encoder.columns if column.vocabulary is not None}


def _sizes(encoder: ColumnEncoder, dim: int, dims: Mapping[str, int]) -> dict[str, int]:
    """Return the embedding dimension of each column. Columns that share a vocabulary have the same."""
    sizes = {**dict.fromkeys(encoder.names, dim), **encoder.suggested_dims}
    for name, size in dims.items():
        check_count(f"dims[{name!r}]", size)
        for other, vocabulary in encoder.vocabularies.items():
            if vocabulary is not encoder.vocabularies[name]:
                continue
            if dims.get(other, size) != size:
                raise ArgumentError(
                    f"dims must be the same for {name!r} and {other!r}, which share an embedding; received {size} and "
                    f"{dims[other]}"
                )
            sizes[other] = size
    return sizes


def check_head(head: str) -> None:
    """Raise ``ArgumentError`` if the texts of a table cannot have this head."""
    check_choice("head", head, HEADS)
    if head == "tfidf":
        raise ArgumentError("head must not be 'tfidf' for a table, because it has weights of one column of texts")


def _check_arguments(
    encoder: ColumnEncoder, head: str, dims: Mapping[str, int] | None, dropout: float, hidden: int
) -> None:
    if not isinstance(encoder, ColumnEncoder):
        raise ArgumentError(f"encoder must be a tokemb.ColumnEncoder; received {type(encoder).__name__}")
    check_head(head)
    check_fraction("dropout", dropout)
    check_count("hidden", hidden, least=0)
    for name in dims or {}:
        if name not in encoder.vocabularies:
            raise ArgumentError(
                f"dims must name columns of texts or values ({', '.join(encoder.vocabularies)}); received {name!r}"
            )
    for column in encoder.columns:
        if head == "flatten" and column.kind == "texts" and column.maxlen is None:
            raise ArgumentError(
                f'head="flatten" requires texts of one length: fit {column.name!r} with the length as maxlen=...'
            )


def _input(keras: Any, column: Column, head: str) -> Any:  # noqa: ANN401
    if column.numbers is not None:
        return keras.Input((), dtype="float32", name=column.name)
    if not column.has_rows_of_ids:
        return keras.Input((), dtype="int32", name=column.name)
    length = column.maxlen if head == "flatten" and column.kind == "texts" else None
    return keras.Input((length,), dtype="int32", name=column.name)


def _embeddings(
    keras: Any,  # noqa: ANN401
    encoder: ColumnEncoder,
    head: str,
    sizes: Mapping[str, int],
    seed: int | None,
) -> dict[str, Any]:
    """Return the embedding layer of each column. Columns that share a vocabulary have the same layer."""
    layers: dict[str, Any] = {}
    # Recurrent layers would read padding before a text. The other heads compute their masks from the ids.
    masked = {column.name for column in encoder.columns if column.kind == "texts" and head in CELLS}
    for number, (column, layer) in enumerate(embedding_layers(encoder).items()):
        if layer not in layers:
            # With one seed, all columns would start with equal vectors.
            initializer = keras.initializers.RandomUniform(seed=None if seed is None else seed + number)
            layers[layer] = keras.layers.Embedding(
                encoder.input_dims[column],
                sizes[column],
                embeddings_initializer=initializer,
                mask_zero=column in masked,
                name=layer,
            )
    return {column: layers[layer] for column, layer in embedding_layers(encoder).items()}


def _normalized(keras: Any, column: Column, numbers: Any) -> Any:  # noqa: ANN401
    """Return numbers with mean 0 and standard deviation 1 in the fitted table, ``(batch, 1)``."""
    statistics = column.numbers
    if statistics is None:
        raise ValueError(f"{column.name} has no statistics")
    # The layer Normalization limits the deviation to an epsilon and to the root of the largest float32. With mixed
    # precision, it rounds the numbers to float16.
    deviation = max(statistics.deviation, float(np.finfo(np.float32).tiny))
    return keras.ops.divide(keras.ops.expand_dims(numbers, -1) - statistics.mean, deviation)


def _joined(keras: Any, tensors: list[Any], name: str | None = None) -> Any:  # noqa: ANN401
    return keras.layers.Concatenate(name=name)(tensors) if len(tensors) > 1 else tensors[0]


def _outputs(outputs: Output | Mapping[str, Output] | None, features: Any) -> Any:  # noqa: ANN401
    if outputs is None:
        return features
    if isinstance(outputs, Mapping):
        return {name: output(features) for name, output in outputs.items()}
    return outputs(features)
