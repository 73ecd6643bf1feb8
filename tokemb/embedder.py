"""A Keras model made ready to turn ids into vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb.embedding import EMBEDDING_NAME, fingerprint_in_name, load_model
from tokemb.encoder import Encoder
from tokemb.errors import ModelError
from tokemb.pooling import Float32, check_pooling, pool_lookup, reduce_segments
from tokemb.ragged import Int32, Ragged

if TYPE_CHECKING:
    import keras

_PREDICT_ROWS = 1024  # rows that a model which is more than a look-up gets at a time


class Embedder:
    """Turns ids into vectors with one model; checks every batch of ids before it is used.

    ``matrix``: the weights, float32 (input_dim, dim), if the model is only a look-up, else ``None``.
    """

    def __init__(self, model: keras.Model | Path | str, encoder: Encoder | None = None) -> None:
        """Load the model if it is a path.

        Raises ``ModelError`` if it cannot be loaded, is not a model, or was made for another vocabulary than
        ``encoder``'s.
        """
        self.model = load_model(model) if isinstance(model, (Path, str)) else model
        self.embedding = _embedding_of(self.model)
        if encoder is not None:
            check_vocabulary(self.model, self.embedding, encoder)
        self.matrix = _lookup_matrix(self.model)

    @property
    def output_dim(self) -> int:
        """The size of the last axis of the output, as far as the model says it."""
        if self.matrix is not None:
            return self.matrix.shape[1]
        shape = getattr(self.model, "output_shape", None)
        return int((shape[-1] if isinstance(shape, tuple) else None) or 1)

    def check(self, ids: Int32) -> None:
        """Raise ``ModelError`` unless all ids are within ``input_dim``; Keras on a GPU would give zeros instead."""
        if not ids.size:
            return
        lowest, highest = int(ids.min()), int(ids.max())
        if lowest < 0:
            raise ModelError(f"ids must not be negative; received {lowest}")
        if self.embedding is not None and highest >= self.embedding.input_dim:
            raise ModelError(
                f"the model has input_dim {self.embedding.input_dim}, so ids go up to {self.embedding.input_dim - 1}; "
                f"received {highest}: use the vocabulary that the model was made for, or make the model from this one"
            )

    def vectors(self, ids: Int32) -> Float32:
        """The model's output for ids (rows, maxlen): float32 (rows, maxlen, dim) for a look-up."""
        self.check(ids)
        if self.matrix is not None:
            return self.matrix[ids]
        if not ids.size:  # Keras predicts nothing from nothing: ask it for the shape of one row
            row = self.vectors(np.zeros((1, max(ids.shape[1], 1)), np.int32))
            return row[:0] if ids.shape[1] else np.zeros((len(ids), 0, *row.shape[2:]), np.float32)
        return _as_float32(self.model.predict(ids, batch_size=_PREDICT_ROWS, verbose=0))

    def pool_padded(self, ids: Int32, pooling: str) -> Float32:
        """Pool ids (rows, maxlen), of which 0 is padding: float32 (rows, dim)."""
        check_pooling(pooling)
        self.check(ids)
        if self.embedding is None or not self.embedding.mask_zero:
            raise ModelError(
                "the model's Embedding has mask_zero off, so padding cannot be told from tokens: "
                "pool a Ragged (encode_ragged), or make the model with mask_zero=True"
            )
        real = ids != 0
        if self.matrix is None:
            return self._pool_predicted(ids, real, pooling)
        return pool_lookup(self.matrix, Ragged.from_lengths(ids[real], real.sum(axis=1, dtype=np.int64)), pooling)

    def pool_rows(self, rows: Ragged, pooling: str) -> Float32:
        """Pool rows of real tokens: float32 (rows, dim)."""
        check_pooling(pooling)
        self.check(rows.values)
        if self.matrix is not None:
            return pool_lookup(self.matrix, rows, pooling)
        if self.embedding is None or not self.embedding.mask_zero:
            raise ModelError(
                "the model is more than a look-up and its Embedding has mask_zero off, so it would read the padding "
                "that rows of different lengths need as tokens: make the model with mask_zero=True"
            )
        parts = []
        for start in range(0, len(rows), _PREDICT_ROWS):
            part = rows.slice(start, min(start + _PREDICT_ROWS, len(rows)))
            padded = part.pad()
            parts.append(self._pool_predicted(padded, np.arange(padded.shape[1]) < part.lengths[:, None], pooling))
        return np.concatenate(parts) if parts else self._pool_predicted(*_nothing(), pooling)

    def _pool_predicted(self, ids: Int32, real: npt.NDArray[np.bool_], pooling: str) -> Float32:
        """Pool the model's output for ``ids`` (rows, maxlen) where ``real`` (rows, maxlen)."""
        output = self.vectors(ids)
        if output.ndim != 3 or output.shape[:2] != ids.shape:
            raise ModelError(
                f"pooling needs a model whose output is (rows, maxlen, dim); this one gives {output.shape} for ids "
                f"{ids.shape}: embed without pooling"
            )
        pooled = np.zeros((len(ids), output.shape[2]), np.float32)
        lengths = real.sum(axis=1)
        filled = lengths > 0
        if filled.any():
            starts = np.cumsum(lengths[filled]) - lengths[filled]
            pooled[filled] = reduce_segments(output[real], starts, pooling)
        return pooled


