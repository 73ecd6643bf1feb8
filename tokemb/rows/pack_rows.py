"""Copy rows of ids truncated, padded, or with other ids around them.

NumPy does this for few ids, and kernels in several threads do it for many.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Bool, Int32, Int64, UInt8
from tokemb.errors import ArgumentError
from tokemb.rows.threads import parallel_map, split_rows, thread_count, worth_kernel


def check_splits(values: Int32, row_splits: Int64) -> None:
    """Raise ``ArgumentError`` unless ``row_splits`` split ``values`` into rows. Kernels do not check bounds."""
    # Neighbours are compared, since the differences of extreme values wrap around.
    descends = np.any(row_splits[1:] < row_splits[:-1])
    if not len(row_splits) or row_splits[0] < 0 or row_splits[-1] > len(values) or descends:
        raise wrong_splits(len(values))


def wrong_splits(total: int) -> ArgumentError:
    """Return the error for row splits that do not split ``total`` ids into rows."""
    return ArgumentError(f"row_splits must ascend from 0 to the {total} ids in values")


def pack_rows(
    values: Int32,
    starts: Int64,
    lengths: Int64,
    splits: Int64,
    out: Int32,
    *,
    before: tuple[int, ...] = (),
    after: tuple[int, ...] = (),
    fill: int = 0,
    fill_first: bool = False,
    marked: Bool | None = None,
    threads: int | None = None,
) -> Bool:
    """Fill ``out`` with rows of ids.

    Row ``i`` of the result is ``out[splits[i]:splits[i + 1]]``: the ids ``before``, the ids of the row, the ids
    ``after``, and then ``fill``. With ``fill_first``, ``fill`` precedes the ids.

    Args:
        values: int32 array ``(total,)`` with the ids of all rows.
        starts: int64 array ``(rows,)`` with the start of each row in ``values``, in any order.
        lengths: int64 array ``(rows,)`` with the number of ids of each row.
        splits: int64 array ``(rows + 1,)``, ascending from 0 to ``size``.
        out: int32 array ``(size,)``, which is overwritten.
        before: Ids before each row.
        after: Ids after each row.
        fill: The id that fills the rest of a row.
        fill_first: Whether the filling precedes the ids.
        marked: Ids to find, as for ``rows_with``.
        threads: The number of threads. ``None`` uses all cores.

    Returns:
        bool array ``(rows,)``: whether a row contains a ``marked`` id. Without ``marked``, all are false.
    """
    if not worth_kernel(len(out)):
        _pack_in_numpy(values, starts, lengths, splits, out, before, after, fill, fill_first)
        if marked is None:
            return np.zeros(len(lengths), np.bool_)
        return _rows_with_in_numpy(_gather(values, starts, lengths), lengths, marked)
    from tokemb import kernels  # only here, because small inputs do not need them

    around = np.array(before, np.int32), np.array(after, np.int32)
    source = [np.ascontiguousarray(array) for array in (values, starts, lengths, *around, splits)]
    found = np.zeros(len(lengths), np.bool_)
    flags = _bytes(np.zeros(0, np.bool_) if marked is None else marked), _bytes(found)
    ranges = split_rows(splits, thread_count(threads))
    parallel_map(kernels.pack_rows, [(*source, out, fill, fill_first, *flags, first, last) for first, last in ranges])
    return found


def _pack_in_numpy(
    values: Int32,
    starts: Int64,
    lengths: Int64,
    splits: Int64,
    out: Int32,
    before: tuple[int, ...],
    after: tuple[int, ...],
    fill: int,
    fill_first: bool,
) -> None:
    out[:] = fill
    at = splits[1:] - (len(before) + lengths + len(after)) if fill_first else splits[:-1]
    for token in before:
        out[at] = token
        at = at + 1
    out[_within(at, lengths, len(out))] = _gather(values, starts, lengths)
    at = at + lengths
    for token in after:
        out[at] = token
        at = at + 1


def _gather(values: Int32, starts: Int64, lengths: Int64) -> Int32:
    """Concatenate the ids of the runs with these starts and lengths."""
    offsets = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    if total == len(values) and np.array_equal(starts, offsets):
        return values
    return values[run_indices(starts, lengths)]


def run_indices(starts: Int64, lengths: Int64) -> Int64:
    """Return the indices of all positions in runs with these starts and lengths, int64 ``(total,)``."""
    ends = np.cumsum(lengths)
    return np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1] if len(ends) else 0)


def _within(starts: Int64, lengths: Int64, size: int) -> Bool:
    """Return bool ``(size,)``: whether a position is inside a run with these ascending starts and lengths."""
    steps = np.empty(2 * len(starts) + 1, np.int64)
    ends = starts + lengths
    steps[:-1:2] = np.diff(ends, prepend=0) - lengths  # from the end of one run to the start of the next
    steps[1::2] = lengths
    steps[-1] = size - (ends[-1] if len(ends) else 0)
    return np.repeat(np.arange(len(steps)) % 2 == 1, steps)


def select_ids(values: Int32, row_splits: Int64, keep: Bool, threads: int | None = None) -> tuple[Int32, Int64]:
    """Return ``values`` and ``row_splits`` of the rows with only the ids where ``keep``, bool ``(total,)``, is true."""
    if not worth_kernel(len(values)):
        kept_before = np.zeros(len(keep) + 1, np.int64)
        np.cumsum(keep, out=kept_before[1:])
        return values[keep], kept_before[row_splits]
    from tokemb import kernels

    check_splits(values, row_splits)
    if keep.shape != values.shape or keep.dtype != np.bool_:
        raise ArgumentError(f"keep must be bool {values.shape}; received {keep.dtype} {keep.shape}")
    values, keep = np.ascontiguousarray(values), np.ascontiguousarray(keep)
    row_splits = np.ascontiguousarray(row_splits)
    splits = np.zeros(len(row_splits), np.int64)
    ranges = split_rows(row_splits, thread_count(threads))
    parallel_map(kernels.count_selected, [(keep, row_splits, splits[1:], first, last) for first, last in ranges])
    np.cumsum(splits, out=splits)
    out = np.empty(splits[-1], np.int32)
    parallel_map(
        kernels.copy_selected, [(values, keep, row_splits, splits, out, first, last) for first, last in ranges]
    )
    return out, splits


def rows_with(values: Int32, row_splits: Int64, marked: Bool, threads: int | None = None) -> Bool:
    """Find the rows that contain a marked id.

    Args:
        values: int32 array ``(total,)``.
        row_splits: int64 array ``(rows + 1,)``.
        marked: bool array ``(ids,)``: whether an id is marked. The last element applies to all higher ids.
        threads: The number of threads. ``None`` uses all cores.

    Returns:
        bool array ``(rows,)``.
    """
    if not worth_kernel(len(values)):
        return _rows_with_in_numpy(values[row_splits[0] : row_splits[-1]], np.diff(row_splits), marked)
    from tokemb import kernels

    check_splits(values, row_splits)
    found = np.zeros(len(row_splits) - 1, np.bool_)
    arrays = np.ascontiguousarray(values), np.ascontiguousarray(row_splits), _bytes(marked), _bytes(found)
    parallel_map(
        kernels.find_rows, [(*arrays, first, last) for first, last in split_rows(row_splits, thread_count(threads))]
    )
    return found


def _rows_with_in_numpy(ids: Int32, lengths: Int64, marked: Bool) -> Bool:
    """Return the result of ``rows_with`` for contiguous rows of these lengths."""
    found = np.zeros(len(lengths), np.bool_)
    hits = np.flatnonzero(marked.take(ids.view(np.uint32), mode="clip"))
    found[np.searchsorted(np.cumsum(lengths), hits, side="right")] = True
    return found


def _bytes(flags: Bool) -> UInt8:
    return flags.view(np.uint8)
