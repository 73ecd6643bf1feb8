"""Form the n-grams of rows of parts, compiled: each n-gram is found from the one that is shorter by one part."""

from __future__ import annotations

import numpy as np

from tokemb.kernels.compiler import inlined
from tokemb.kernels.key_table import MISSING, find_value
from tokemb.kernels.structs import Int32, Int64, NgramTables, UInt64

_HALF = np.uint64(32)

Plan = tuple[int, int]


@inlined
def _count(starts: Int64, ends: Int64, first: int, last: int, length: int) -> int:
    """Return the number of n-grams of one length in the runs from ``first`` to before ``last``."""
    count = 0
    for run in range(first, last):
        count += max(ends[run] - starts[run] - length + 1, 0)
    return count


@inlined
def _longer(edges: UInt64, number: int, part: int, missing: int) -> int:
    """Return the n-gram that consists of another one and the next part, or ``missing``."""
    if number == missing:
        return missing
    value = find_value(edges, np.uint64(number) << _HALF | np.uint64(part))
    return missing if value == MISSING else np.int64(value)


@inlined
def _plan(
    lengths: Int64, depth: int, starts: Int64, ends: Int64, run: int, last_run: int, room: int
) -> tuple[int, int]:
    """Return the place in the row of the n-grams of the length ``depth``, and how many of them are looked up.

    The place is ``room`` if they are not written. They are looked up if longer ones are written.
    """
    place, segment, needed = room, 0, 0
    for length in lengths:
        count = _count(starts, ends, run, last_run, length)
        if length >= depth:
            needed = max(needed, min(count, room - segment))
        if length == depth:
            place = segment
        segment += count
    if last_run - run > 1 and needed > 0:  # in several runs, longer n-grams begin anywhere
        needed = ends[last_run - 1] - starts[run]
    return place, needed


def join_ngrams(
    tables: NgramTables,
    parts: Int32,
    starts: Int64,
    ends: Int64,
    first_runs: Int64,
    numbers: Int32,
    out: Int32,
    splits: Int64,
    fill: int,
    first: int,
    last: int,
) -> None:
    """Write the ids of the n-grams of the rows from ``first`` to before ``last``.

    Args:
        tables: The n-grams of the vocabulary.
        parts: int32 (total,).
        starts: int64 (runs,), the start of each run in ``parts``. The runs of a row follow each other.
        ends: int64 (runs,), their ends.
        first_runs: int64 (rows + 1,), the first run of each row.
        numbers: int32, work space for the parts of the longest row.
        out: int32, the rows of ids. N-grams beyond the end of a row are left out.
        splits: int64 (rows + 1,), their starts in ``out``.
        fill: The id that fills the rest of a row.
        first: The first row.
        last: The row after the last.
    """
    lengths, ids = tables.lengths, tables.ids
    missing = len(ids) - 1
    longest = 0
    for length in lengths:
        longest = max(longest, length)
    for row in range(first, last):
        row_ids = out[splits[row] : splits[row + 1]]
        run, last_run = first_runs[row], first_runs[row + 1]
        filled = 0
        for length in lengths:
            filled += _count(starts, ends, run, last_run, length)
        row_ids[filled:] = fill
        for depth in range(1, longest + 1):
            place, needed = _plan(lengths, depth, starts, ends, run, last_run, len(row_ids))
            for index in range(run, last_run):
                base = starts[run]
                for position in range(starts[index], min(ends[index] - depth + 1, base + needed)):
                    if depth == 1:
                        number = np.int64(tables.roots[parts[position]])
                    else:
                        number = _longer(
                            tables.edges, np.int64(numbers[position - base]), parts[position + depth - 1], missing
                        )
                    numbers[position - base] = number
                    if place < len(row_ids):
                        row_ids[place] = ids[number]
                        place += 1
