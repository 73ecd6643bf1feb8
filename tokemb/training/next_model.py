"""Models of the next event: the model that is saved, and one that trains its weights with sampled softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Float32, Float64, Int32
from tokemb.models.embedding_model import EMBEDDING_NAME, embedding_model

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

# The number of ids sampled for each batch, in addition to its targets.
SAMPLED_IDS = 1024
# The number of blocks of the head "attention".
_BLOCKS = 2
_FEATURES, _OUTPUT, _BIAS = "features", "probabilities", "bias"
_CANDIDATES, _LOG_PROBABILITY = "candidates", "log_probability"


def uses_sampled_softmax(input_dim: int) -> bool:
    """Return whether a model of ``input_dim`` ids is trained with sampled softmax, by ``training_model``."""
    return input_dim > 2 * SAMPLED_IDS


def next_model(
    encoder: Encoder, *, head: str, maxlen: int, dim: int, units: int, dropout: float, seed: int | None
) -> keras.Model:
    """Make the model of ``train_next``. Its name carries the fingerprint, as in ``embedding_model``.

    The last event is linked directly to the next one, beside the state of all events (FPMC, Rendle 2010).
    """
    import keras
    from keras import layers

    embedding = embedding_model(encoder, dim, mask_zero=True, seed=seed)
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    vectors = layers.Dropout(dropout)(embedding.get_layer(EMBEDDING_NAME)(token_ids))
    if head == "attention":
        states = _attention(vectors, maxlen, dim, units, dropout)
    else:
        states = getattr(layers, head.upper())(units, return_sequences=True)(vectors)
    linked = layers.Concatenate()([states, vectors])
    if uses_sampled_softmax(encoder.input_dim):
        features = layers.Dense(dim, name=_FEATURES)(layers.Dropout(dropout)(linked))
    else:
        features = layers.Dropout(dropout, name=_FEATURES)(linked)
    probabilities = layers.Dense(encoder.input_dim, "softmax", name=_OUTPUT)(features)
    return keras.Model(token_ids, probabilities, name=embedding.name)


def _attention(vectors: Any, maxlen: int, dim: int, units: int, dropout: float) -> Any:  # noqa: ANN401 - tensors
    """Return the states of blocks of causal self-attention and position-wise dense layers (SASRec, Kang 2018)."""
    from keras import layers, ops

    position = ops.cumsum(ops.ones_like(vectors[..., 0], dtype="int32"), axis=1) - 1
    position = ops.minimum(position, maxlen - 1)
    states = vectors + layers.Embedding(maxlen, dim, name="position_embedding")(position)
    for _ in range(_BLOCKS):
        query = layers.LayerNormalization()(states)
        states += layers.MultiHeadAttention(1, dim, dropout=dropout)(query, states, use_causal_mask=True)
        hidden = layers.Dense(units, "relu")(layers.LayerNormalization()(states))
        states += layers.Dropout(dropout)(layers.Dense(dim)(hidden))
    return layers.LayerNormalization()(states)


def features_model(model: keras.Model) -> keras.Model:
    """Return the part of a ``next_model`` below its last layer.

    The output is float32 ``(batch, maxlen, features)``.
    """
    import keras

    return keras.Model(model.inputs, model.get_layer(_FEATURES).output)


def last_layer(model: keras.Model) -> tuple[Float32, Float32]:
    """Return the kernel ``(features, input_dim)`` and the bias ``(input_dim,)`` of the last layer."""
    kernel, bias = model.get_layer(_OUTPUT).get_weights()
    return kernel, bias


def training_model(model: keras.Model) -> keras.Model:
    """Make a model that trains the layers of a ``next_model`` with sampled softmax and log-Q correction.

    The embedding is also the output matrix, as rare events could not be learned otherwise.

    Returns:
        A model from ``token_ids``, ``candidates`` int32 ``(candidates,)`` and ``log_probability`` float32
        ``(candidates,)``, as ``Candidates.inputs`` returns them, to logits float32 ``(batch, maxlen, candidates)``.
    """
    import keras
    from keras import layers, ops

    embedding = model.get_layer(EMBEDDING_NAME)
    candidates = keras.Input((), dtype="int32", name=_CANDIDATES)
    log_probability = keras.Input((), dtype="float32", name=_LOG_PROBABILITY)
    bias = layers.Embedding(embedding.input_dim, 1, embeddings_initializer="zeros", name=_BIAS)(candidates)
    products = ops.matmul(model.get_layer(_FEATURES).output, ops.transpose(embedding(candidates)))
    logits = products + ops.squeeze(bias, -1) - log_probability
    return keras.Model([*model.inputs, candidates, log_probability], logits)


def copy_output_weights(model: keras.Model, trained: keras.Model) -> None:
    """Copy the output weights of ``trained``, a ``training_model``, to the last layer of ``model``."""
    (vectors,) = model.get_layer(EMBEDDING_NAME).get_weights()
    (bias,) = trained.get_layer(_BIAS).get_weights()
    model.get_layer(_OUTPUT).set_weights([vectors.T, bias[:, 0]])


@dataclass(frozen=True)
class Candidates:
    """The ids among which the next events of a batch are predicted: its targets and a random sample.

    Attributes:
        shares: The fraction of positions at which each id is next, float64 ``(input_dim,)``.
        sampled: The number of ids that are sampled for a batch, beside its targets.
    """

    shares: Float64
    sampled: int

    @classmethod
    def of(cls, targets: Int32, input_dim: int) -> Candidates:
        """Make candidates from the targets of all positions, int32 ``(positions,)``."""
        return cls(np.bincount(targets, minlength=input_dim) / max(1, len(targets)), SAMPLED_IDS)

    def inputs(self, targets: Int32, rng: np.random.Generator) -> dict[str, npt.NDArray[np.generic]]:
        """Sample the candidates of a batch.

        Args:
            targets: The targets of the batch, int32 ``(positions,)``.
            rng: A random number generator.

        Returns:
            The inputs of ``training_model``: ``candidates``, int32 ``(candidates,)`` ascending, and
            ``log_probability``, the logarithm of the probability of each to be a candidate, float32 ``(candidates,)``.
            Subtracting it from the logits corrects for frequent events, which are candidates more often (Bengio and
            Senécal 2008).
        """
        count = len(self.shares)
        candidates = np.unique(np.concatenate([targets, rng.integers(0, count, self.sampled)])).astype(np.int32)
        # log(1 - p): the id is neither a target of the batch nor sampled. The bound avoids log(0).
        log_absent = len(targets) * np.log1p(-np.minimum(self.shares[candidates], 1 - 1e-9))
        log_absent += self.sampled * np.log1p(-1 / count)
        return {_CANDIDATES: candidates, _LOG_PROBABILITY: np.log(-np.expm1(log_absent)).astype(np.float32)}
