"""Counts of which event followed which, a first-order Markov chain, and their combination with a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tokemb._arrays import Float32, Int32
from tokemb.rows.ragged import Ragged
from tokemb.training.sequences import drop_first, drop_last

if TYPE_CHECKING:
    import keras


# The successors of an event that are kept, the most frequent ones, and the size of the table of all events.
_MAX_SUCCESSORS = 256
_MAX_TABLE = 1 << 24
# The prior weights among which one is selected, and the one without a validation split.
_PRIORS = np.geomspace(0.1, 1e6, 71)
_DEFAULT_PRIOR = 100.0
_SUCCESSORS, _WEIGHTS, _SHARE = "successors", "transition_weights", "model_share"


@dataclass(frozen=True)
class Transitions:
    """How often each event was followed by each other.

    Attributes:
        successors: The most frequent successors of each id, int32 ``(input_dim, successors)``, padded with 0.
        counts: Their counts, float32 ``(input_dim, successors)``, padded with 0.
    """

    successors: Int32
    counts: Float32

    @classmethod
    def count(cls, sequences: Ragged, input_dim: int, max_successors: int = _MAX_SUCCESSORS) -> Transitions:
        """Count the pairs of neighbors in ``sequences``.

        Args:
            sequences: The ids of the events.
            input_dim: The number of ids.
            max_successors: The maximum number of successors of each id, of which the most frequent are kept.
        """
        pairs = drop_last(sequences).values.astype(np.int64) * input_dim + drop_first(sequences).values
        distinct, counts = np.unique(pairs, return_counts=True)
        event, successor = np.divmod(distinct, input_dim)
        order = np.lexsort((successor, -counts, event))
        event, successor, counts = event[order], successor[order], counts[order]
        degrees = np.bincount(event, minlength=input_dim)
        rank = np.arange(len(event)) - (np.cumsum(degrees) - degrees)[event]
        width = max(1, min(int(degrees.max(initial=0)), max_successors, _MAX_TABLE // input_dim))
        kept = rank < width
        successors, table = np.zeros((input_dim, width), np.int32), np.zeros((input_dim, width), np.float32)
        successors[event[kept], rank[kept]] = successor[kept]
        table[event[kept], rank[kept]] = counts[kept]
        return cls(successors, table)

    @property
    def totals(self) -> Float32:
        """The number of transitions from each id, float32 ``(input_dim,)``."""
        return self.counts.sum(axis=1, dtype=np.float32)

    def of_pairs(self, events: Int32, targets: Int32) -> Float32:
        """Return the counts of pairs of an event and its successor, int32 ``(pairs,)`` each, float32 ``(pairs,)``."""
        found = np.zeros(len(events), np.float32)
        for start in range(0, len(events), 1 << 16):
            rows = slice(start, start + (1 << 16))
            is_target = self.successors[events[rows]] == targets[rows, None]
            found[rows] = (self.counts[events[rows]] * is_target).sum(axis=1)
        return found

    def add_to(self, scores: Float32, events: Int32) -> None:
        """Add the counts of the successors of ``events``, int32 ``(rows,)``, to scores ``(rows, input_dim)``."""
        # Padding adds 0 to the score of id 0.
        scores[np.arange(len(events))[:, None], self.successors[events]] += self.counts[events]

    def select_prior(self, events: Int32, targets: Int32, probabilities: Float32) -> float:
        """Select the weight of a model beside the counts, which makes sequences that were not counted most probable.

        Args:
            events: The event before each target, int32 ``(targets,)``.
            targets: The events to predict, int32 ``(targets,)``.
            probabilities: Their probability in the model, float32 ``(targets,)``.

        Returns:
            The prior for ``combined_model``.
        """
        if not len(events):
            return _DEFAULT_PRIOR
        counts, totals = self.of_pairs(events, targets).astype(np.float64), self.totals[events].astype(np.float64)
        model = np.maximum(probabilities.astype(np.float64), 1e-12)
        likelihoods = [np.log((prior * model + counts) / (prior + totals)).mean() for prior in _PRIORS]
        return float(_PRIORS[int(np.argmax(likelihoods))])


def combined_model(model: keras.Model, transitions: Transitions, prior: float) -> keras.Model:
    """Return a model that combines the probabilities of a ``next_model`` with counts of transitions.

    The probability of an event is ``(prior * p + count) / (prior + total)``, in which ``p`` is its probability in the
    model, ``count`` how often it followed the last event, and ``total`` how often any event did. The counts are thus
    smoothed by the model (a Dirichlet prior): after frequent events they decide, after rare ones the model.
    """
    import keras
    from keras import ops

    input_dim, width = transitions.successors.shape
    scale = prior + transitions.totals[:, None]
    tables = {
        _SUCCESSORS: transitions.successors.astype(np.float32),  # Keras trains and saves floats; ids are exact in them
        _WEIGHTS: transitions.counts / scale,
        _SHARE: (prior / scale).astype(np.float32),
    }
    [token_ids] = model.inputs
    # Tokens that are appended later, with grow_model, have no counts. Id 0 has none.
    events = ops.where(token_ids < input_dim, token_ids, 0)
    layers = {name: keras.layers.Embedding(*table.shape, trainable=False, name=name) for name, table in tables.items()}
    successors, weights, share = (layer(events) for layer in layers.values())
    for layer, table in zip(layers.values(), tables.values(), strict=True):
        layer.set_weights([table])
    row, column = (ops.cumsum(ops.ones_like(token_ids), axis=axis) - 1 for axis in (0, 1))
    successors = ops.cast(successors, "int32")
    probabilities = model.output * share
    positions = [ops.repeat(ops.expand_dims(index, -1), width, axis=-1) for index in (row, column)]
    indices = ops.reshape(ops.stack([*positions, successors], axis=-1), (-1, 3))
    updates = ops.reshape(ops.take_along_axis(probabilities, successors, axis=-1) + weights, (-1,))
    return keras.Model(token_ids, ops.scatter_update(probabilities, indices, updates), name=model.name)


def transitions_of(model: keras.Model) -> tuple[Transitions, Float32] | None:
    """Return the scaled counts in a ``combined_model`` and the share of the model after each event, ``(input_dim,)``.

    ``None`` for a model without counts.
    """
    names = (_SUCCESSORS, _WEIGHTS, _SHARE)
    tables = {layer.name: layer.get_weights() for layer in model.layers if layer.name in names}
    if not tables:
        return None
    [successors], [weights], [share] = (tables[name] for name in names)
    return Transitions(successors.astype(np.int32), weights), share[:, 0]
