"""Batches of rows of similar length, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokemb._arrays import Int32, Int64
from tokemb.rows.ragged import Ragged

# Lengths within this ratio form one class. Rows of a class are shuffled together, so that batches differ by epoch.
_LENGTH_RATIO = 1.15


class Buckets:
    """Batches of rows of similar length.

    Args:
        lengths: The length of each row, int64 ``(rows,)``.
        batch_size: The maximum number of rows in a batch.
        positions: The maximum number of rows times the longest row of a batch. A batch of one row may exceed it.
    """

    def __init__(self, lengths: Int64, batch_size: int, positions: int | None = None) -> None:
        self._length_classes = np.ceil(np.log(np.maximum(lengths, 1)) / np.log(_LENGTH_RATIO)).astype(np.int64)
        order = np.lexsort((lengths, self._length_classes))
        largest = np.maximum.accumulate(np.maximum(lengths[order], 1))
        self._bounds = [0]
        # The bounds of batches are the same in all epochs, so they assume the longest row of each length class.
        last_of_class = np.searchsorted(self._length_classes[order], self._length_classes[order], "right") - 1
        longest = largest[last_of_class]
        while self._bounds[-1] < len(order):
            start = self._bounds[-1]
            stop = min(start + batch_size, len(order))
            while positions is not None and stop > start + 1 and (stop - start) * longest[stop - 1] > positions:
                stop = max(start + 1, min(stop - 1, start + positions // int(longest[stop - 1])))
            self._bounds.append(stop)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def shuffled(self, rng: np.random.Generator) -> Iterator[Int64]:
        """Yield the row indices of each batch in random order.

        Rows of similar length are mixed differently each time.
        """
        order = rng.permutation(len(self._length_classes))
        order = order[np.argsort(self._length_classes[order], kind="stable")]
        for batch in rng.permutation(len(self)):
            yield order[self._bounds[batch] : self._bounds[batch + 1]]

    def sorted(self) -> Iterator[Int64]:
        """Yield the row indices of each batch in a fixed order, short rows first."""
        order = np.argsort(self._length_classes, kind="stable")
        for start, stop in zip(self._bounds[:-1], self._bounds[1:], strict=True):
            yield order[start:stop]


def take(rows: Ragged, indices: Int64) -> Ragged:
    """Return the rows at ``indices``."""
    lengths = rows.lengths[indices]
    ends = np.cumsum(lengths)
    value_indices = np.arange(int(lengths.sum())) + np.repeat(rows.row_splits[indices] - (ends - lengths), lengths)
    return Ragged.from_lengths(rows.values[value_indices], lengths)


def take_padded(rows: Ragged, indices: Int64, maxlen: int | None = None) -> Int32:
    """Return the rows at ``indices``, padded at the end.

    Args:
        rows: All rows.
        indices: Row indices, int64 ``(batch,)``.
        maxlen: The length of all rows. ``None`` uses that of the longest row.

    Returns:
        int32 array ``(batch, maxlen)``.
    """
    selected = take(rows, indices)
    # Layers require at least one position, even if all rows are empty.
    return selected.pad(maxlen or max(1, int(selected.lengths.max(initial=0))))
