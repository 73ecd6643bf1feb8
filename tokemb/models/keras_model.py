"""Keras models that are more than a lookup. They run in Keras."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np

from tokemb._arrays import Bool, Float32, Int32
from tokemb.errors import ModelError
from tokemb.models.model_layers import names_of, part_after_text, takes_text, text_fingerprints, vocabulary_embeddings
from tokemb.rows.pooling import reduce_segments
from tokemb.rows.ragged import Ragged

_PREDICT_ROWS = 1024  # rows per batch


class KerasModel:
    """Any Keras model from ids ``(rows, maxlen)`` to one output.

    If the model turns text into ids first, only the part that takes the ids is used.

    Attributes:
        names: The names of the model and all its layers.
        text_fingerprints: The fingerprints of the vocabularies in its layers that turn text into ids.
        input_dim: The lowest ``input_dim`` of the ``Embedding`` layers that the ids go to. ``None`` if they are not
            known.
        mask_zero: Whether these layers mask id 0. ``False`` if they are not known.
        maxlen: The length of rows that the model requires. ``None`` if it takes any.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - Keras is untyped
        self.names, self.text_fingerprints = names_of(model), text_fingerprints(model)
        after_text = part_after_text(model)
        self._whole = model
        self._model = model if after_text is None else after_text
        self._embeddings = embeddings = vocabulary_embeddings(self._model)
        shape = getattr(self._model, "input_shape", None)
        self.maxlen: int | None = shape[1] if isinstance(shape, tuple) and len(shape) == 2 else None
        self.input_dim: int | None = min((layer.input_dim for layer in embeddings), default=None)
        self.mask_zero = bool(embeddings) and all(layer.mask_zero for layer in embeddings)

    @property
    def output_dim(self) -> int:
        """The size of the last axis of the output. 1 if the model does not define it."""
        shape = getattr(self._model, "output_shape", None)
        return int((shape[-1] if isinstance(shape, tuple) else None) or 1)

    @property
    def matrix(self) -> Float32:
        """The weights of the ``Embedding`` that the ids go to, float32 ``(input_dim, dim)``."""
        if len(self._embeddings) != 1:
            raise ModelError(f"the ids of the model must go to one Embedding; they go to {len(self._embeddings)}")
        import keras

        return np.asarray(keras.ops.convert_to_numpy(self._embeddings[0].embeddings), np.float32)

    def is_finite(self) -> bool:
        """Return whether no weight is NaN or infinite."""
        return all(np.isfinite(weights).all() for weights in self._whole.get_weights())

    @property
    def digest(self) -> str:
        """A digest of the weights and the architecture, 16 hexadecimal digits.

        Raises:
            ModelError: If the model cannot be serialized.
        """
        try:
            digest = sha256(self._whole.to_json().encode())
        except Exception as error:  # serialization raises errors of any type
            raise ModelError(f"the model cannot be identified, since Keras cannot save it: {error!s:.300}") from None
        for weights in self._whole.get_weights():
            digest.update(np.ascontiguousarray(weights).data)
        return digest.hexdigest()[:16]

    def vectors(self, ids: Int32) -> Float32:
        """Return the model's output for ids ``(rows, maxlen)``, float32 ``(rows, ...)``."""
        if takes_text(self._model):
            raise ModelError("the model takes text and not ids: pass texts to its own predict method")
        if not ids.size:  # Keras cannot predict an empty batch, so the shape comes from one row
            row = self.vectors(np.zeros((1, max(ids.shape[1], 1)), np.int32))
            return row[:0] if ids.shape[1] else np.zeros((len(ids), 0, *row.shape[2:]), np.float32)
        try:
            output = self._model.predict(ids, batch_size=_PREDICT_ROWS, verbose=0)
        except Exception as error:  # Keras and TensorFlow raise errors of any type, with messages of many lines
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise ModelError(f"the model cannot take ids of shape {ids.shape}: {reason.strip():.300}") from error
        if not isinstance(output, np.ndarray):
            raise ModelError(f"the model must have one output; it gives {len(output)}")
        return output.astype(np.float32, copy=False)

    def pool_padded(self, ids: Int32, real: Bool, pooling: str) -> Float32:
        """Pool the output for ids ``(rows, maxlen)`` where ``real`` ``(rows, maxlen)`` is true.

        Returns:
            float32 array ``(rows, output_dim)``.
        """
        self._check_mask()
        output = self.vectors(ids)
        if output.ndim != 3 or output.shape[:2] != ids.shape:
            shape = ", ".join(map(str, ("rows", *output.shape[1:])))
            raise ModelError(
                f"pooling requires a model whose output is (rows, maxlen, dim); the output of this one is ({shape}): "
                "pass pooling=None"
            )
        pooled = np.zeros((len(ids), output.shape[2]), np.float32)
        lengths = real.sum(axis=1)
        filled = lengths > 0
        if filled.any():
            starts = np.cumsum(lengths[filled]) - lengths[filled]
            pooled[filled] = reduce_segments(output[real], starts, pooling)
        return pooled

    def pool_rows(self, rows: Ragged, pooling: str) -> Float32:
        """Pad the rows and pool the output of each. Return float32 ``(rows, output_dim)``."""
        self._check_mask()
        parts = []
        for start in range(0, max(len(rows), 1), _PREDICT_ROWS):
            part = rows.slice(start, min(start + _PREDICT_ROWS, len(rows)))
            padded = part.pad()
            parts.append(self.pool_padded(padded, np.arange(padded.shape[1]) < part.lengths[:, None], pooling))
        return np.concatenate(parts)

    def _check_mask(self) -> None:
        if not self.mask_zero:
            raise ModelError(
                "the Embedding of the model does not mask padding, so the layers after it would read the padding "
                "of shorter rows as tokens: make the Embedding with embedding_model(..., mask_zero=True)"
            )
