"""Models of the next event: one that is saved, and one that trains its weights among some of all ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32
from tokemb.models.embedding_model import EMBEDDING_NAME, embedding_model
from tokemb.rows.pooling import Float32

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

# Ids drawn for each batch, beside those that are next in it, where there are many more.
DRAWN = 1024
_FEATURES, _OUTPUT, _BIAS = "features", "probabilities", "bias"
_CANDIDATES, _LOG_CHANCE = "candidates", "log_chance"


def too_many(input_dim: int) -> bool:
    """Whether a model of so many ids is trained on some of them at a time, by ``training_model``."""
    return input_dim > 2 * DRAWN


def next_model(encoder: Encoder, *, cell: str, dim: int, units: int, dropout: float, seed: int | None) -> keras.Model:
    """The model of ``train_next``; its name carries the fingerprint, as that of ``embedding_model``."""
    import keras
    from keras import layers

    embedding = embedding_model(encoder, dim, mask_zero=True, seed=seed)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    vectors = layers.Dropout(dropout)(embedding.get_layer(EMBEDDING_NAME)(token_ids))
    states = getattr(layers, cell.upper())(units, return_sequences=True)(vectors)
    if too_many(encoder.input_dim):
        features = layers.Dense(dim, name=_FEATURES)(layers.Dropout(dropout)(states))
    else:
        features = layers.Dropout(dropout, name=_FEATURES)(states)
    probabilities = layers.Dense(encoder.input_dim, "softmax", name=_OUTPUT)(features)
    return keras.Model(token_ids, probabilities, name=embedding.name)


def features_model(model: keras.Model) -> keras.Model:
    """From ids to what the last layer of ``next_model`` takes, float32 (batch, maxlen, dim or units)."""
    import keras

    return keras.Model(model.inputs, model.get_layer(_FEATURES).output)


def last_layer(model: keras.Model) -> tuple[Float32, Float32]:
    """The kernel (dim or units, input_dim) and the bias (input_dim,) of the last layer."""
    kernel, bias = model.get_layer(_OUTPUT).get_weights()
    return kernel, bias


def training_model(model: keras.Model) -> keras.Model:
    """What trains a ``next_model`` of too many ids, whose layers it has.

    It gives the logits of candidates, float32 (batch, maxlen, candidates).

    It takes ``token_ids``, and ``candidates`` int32 and ``log_chance`` float32, both (candidates,), as ``Candidates``
    gives them. The vectors of events are also what tells which is next: rare ones have no other chance to be learned.
    """
    import keras
    from keras import layers, ops

    embedding = model.get_layer(EMBEDDING_NAME)
    candidates = keras.Input((), dtype="int32", name=_CANDIDATES)
    log_chance = keras.Input((), dtype="float32", name=_LOG_CHANCE)
    bias = layers.Embedding(embedding.input_dim, 1, embeddings_initializer="zeros", name=_BIAS)(candidates)
    products = ops.matmul(model.get_layer(_FEATURES).output, ops.transpose(embedding(candidates)))
    logits = products + ops.squeeze(bias, -1) - log_chance
    return keras.Model([*model.inputs, candidates, log_chance], logits)


def finish(model: keras.Model, trained: keras.Model) -> None:
    """Give the last layer of ``model`` what ``trained``, its ``training_model``, has learned."""
    (vectors,) = model.get_layer(EMBEDDING_NAME).get_weights()
    (bias,) = trained.get_layer(_BIAS).get_weights()
    model.get_layer(_OUTPUT).set_weights([vectors.T, bias[:, 0]])


@dataclass(frozen=True)
class Candidates:
    """The ids among which a batch has to tell the next ones: these, and some drawn at random.

    ``shares``: how often each id is next, of all places, float64 (input_dim,).
    """

    shares: npt.NDArray[np.float64]

    @classmethod
    def of(cls, targets: Int32, input_dim: int) -> Candidates:
        """For places after which ``targets``, int32 (places,), are next."""
        return cls(np.bincount(targets, minlength=input_dim) / max(1, len(targets)))

    def inputs(self, targets: Int32, rng: np.random.Generator) -> dict[str, npt.NDArray[np.generic]]:
        """Inputs of ``training_model`` for places after which ``targets``, int32 (places,), are next.

        ``candidates``: int32 (candidates,), ascending. ``log_chance``: the logarithm of how probable each of them was
        to be one, float32 (candidates,); less it, logits are what they would be among all ids (Bengio and Senécal
        2008), or else frequent events, which are more often among them, would seem less probable than they are.
        """
        count = len(self.shares)
        candidates = np.unique(np.concatenate([targets, rng.integers(0, count, DRAWN)])).astype(np.int32)
        # The targets of no batch are all the same, or there were no others to learn from.
        missed = len(targets) * np.log1p(-np.minimum(self.shares[candidates], 1 - 1e-9)) + DRAWN * np.log1p(-1 / count)
        return {_CANDIDATES: candidates, _LOG_CHANCE: np.log(-np.expm1(missed)).astype(np.float32)}
