"""Heads: the layers that turn the vectors of a row into features, from which its classes or numbers are predicted.

Padding has no effect: the output for a row does not depend on the length that it is padded to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from tokemb._validation import BAG_HEADS, CELLS, HEADS, UNIGRAMS, check_choice, check_count
from tokemb.errors import ArgumentError
from tokemb.models.embedding_model import EMBEDDING_NAME, embedding_model
from tokemb.rows.ragged import Ragged

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

_WIDTHS = (3, 4, 5)
DIM = 50


def text_model(
    encoder: Encoder,
    output: Callable[[Any], Any],
    *,
    head: str = "mean",
    maxlen: int | None = None,
    dim: int | None = None,
    units: int = 64,
    dropout: float = 0.5,
    vectors: Any = None,  # noqa: ANN401 - as for embedding_model
    trainable: bool = True,
    idf: npt.NDArray[np.float32] | None = None,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model of rows of ids.

    Args:
        encoder: The vocabulary.
        output: A function that returns the output of the model for the features of the head, as ``Target.output``.
        head: ``"mean"`` is the mean of the vectors, times the square root of the number of tokens, so that long rows
            have more evidence. ``"tfidf"`` is the sum of the vectors of the distinct tokens, weighted by ``idf`` and
            divided by the norm of the weights. ``"attention"`` is the mean of the vectors, weighted by a softmax of
            scores that a layer with ``units`` units computes, times the square root of the number of tokens. If the
            tokens are n-grams, these three leave out those that are out of vocabulary. ``"flatten"`` has separate
            weights for each position and requires ``maxlen``. ``"conv"`` has convolutions over 3, 4 and 5 tokens, each
            with ``units`` filters, and global max pooling. ``"gru"`` and ``"lstm"`` concatenate the mean and the
            maximum of the states of a recurrent layer.
        maxlen: The length of all rows. Only the head ``"flatten"`` uses it.
        dim: The embedding dimension. ``None`` is that of ``vectors``, or 50.
        units: The number of filters, of recurrent units, or of units of attention.
        dropout: The dropout rate of the vectors and of the features.
        vectors: Pre-trained vectors to start from, as for ``embedding_model``.
        trainable: Whether training changes the vectors of the tokens.
        idf: The inverse document frequency of each id (``inverse_document_frequency``), float32 ``(input_dim,)``, for
            the head ``"tfidf"``. ``None`` weighs all tokens alike.
        seed: The random seed of the embedding.

    Returns:
        A model from ``token_ids``, int32 ``(batch, maxlen)``, to its output. Its name carries the fingerprint, as in
        ``embedding_model``.

    Raises:
        ArgumentError: If an argument is invalid, or the padding of the vocabulary is not id 0.
    """
    check_choice("head", head, HEADS)
    check_dropout(dropout)
    units = check_count("units", units)
    if head == "flatten" and maxlen is None:
        raise ArgumentError('head="flatten" requires rows of one length: pass the length as maxlen=...')
    dim = DIM if dim is None and vectors is None else dim
    embedding = embedding_model(encoder, dim, mask_zero=True, vectors=vectors, trainable=trainable, seed=seed)
    import keras

    length = check_count("maxlen", maxlen) if head == "flatten" else None
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    token_embedding = embedding.get_layer(EMBEDDING_NAME)
    if head in BAG_HEADS:
        pooled = _pooled(head, token_embedding, token_ids, left_out_ids(encoder, head), units, idf)
        # The same as to drop dimensions of all vectors of a row.
        features = keras.layers.Dropout(dropout)(pooled)
    else:
        vectors = keras.layers.SpatialDropout1D(dropout)(token_embedding(token_ids))
        features = _features(head, vectors, token_ids, units)
    features = keras.layers.Dropout(dropout)(features)
    return keras.Model(token_ids, output(features), name=embedding.name)


def left_out_ids(encoder: Encoder, head: str) -> list[int]:
    """Return the ids that a head does not use: n-grams out of vocabulary, which are most of those of a text."""
    one_id = encoder.unk_id is not None and encoder.buckets is None
    left_out = head in BAG_HEADS and encoder.ngrams != UNIGRAMS and one_id
    return [cast("int", encoder.unk_id)] if left_out else []


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


def check_trainable(trainable: bool, vectors: Any) -> None:  # noqa: ANN401
    """Check that the vectors of tokens are trained, unless there are pre-trained ones.

    Raises:
        ArgumentError: If they are neither trained nor pre-trained.
    """
    if vectors is None and not trainable:
        raise ArgumentError("trainable=False requires pre-trained vectors: pass vectors=...")


