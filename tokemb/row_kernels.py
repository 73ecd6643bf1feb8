"""Rows of ids laid out anew, compiled: each id is read once and written once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tokemb.compiled import kernel
from tokemb.ragged import Int32, Int64


@kernel
def lay_rows(
    values: Int32,
    starts: Int64,
    lengths: Int64,
    before: Int32,
    after: Int32,
    splits: Int64,
    out: Int32,
    fill: int,
    fill_first: bool,
    first: int,
    last: int,
) -> None:
    """``tokemb.row_layout.lay_out`` for the rows from ``first`` to before ``last``."""
    for row in range(first, last):
        at, end = splits[row], splits[row + 1]
        filling = end - at - len(before) - lengths[row] - len(after)
        if fill_first:
            out[at : at + filling] = fill
            at += filling
        for token in before:
            out[at] = token
            at += 1
        start = starts[row]
        for position in range(lengths[row]):
            out[at + position] = values[start + position]
        at += lengths[row]
        for token in after:
            out[at] = token
            at += 1
        out[at:end] = fill


@kernel
def count_kept(keep: npt.NDArray[np.bool_], row_splits: Int64, kept: Int64, first: int, last: int) -> None:
    """Fill ``kept`` int64 (rows,): for how many ids of each row ``keep`` bool (total,) is true."""
    for row in range(first, last):
        count = 0
        for at in range(row_splits[row], row_splits[row + 1]):
            count += keep[at]
        kept[row] = count


@kernel
def copy_kept(
    values: Int32, keep: npt.NDArray[np.bool_], row_splits: Int64, splits: Int64, out: Int32, first: int, last: int
) -> None:
    """Write the ids of each row for which ``keep`` is true to its place in ``out``, which ``splits`` says."""
    for row in range(first, last):
        source, at = row_splits[row], splits[row]
        # Without a branch for each id; what is not kept is written over, and never beyond the row's end, where
        # another thread is at work.
        while at < splits[row + 1]:
            out[at] = values[source]
            at += keep[source]
            source += 1
