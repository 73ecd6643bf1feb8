"""Heads: the layers that turn the vectors of a row into features, from which its classes or numbers are predicted.

Padding has no effect: the output for a row does not depend on the length that it is padded to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from tokemb._arrays import Float32
from tokemb._validation import BAG_HEADS, CELLS, HEADS, UNIGRAMS, check_choice, check_count, check_fraction
from tokemb.errors import ArgumentError
from tokemb.models.embedding_model import EMBEDDING_NAME, embedding_model

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

CONVOLUTION_WIDTHS = (3, 4, 5)
_WEIGHTS, _CONVOLVED = "token_weights", "convolved"
# The share of the rows of a batch that train the convolutions of a model with two kinds of features.
_CONVOLVED_SHARE = 0.4
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
    token_weights: Float32 | None = None,
    first_tokens: Sequence[int] = (),
    convolutions: bool = False,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model of rows of ids.

    Args:
        encoder: The vocabulary.
        output: A function that returns the output of the model for the features of the head, as ``Target.output``.
        head: ``"mean"`` is the mean of the vectors, times the square root of the number of tokens, so that long rows
            have more evidence. ``"tfidf"`` is the sum of the vectors of the distinct tokens, weighted by
            ``token_weights`` and divided by the norm of the weights. ``"attention"`` is the mean of the vectors,
            weighted by a softmax of scores that a layer with ``units`` units computes, times the square root of the
            number of tokens. If the tokens are n-grams, these three heads leave out tokens out of vocabulary.
            ``"flatten"`` has separate weights for each position and requires ``maxlen``. ``"conv"`` has convolutions
            over 3, 4 and 5 tokens, each with ``units`` filters, and global max pooling. ``"gru"`` and ``"lstm"``
            concatenate the mean and the maximum of the states of a recurrent layer.
        maxlen: The length of all rows. Only the head ``"flatten"`` uses it.
        dim: The embedding dimension. ``None`` is that of ``vectors``, or 50.
        units: The number of filters, of recurrent units, or of units of attention.
        dropout: The dropout rate of the vectors and of the features.
        vectors: Pre-trained vectors to start from, as for ``embedding_model``.
        trainable: Whether training changes the vectors of the tokens.
        token_weights: Constant factors of the vectors of tokens, float32 ``(input_dim,)``: log-count ratios for the
            head ``"mean"``, inverse document frequencies for ``"tfidf"``. ``None`` is 1 for all tokens. A vector
            changes more in a training step if its factor is large.
        first_tokens: With the head ``"mean"``, the mean of the vectors of so many tokens at the beginning of a row is
            a feature beside that of all. Each number adds a mean.
        convolutions: Whether the head ``"mean"`` also has the features of the head ``"conv"``, with token vectors of
            their own. In training, each row has features of one of the two kinds, chosen at random, and those of the
            other kind are 0. Otherwise, the outputs before their activation are a weighted mean of those of two
            models, one of means and one of convolutions.
        seed: The random seed of the embedding.

    Returns:
        A model from ``token_ids``, int32 ``(batch, maxlen)``, to its output. Its name carries the fingerprint, as in
        ``embedding_model``.

    Raises:
        ArgumentError: If an argument is invalid, or the padding of the vocabulary is not id 0.
    """
    check_choice("head", head, HEADS)
    check_fraction("dropout", dropout)
    units = check_count("units", units)
    for name, value in (("first_tokens", first_tokens), ("convolutions", convolutions)):
        if value and head != "mean":
            raise ArgumentError(f"{name} requires head='mean'; received head={head!r}")
    if not isinstance(first_tokens, Sequence):
        raise ArgumentError(f"first_tokens must be a sequence of integers, such as (1, 2); received {first_tokens!r}")
    for count in first_tokens:
        check_count("first_tokens", count)
    if head == "flatten" and maxlen is None:
        raise ArgumentError('head="flatten" requires rows of one length: pass the length as maxlen=...')
    dim = DIM if dim is None and vectors is None else dim
    embedding = embedding_model(encoder, dim, mask_zero=True, vectors=vectors, trainable=trainable, seed=seed)
    import keras

    length = check_count("maxlen", maxlen) if head == "flatten" else None
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    features = text_features(
        encoder,
        token_ids,
        embedding.get_layer(EMBEDDING_NAME),
        head=head,
        units=units,
        dropout=dropout,
        token_weights=token_weights,
        first_tokens=first_tokens,
    )
    features = keras.layers.Dropout(dropout)(features)
    if convolutions:
        size = (encoder.input_dim, embedding.output_shape[-1])
        vectors = keras.layers.Embedding(*size, name=_CONVOLVED)(token_ids)
        convolved = _convolved(vectors, is_token_mask(token_ids), units, name=_CONVOLVED)
        features = _one_kind(features, keras.layers.Dropout(dropout)(convolved))
    return keras.Model(token_ids, output(features), name=embedding.name)


