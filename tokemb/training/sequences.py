"""Sequences of events as windows of inputs and targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tokemb._arrays import Int64
from tokemb.rows.ragged import Ragged
from tokemb.training.batching import Buckets
from tokemb.training.fitting import Batch, Feed

# A function that makes the batch of the windows at some indices.
MakeBatch = Callable[[Int64], Batch]


def drop_last(rows: Ragged) -> Ragged:
    """Return each row without its last event. Empty rows stay empty."""
    lengths = rows.lengths
    keep = np.ones(len(rows.values), bool)
    keep[rows.row_splits[1:][lengths > 0] - 1] = False
    return Ragged.from_lengths(rows.values[keep], np.maximum(lengths - 1, 0))


def drop_first(rows: Ragged) -> Ragged:
    """Return each row without its first event: the next event at each position of ``drop_last``."""
    lengths = rows.lengths
    keep = np.ones(len(rows.values), bool)
    keep[rows.row_splits[:-1][lengths > 0]] = False
    return Ragged.from_lengths(rows.values[keep], np.maximum(lengths - 1, 0))


def windows(rows: Ragged, maxlen: int | None) -> Ragged:
    """Split rows into windows of at most ``maxlen`` events. ``None`` does not split them. Empty rows are dropped."""
    lengths = rows.lengths[rows.lengths > 0]
    if maxlen is None:
        return Ragged.from_lengths(rows.values, lengths)
    full, rest = np.divmod(lengths, maxlen)
    counts = full + (rest > 0)
    window_lengths = np.full(int(counts.sum()), maxlen, np.int64)
    ends = np.cumsum(counts)[rest > 0] - 1
    window_lengths[ends] = rest[rest > 0]
    return Ragged.from_lengths(rows.values, window_lengths)


def shuffled(make: MakeBatch, buckets: Buckets, seed: int) -> Feed:
    """Return batches of windows of similar length, in a different order each epoch."""

    def batches(number: int) -> Iterator[Batch]:
        return (make(indices) for indices in buckets.shuffled(np.random.default_rng((seed, number))))

    return Feed(len(buckets), batches)


def unshuffled(make: MakeBatch, buckets: Buckets) -> Feed:
    """Return batches that are the same in every epoch."""
    return Feed(len(buckets), lambda _: (make(indices) for indices in buckets.sorted()))
