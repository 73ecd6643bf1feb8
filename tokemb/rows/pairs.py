"""Rows that consist of several parts, such as two texts with special tokens between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tokemb._arrays import Bool, Int32, Int64
from tokemb.errors import ArgumentError
from tokemb.rows.pack_rows import run_indices
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows, thread_count, worth_kernel


class Part(NamedTuple):
    """One part of each row. The ids of row ``i`` are ``values[starts[i]:starts[i] + lengths[i]]``.

    Attributes:
        values: int32 ``(total,)``.
        starts: int64 ``(rows,)``.
        lengths: int64 ``(rows,)``.
    """

    values: Int32
    starts: Int64
    lengths: Int64


def part_of(rows: Ragged) -> Part:
    """Return whole rows as a part. The ids are not copied."""
    return Part(rows.values, rows.row_splits[:-1], rows.lengths)


def truncate_part(part: Part, lengths: Int64, truncating: str) -> Part:
    """Truncate each row to its length, int64 ``(rows,)``, without copying ids."""
    starts = part.starts if truncating == "post" else part.starts + part.lengths - lengths
    return Part(part.values, starts, lengths)


def repeated(values: Int32, lengths: Int64) -> Part:
    """Return the part whose rows are the first ids of ``values``, ``lengths``, int64 ``(rows,)``, of them."""
    return Part(values, np.zeros(len(lengths), np.int64), lengths)


def join_parts(
    parts: Sequence[Part],
    splits: Int64,
    out: Int32,
    *,
    fill: int = 0,
    fill_first: bool = False,
    threads: int | None = None,
) -> None:
    """Fill ``out`` with rows that consist of ``parts``, one after the other, and then of ``fill``.

    Args:
        parts: At least one part of each row.
        splits: int64 ``(rows + 1,)``. Row ``i`` is ``out[splits[i]:splits[i + 1]]``.
        out: int32 ``(size,)``, which is overwritten.
        fill: The id that fills the rest of a row.
        fill_first: Whether the filling precedes the ids.
        threads: The number of threads. ``None`` uses all cores.
    """
    lengths = np.stack([part.lengths for part in parts])
    places = splits[:-1] + np.cumsum(lengths, axis=0) - lengths
    if fill_first:
        places += np.diff(splits) - lengths.sum(axis=0)
    if not worth_kernel(len(out)):
        out[:] = fill
        for part, at in zip(parts, places, strict=True):
            out[run_indices(at, part.lengths)] = part.values[run_indices(part.starts, part.lengths)]
        return
    from tokemb import kernels

    def join(first: int, last: int) -> None:
        out[splits[first] : splits[last]] = fill
        for part, at in zip(parts, places, strict=True):
            starts = np.ascontiguousarray(part.starts)
            kernels.copy_rows(part.values, starts, np.ascontiguousarray(part.lengths), out, at, first, last)

    parallel_map(join, split_rows(splits, thread_count(threads)))


def fill_runs(
    values: Int32,
    lengths: Int64,
    splits: Int64,
    out: Int32,
    mask: Bool | None = None,
    *,
    fill: int = 0,
    fill_first: bool = False,
    threads: int | None = None,
) -> None:
    """Fill ``out`` with rows that consist of runs of equal numbers, and then of ``fill``.

    Args:
        values: int32 ``(runs,)``, the number of each run.
        lengths: int64 ``(rows, runs)``, the length of each run.
        splits: int64 ``(rows + 1,)``. Row ``i`` is ``out[splits[i]:splits[i + 1]]``.
        out: int32 ``(size,)``, which is overwritten.
        mask: bool ``(size,)``, which becomes true in the runs and false elsewhere. ``None`` if it is not needed.
        fill: The number that fills the rest of a row.
        fill_first: Whether the filling precedes the runs.
        threads: The number of threads. ``None`` uses all cores.
    """
    if not worth_kernel(len(out)):
        spare = np.diff(splits) - lengths.sum(axis=1)
        parts = (spare[:, None], lengths) if fill_first else (lengths, spare[:, None])
        sizes = np.concatenate(parts, axis=1).reshape(-1)
        kinds = [np.int32(fill), *values] if fill_first else [*values, np.int32(fill)]
        out[:] = np.repeat(np.tile(np.array(kinds, np.int32), len(lengths)), sizes)
        if mask is not None:
            is_run = np.ones(len(kinds), np.bool_)
            is_run[0 if fill_first else -1] = False
            mask[:] = np.repeat(np.tile(is_run, len(lengths)), sizes)
        return
    from tokemb import kernels

    flags = (np.zeros(0, np.bool_) if mask is None else mask).view(np.uint8)
    fixed = values, np.ascontiguousarray(lengths).reshape(-1), splits, out, flags, fill, fill_first
    ranges = split_rows(splits, thread_count(threads))
    parallel_map(kernels.fill_runs, [(*fixed, first, last) for first, last in ranges])


def truncated_lengths(
    first: Int64, second: Int64, room: int, pair_truncation: str, first_row: int = 0
) -> tuple[Int64, Int64]:
    """Return how many ids of each text of a pair are kept.

    Args:
        first: The lengths of the first texts, int64 ``(rows,)``.
        second: The lengths of the second texts, int64 ``(rows,)``.
        room: The maximum number of ids of both texts together.
        pair_truncation: Which text loses ids: ``"longest_first"``, ``"only_first"`` or ``"only_second"`` as in
            `tokenizers`, or ``"round_robin"`` or ``"waterfall"`` as in KerasHub's ``MultiSegmentPacker``.
        first_row: The number of the first row, for messages.

    Returns:
        The new lengths of the first and of the second texts, both int64 ``(rows,)``.

    Raises:
        ArgumentError: If the text that may lose ids is too short.
    """
    too_long = first + second > room
    if pair_truncation == "longest_first":  # the shorter text keeps up to half of the room
        shorter = np.minimum(np.minimum(first, second), room // 2)
        kept = np.where(first > second, room - shorter, shorter)
    elif pair_truncation == "round_robin":  # both get one id in turn, starting with the first
        kept = np.minimum(first, np.maximum(-(-room // 2), room - second))
    elif pair_truncation == "waterfall":
        kept = np.minimum(first, room)
    elif not room:  # `tokenizers` does not look which text may lose ids
        kept = np.zeros_like(first)
    else:
        other = second if pair_truncation == "only_first" else first
        _check_enough(too_long & (other >= room), pair_truncation, room, first_row)
        kept = room - second if pair_truncation == "only_first" else first
    return np.where(too_long, kept, first), np.where(too_long, room - kept, second)


def _check_enough(is_wrong: Bool, pair_truncation: str, room: int, first_row: int) -> None:
    """Raise ``ArgumentError`` for the first row of ``is_wrong``, in which one text leaves no room for the other."""
    if is_wrong.any():
        row = first_row + int(is_wrong.argmax())
        other = "second" if pair_truncation == "only_first" else "first"
        raise ArgumentError(
            f'pair_truncation="{pair_truncation}" must leave at least one id of the text that it truncates; '
            f"the {other} text of pair number {row + 1} alone fills the {room} ids beside the special tokens: "
            'pass a larger maxlen, or pair_truncation="longest_first"'
        )