def fold_token_weights(model: keras.Model, plain: keras.Model) -> keras.Model:
    """Multiply the vectors of a model by its token weights.

    Args:
        model: A model with ``token_weights``.
        plain: The same model without them. Its weights are replaced.

    Returns:
        ``plain``, whose outputs are those of ``model``.
    """
    for layer in plain.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).get_weights())
    (vectors,), (weights,) = (model.get_layer(name).get_weights() for name in (EMBEDDING_NAME, _WEIGHTS))
    plain.get_layer(EMBEDDING_NAME).set_weights([vectors * weights])
    return plain


def text_features(
    encoder: Encoder,
    token_ids: Any,  # noqa: ANN401 - Keras' tensors
    embedding: keras.layers.Embedding,
    *,
    head: str,
    units: int,
    dropout: float,
    token_weights: Float32 | None = None,
    first_tokens: Sequence[int] = (),
) -> Any:  # noqa: ANN401
    """Return the features of texts, ``(batch, features)``, that a head makes of the vectors of their tokens.

    Args:
        encoder: The vocabulary.
        token_ids: The ids, int32 ``(batch, maxlen)``.
        embedding: The layer with the vectors of the tokens.
        head: As for ``text_model``.
        units: As for ``text_model``.
        dropout: The dropout rate of the vectors.
        token_weights: As for ``text_model``.
        first_tokens: As for ``text_model``.
    """
    import keras

    if head in BAG_HEADS:
        left_out = left_out_ids(encoder, head)
        if head == "mean":
            pooled = _weighted_mean(embedding, token_ids, token_weights, left_out, first_tokens)
        elif head == "tfidf":
            pooled = _tf_idf_sum(embedding, token_ids, token_weights, left_out)
        else:
            pooled = _attended(embedding(token_ids), is_token_mask(token_ids, left_out), units)
        # The same as to drop dimensions of all vectors of a row.
        return keras.layers.Dropout(dropout)(pooled)
    vectors = keras.layers.SpatialDropout1D(dropout)(embedding(token_ids))
    return _features(head, vectors, token_ids, units)


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


def check_trainable(trainable: bool, vectors: Any) -> None:  # noqa: ANN401
    """Check that the vectors of tokens are trained, unless there are pre-trained ones.

    Raises:
        ArgumentError: If they are neither trained nor pre-trained.
    """
    if vectors is None and not trainable:
        raise ArgumentError("trainable=False requires pre-trained vectors: pass vectors=...")


def _features(head: str, vectors: Any, token_ids: Any, units: int) -> Any:  # noqa: ANN401 - Keras' tensors
    from keras import layers, ops

    mask = is_token_mask(token_ids)
    if head == "conv":
        return _convolved(vectors, mask, units)
    is_token = ops.expand_dims(mask, -1)
    if head in CELLS:
        states = getattr(layers, head.upper())(units, return_sequences=True)(vectors)
        # States are at least -1.
        maximum = ops.max(ops.where(ops.greater(is_token, 0), states, -1.0), 1)
        mean = ops.divide(ops.sum(ops.multiply(states, is_token), 1), ops.maximum(ops.sum(is_token, 1), 1.0))
        return ops.concatenate([mean, maximum], -1)
    return layers.Flatten()(ops.multiply(vectors, is_token))


def _convolved(vectors: Any, mask: Any, units: int, name: str | None = None) -> Any:  # noqa: ANN401
    """Return the maximum of each filter over the tokens, ``(batch, features)``. ``name`` begins names of layers."""
    from keras import layers, ops

    is_token = ops.expand_dims(mask, -1)
    # A convolution sees zeros at padding, as beyond the end of a row. Its activations are at least 0.
    vectors = ops.multiply(vectors, is_token)
    maxima = []
    for width in CONVOLUTION_WIDTHS:
        layer = layers.Conv1D(units, width, padding="same", activation="relu", name=name and f"{name}_{width}")
        # Rows of a batch without tokens can have the length 0.
        maxima.append(ops.max(ops.multiply(layer(vectors), is_token), 1, initial=0.0))
    return ops.concatenate(maxima, -1)


def _one_kind(features: Any, convolved: Any) -> Any:  # noqa: ANN401
    """Concatenate two kinds of features, of which each row has one in training, ``(batch, features)``.

    A dropout of ones chooses the kind. The factors of the two kinds have the same sum in training and in predictions,
    so that a linear layer above predicts the mean of its two outputs in training, weighted by their probabilities.
    """
    from keras import layers, ops

    chosen = layers.Dropout(_CONVOLVED_SHARE)(ops.ones_like(features[:, :1]))
    others = ops.subtract(1 / (1 - _CONVOLVED_SHARE), chosen)
    return ops.concatenate([ops.multiply(features, chosen), ops.multiply(convolved, others)], -1)


