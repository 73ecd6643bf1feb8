"""A Keras model made ready to turn ids into vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tokemb.embedding import fingerprint_in_name, load_model
from tokemb.encoder import Encoder
from tokemb.errors import ModelError
from tokemb.lookup import LookUp, lookup_of, read_lookup
from tokemb.network import Network
from tokemb.pooling import Float32, check_pooling
from tokemb.ragged import Int32, Ragged

if TYPE_CHECKING:
    import keras

_REMEDY = "use the vocabulary that the model was made for, or make the model from this one"


class Embedder:
    """Turns ids into vectors with one model; checks every batch of ids before it is used."""

    def __init__(self, model: keras.Model | Path | str, encoder: Encoder | None = None) -> None:
        """Load the model if it is a path; a look-up is loaded without Keras.

        Raises ``ModelError`` if it cannot be loaded, is not a model, or was made for another vocabulary than
        ``encoder``'s.
        """
        self._model = _ready(model)
        if encoder is not None:
            _check_vocabulary(self._model, encoder)

    @property
    def output_dim(self) -> int:
        """The size of the last axis of the output, as far as the model says it."""
        return self._model.output_dim

    def check(self, ids: Int32) -> None:
        """Raise ``ModelError`` unless all ids are within ``input_dim``; Keras on a GPU would give zeros instead."""
        if not ids.size:
            return
        lowest, highest = int(ids.min()), int(ids.max())
        if lowest < 0:
            raise ModelError(f"ids must not be negative; received {lowest}")
        input_dim = self._model.input_dim
        if input_dim is not None and highest >= input_dim:
            raise ModelError(
                f"the model has input_dim {input_dim}, so ids go up to {input_dim - 1}; received {highest}: {_REMEDY}"
            )

    def vectors(self, ids: Int32) -> Float32:
        """The model's output for ids (rows, maxlen): float32 (rows, maxlen, dim) for a look-up."""
        self.check(ids)
        return self._model.vectors(ids)

    def pool_padded(self, ids: Int32, pooling: str) -> Float32:
        """Pool ids (rows, maxlen), of which 0 is padding: float32 (rows, dim)."""
        check_pooling(pooling)
        self.check(ids)
        if not self._model.mask_zero:
            raise ModelError(
                "the model's Embedding has mask_zero off, so padding cannot be told from tokens: "
                "pool a Ragged (encode_ragged), or make the model with mask_zero=True"
            )
        return self._model.pool_padded(ids, ids != 0, pooling)

    def pool_rows(self, rows: Ragged, pooling: str) -> Float32:
        """Pool rows of real tokens: float32 (rows, dim)."""
        check_pooling(pooling)
        self.check(rows.values)
        return self._model.pool_rows(rows, pooling)


def _ready(model: keras.Model | Path | str) -> LookUp | Network:
    """The model in the form that runs fastest."""
    if isinstance(model, (Path, str)):
        lookup = read_lookup(Path(model))
        if lookup is not None:
            return lookup
        model = load_model(model)
    import keras

    if not isinstance(model, keras.Model):
        raise ModelError(f"model must be a Keras model or the path of a saved one; received {type(model).__name__}")
    return lookup_of(model) or Network(model)


def _check_vocabulary(model: LookUp | Network, encoder: Encoder) -> None:
    """Raise ``ModelError`` if ``model`` was made for another vocabulary than ``encoder``'s, or is too small for it."""
    for made_for in filter(None, map(fingerprint_in_name, model.names)):
        if not encoder.fingerprint.startswith(made_for):
            raise ModelError(
                f"the model was made for the vocabulary {made_for}, this is {encoder.fingerprint[: len(made_for)]}: "
                "use the vocabulary that it was made for"
            )
    if model.input_dim is not None and model.input_dim < encoder.input_dim:
        raise ModelError(
            f"the model has input_dim {model.input_dim}, the vocabulary needs {encoder.input_dim}: {_REMEDY}"
        )
