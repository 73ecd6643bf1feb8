"""Sequences of events as what was before and what came next, in windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tokemb._arrays import Int64
from tokemb.rows.ragged import Ragged
from tokemb.training.batching import Buckets
from tokemb.training.fitting import Batch, Feed

# Makes the batch of some windows.
MakeBatch = Callable[[Int64], Batch]


def before(rows: Ragged) -> Ragged:
    """Each row without its last event; a row without any stays one."""
    lengths = rows.lengths
    kept = np.ones(len(rows.values), bool)
    kept[rows.row_splits[1:][lengths > 0] - 1] = False
    return Ragged.from_lengths(rows.values[kept], np.maximum(lengths - 1, 0))


def after(rows: Ragged) -> Ragged:
    """Each row without its first event: what comes next at every place of ``before``."""
    lengths = rows.lengths
    kept = np.ones(len(rows.values), bool)
    kept[rows.row_splits[:-1][lengths > 0]] = False
    return Ragged.from_lengths(rows.values[kept], np.maximum(lengths - 1, 0))


def windows(rows: Ragged, maxlen: int | None) -> Ragged:
    """The same events in rows of at most ``maxlen``, ``None`` for as they are; rows without any go."""
    lengths = rows.lengths[rows.lengths > 0]
    if maxlen is None:
        return Ragged.from_lengths(rows.values, lengths)
    full, rest = np.divmod(lengths, maxlen)
    counts = full + (rest > 0)
    cut = np.full(int(counts.sum()), maxlen, np.int64)
    ends = np.cumsum(counts)[rest > 0] - 1
    cut[ends] = rest[rest > 0]
    return Ragged.from_lengths(rows.values, cut)


def shuffled(make: MakeBatch, buckets: Buckets, seed: int) -> Feed:
    """Batches of windows of like lengths, in another order in every pass."""

    def batches(number: int) -> Iterator[Batch]:
        return (make(chosen) for chosen in buckets.shuffled(np.random.default_rng((seed, number))))

    return Feed(len(buckets), batches)


def unshuffled(make: MakeBatch, buckets: Buckets) -> Feed:
    """The same batches in every pass."""
    return Feed(len(buckets), lambda _: (make(chosen) for chosen in buckets.sorted()))
