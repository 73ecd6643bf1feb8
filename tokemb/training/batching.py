"""Rows of different lengths in batches: rows of like lengths together, so that little is padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokemb._arrays import Int32, Int64
from tokemb.rows.ragged import Ragged

# Lengths that differ by less share batches, so that these are not the same in every pass.
_LIKE = 1.15


class Buckets:
    """Batches of rows of like lengths.

    ``lengths``: of the rows, int64 (rows,). ``batch_size``: rows of a batch at most; ``positions``: its rows times its
    longest row, at most, unless it is one row.
    """

    def __init__(self, lengths: Int64, batch_size: int, positions: int | None = None) -> None:
        self._steps = np.ceil(np.log(np.maximum(lengths, 1)) / np.log(_LIKE)).astype(np.int64)
        order = np.lexsort((lengths, self._steps))
        largest = np.maximum.accumulate(np.maximum(lengths[order], 1))
        self._cuts = [0]
        # Where batches end is the same in all passes: a batch is as long as the longest row of its step may be.
        last_of_step = np.searchsorted(self._steps[order], self._steps[order], "right") - 1
        longest = largest[last_of_step]
        while self._cuts[-1] < len(order):
            start = self._cuts[-1]
            stop = min(start + batch_size, len(order))
            while positions is not None and stop > start + 1 and (stop - start) * longest[stop - 1] > positions:
                stop = max(start + 1, min(stop - 1, start + positions // int(longest[stop - 1])))
            self._cuts.append(stop)

    def __len__(self) -> int:
        return len(self._cuts) - 1

    def shuffled(self, rng: np.random.Generator) -> Iterator[Int64]:
        """The rows of each batch, in random order, other rows together every time."""
        order = rng.permutation(len(self._steps))
        order = order[np.argsort(self._steps[order], kind="stable")]
        for batch in rng.permutation(len(self)):
            yield order[self._cuts[batch] : self._cuts[batch + 1]]

    def sorted(self) -> Iterator[Int64]:
        """The rows of each batch, always the same, short rows first."""
        order = np.argsort(self._steps, kind="stable")
        for start, stop in zip(self._cuts[:-1], self._cuts[1:], strict=True):
            yield order[start:stop]


def taken(rows: Ragged, chosen: Int64) -> Ragged:
    """The rows of the numbers ``chosen``."""
    lengths = rows.lengths[chosen]
    ends = np.cumsum(lengths)
    places = np.arange(int(lengths.sum())) + np.repeat(rows.row_splits[chosen] - (ends - lengths), lengths)
    return Ragged.from_lengths(rows.values[places], lengths)


def padded(rows: Ragged, chosen: Int64, maxlen: int | None = None) -> Int32:
    """The rows of the numbers ``chosen``, padded at the end: int32 (chosen, maxlen), or as long as the longest."""
    wanted = taken(rows, chosen)
    # A row without an event still has a place, as layers want one.
    return wanted.pad(maxlen or max(1, int(wanted.lengths.max(initial=0))))
