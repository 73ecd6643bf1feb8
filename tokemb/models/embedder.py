"""Embed ids with a Keras model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Float32, Int32, Int64
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
from tokemb.rows.pooling import POOLINGS, pool_windows
from tokemb.rows.ragged import Ragged, check_id_rows
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
    by: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> Float32:
    """Embed ids with a Keras model.

    Args:
        model: A Keras model whose input is ids, or the path of a saved one. If the model is only a lookup, the rows are
            read from its weights, with the same bits as ``model.predict``. Any other model runs in Keras.
        ids: Padded ids, int32 ``(rows, maxlen)``, or with ``pooling`` also a ``Ragged``.
        pooling: ``"mean"``, ``"sum"`` or ``"max"`` over the tokens of each row, without padding. An empty row gives
            zeros. ``None`` returns one vector per id.
        encoder: The vocabulary. If given, the model must have been made for it, and its ``pad_id`` is padding.
            Otherwise id 0 is padding if the model's ``Embedding`` has ``mask_zero``.
        by: With ``pooling``, the index of the text of each row: ``row`` of ``Encoder.encode_windows``. The tokens of
            all windows of a text are pooled to one vector.
        threads: The number of threads of a lookup. ``None`` uses all cores. The result does not depend on it. Keras
            uses its own threads.

    Returns:
        float32 array ``(rows, maxlen, dim)``, or ``(rows, dim)`` with ``pooling``, or ``(texts, dim)`` with ``by``.

    Raises:
        ArgumentError: If an argument is invalid.
        ModelError: If an id is outside the model's ``input_dim``, the model was made for another vocabulary, or padded
            ids are pooled without a mask.
    """
    embedder = Embedder(model, encoder, threads=threads)
    if isinstance(ids, Ragged):
        if pooling is None:
            raise ArgumentError(
                'rows of different lengths must be padded or pooled: call pad(), or pass pooling="mean"'
            )
        pooled, lengths = embedder.pool_rows(ids, pooling), ids.lengths
    else:
        array = check_id_rows(ids)
        if pooling is None:
            if by is not None:
                raise ArgumentError('by requires one vector per row: pass pooling="mean"')
            return embedder.vectors(array)
        pooled = embedder.pool_padded(array, pooling)
        lengths = np.count_nonzero(array != embedder.pad_id, axis=1)
    return pooled if by is None else pool_windows(pooled, lengths, _check_texts(by, len(pooled)), pooling)


def _check_texts(by: npt.ArrayLike, rows: int) -> Int64:
    """Return the text of each row, or raise ``ArgumentError`` unless they ascend from 0 without gaps."""
    texts = np.asarray(by)
    if texts.shape != (rows,) or texts.dtype.kind not in "iu" or not np.isin(np.diff(texts, prepend=-1), (0, 1)).all():
        raise ArgumentError(
            f"by must be the text of each of the {rows} rows, ascending from 0 without gaps, as Windows.row; "
            f"received {texts.dtype} {texts.shape}"
        )
    return texts.astype(np.int64, copy=False)


class Embedder:
    """Embed ids with one model. Every batch of ids is checked before it is used.

    Attributes:
        pad_id: The id of padding. ``None`` if padding cannot be distinguished from tokens.
    """

    def __init__(
        self, model: keras.Model | Path | str, encoder: Encoder | None = None, *, threads: int | None = None
    ) -> None:
        """Initialize the embedder. A saved lookup is loaded without Keras.

        Args:
            model: A Keras model, or the path of a saved one.
            encoder: The vocabulary, as for ``embed``.
            threads: The number of threads, as for ``embed``.

        Raises:
            ArgumentError: If ``threads`` is invalid.
            ModelError: If the model cannot be loaded, is not a model, was made for another vocabulary, or is a saved
                model with NaN or infinite weights.
        """
        if encoder is not None:
            check_vocabulary("encoder", encoder)
        check_optional_count("threads", threads)
        self._model = prepare_model(model, threads)
        self.pad_id = 0 if self._model.mask_zero else None
        self._knows_padding = encoder is not None or self._model.mask_zero
        if encoder is not None:
            for finding in vocabulary_errors(self._model, encoder):
                raise ModelError(finding.message)
            self.pad_id = encoder.pad_id
        if isinstance(model, (Path, str)):  # the output for a model in memory is that of its own predict
            self.check_weights()

    def row_size(self, maxlen: int, pooling: str | None) -> int:
        """Return how many numbers a row of ``maxlen`` ids takes in memory while it is embedded."""
        if pooling is not None and isinstance(self._model, EmbeddingLookup):
            return maxlen + self.output_dim
        return maxlen * self.output_dim

    @property
    def output_dim(self) -> int:
        """The size of the last axis of the output. 1 if the model does not define it."""
        return self._model.output_dim

    @property
    def digest(self) -> str:
        """A digest of the weights and the architecture of the model, 16 hexadecimal digits."""
        return self._model.digest

    def check_weights(self) -> None:
        """Raise ``ModelError`` if weights of the model are NaN or infinite."""
        for finding in weight_errors(self._model):
            raise ModelError(finding.message)

    def check_fingerprint(self, fingerprint: str) -> None:
        """Raise ``ModelError`` if the model was made for another vocabulary than the one with this fingerprint."""
        for finding in fingerprint_errors(self._model.names, self._model.text_fingerprints, fingerprint):
            raise ModelError(finding.message)

    @property
    def matrix(self) -> Float32:
        """The weights that ids are looked up in, float32 ``(input_dim, dim)``.

        Raises:
            ModelError: If the ids do not go to exactly one ``Embedding``.
        """
        return self._model.matrix

    def check(self, ids: Int32) -> None:
        """Raise ``ModelError`` unless all ids are below ``input_dim``. Keras on a GPU would return zeros instead."""
        input_dim = 2**31 if self._model.input_dim is None else self._model.input_dim
        # As an unsigned integer, a negative id is above all others, so one pass over the ids is enough.
        if ids.size and int(ids.view(np.uint32).max()) >= input_dim:
            raise ModelError(range_error(int(ids.min()), int(ids.max()), input_dim))

    def check_no_padding(self, rows: Ragged, path: Path) -> None:
        """Raise ``ModelError`` if rows of a file may contain padding that would be pooled as a token.

        Some formats, such as JSON Lines, do not record whether rows are padded. An id 0 at either end of a row is
        regarded as padding, unless the model has a mask or the vocabulary is known.

        Args:
            rows: The rows of ids.
            path: The file, for the message.
        """
        if self._knows_padding:
            return
        filled = rows.row_splits[:-1] < rows.row_splits[1:]
        first, last = rows.row_splits[:-1][filled], rows.row_splits[1:][filled] - 1
        if not (rows.values[first].all() and rows.values[last].all()):
            raise ModelError(
                f"rows of {path} begin or end with id 0, which may be padding, and the Embedding of the model does "
                "not mask it: write ragged ids to .npz or .parquet, or make the model with masking"
            )

    def vectors(self, ids: Int32) -> Float32:
        """Return the model's output for ids ``(rows, maxlen)``: float32 ``(rows, maxlen, dim)`` for a lookup."""
        self.check(ids)
        return self._model.vectors(ids)

    def pool_padded(self, ids: Int32, pooling: str) -> Float32:
        """Pool padded ids ``(rows, maxlen)``. Return float32 ``(rows, dim)``."""
        check_choice("pooling", pooling, POOLINGS)
        self.check(ids)
        if self.pad_id is None:
            raise ModelError(
                "padding cannot be distinguished from tokens, since the Embedding of the model does not mask it: "
                "pass encoder=..., make the model with embedding_model(..., mask_zero=True), or pool unpadded rows"
            )
        return self._model.pool_padded(ids, ids != self.pad_id, pooling)

    def pool_rows(self, rows: Ragged, pooling: str) -> Float32:
        """Pool rows without padding. Return float32 ``(rows, dim)``."""
        check_choice("pooling", pooling, POOLINGS)
        self.check(rows.values)
        return self._model.pool_rows(rows, pooling)


