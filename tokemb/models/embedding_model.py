"""Embedding models, made from a vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._validation import check_count
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.rows.pooling import Float32
from tokemb.vocabulary.vocabulary import check_vocabulary

if TYPE_CHECKING:
    import keras

    from tokemb.models.pretrained import Pretrained

EMBEDDING_NAME = "token_embedding"

# The model's name says whose ids it takes. Names survive training and saving in plain Keras, which knows no metadata.
_NAME_PREFIX = "tokemb_"
FINGERPRINT_DIGITS = 16


def model_name(fingerprint: str) -> str:
    """The name of a model for the vocabulary with this fingerprint."""
    return _NAME_PREFIX + fingerprint[:FINGERPRINT_DIGITS]


def fingerprint_in_name(name: str) -> str | None:
    """The first digits of the fingerprint in a model's name, ``None`` if there are none."""
    digits = name.removeprefix(_NAME_PREFIX)[:FINGERPRINT_DIGITS]
    named = name.startswith(_NAME_PREFIX) and len(digits) == FINGERPRINT_DIGITS
    return digits if named and not set(digits) - set("0123456789abcdef") else None


def embedding_model(
    encoder: Encoder,
    output_dim: int | None = None,
    *,
    mask_zero: bool | None = None,
    vectors: npt.ArrayLike | Path | Pretrained | object | None = None,
    missing: str = "random",
    trainable: bool = True,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model that looks ids up: ``token_ids`` int32 (batch, maxlen) → float32 (batch, maxlen, output_dim).

    ``encoder``: whose ids it takes; the model's ``input_dim`` is the encoder's, and its name carries the fingerprint.
    ``output_dim``: the number of latent factors of each token; with ``vectors`` theirs, and need not be told.
    ``mask_zero``: whether later layers skip id 0; by default yes where id 0 is padding.
    ``vectors``: the matrix to start from, float (input_dim, output_dim); or pre-trained vectors, as a file that
    ``tokemb.models.pretrained.load_vectors`` reads, gensim's ``KeyedVectors``, or what it gave. Random (Keras'
    default) without.
    ``missing``: how the rows of tokens that pre-trained vectors lack are made, see
    ``tokemb.models.pretrained.starting_matrix``.
    ``trainable``: whether training changes the vectors.
    ``seed``: makes what is random repeatable.

    Raises ``ArgumentError`` for settings that cannot be, ``VectorsError`` for pre-trained vectors that cannot be used.
    """
    check_vocabulary("encoder", encoder)
    if mask_zero is None:
        mask_zero = encoder.pad_id == 0
    if mask_zero and encoder.pad_id != 0:
        raise ArgumentError(f"mask_zero needs padding to be id 0; this vocabulary pads with {encoder.pad_id}")
    seed = None if seed is None else check_count("seed", seed, least=0)
    if output_dim is not None or vectors is None:
        output_dim = check_count("output_dim", output_dim)
    matrix = None if vectors is None else _matrix(_numbers(vectors, encoder, missing, seed), encoder, output_dim)

    import keras

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    embedding = keras.layers.Embedding(
        encoder.input_dim,
        output_dim if matrix is None else matrix.shape[1],
        mask_zero=mask_zero,
        embeddings_initializer=keras.initializers.RandomUniform(seed=seed),
        trainable=bool(trainable),
        name=EMBEDDING_NAME,
    )
    model = keras.Model(token_ids, embedding(token_ids), name=model_name(encoder.fingerprint))
    if matrix is not None:
        embedding.set_weights([matrix])
    return model


def _numbers(vectors: Any, encoder: Encoder, missing: str, seed: int | None) -> npt.ArrayLike:  # noqa: ANN401
    """The matrix in whatever ``vectors`` is."""
    from tokemb.models.pretrained import Pretrained, load_vectors, starting_matrix

    if isinstance(vectors, (Path, str)) or hasattr(vectors, "key_to_index"):
        vectors = load_vectors(vectors, encoder.vocabulary)
    if isinstance(vectors, Pretrained):
        return starting_matrix(encoder, vectors, missing=missing, seed=seed)
    matrix: npt.ArrayLike = vectors
    return matrix


def _matrix(vectors: npt.ArrayLike, encoder: Encoder, output_dim: int | None) -> Float32:
    try:
        matrix = np.asarray(vectors, np.float32)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"vectors must be a matrix of numbers: {error}") from None
    # Without a number of its own any will do, but there must be one.
    dim = (output_dim or matrix.shape[-1] or 1) if matrix.ndim else output_dim
    if matrix.shape != (encoder.input_dim, dim):
        raise ArgumentError(
            f"vectors must have a row for each id, shape ({encoder.input_dim}, {output_dim or 'dim'}); "
            f"received shape {matrix.shape}"
        )
    wrong = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(wrong):
        raise ArgumentError(f"vectors must be finite float32 numbers; those of row {wrong[0]} are not")
    return matrix
