"""Ids to vectors, with a Keras model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32
from tokemb._validation import check_choice, check_optional_count
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.files.hdf5 import release_frames
from tokemb.models.compatibility import fingerprint_errors, range_error, vocabulary_errors, weight_errors
from tokemb.models.embedding_lookup import EmbeddingLookup, embedding_lookup_of, read_lookup
from tokemb.models.keras_archive import check_model_file
from tokemb.models.keras_model import KerasModel
from tokemb.models.keras_names import check_names
from tokemb.models.model_layers import names_of, part_after_text, text_fingerprints
from tokemb.rows.pooling import POOLINGS, Float32
from tokemb.rows.ragged import Ragged, check_id_rows, check_ids
from tokemb.vocabulary.folder import TOKENIZER
from tokemb.vocabulary.vocabulary import check_vocabulary

if TYPE_CHECKING:
    import keras

# The extensions of the files that Keras saves models to.
MODEL_ENDINGS = (".keras", ".h5", ".hdf5")


def embed(
    model: keras.Model | Path | str,
    ids: Ragged | npt.ArrayLike,
    *,
    pooling: str | None = None,
    encoder: Encoder | None = None,
    threads: int | None = None,
) -> Float32:
    """Turn ids into vectors.

    ``model``: a Keras model whose input is ids, or the path of a saved one. If it is only a look-up, rows are taken
    straight from its weights (the same bits as ``model.predict``); any other model runs in Keras.
    ``ids``: int32 (rows, maxlen), padded; or, with ``pooling``, a ``Ragged``.
    ``pooling``: ``"mean"``, ``"sum"`` or ``"max"`` over the real tokens of each row; a row without any gives zeros.
    ``encoder``: if given, the model must have been made for its vocabulary, and its ``pad_id`` is padding; without it,
    0 is padding if the model's ``Embedding`` has ``mask_zero``.
    ``threads``: how many a look-up uses, ``None`` for all cores; the bits do not depend on it. Keras uses its own.

    Returns float32 (rows, maxlen, dim), or (rows, dim) with ``pooling``.
    Raises ``ArgumentError`` for ids or settings that cannot be; ``ModelError``, before any work, if an id is outside
    the model's ``input_dim``, the model is of another vocabulary, or padded ids are to be pooled without a mask.
    """
    embedder = Embedder(model, encoder, threads=threads)
    if isinstance(ids, Ragged):
        if pooling is None:
            raise ArgumentError(
                'rows of different lengths must be padded or pooled: call pad(), or pass pooling="mean"'
            )
        return embedder.pool_rows(ids, pooling)
    array = check_id_rows(ids)
    return embedder.vectors(array) if pooling is None else embedder.pool_padded(array, pooling)


class Embedder:
    """Turns ids into vectors with one model; checks every batch of ids before it is used.

    ``pad_id``: the id of padding, ``None`` if it cannot be told from tokens.
    """

    def __init__(
        self, model: keras.Model | Path | str, encoder: Encoder | None = None, *, threads: int | None = None
    ) -> None:
        """Load the model if it is a path; a look-up is loaded without Keras. ``threads`` as for ``embed``.

        Raises ``ArgumentError`` for ``threads`` that cannot be; ``ModelError`` if the model cannot be loaded, is not a
        model, was made for another vocabulary than ``encoder``'s, or is a saved one with weights that are not finite.
        """
        if encoder is not None:
            check_vocabulary("encoder", encoder)
        check_optional_count("threads", threads)
        self._model = ready_model(model, threads)
        self.pad_id = 0 if self._model.mask_zero else None
        self._knows_padding = encoder is not None or self._model.mask_zero
        if encoder is not None:
            for finding in vocabulary_errors(self._model, encoder):
                raise ModelError(finding.message)
            self.pad_id = encoder.pad_id
        if isinstance(model, (Path, str)):  # a model in memory gives what its own predict gives
            self.check_weights()

    def row_size(self, maxlen: int, pooling: str | None) -> int:
        """How many numbers a row of ``maxlen`` ids takes in memory while it is embedded."""
        if pooling is not None and isinstance(self._model, EmbeddingLookup):
            return maxlen + self.output_dim
        return maxlen * self.output_dim

    @property
    def output_dim(self) -> int:
        """The size of the last axis of the output, as far as the model says it."""
        return self._model.output_dim

    @property
    def digest(self) -> str:
        """What tells the model from others, 16 hexadecimal digits of its weights and what is computed with them."""
        return self._model.digest

    def check_weights(self) -> None:
        """Raise ``ModelError`` if weights of the model are NaN or infinite."""
        for finding in weight_errors(self._model):
            raise ModelError(finding.message)

    def check_fingerprint(self, fingerprint: str) -> None:
        """Raise ``ModelError`` if the model was made for another vocabulary than the one of this fingerprint."""
        for finding in fingerprint_errors(self._model.names, self._model.text, fingerprint):
            raise ModelError(finding.message)

    @property
    def matrix(self) -> Float32:
        """The weights that ids are looked up in, float32 (input_dim, dim); ``ModelError`` unless that is one layer."""
        return self._model.matrix

    def check(self, ids: Int32) -> None:
        """Raise ``ModelError`` unless all ids are within ``input_dim``; Keras on a GPU would give zeros instead."""
        input_dim = 2**31 if self._model.input_dim is None else self._model.input_dim
        # Without its sign a negative id is above all others, so that one look at each id is enough.
        if ids.size and int(ids.view(np.uint32).max()) >= input_dim:
            raise ModelError(range_error(int(ids.min()), int(ids.max()), input_dim))

    def check_no_padding(self, rows: Ragged, path: Path) -> None:
        """Raise ``ModelError`` if ``rows`` of a file may hold padding that would be pooled as a token.

        Lines of JSON, among others, can be padded without saying so. An id 0 at either end of a row is taken for
        padding, unless the model has a mask or the vocabulary is known.
        """
        if self._knows_padding:
            return
        filled = rows.row_splits[:-1] < rows.row_splits[1:]
        first, last = rows.row_splits[:-1][filled], rows.row_splits[1:][filled] - 1
        if not (rows.values[first].all() and rows.values[last].all()):
            raise ModelError(
                f"rows of {path} begin or end with id 0, which may be padding, since the Embedding of the model does "
                "not mask it: write ragged ids to .npz or .parquet, or make the model with masking"
            )

    def vectors(self, ids: Int32) -> Float32:
        """The model's output for ids (rows, maxlen): float32 (rows, maxlen, dim) for a look-up."""
        self.check(ids)
        return self._model.vectors(ids)

    def pool_padded(self, ids: Int32, pooling: str) -> Float32:
        """Pool padded ids (rows, maxlen): float32 (rows, dim)."""
        check_choice("pooling", pooling, POOLINGS)
        self.check(ids)
        if self.pad_id is None:
            raise ModelError(
                "padding cannot be distinguished from tokens, since the Embedding of the model does not mask it: "
                "pass encoder=..., make the model with embedding_model(..., mask_zero=True), or pool unpadded rows"
            )
        return self._model.pool_padded(ids, ids != self.pad_id, pooling)

    def pool_rows(self, rows: Ragged, pooling: str) -> Float32:
        """Pool rows of real tokens: float32 (rows, dim)."""
        check_choice("pooling", pooling, POOLINGS)
        rows = Ragged(check_ids(rows.values), rows.row_splits)
        self.check(rows.values)
        return self._model.pool_rows(rows, pooling)


