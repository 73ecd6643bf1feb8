"""Keras models that are more than a look-up, run in Keras."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb.errors import ModelError
from tokemb.pooling import Float32, reduce_segments
from tokemb.ragged import Int32, Ragged

_PREDICT_ROWS = 1024  # rows that the model gets at a time


class Network:
    """Any Keras model from ids (rows, maxlen) to one output.

    ``names``: of the model and all layers in it. ``input_dim``, ``mask_zero``: of the ``Embedding`` layers that its ids
    go to, ``None`` and false if that cannot be told, as with several inputs. ``maxlen``: the one length of rows that it
    takes, ``None`` if it takes others.
    """

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - Keras is untyped
        self._model = model
        self.names = tuple(layer.name for layer in layers_of(model))
        self._embeddings = embeddings = embeddings_of(model)
        shape = getattr(model, "input_shape", None)
        several_inputs = isinstance(shape, (list, dict)) and len(shape) > 1
        self.maxlen: int | None = shape[1] if isinstance(shape, tuple) and len(shape) == 2 else None
        input_dims = [] if several_inputs else [layer.input_dim for layer in embeddings]
        self.input_dim: int | None = min(input_dims, default=None)
        self.mask_zero = bool(embeddings) and all(layer.mask_zero for layer in embeddings)

    @property
    def output_dim(self) -> int:
        """The size of the last axis of the output, as far as the model says it; else 1."""
        shape = getattr(self._model, "output_shape", None)
        return int((shape[-1] if isinstance(shape, tuple) else None) or 1)

    @property
    def matrix(self) -> Float32:
        """The weights of the ``Embedding`` that its ids go to, float32 (input_dim, dim)."""
        if len(self._embeddings) != 1:
            raise ModelError(f"the ids of the model must go to one Embedding; they go to {len(self._embeddings)}")
        import keras

        return np.asarray(keras.ops.convert_to_numpy(self._embeddings[0].embeddings), np.float32)

    @property
    def digest(self) -> str:
        """What tells it from other models; raises ``ModelError`` for one that cannot be saved."""
        try:
            digest = sha256(self._model.to_json().encode())
        except Exception as error:  # what is not serialisable raises all kinds
            raise ModelError(f"the model cannot be told from others, as it cannot be saved: {error!s:.300}") from None
        for weights in self._model.get_weights():
            digest.update(np.ascontiguousarray(weights).data)
        return digest.hexdigest()[:16]

    def vectors(self, ids: Int32) -> Float32:
        """The model's output for ids (rows, maxlen), float32 (rows, ...)."""
        if not ids.size:  # Keras predicts nothing from nothing: ask it for the shape of one row
            row = self.vectors(np.zeros((1, max(ids.shape[1], 1)), np.int32))
            return row[:0] if ids.shape[1] else np.zeros((len(ids), 0, *row.shape[2:]), np.float32)
        try:
            output = self._model.predict(ids, batch_size=_PREDICT_ROWS, verbose=0)
        except Exception as error:  # Keras and TensorFlow raise all kinds, with messages of many lines
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise ModelError(f"the model cannot take ids of shape {ids.shape}: {reason.strip():.300}") from error
        if not isinstance(output, np.ndarray):
            raise ModelError(f"the model must have one output; it gives {len(output)}")
        return output.astype(np.float32, copy=False)

    def pool_padded(self, ids: Int32, real: npt.NDArray[np.bool_], pooling: str) -> Float32:
        """Pool the output for ids (rows, maxlen) where ``real`` (rows, maxlen): float32 (rows, output_dim)."""
        self._check_mask()
        output = self.vectors(ids)
        if output.ndim != 3 or output.shape[:2] != ids.shape:
            raise ModelError(
                f"pooling requires a model whose output is (rows, maxlen, dim); this one returns {output.shape} for "
                f"ids {ids.shape}: pass pooling=None"
            )
        pooled = np.zeros((len(ids), output.shape[2]), np.float32)
        lengths = real.sum(axis=1)
        filled = lengths > 0
        if filled.any():
            starts = np.cumsum(lengths[filled]) - lengths[filled]
            pooled[filled] = reduce_segments(output[real], starts, pooling)
        return pooled

    def pool_rows(self, rows: Ragged, pooling: str) -> Float32:
        """Pool the output of each row, padded for the purpose: float32 (rows, output_dim)."""
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
                "the model has layers after its Embedding, which does not mask padding, so it would read the padding "
                "of shorter rows as tokens: make the Embedding with embedding_model(..., mask_zero=True)"
            )


def layers_of(model: Any) -> Iterator[Any]:  # noqa: ANN401
    """The model and all layers in it, however deeply nested."""
    yield model
    wrapped = getattr(model, "layer", None)  # as TimeDistributed and Bidirectional name what they hold
    for layer in (*getattr(model, "layers", ()), *([] if wrapped is None else [wrapped])):
        yield from layers_of(layer)


def embeddings_of(model: Any) -> list[Any]:  # noqa: ANN401
    """The ``Embedding`` layers that the ids go to as they are, as far as that can be told."""
    import keras

    if isinstance(model, keras.Sequential):
        consumers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)][:1]
    elif hasattr(model, "operations"):
        consumers = [operation for operation in model.operations if _takes(operation, model.inputs)]
    else:  # a class of the user's: what its call does with the ids is unknown, but one Embedding is likely theirs
        consumers = [layer for layer in layers_of(model) if isinstance(layer, keras.layers.Embedding)]
        consumers = consumers if len(consumers) == 1 else []
    found = []
    for consumer in consumers:
        if isinstance(consumer, keras.layers.Embedding):
            found.append(consumer)
        elif isinstance(consumer, keras.Model):
            found.extend(embeddings_of(consumer))
    return found


def _takes(operation: Any, tensors: list[Any]) -> bool:  # noqa: ANN401
    """Whether an operation of a graph is applied to one of ``tensors``."""
    wanted = {id(tensor) for tensor in tensors}
    nodes = operation._inbound_nodes  # Keras has no public way to ask
    return any(id(tensor) in wanted for node in nodes for tensor in node.input_tensors)