def prepare_model(model: keras.Model | Path | str, threads: int | None) -> EmbeddingLookup | KerasModel:
    """Return the model in the form that runs fastest."""
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
    return replace(lookup, threads=threads, names=names_of(model), text_fingerprints=text_fingerprints(model))


def check_no_vocabulary(path: Path) -> None:
    """Raise ``ModelError`` if ``path`` is a vocabulary folder, which is easily confused with the model."""
    if (path / TOKENIZER).is_file():
        raise ModelError(f"{path} is a vocabulary folder and holds no vectors: pass a Keras model or a file of vectors")


def load_model(path: Path | str, *, compiled: bool = False) -> keras.Model:
    """Load a saved Keras model, which may contain tokemb's own layers.

    Models with code (``Lambda``, custom objects) or references to other files are refused.

    Args:
        path: The path of the saved model.
        compiled: Whether to compile it with its optimizer, loss and metrics.

    Raises:
        ModelError: If there is no model, or Keras cannot load it.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"there is no model at {path}")
    check_no_vocabulary(path)
    if not (path.is_file() or path.is_dir()):  # reading a pipe would wait forever, and some devices have no end
        raise ModelError(f"Keras cannot load {path}: it is neither a regular file nor a folder")
    if path.is_file() and path.suffix not in MODEL_ENDINGS:
        raise ModelError(
            f"Keras cannot load {path}: the name of a saved model must end in one of {', '.join(MODEL_ENDINGS)}"
        )
    try:
        config = check_model_file(path)
        import keras

        if keras.backend.backend() == "tensorflow":  # tokemb's layers need TensorFlow, which Keras has imported here
            import tokemb.keras.layers  # noqa: F401 - registers the layers with Keras

        check_names(config, path)
        return keras.models.load_model(path, compile=compiled, safe_mode=True)
    except ModelError as error:
        release_frames(error)
        raise
    except Exception as error:  # Keras raises errors of any type, with messages of many lines
        release_frames(error)
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"Keras cannot load {path}: {reason:.300}") from error