def ready_model(model: keras.Model | Path | str, threads: int | None) -> EmbeddingLookup | KerasModel:
    """The model in the form that runs fastest."""
    if isinstance(model, (Path, str)):
        lookup = read_lookup(Path(model))
        if lookup is not None:
            return replace(lookup, threads=threads)
        model = load_model(model)
    import keras

    if not isinstance(model, keras.Model):
        raise ModelError(f"model must be a Keras model or the path of a saved one; received {type(model).__name__}")
    after_text = part_after_text(model)
    lookup = embedding_lookup_of(model if after_text is None else after_text)
    if lookup is None:
        return KerasModel(model)
    return replace(lookup, threads=threads, names=names_of(model), text=text_fingerprints(model))


def check_no_vocabulary(path: Path) -> None:
    """Raise ``ModelError`` if ``path`` is a vocabulary folder, which is easily passed for the model."""
    if (path / TOKENIZER).is_file():
        raise ModelError(f"{path} is a vocabulary folder and holds no vectors: pass a Keras model or a file of vectors")


def load_model(path: Path | str, *, compiled: bool = False) -> keras.Model:
    """Load a saved Keras model, which may hold tokemb's own layers.

    Code in it (``Lambda``, custom objects) is refused, and so is whatever refers to other files.

    Args:
        path: Path of the saved model.
        compiled: Whether to compile it with its optimizer, loss and metrics.

    Raises:
        ModelError: If there is no model, or Keras cannot load it.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"there is no model at {path}")
    check_no_vocabulary(path)
    if path.is_file() and path.suffix not in MODEL_ENDINGS:
        raise ModelError(
            f"Keras cannot load {path}: the name of a saved model must end in one of {', '.join(MODEL_ENDINGS)}"
        )
    try:
        config = check_model_file(path)
        import keras

        if keras.backend.backend() == "tensorflow":  # the layers run in TensorFlow, which Keras has imported here
            import tokemb.keras.layers  # noqa: F401 - registers the layers with Keras

        check_names(config, path)
        return keras.models.load_model(path, compile=compiled, safe_mode=True)
    except ModelError as error:
        release_frames(error)
        raise
    except Exception as error:  # Keras raises all kinds, with messages of many lines
        release_frames(error)
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"Keras cannot load {path}: {reason:.300}") from error