def _nothing() -> tuple[Int32, npt.NDArray[np.bool_]]:
    return np.zeros((0, 1), np.int32), np.zeros((0, 1), np.bool_)


def check_vocabulary(model: keras.Model, embedding: Any, encoder: Encoder) -> None:  # noqa: ANN401 - keras is untyped
    """Raise ``ModelError`` if ``model`` was made for another vocabulary than ``encoder``'s, or is too small for it."""
    for layer in _layers(model):
        made_for = fingerprint_in_name(layer.name)
        if made_for and not encoder.fingerprint.startswith(made_for):
            raise ModelError(
                f"the model was made for the vocabulary {made_for}, this is {encoder.fingerprint[: len(made_for)]}: "
                "use the vocabulary that it was made for"
            )
    if embedding is not None and embedding.input_dim < encoder.input_dim:
        raise ModelError(
            f"the model has input_dim {embedding.input_dim}, the vocabulary needs {encoder.input_dim}: "
            "use the vocabulary that the model was made for, or make the model from this one"
        )


def _layers(model: Any) -> Iterator[Any]:  # noqa: ANN401
    """The model and all layers in it, however deeply nested."""
    yield model
    for layer in getattr(model, "layers", ()):
        yield from _layers(layer)


def _embedding_of(model: Any) -> Any:  # noqa: ANN401
    """The ``Embedding`` layer that looks up the model's input, or ``None`` if that cannot be told."""
    import keras

    if not isinstance(model, keras.Model):
        raise ModelError(f"model must be a Keras model or the path of a saved one; received {type(model).__name__}")
    found = [layer for layer in _layers(model) if isinstance(layer, keras.layers.Embedding)]
    named = [layer for layer in found if layer.name == EMBEDDING_NAME]
    return next(iter(named or found), None) if len(named or found) == 1 else None


def _lookup_matrix(model: Any) -> Float32 | None:  # noqa: ANN401
    """The weights of a model that does nothing but look up, or ``None``."""
    import keras

    layers = [layer for layer in model.layers if type(layer) is not keras.layers.InputLayer]
    own_class = not type(model).__module__.startswith("keras.")  # whose call may do anything
    if own_class or len(layers) != 1:
        return None
    layer = layers[0]
    if type(layer) is not keras.layers.Embedding or layer.compute_dtype != "float32":
        return None
    if getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False) or not layer.built:
        return None
    if not isinstance(model, keras.Sequential):  # a graph, in which the one layer may be used several times
        if len(model.inputs) != 1 or [len(output.shape) for output in model.outputs] != [
            len(model.inputs[0].shape) + 1
        ]:
            return None
    return np.asarray(layer.get_weights()[0], np.float32)


def _as_float32(output: Any) -> Float32:  # noqa: ANN401
    if not isinstance(output, np.ndarray):
        raise ModelError(f"the model must have one output; it gives {len(output)}")
    return output.astype(np.float32, copy=False)
