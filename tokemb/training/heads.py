"""Classifier heads: the layers that turn the vectors of a row into the probabilities of its classes.

Padding has no effect: the output for a row does not depend on the length that it is padded to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokemb._validation import CELLS, HEADS, check_choice, check_count
from tokemb.errors import ArgumentError
from tokemb.models.embedding_model import EMBEDDING_NAME, embedding_model

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

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
    """Make a Keras model that classifies rows of ids.

    Args:
        encoder: The vocabulary.
        classes: The number of classes.
        head: ``"mean"`` is the mean of the vectors. ``"flatten"`` has separate weights for each position and requires
            ``maxlen``. ``"conv"`` is a convolution over 5 tokens with ``units`` filters and global max pooling.
            ``"gru"`` and ``"lstm"`` concatenate the mean and the maximum of the states of a recurrent layer.
        maxlen: The length of all rows. Only the head ``"flatten"`` uses it.
        dim: The embedding dimension.
        units: The number of filters or recurrent units.
        dropout: The dropout rate of the vectors and of the features.
        seed: The random seed of the embedding.

    Returns:
        A model from ``token_ids``, int32 ``(batch, maxlen)``, to probabilities, float32 ``(batch, 1)`` for two classes
        and ``(batch, classes)`` for more. Its name carries the fingerprint, as in ``embedding_model``.

    Raises:
        ArgumentError: If an argument is invalid, or the padding of the vocabulary is not id 0.
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
    """Check that there are at least two classes.

    Raises:
        ArgumentError: If there are fewer.
    """
    if classes < 2:
        raise ArgumentError(f"classes must be at least 2; received {classes}")


def check_dropout(dropout: float) -> None:
    """Check that ``dropout`` is at least 0 and less than 1.

    Raises:
        ArgumentError: If it is not.
    """
    if not 0 <= dropout < 1:
        raise ArgumentError(f"dropout must be at least 0 and less than 1; received {dropout}")


def _features(head: str, vectors: Any, token_ids: Any, units: int) -> Any:  # noqa: ANN401 - Keras' tensors
    import keras
    from keras import layers, ops

    # Computed from the ids: convolutions drop the mask, and Keras' mean of a row without tokens is NaN.
    is_token = ops.expand_dims(ops.cast(ops.not_equal(token_ids, 0), "float32"), -1)
    if head in CELLS:
        states = getattr(layers, head.upper())(units, return_sequences=True)(vectors)
        # States are at least -1.
        maximum = ops.max(ops.where(ops.greater(is_token, 0), states, -1.0), 1)
        return ops.concatenate([_masked_mean(states, is_token), maximum], -1)
    if head == "mean":
        return _masked_mean(vectors, is_token)
    vectors = ops.multiply(vectors, is_token)
    if head == "flatten":
        return layers.Flatten()(vectors)
    # A convolution sees zeros at padding, as beyond the end of a row. Its activations are at least 0.
    activations = layers.Conv1D(units, _KERNEL, padding="same", activation=keras.activations.relu)(vectors)
    return ops.max(ops.multiply(activations, is_token), 1)


def _masked_mean(vectors: Any, is_token: Any) -> Any:  # noqa: ANN401
    """Return the mean of the vectors at tokens, ``(batch, dim)``, or zeros for a row without tokens."""
    from keras import ops

    return ops.divide(ops.sum(ops.multiply(vectors, is_token), 1), ops.maximum(ops.sum(is_token, 1), 1.0))
