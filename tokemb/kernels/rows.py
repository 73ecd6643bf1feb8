"""Copies of rows of ids into other layouts, compiled: each id is read once and written once."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Bool, Int32, Int64, UInt8
from tokemb.kernels.compiler import inlined


@inlined
def _contains_marked(marked: UInt8, row: Int32) -> np.uint8:
    """Return whether ``marked``, 0 or 1 (ids + 1,), is 1 for an id in ``row``.

    Its last entry stands for all higher ids.
    """
    end = np.uint64(len(marked) - 1)
    found = np.uint8(0)
    for token in row:
        found |= marked[min(np.uint64(np.uint32(token)), end)]
    return found


def pack_rows(
    values: Int32,
    starts: Int64,
    lengths: Int64,
    before: Int32,
    after: Int32,
    splits: Int64,
    out: Int32,
    fill: int,
    fill_first: int,
    marked: UInt8,
    found: UInt8,
    first: int,
    last: int,
) -> None:
    """Run ``tokemb.rows.pack_rows.pack_rows`` for the rows from ``first`` to before ``last``.

    ``out`` may be the array of ``values`` if no row moves to the right. Without ``marked`` ids, ``found`` is not
    written.
    """
    for row in range(first, last):
        at, end = splits[row], splits[row + 1]
        pad_length = end - at - len(before) - lengths[row] - len(after)
        if fill_first:
            out[at : at + pad_length] = fill
            at += pad_length
        for token in before:
            out[at] = token
            at += 1
        # The compiler vectorizes the copy because the indices of these views are not negative.
        source, target = values[starts[row] : starts[row] + lengths[row]], out[at : at + lengths[row]]
        for i in range(len(target)):
            target[i] = source[i]
        if len(marked):
            found[row] = _contains_marked(marked, target)
        at += lengths[row]
        for token in after:
            out[at] = token
            at += 1
        out[at:end] = fill


def copy_rows(values: Int32, starts: Int64, lengths: Int64, out: Int32, places: Int64, first: int, last: int) -> None:
    """Copy the rows from ``first`` to before ``last`` of ``values`` to their ``places``, int64 (rows,), in ``out``."""
    for row in range(first, last):
        start, at, length = starts[row], places[row], lengths[row]
        source, target = values[start : start + length], out[at : at + length]
        for i in range(len(target)):
            target[i] = source[i]


def fill_runs(
    values: Int32,
    lengths: Int64,
    splits: Int64,
    out: Int32,
    mask: UInt8,
    fill: int,
    fill_first: int,
    first: int,
    last: int,
) -> None:
    """Run ``tokemb.rows.pairs.fill_runs`` for the rows from ``first`` to before ``last``.

    ``lengths`` has one axis, int64 (rows * runs,). An empty ``mask`` is not written.
    """
    runs = len(values)
    for row in range(first, last):
        at, end = splits[row], splits[row + 1]
        total = np.int64(0)
        for run in range(row * runs, (row + 1) * runs):
            total += lengths[run]
        if fill_first:
            out[at : end - total] = fill
            if len(mask):
                mask[at : end - total] = 0
            at = end - total
        if len(mask):
            mask[at : at + total] = 1
            mask[at + total : end] = 0
        for run in range(runs):
            size = lengths[row * runs + run]
            out[at : at + size] = values[run]
            at += size
        out[at:end] = fill


def find_rows(values: Int32, row_splits: Int64, marked: UInt8, found: UInt8, first: int, last: int) -> None:
    """Run ``tokemb.rows.pack_rows.rows_with`` for the rows from ``first`` to before ``last``."""
    for row in range(first, last):
        found[row] = _contains_marked(marked, values[row_splits[row] : row_splits[row + 1]])


def count_selected(keep: Bool, row_splits: Int64, selected: Int64, first: int, last: int) -> None:
    """Write to ``selected``, int64 (rows,), for how many ids of each row ``keep``, bool (total,), is true."""
    for row in range(first, last):
        count = 0
        for flag in keep[row_splits[row] : row_splits[row + 1]]:
            count += flag
        selected[row] = count


def copy_selected(
    values: Int32, keep: Bool, row_splits: Int64, splits: Int64, out: Int32, first: int, last: int
) -> None:
    """Copy the ids of each row for which ``keep`` is true to ``out``, at the places that ``splits`` defines."""
    for row in range(first, last):
        ids, flags = values[row_splits[row] : row_splits[row + 1]], keep[row_splits[row] : row_splits[row + 1]]
        selected = out[splits[row] : splits[row + 1]]
        at = source = np.uint64(0)
        # There is no branch for each id: an id that is not selected is overwritten by the next one. Nothing is written
        # beyond the end of the row, where another thread may be writing.
        while at < np.uint64(len(selected)):
            selected[at] = ids[source]
            at += np.uint64(flags[source])
            source += np.uint64(1)