def is_token_mask(token_ids: Any, left_out: Sequence[int] = ()) -> Any:  # noqa: ANN401
    """Return 1 for each token, and 0 for padding and the ids in ``left_out``, float32 ``(batch, maxlen)``.

    It is computed from the ids: convolutions drop the mask, and Keras' mean of a row without tokens is NaN.
    """
    from keras import ops

    is_token = ops.not_equal(token_ids, 0)
    for other in left_out:
        is_token = ops.logical_and(is_token, ops.not_equal(token_ids, other))
    return ops.cast(is_token, "float32")


def _weights_at(token_ids: Any, token_weights: Float32) -> Any:  # noqa: ANN401
    """Return the weight of each token, float32 ``(batch, maxlen)``."""
    from keras import layers, ops

    lookup = layers.Embedding(len(token_weights), 1, trainable=False, name=_WEIGHTS)
    weights = ops.squeeze(lookup(token_ids), -1)
    lookup.set_weights([token_weights[:, None]])
    return weights


def scaled_mean(vectors: Any, weights: Any, is_token: Any) -> Any:  # noqa: ANN401
    """Return the weighted sum of vectors, divided by the square root of the number of tokens, ``(batch, dim)``."""
    from keras import ops

    total = ops.einsum("btd,bt->bd", vectors, weights)
    return ops.divide(total, ops.sqrt(ops.maximum(ops.sum(is_token, 1, keepdims=True), 1.0)))


def _attended(vectors: Any, is_token: Any, units: int) -> Any:  # noqa: ANN401
    """Return the mean of the vectors, weighted by a softmax of learned scores of the tokens, ``(batch, dim)``.

    As for the head ``mean``, it is multiplied by the square root of the number of tokens.
    """
    from keras import layers, ops

    hidden = layers.Dense(units, "tanh")(vectors)
    scores = ops.cast(ops.squeeze(layers.Dense(1, use_bias=False)(hidden), -1), "float32")
    # A row without tokens has equal weights, and is multiplied by 0. In float16, -1e9 would be infinite.
    weights = ops.softmax(ops.where(ops.greater(is_token, 0), scores, -1e9), 1)
    return ops.multiply(ops.einsum("btd,bt->bd", vectors, weights), ops.sqrt(ops.sum(is_token, 1, keepdims=True)))


def _weighted_mean(
    embedding: Any,  # noqa: ANN401
    token_ids: Any,  # noqa: ANN401
    token_weights: Any,  # noqa: ANN401
    left_out: Sequence[int],
    first_tokens: Sequence[int],
) -> Any:  # noqa: ANN401
    """Return the ``scaled_mean`` of the vectors, multiplied by the weights of their tokens, ``(batch, dim)``.

    For each of ``first_tokens``, that of so many tokens at the beginning of the row is appended.
    """
    from keras import ops

    is_token = is_token_mask(token_ids, left_out)
    weights = is_token if token_weights is None else is_token * _weights_at(token_ids, token_weights)
    vectors = embedding(token_ids)
    means = [scaled_mean(vectors, weights, is_token)]
    for count in first_tokens:
        # Padding and tokens that are left out have no position.
        is_first = is_token * ops.cast(ops.less_equal(ops.cumsum(is_token, 1), count), "float32")
        means.append(scaled_mean(vectors, weights * is_first, is_first))
    return ops.concatenate(means, -1) if first_tokens else means[0]


def _tf_idf_sum(embedding: Any, token_ids: Any, token_weights: Any, left_out: Sequence[int]) -> Any:  # noqa: ANN401
    """Return the sum of the vectors of the distinct tokens, weighted by tf-idf of the norm 1, ``(batch, dim)``.

    The term frequency of a token is 1, as with ``TfidfVectorizer(binary=True)`` of scikit-learn.
    """
    from keras import ops

    # Equal ids follow each other in the sorted row, and the first of them counts.
    in_order = ops.sort(token_ids, 1)
    is_repeated = ops.equal(in_order, ops.pad(in_order[:, :-1], [[0, 0], [1, 0]], constant_values=-1))
    weights = is_token_mask(in_order, left_out) * ops.cast(ops.logical_not(is_repeated), "float32")
    if token_weights is not None:
        weights = weights * _weights_at(in_order, token_weights)
    norm = ops.sqrt(ops.maximum(ops.sum(ops.square(weights), 1, keepdims=True), 1e-12))
    return ops.divide(ops.einsum("btd,bt->bd", embedding(in_order), weights), norm)
