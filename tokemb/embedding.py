"""Embedding models: made from a vocabulary, and fed with ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.ragged import Ragged, check_ids

if TYPE_CHECKING:
    import keras

Float32 = npt.NDArray[np.float32]

EMBEDDING_NAME = "token_embedding"

# The model's name says whose ids it takes. Names survive training and saving in plain Keras, which knows no metadata.
_NAME_PREFIX = "tokemb_"
_FINGERPRINT_DIGITS = 16


def model_name(fingerprint: str) -> str:
    """The name of a model for the vocabulary with this fingerprint."""
    return _NAME_PREFIX + fingerprint[:_FINGERPRINT_DIGITS]


def fingerprint_in_name(name: str) -> str | None:
    """The first digits of the fingerprint in a model's name, ``None`` if there are none."""
    digits = name.removeprefix(_NAME_PREFIX)[:_FINGERPRINT_DIGITS]
    named = name.startswith(_NAME_PREFIX) and len(digits) == _FINGERPRINT_DIGITS
    return digits if named and not set(digits) - set("0123456789abcdef") else None


def embedding_model(
    encoder: Encoder,
    output_dim: int,
    *,
    mask_zero: bool | None = None,
    vectors: npt.ArrayLike | None = None,
    seed: int | None = None,
) -> keras.Model:
    """Make a Keras model that looks ids up: ``token_ids`` int32 (batch, maxlen) → float32 (batch, maxlen, output_dim).

    ``encoder``: whose ids it takes; the model's ``input_dim`` is the encoder's, and its name carries the fingerprint.
    ``output_dim``: the number of latent factors of each token.
    ``mask_zero``: whether later layers skip id 0; by default yes where id 0 is padding.
    ``vectors``: the matrix to start from, float (input_dim, output_dim); random (Keras' default) without.
    ``seed``: makes the random start repeatable.

    Raises ``ArgumentError`` for settings that cannot be.
    """
    output_dim = _positive("output_dim", output_dim)
    if mask_zero is None:
        mask_zero = encoder.pad_id == 0
    if mask_zero and encoder.pad_id != 0:
        raise ArgumentError(f"mask_zero needs padding to be id 0; this vocabulary pads with {encoder.pad_id}")
    matrix = None if vectors is None else _matrix(vectors, encoder.input_dim, output_dim)

    import keras

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    embedding = keras.layers.Embedding(
        encoder.input_dim,
        output_dim,
        mask_zero=mask_zero,
        embeddings_initializer=keras.initializers.RandomUniform(seed=seed),
        name=EMBEDDING_NAME,
    )
    model = keras.Model(token_ids, embedding(token_ids), name=model_name(encoder.fingerprint))
    if matrix is not None:
        embedding.set_weights([matrix])
    return model


def _positive(name: str, value: object) -> int:
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1:
        return int(value)
    raise ArgumentError(f"{name} must be a whole number of at least 1; received {value!r}")


def _matrix(vectors: npt.ArrayLike, input_dim: int, output_dim: int) -> Float32:
    matrix = np.asarray(vectors, np.float32)
    if matrix.shape != (input_dim, output_dim):
        raise ArgumentError(
            f"vectors must have a row for each id, shape ({input_dim}, {output_dim}); received shape {matrix.shape}"
        )
    return matrix


def embed(
    model: keras.Model | Path | str,
    ids: Ragged | npt.ArrayLike,
    *,
    pooling: str | None = None,
    encoder: Encoder | None = None,
) -> Float32:
    """Turn ids into vectors.

    ``model``: a Keras model whose input is ids, or the path of a saved one. If it is only a look-up, rows are taken
    straight from its weights (the same bits as ``model.predict``); any other model runs in Keras.
    ``ids``: int32 (rows, maxlen), padded; or, with ``pooling``, a ``Ragged``.
    ``pooling``: ``"mean"``, ``"sum"`` or ``"max"`` over the real tokens of each row; a row without any gives zeros.
    ``encoder``: if given, the model must have been made for its vocabulary.

    Returns float32 (rows, maxlen, dim), or (rows, dim) with ``pooling``.
    Raises ``ArgumentError`` for ids or settings that cannot be; ``ModelError``, before any work, if an id is outside
    the model's ``input_dim``, the model is of another vocabulary, or padded ids are to be pooled without a mask.
    """
    from tokemb.embedder import Embedder

    embedder = Embedder(model, encoder)
    if isinstance(ids, Ragged):
        if pooling is None:
            raise ArgumentError('a Ragged has rows of different lengths: pad it first, or pass pooling="mean"')
        return embedder.pool_rows(ids, pooling)
    array = padded_ids(ids)
    return embedder.vectors(array) if pooling is None else embedder.pool_padded(array, pooling)


def padded_ids(ids: Any) -> npt.NDArray[np.int32]:  # noqa: ANN401 - anything array-like
    """Check that ``ids`` is an integer array (rows, maxlen) and return it as int32."""
    array = check_ids(ids)
    if array.ndim != 2:
        raise ArgumentError(f"ids must be an integer array (rows, maxlen); received shape {array.shape}")
    return array


def load_model(path: Path | str) -> keras.Model:
    """Load a saved Keras model; code in it (``Lambda``, custom objects) is refused.

    Raises ``ModelError`` if there is none or Keras cannot load it.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"there is no model at {path}")
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises all kinds, with messages of many lines
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"Keras cannot load {path}: {reason:.300}") from error
