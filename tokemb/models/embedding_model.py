"""Make embedding models for a vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Float32
from tokemb._validation import check_count
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.vocabulary.vocabulary import check_vocabulary

if TYPE_CHECKING:
    import keras

    from tokemb.models.pretrained import Pretrained

EMBEDDING_NAME = "token_embedding"

# The model's name identifies its vocabulary. Plain Keras saves no metadata, but names survive training and saving.
_NAME_PREFIX = "tokemb_"
FINGERPRINT_DIGITS = 16


def model_name(fingerprint: str) -> str:
    """Return the name of a model for the vocabulary with this fingerprint."""
    return _NAME_PREFIX + fingerprint[:FINGERPRINT_DIGITS]


def fingerprint_in_name(name: str) -> str | None:
    """Return the first digits of the fingerprint in a model's name. ``None`` if there are none."""
    digits = name.removeprefix(_NAME_PREFIX)[:FINGERPRINT_DIGITS]
    has_digits = name.startswith(_NAME_PREFIX) and len(digits) == FINGERPRINT_DIGITS
    return digits if has_digits and not set(digits) - set("0123456789abcdef") else None


def embedding_model(
    encoder: Encoder,
    output_dim: int | None = None,
    *,
    mask_zero: bool | None = None,
    vectors: npt.ArrayLike | Path | Pretrained | object | None = None,
    initializer: str = "random",
    trainable: bool = True,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model that maps ids to vectors.

    Args:
        encoder: The vocabulary. The model has its ``input_dim``, and its name contains the fingerprint.
        output_dim: The embedding dimension. It may be omitted with ``vectors``.
        mask_zero: Whether later layers skip id 0. ``None`` masks it if id 0 is padding.
        vectors: The initial matrix, float ``(input_dim, output_dim)``, or pre-trained vectors: a file that
            ``tokemb.models.pretrained.load_vectors`` reads, its result, or gensim's ``KeyedVectors``. ``None`` uses the
            random initializer of Keras.
        initializer: How to initialize tokens without a pre-trained vector, as for
            ``tokemb.models.pretrained.starting_matrix``.
        trainable: Whether training changes the vectors.
        seed: Seed of the random vectors.

    Returns:
        A model from ``token_ids``, int32 ``(batch, maxlen)``, to float32 ``(batch, maxlen, output_dim)``.

    Raises:
        ArgumentError: If an argument is invalid.
        VectorsError: If the pre-trained vectors cannot be used.
    """
    check_vocabulary("encoder", encoder)
    if mask_zero is None:
        mask_zero = encoder.pad_id == 0
    if mask_zero and encoder.pad_id != 0:
        raise ArgumentError(f"mask_zero needs padding to be id 0; this vocabulary pads with {encoder.pad_id}")
    seed = None if seed is None else check_count("seed", seed, least=0)
    if output_dim is not None or vectors is None:
        output_dim = check_count("output_dim", output_dim)
    matrix = None
    if vectors is not None:
        matrix = _check_matrix(_initial_vectors(vectors, encoder, initializer, seed), encoder, output_dim)

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


def _initial_vectors(vectors: Any, encoder: Encoder, initializer: str, seed: int | None) -> npt.ArrayLike:  # noqa: ANN401
    """Return the matrix that ``vectors`` is, or make it from pre-trained vectors."""
    from tokemb.models.pretrained import Pretrained, load_vectors, starting_matrix

    if isinstance(vectors, (Path, str)) or hasattr(vectors, "key_to_index"):
        vectors = load_vectors(vectors, encoder.vocabulary)
    if isinstance(vectors, Pretrained):
        return starting_matrix(encoder, vectors, initializer=initializer, seed=seed)
    matrix: npt.ArrayLike = vectors
    return matrix


def _check_matrix(vectors: npt.ArrayLike, encoder: Encoder, output_dim: int | None) -> Float32:
    """Return ``vectors`` as finite float32 ``(input_dim, output_dim)``, or raise ``ArgumentError``."""
    try:
        matrix = np.asarray(vectors, np.float32)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"vectors must be a matrix of numbers: {error}") from None
    # Without output_dim, any dimension but zero is valid.
    dim = (output_dim or matrix.shape[-1] or 1) if matrix.ndim else output_dim
    if matrix.shape != (encoder.input_dim, dim):
        raise ArgumentError(
            f"vectors must have a row for each id, shape ({encoder.input_dim}, {output_dim or 'dim'}); "
            f"received shape {matrix.shape}"
        )
    not_finite = np.flatnonzero(~np.isfinite(matrix).all(axis=1))
    if len(not_finite):
        raise ArgumentError(f"vectors must be finite float32 numbers; those of row {not_finite[0]} are not")
    return matrix
