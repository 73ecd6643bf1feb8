"""Sequences of events as windows of inputs and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged

if TYPE_CHECKING:
    from tokemb.encoder import Encoder

# The tokens of the beginning and the end of a sequence.
MARKS = ("[BEGIN]", "[END]")

# As maxlen, it truncates no sequence, whatever the maxlen of the vocabulary.
UNLIMITED = 2**31 - 1


@dataclass(frozen=True)
class Marks:
    """The ids of the beginning and the end of a sequence."""

    begin: int
    end: int

    @classmethod
    def of(cls, encoder: Encoder) -> Marks:
        """Return the marks of a vocabulary.

        Raises:
            ArgumentError: If it does not.
        """
        if not set(MARKS) <= set(encoder.vocabulary):
            raise ArgumentError(
                f"marks=True requires a vocabulary that reserves {' and '.join(MARKS)}: fit it with reserve={[*MARKS]}"
            )
        return cls(*map(encoder.vocabulary.index, MARKS))


def mark_beginning(rows: Ragged, marks: Marks | None) -> Ragged:
    """Return rows with the mark of the beginning. Rows without events are unchanged."""
    if marks is None:
        return rows
    starts = rows.row_splits[:-1][rows.lengths > 0]
    values = np.insert(rows.values, starts, marks.begin)
    return Ragged.from_lengths(values, rows.lengths + (rows.lengths > 0))


def mark(rows: Ragged, marks: Marks | None) -> Ragged:
    """Return rows with the marks of the beginning and the end. Rows without events are unchanged."""
    if marks is None:
        return rows
    ends = rows.row_splits[1:][rows.lengths > 0]
    values = np.insert(rows.values, ends, marks.end)
    return mark_beginning(Ragged.from_lengths(values, rows.lengths + (rows.lengths > 0)), marks)


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
