"""Form the n-grams of rows of parts, compiled: each n-gram is found from the one that is shorter by one part."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, Int64, UInt8, UInt64
from tokemb.kernels.compiler import inlined
from tokemb.kernels.hashing import bucket_of
from tokemb.kernels.key_table import MISSING, find_value, first_slot
from tokemb.kernels.simd import copy_word, prefetch
from tokemb.kernels.structs import NgramHashing, NgramTables, NgramWorkspace, Text

_HALF = np.uint64(32)
_SPACE = np.uint8(0x20)
# The number of look-ups before which a slot is loaded into the cache.
_AHEAD = 12


@inlined
def _count(starts: Int64, ends: Int64, first: int, last: int, length: int) -> int:
    """Return the number of n-grams of one length in the runs from ``first`` to before ``last``."""
    count = 0
    for run in range(first, last):
        count += max(ends[run] - starts[run] - length + 1, 0)
    return count


@inlined
def _key(number: int, part: int) -> int:
    return np.uint64(number) << _HALF | np.uint64(part)


@inlined
def _longer(edges: UInt64, number: int, part: int, missing: int) -> int:
    """Return the n-gram that consists of another one and the next part, or ``missing``."""
    if number == missing:
        return missing
    value = find_value(edges, _key(number, part))
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


@inlined
def _write_text(texts: Text, tokens: Int32, first: int, last: int, text: UInt8, starts: Int64) -> None:
    """Write the tokens from ``first`` to before ``last`` to ``text``, each with a space after it, and their starts."""
    data, offsets = texts
    filled = 0
    for index in range(first, last):
        starts[index - first] = filled
        begin, end = offsets[tokens[index]], offsets[tokens[index] + 1]
        copy_word(data, begin, text, filled)  # without a branch, which the processor could not predict
        copy_word(data, begin + 8, text, filled + 8)
        for at in range(16, end - begin, 8):
            copy_word(data, begin + at, text, filled + at)
        filled += end - begin
        text[filled] = _SPACE
        filled += 1
    starts[last - first] = filled


def join_ngrams(
    tables: NgramTables,
    hashing: NgramHashing,
    parts: Int32,
    starts: Int64,
    ends: Int64,
    first_runs: Int64,
    workspace: NgramWorkspace,
    out: Int32,
    splits: Int64,
    fill: int,
    first: int,
    last: int,
) -> None:
    """Write the ids of the n-grams of the rows from ``first`` to before ``last``.

    Args:
        tables: The n-grams of the vocabulary.
        hashing: How other n-grams are hashed. The last of ``tables.ids`` is the id of the first bucket.
        parts: int32 (total,). It may be ``out``, whose rows then are replaced.
        starts: int64 (runs,), the start of each run in ``parts``. The runs of a row follow each other.
        ends: int64 (runs,), their ends. A run of which a part is negative ends before it, which is written to ``ends``.
        first_runs: int64 (rows + 1,), the first run of each row.
        workspace: The work space of one thread.
        out: int32, the rows of ids. N-grams beyond the end of a row are left out.
        splits: int64 (rows + 1,), their starts in ``out``.
        fill: The id that fills the rest of a row.
        first: The first row.
        last: The row after the last.
    """
    lengths, ids = tables.lengths, tables.ids
    numbers, row_parts, row_text, text_starts = workspace.numbers, workspace.parts, workspace.text, workspace.starts
    buckets, hash_key = hashing.buckets, hashing.key
    missing = len(ids) - 1
    oov_id = ids[missing]
    longest = 0
    for length in lengths:
        longest = max(longest, length)
    for row in range(first, last):
        row_ids = out[splits[row] : splits[row + 1]]
        run, last_run = first_runs[row], first_runs[row + 1]
        base = starts[run] if run < last_run else 0
        for index in range(run, last_run):
            for position in range(starts[index], ends[index]):
                if parts[position] < 0:
                    ends[index] = position
                    break
                row_parts[position - base] = parts[position]
        if buckets and run < last_run:
            _write_text(hashing.texts, hashing.tokens, base, ends[last_run - 1], row_text, text_starts)
        filled = 0
        for length in lengths:
            filled += _count(starts, ends, run, last_run, length)
        row_ids[filled:] = fill
        for depth in range(1, longest + 1):
            place, needed = _plan(lengths, depth, starts, ends, run, last_run, len(row_ids))
            for index in range(run, last_run):
                stop = min(ends[index] - base - depth + 1, needed)
                for at in range(starts[index] - base, stop):
                    if depth == 1:
                        number = np.int64(tables.roots[row_parts[at]])
                    else:
                        if at + _AHEAD < stop:
                            key = _key(numbers[at + _AHEAD], row_parts[at + _AHEAD + depth - 1])
                            prefetch(tables.edges, first_slot(tables.edges, key))
                        number = _longer(tables.edges, np.int64(numbers[at]), row_parts[at + depth - 1], missing)
                    numbers[at] = number
                    if place < len(row_ids):
                        token = ids[number]
                        if buckets and token == oov_id:
                            start, end = text_starts[at], text_starts[at + depth] - 1
                            token += bucket_of(row_text, start, end, buckets, hash_key)
                        row_ids[place] = token
                        place += 1