def _features(head: str, vectors: Any, token_ids: Any, units: int) -> Any:  # noqa: ANN401 - Keras' tensors
    import keras
    from keras import layers, ops

    is_token = ops.expand_dims(_is_token(token_ids), -1)
    if head in CELLS:
        states = getattr(layers, head.upper())(units, return_sequences=True)(vectors)
        # States are at least -1.
        maximum = ops.max(ops.where(ops.greater(is_token, 0), states, -1.0), 1)
        mean = ops.divide(ops.sum(ops.multiply(states, is_token), 1), ops.maximum(ops.sum(is_token, 1), 1.0))
        return ops.concatenate([mean, maximum], -1)
    vectors = ops.multiply(vectors, is_token)
    if head == "flatten":
        return layers.Flatten()(vectors)
    # A convolution sees zeros at padding, as beyond the end of a row. Its activations are at least 0.
    relu = keras.activations.relu
    activations = [layers.Conv1D(units, width, padding="same", activation=relu)(vectors) for width in _WIDTHS]
    return ops.concatenate([ops.max(ops.multiply(filters, is_token), 1) for filters in activations], -1)


def _is_token(token_ids: Any, left_out: Sequence[int] = ()) -> Any:  # noqa: ANN401
    """Return 1 for each token, and 0 for padding and the ids in ``left_out``, float32 ``(batch, maxlen)``.

    It is computed from the ids: convolutions drop the mask, and Keras' mean of a row without tokens is NaN.
    """
    from keras import ops

    is_token = ops.not_equal(token_ids, 0)
    for other in left_out:
        is_token = ops.logical_and(is_token, ops.not_equal(token_ids, other))
    return ops.cast(is_token, "float32")


def _scaled_mean(vectors: Any, is_token: Any) -> Any:  # noqa: ANN401
    """Return the sum of the vectors at tokens, divided by the square root of their number, ``(batch, dim)``."""
    from keras import ops

    total = ops.einsum("btd,bt->bd", vectors, is_token)
    return ops.divide(total, ops.sqrt(ops.maximum(ops.sum(is_token, 1, keepdims=True), 1.0)))


def _pooled(head: str, embedding: Any, token_ids: Any, left_out: Sequence[int], units: int, idf: Any) -> Any:  # noqa: ANN401
    """Return the weighted sum of the vectors that a head computes without their order, ``(batch, dim)``."""
    if head == "tfidf":
        return _tf_idf_sum(embedding, token_ids, idf, left_out)
    is_token = _is_token(token_ids, left_out)
    vectors = embedding(token_ids)
    return _scaled_mean(vectors, is_token) if head == "mean" else _attended(vectors, is_token, units)


def _attended(vectors: Any, is_token: Any, units: int) -> Any:  # noqa: ANN401
    """Return the mean of the vectors, weighted by a softmax of learned scores of the tokens, ``(batch, dim)``.

    As for the head ``mean``, it is multiplied by the square root of the number of tokens.
    """
    from keras import layers, ops

    hidden = layers.Dense(units, "tanh", name="attention_hidden")(vectors)
    scores = layers.Dense(1, use_bias=False, name="attention_scores")(hidden)
    # A row without tokens has equal weights, and is multiplied by 0.
    weights = ops.softmax(ops.where(ops.greater(is_token, 0), ops.squeeze(scores, -1), -1e9), 1)
    return ops.multiply(ops.einsum("btd,bt->bd", vectors, weights), ops.sqrt(ops.sum(is_token, 1, keepdims=True)))


def _tf_idf_sum(embedding: Any, token_ids: Any, idf: Any, left_out: Sequence[int]) -> Any:  # noqa: ANN401
    """Return the sum of the vectors of the distinct tokens, weighted by tf-idf of the norm 1, ``(batch, dim)``.

    The term frequency of a token is 1, as with ``TfidfVectorizer(binary=True)`` of scikit-learn.
    """
    import keras
    from keras import ops

    # Equal ids follow each other in the sorted row, and the first of them counts.
    in_order = ops.sort(token_ids, 1)
    is_repeated = ops.equal(in_order, ops.pad(in_order[:, :-1], [[0, 0], [1, 0]], constant_values=-1))
    is_counted = ops.multiply(_is_token(in_order, left_out), ops.cast(ops.logical_not(is_repeated), "float32"))
    idf = np.ones(embedding.input_dim, np.float32) if idf is None else idf
    table = keras.layers.Embedding(len(idf), 1, weights=[idf[:, None]], trainable=False, name="idf")
    weights = ops.multiply(ops.squeeze(table(in_order), -1), is_counted)
    norm = ops.sqrt(ops.maximum(ops.sum(ops.square(weights), 1, keepdims=True), 1e-12))
    return ops.divide(ops.einsum("btd,bt->bd", embedding(in_order), weights), norm)


def inverse_document_frequency(rows: Ragged, input_dim: int) -> npt.NDArray[np.float32]:
    """Return ``log((1 + rows) / (1 + rows with the id)) + 1`` of each id, as in scikit-learn, float32 ``(input_dim,)``.

    Example:
        >>> inverse_document_frequency(Ragged(np.array([2, 2, 3, 2], np.int32), np.array([0, 3, 4])), 4).round(2)
        array([2.1 , 2.1 , 1.  , 1.41], dtype=float32)
    """
    numbers = np.repeat(np.arange(len(rows)), rows.lengths)
    pairs = np.unique(numbers * input_dim + rows.values)
    documents = np.bincount(pairs % input_dim, minlength=input_dim)
    return (np.log((1 + len(rows)) / (1 + documents)) + 1).astype(np.float32)
