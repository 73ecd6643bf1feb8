"""Scores of the next event of a sequence, by a trained model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tokemb._arrays import Array, Float32, Int32, Int64
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.ragged import Ragged, take_padded
from tokemb.training.forward import forward
from tokemb.training.metrics import ranks_of
from tokemb.training.next_model import features_model, last_layer
from tokemb.training.transitions import transitions_of

if TYPE_CHECKING:
    import keras

# The number of scores that are in memory at once when all ids are ranked.
_MAX_SCORES = 1 << 24
# The number of positions limits the memory of the states.
_ORDER = BatchOrder(512, positions=1 << 17)


class NextScorer:
    """The scores that a ``next_model`` gives all ids as the next event."""

    def __init__(self, model: keras.Model, reserved: list[int]) -> None:
        """Initialize the scorer.

        Args:
            model: The model.
            reserved: The ids that are no events, such as padding. Their score is minus infinity.
        """
        # The last layer is large, so only the positions that are asked for go through it.
        self._features = forward(features_model(model))
        self._kernel, self._bias = last_layer(model)
        self._transitions = transitions_of(model)
        self._reserved = reserved
        self._block = max(1, _MAX_SCORES // len(self._bias))

    def last(self, history: Ragged) -> Iterator[tuple[Int64, Float32]]:
        """Yield row indices and the scores after the last event of these rows, float32 ``(rows, input_dim)``."""
        for rows in _ORDER.batches(history.lengths, [0]):
            padded, position = take_padded(history, rows), np.maximum(history.lengths[rows] - 1, 0)
            features = self._features(padded)[np.arange(len(rows)), position]
            events = padded[np.arange(len(rows)), position]
            for start in range(0, len(rows), self._block):
                block = slice(start, start + self._block)
                yield rows[block], self._scores(features[block], events[block])

    def observed(self, windows: Ragged, targets: Ragged) -> tuple[Int64, Float32]:
        """Return the rank and the probability of the event that occurred at each position.

        Args:
            windows: The events of each window.
            targets: The next event at each position. 0 where it is not asked for.

        Returns:
            int64 and float32 arrays ``(positions,)``. The rank is 1 for the most probable event. Both are 0 where the
            target is 0.
        """
        ranks, probabilities = np.zeros(len(targets.values), np.int64), np.zeros(len(targets.values), np.float32)
        for rows in _ORDER.batches(windows.lengths, [0]):
            padded = take_padded(targets, rows)
            row, column = np.nonzero(padded)
            previous = take_padded(windows, rows)
            features, last = self._features(previous)[row, column], previous[row, column]
            positions = targets.row_splits[rows][row] + column
            for start in range(0, len(positions), self._block):
                block = slice(start, start + self._block)
                scores = self._scores(features[block], last[block])
                events: Int32 = padded[row[block], column[block]]
                ranks[positions[block]] = ranks_of(events, scores)
                probabilities[positions[block]] = softmax(scores)[np.arange(len(events)), events]
        return ranks, probabilities

    def _scores(self, features: Array, events: Int32) -> Float32:
        """Return the logarithms of probabilities, which are not normalized, after these last events."""
        scores: Float32 = features @ self._kernel + self._bias
        if self._transitions is not None:
            transitions, shares = self._transitions
            scores = softmax(scores) * shares[events][:, None]
            transitions.add_to(scores, events)
            scores = np.log(np.maximum(scores, np.finfo(np.float32).tiny))
        scores[:, self._reserved] = -np.inf
        return scores


def softmax(scores: Float32) -> Float32:
    """Return the probabilities of scores along the last axis."""
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def overlapping_windows(rows: Ragged, maxlen: int) -> tuple[Ragged, Ragged]:
    """Split rows into windows so that every position has at least half a window of previous positions.

    Args:
        rows: The rows.
        maxlen: The maximum length of a window.

    Returns:
        The index of the value at each position of each window, and whether the position is not in an earlier window,
        0 or 1. Each index is 1 in exactly one window.
    """
    stride = max(maxlen // 2, 1)
    counts = np.where(rows.lengths > 0, 1 + np.maximum(-(-(rows.lengths - maxlen) // stride), 0), 0)
    row = np.repeat(np.arange(len(rows)), counts)
    number = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    lengths = np.minimum(rows.lengths[row] - number * stride, maxlen)
    starts = rows.row_splits[row] + number * stride
    splits = Ragged.from_lengths(np.empty(int(lengths.sum()), np.int32), lengths).row_splits
    offsets = np.arange(splits[-1]) - np.repeat(splits[:-1], lengths)
    is_new = offsets >= np.repeat(np.where(number > 0, maxlen - stride, 0), lengths)
    indices = np.repeat(starts, lengths) + offsets
    return Ragged(indices.astype(np.int32), splits), Ragged(is_new.astype(np.int32), splits)
