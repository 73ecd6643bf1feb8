"""Classifiers on top of an embedding: what turns the vectors of a row into the probabilities of its classes.

Padding reaches no result: a row's output is the same however far it is padded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokemb._validation import check_choice, check_count
from tokemb.errors import ArgumentError
from tokemb.models.embedding_model import EMBEDDING_NAME, embedding_model

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

CELLS = ("gru", "lstm")
HEADS = ("mean", "flatten", "conv", *CELLS)
_KERNEL = 5


def classifier(
    encoder: Encoder,
    classes: int,
    *,
    head: str = "mean",
    maxlen: int | None = None,
    dim: int = 50,
    units: int = 64,
    dropout: float = 0.5,
    seed: int | None = None,
) -> keras.Model:
    """A Keras model from ``token_ids`` int32 (batch, maxlen) to probabilities float32: (batch, 1) for two classes.

    For more ``classes`` they are (batch, classes). Its name carries the fingerprint, as that of ``embedding_model``.
    ``head``: ``"mean"`` of the vectors of a row; ``"flatten"``, every place with weights of its own, which alone needs
    rows of one ``maxlen``; ``"conv"``, a convolution over 5 tokens and the largest value of each of ``units`` filters;
    ``"gru"`` and ``"lstm"`` of ``units``, the mean and the largest value of each of their states.
    ``dim``: latent factors of each token. ``dropout``: the share of vectors and of what the head gives that is left out
    in training.

    Raises ``ArgumentError`` for settings that cannot be, or a vocabulary whose padding is not id 0.
    """
    check_choice("head", head, HEADS)
    check_classes(classes)
    check_dropout(dropout)
    units = check_count("units", units)
    if head == "flatten" and maxlen is None:
        raise ArgumentError('head="flatten" requires rows of one length: pass the length as maxlen=...')
    embedding = embedding_model(encoder, dim, mask_zero=True, seed=seed)
    import keras

    length = check_count("maxlen", maxlen) if head == "flatten" else None
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    vectors = embedding.get_layer(EMBEDDING_NAME)(token_ids)
    vectors = keras.layers.SpatialDropout1D(dropout)(vectors)
    features = keras.layers.Dropout(dropout)(_features(head, vectors, token_ids, units))
    binary = classes == 2
    output = keras.layers.Dense(1 if binary else classes, "sigmoid" if binary else "softmax", name="probabilities")
    return keras.Model(token_ids, output(features), name=embedding.name)


def check_classes(classes: int) -> None:
    """Raise ``ArgumentError`` unless there is something to tell apart."""
    if classes < 2:
        raise ArgumentError(f"there must be at least two classes; received {classes}")


def check_dropout(dropout: float) -> None:
    """Raise ``ArgumentError`` unless ``dropout`` is a share."""
    if not 0 <= dropout < 1:
        raise ArgumentError(f"dropout must be at least 0 and less than 1; received {dropout}")


def _features(head: str, vectors: Any, token_ids: Any, units: int) -> Any:  # noqa: ANN401 - Keras' tensors
    import keras
    from keras import layers, ops

    # Told from the ids, as no mask outlives a convolution, and Keras' mean of a row without tokens is no number.
    real = ops.expand_dims(ops.cast(ops.not_equal(token_ids, 0), "float32"), -1)
    if head in CELLS:
        states = getattr(layers, head.upper())(units, return_sequences=True)(vectors)
        # No state is below -1.
        largest = ops.max(ops.where(ops.greater(real, 0), states, -1.0), 1)
        return ops.concatenate([_mean(states, real), largest], -1)
    if head == "mean":
        return _mean(vectors, real)
    vectors = ops.multiply(vectors, real)
    if head == "flatten":
        return layers.Flatten()(vectors)
    # Beyond the end of a row a convolution sees zeros, as it does at padding; nothing that it gives is below zero.
    found = layers.Conv1D(units, _KERNEL, padding="same", activation=keras.activations.relu)(vectors)
    return ops.max(ops.multiply(found, real), 1)


def _mean(vectors: Any, real: Any) -> Any:  # noqa: ANN401
    """The mean of the vectors at tokens, 0 without any: (batch, dim)."""
    from keras import ops

    return ops.divide(ops.sum(ops.multiply(vectors, real), 1), ops.maximum(ops.sum(real, 1), 1.0))
