"""Sequences of events as windows of inputs and targets."""

from __future__ import annotations

import numpy as np

from tokemb.rows.ragged import Ragged


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
