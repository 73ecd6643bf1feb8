"""Rows of ids laid out anew: cut, between other ids, padded. In NumPy for few ids, in kernels and threads for many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Bool, Int32, Int64
from tokemb.errors import ArgumentError
from tokemb.rows.threads import parallel_map, split_rows, thread_count, worth_kernel


def check_splits(values: Int32, row_splits: Int64) -> None:
    """Raise ``ArgumentError`` unless ``row_splits`` cut ``values`` into rows: kernels read where they are told to."""
    if not len(row_splits) or row_splits[0] < 0 or row_splits[-1] > len(values) or np.any(np.diff(row_splits) < 0):
        raise ArgumentError(f"row_splits must ascend from 0 to the {len(values)} ids in values")


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
    """Fill ``out``, int32 (size,), with rows of ids.

    ``values``: int32 (total,); ``starts``, ``lengths``: int64 (rows,), which of them are a row's, in any order.
    ``splits``: int64 (rows + 1,), from 0 to ``size``; row ``i`` of the result is ``out[splits[i]:splits[i + 1]]``: the
    ids ``before``, the row's, those ``after``, and then ``fill`` for what is left (with ``fill_first``, the other way
    round: ``fill`` and then the ids).

    Returns in which rows there is a ``marked`` id: bool (rows,), all false without ``marked``, which is as for
    ``rows_with``.
    """
    if not worth_kernel(len(out)):
        _lay_out_in_numpy(values, starts, lengths, splits, out, before, after, fill, fill_first)
        if marked is None:
            return np.zeros(len(lengths), np.bool_)
        return _rows_with_in_numpy(_gathered(values, starts, lengths), lengths, marked)
    from tokemb import kernels  # here, so that small inputs do not wait for it

    around = np.array(before, np.int32), np.array(after, np.int32)
    source = [np.ascontiguousarray(array) for array in (values, starts, lengths, *around, splits)]
    found = np.zeros(len(lengths), np.bool_)
    looking = _bytes(np.zeros(0, np.bool_) if marked is None else marked), _bytes(found)
    cuts = split_rows(splits, thread_count(threads))
    parallel_map(kernels.pack_rows, [(*source, out, fill, fill_first, *looking, first, last) for first, last in cuts])
    return found


def _lay_out_in_numpy(
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
    out[_within(at, lengths, len(out))] = _gathered(values, starts, lengths)
    at = at + lengths
    for token in after:
        out[at] = token
        at = at + 1


def _gathered(values: Int32, starts: Int64, lengths: Int64) -> Int32:
    """The ids of runs that start at ``starts`` and have ``lengths``, one run after the other."""
    offsets = np.cumsum(lengths) - lengths
    total = int(lengths.sum())
    if total == len(values) and np.array_equal(starts, offsets):
        return values
    return values[np.repeat(starts - offsets, lengths) + np.arange(total)]


def _within(starts: Int64, lengths: Int64, size: int) -> Bool:
    """Bool (size,), true within runs that start at ``starts``, ascending, and have ``lengths``."""
    steps = np.empty(2 * len(starts) + 1, np.int64)
    ends = starts + lengths
    steps[:-1:2] = np.diff(ends, prepend=0) - lengths  # from the end of one run to the start of the next
    steps[1::2] = lengths
    steps[-1] = size - (ends[-1] if len(ends) else 0)
    return np.repeat(np.arange(len(steps)) % 2 == 1, steps)


def select_ids(values: Int32, row_splits: Int64, keep: Bool, threads: int | None = None) -> tuple[Int32, Int64]:
    """``values`` and ``row_splits`` of the rows with only the ids where ``keep``, bool (total,), is true."""
    if not worth_kernel(len(values)):
        kept = np.zeros(len(keep) + 1, np.int64)
        np.cumsum(keep, out=kept[1:])
        return values[keep], kept[row_splits]
    from tokemb import kernels

    check_splits(values, row_splits)
    if keep.shape != values.shape or keep.dtype != np.bool_:
        raise ArgumentError(f"keep must be bool {values.shape}; received {keep.dtype} {keep.shape}")
    values, keep = np.ascontiguousarray(values), np.ascontiguousarray(keep)
    row_splits = np.ascontiguousarray(row_splits)
    splits = np.zeros(len(row_splits), np.int64)
    cuts = split_rows(row_splits, thread_count(threads))
    parallel_map(kernels.count_selected, [(keep, row_splits, splits[1:], first, last) for first, last in cuts])
    np.cumsum(splits, out=splits)
    out = np.empty(splits[-1], np.int32)
    parallel_map(kernels.copy_selected, [(values, keep, row_splits, splits, out, first, last) for first, last in cuts])
    return out, splits


def rows_with(values: Int32, row_splits: Int64, marked: Bool, threads: int | None = None) -> Bool:
    """In which rows there is a marked id: bool (rows,).

    ``marked``: bool (ids,), which ids are; its last is for all ids beyond.
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
    """``rows_with`` for ``ids`` that lie one row after the other."""
    found = np.zeros(len(lengths), np.bool_)
    hits = np.flatnonzero(marked.take(ids.view(np.uint32), mode="clip"))
    found[np.searchsorted(np.cumsum(lengths), hits, side="right")] = True
    return found


def _bytes(flags: Bool) -> npt.NDArray[np.uint8]:
    return flags.view(np.uint8)
