"""The model of a tagger, and its tags of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Float32, Int32, Int64
from tokemb._validation import CELLS, check_choice, check_count, check_fraction
from tokemb.keras.datasets.order import BatchOrder
from tokemb.keras.datasets.tags import is_first
from tokemb.models.embedding_model import EMBEDDING_NAME, embedding_model
from tokemb.rows.ragged import Ragged, take_padded
from tokemb.rows.string_buffers import list_splits
from tokemb.training.forward import Forward
from tokemb.training.heads import DIM, check_classes
from tokemb.training.sequences import UNLIMITED

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

# Large batches of short rows are the fastest. The number of positions limits the memory of long rows.
_ORDER = BatchOrder(1024, positions=1 << 16)


def tagger(
    encoder: Encoder,
    classes: int,
    *,
    head: str = "lstm",
    dim: int | None = None,
    units: int = 64,
    dropout: float = 0.3,
    vectors: Any = None,  # noqa: ANN401 - as for embedding_model
    trainable: bool = True,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model that predicts a tag for each id.

    Args:
        encoder: The vocabulary.
        classes: The number of different tags.
        head: The cells of the recurrent layer, which reads rows in both directions: ``"gru"`` or ``"lstm"``.
        dim: The embedding dimension. ``None`` is that of ``vectors``, or 50.
        units: The number of units in each direction.
        dropout: The dropout rate of the vectors and of the states.
        vectors: Pre-trained vectors to start from, as for ``embedding_model``.
        trainable: Whether training changes the vectors of the tokens.
        seed: The random seed of the embedding.

    Returns:
        A model from ``token_ids``, int32 ``(batch, maxlen)``, to probabilities, float32 ``(batch, maxlen, classes)``.
        Its name carries the fingerprint, as in ``embedding_model``.

    Raises:
        ArgumentError: If an argument is invalid, or the padding of the vocabulary is not id 0.
    """
    check_choice("head", head, CELLS)
    check_classes(classes)
    check_fraction("dropout", dropout)
    units = check_count("units", units)
    dim = DIM if dim is None and vectors is None else dim
    embedding = embedding_model(encoder, dim, mask_zero=True, vectors=vectors, trainable=trainable, seed=seed)
    from keras import Input, Model, layers

    token_ids = Input((None,), dtype="int32", name="token_ids")
    states = layers.SpatialDropout1D(dropout)(embedding.get_layer(EMBEDDING_NAME)(token_ids))
    cell = getattr(layers, head.upper())(units, return_sequences=True)
    states = layers.Dropout(dropout)(layers.Bidirectional(cell)(states))
    return Model(token_ids, layers.Dense(classes, "softmax", name="probabilities")(states), name=embedding.name)


@dataclass(frozen=True)
class TaggedTokens:
    """The predicted tags of the tokens of some rows.

    Attributes:
        classes: The class of each token, -1 if it has no ids, int32 ``(tokens,)``.
        probabilities: The probability of that class, float32 ``(tokens,)``.
        row_splits: The first token of each row, and the number of tokens, int64 ``(rows + 1,)``.
    """

    classes: Int32
    probabilities: Float32
    row_splits: Int64


def predict_tokens(run: Forward, encoder: Encoder, rows: pa.LargeListArray) -> TaggedTokens:
    """Predict the tag of each token at its first id. Rows are not truncated.

    Args:
        run: The model as a function.
        encoder: Its vocabulary.
        rows: Rows of tokens.
    """
    encoded, words = encoder.encode_column_words(rows, encoder.pad_truncate(UNLIMITED, None, None))
    ids = encoded.rows
    # The token that is predicted at each id, and -1 at the others.
    predicted = Ragged(np.where(is_first(words), words.values, -1), words.row_splits)
    splits = list_splits(rows)
    classes, probabilities = np.full(splits[-1], -1, np.int32), np.zeros(splits[-1], np.float32)
    for indices in _ORDER.batches(ids.lengths, [0]):
        output = run(take_padded(ids, indices))
        tokens = take_padded(predicted, indices, fill=-1)
        has_token = tokens >= 0
        classes[tokens[has_token]] = output.argmax(axis=2)[has_token]
        probabilities[tokens[has_token]] = output.max(axis=2)[has_token]
    return TaggedTokens(classes, probabilities, splits)
