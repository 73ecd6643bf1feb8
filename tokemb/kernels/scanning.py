"""The kernels of the scanner: rows of text to rows of ids.

Each row is processed in chunks. ``pretokenize`` normalizes a chunk into ``scratch`` and records where pre-tokens start
and end. Then all of them are looked up.
"""

from __future__ import annotations

import numpy as np

from tokemb.kernels.compiler import inlined
from tokemb.kernels.pretoken_table import NUMBER, PACKED_IDS, find, key_of, slot_of
from tokemb.kernels.pretokenize import holds_token, pretokenize
from tokemb.kernels.simd import prefetch
from tokemb.kernels.structs import (
    DONE,
    KEPT,
    LEFT_TO_REFERENCE,
    MISS_TO_REFERENCE,
    NEEDS_PRETOKEN,
    RECORD_MISS_IN_PLACE,
    Int32,
    Int64,
    Int64Matrix,
    Out,
    PretokenTable,
    Report,
    Table,
    Text,
    UInt8,
    UInt64,
    Workspace,
)

# The packed ids of a pre-token with one id are _ONE_ID plus the id in the lower half.
_ONE_ID, _LOWER = np.uint64(1 << 32), np.uint64(0xFFFFFFFF)


@inlined
def _find_all(
    slots: UInt64,
    pretoken_text: UInt8,
    pretoken_starts: Int64,
    scratch: UInt8,
    starts: Int32,
    ends: Int32,
    count: int,
    keys: UInt64,
    slot_positions: UInt64,
) -> None:
    """Write the position in ``slots`` of each pre-token of a chunk, or of its free slot, to ``slot_positions``.

    The slots are prefetched while the keys of other pre-tokens are computed. Waiting for memory for each pre-token in
    turn would take longer than everything else.
    """
    for pretoken in range(count):
        if starts[pretoken] < 0:
            continue
        first, second = key_of(scratch, starts[pretoken], ends[pretoken])
        keys[2 * pretoken], keys[2 * pretoken + 1] = first, second
        slot_positions[pretoken] = slot_of(slots, first, second)
        prefetch(slots, slot_positions[pretoken])
    for pretoken in range(count):
        if starts[pretoken] < 0:
            continue
        first, second = keys[2 * pretoken], keys[2 * pretoken + 1]
        slot, start, end = slot_positions[pretoken], starts[pretoken], ends[pretoken]
        slot_positions[pretoken] = find(slots, pretoken_text, pretoken_starts, first, second, slot, scratch, start, end)


@inlined
def _append_ids(values: Int32, position: int, stop: int, ids: Int32, packed_ids: int, dropped_id: int) -> int:
    """Write the ids of a pre-token to ``values`` from ``position`` on, up to ``stop``. Return the next position."""
    if packed_ids >> np.uint64(32) == np.uint64(1):
        token = np.int32(packed_ids & _LOWER)
        if token != dropped_id and position < stop:
            values[position] = token
            position += 1
        return position
    begin = np.int64(packed_ids & _LOWER)
    for k in range(begin, begin + np.int64(packed_ids >> np.uint64(32))):
        if ids[k] != dropped_id and position < stop:
            values[position] = ids[k]
            position += 1
    return position


@inlined
def _record_miss(report: Report, miss_count: int, scratch: UInt8, start: int, end: int) -> bool:
    """Record a pre-token that is not in the table. Return whether there was room for it."""
    used = report.miss_splits[miss_count]
    if miss_count + 1 >= len(report.miss_splits) or used + end - start > len(report.misses):
        return False
    for k in range(end - start):
        report.misses[used + k] = scratch[start + k]
    report.miss_splits[miss_count + 1] = used + end - start
    return True


@inlined
def _finish_row(out: Out, row: int, position: int) -> None:
    """Write the special tokens around a row, and the padding after it."""
    begin = row * out.stride
    for k in range(len(out.before)):
        out.ids[begin + k] = out.before[k]
    for k in range(len(out.after)):
        out.ids[position + k] = out.after[k]
    for k in range(position + len(out.after), begin + out.stride):
        out.ids[k] = out.pad_id


def scan(
    table: Table,
    characters: Int32,
    pretokens: PretokenTable,
    ids: Int32,
    on_miss: int,
    text: Text,
    rows: Int64,
    workspace: Workspace,
    out: Out,
    report: Report,
) -> int:
    """Encode texts.

    Args:
        table: The tables of the characters.
        characters: int32 (entries,), the ids of characters that are pre-tokens of their own, as for ``pretokenize``.
        pretokens: The hash table.
        ids: int32 (total,), the ids of the pre-tokens that have more than one.
        on_miss: The id of any other pre-token, or ``MISS_TO_REFERENCE``, ``RECORD_MISS`` or ``RECORD_MISS_IN_PLACE``.
        text: All texts.
        rows: The indices of the texts to scan, int64 (scanned,).
        workspace: The work space of the thread.
        out: Where to write the ids.
        report: Where to write the status of the rows.

    Returns:
        The number of pre-tokens that were recorded in ``report.misses``.
    """
    slots, pretoken_text, pretoken_starts = pretokens
    data, offsets = text
    scratch, starts, ends, keys, slot_positions = workspace
    values, stride, room, before, after, _, dropped_id = out
    lengths, status, requested_pages, _, _ = report
    miss_count = 0
    position = 0
    for index in range(len(rows)):
        if stride:
            position = rows[index] * stride + len(before)
        begin = position
        stop = position + room
        at, end = offsets[rows[index]], offsets[rows[index] + 1]
        filled, last_class, open_pretokens, state = 0, 0, 0, DONE
        while True:
            at, filled, last_class, started, ended, state = pretokenize(
                table,
                characters,
                data,
                at,
                end,
                scratch,
                filled,
                last_class,
                starts,
                ends,
                open_pretokens,
                requested_pages,
                state,
            )
            # An added token in the normalized text may span two chunks.
            if len(table.normal_token_starts) > 1 and (
                at < end or open_pretokens or holds_token(table, scratch, filled)
            ):
                state = LEFT_TO_REFERENCE
            if state == LEFT_TO_REFERENCE:
                break
            if at >= end and last_class & KEPT:
                ends[ended] = filled
                ended += 1
            _find_all(slots, pretoken_text, pretoken_starts, scratch, starts, ends, ended, keys, slot_positions)
            for pretoken in range(ended):
                if starts[pretoken] < 0:  # the id of a character
                    position = _append_ids(
                        values, position, stop, ids, _ONE_ID | np.uint64(-1 - starts[pretoken]), dropped_id
                    )
                    continue
                slot = slot_positions[pretoken]
                known = slots[slot + NUMBER] != np.uint64(0)
                if known or on_miss >= 0:
                    packed_ids = slots[slot + PACKED_IDS] if known else _ONE_ID | np.uint64(on_miss)
                    position = _append_ids(values, position, stop, ids, packed_ids, dropped_id)
                elif on_miss == MISS_TO_REFERENCE:
                    state = LEFT_TO_REFERENCE
                elif not _record_miss(report, miss_count, scratch, starts[pretoken], ends[pretoken]):
                    for remaining in range(index, len(rows)):  # no room: the recorded misses must be encoded first
                        status[rows[remaining]] = NEEDS_PRETOKEN
                    return miss_count
                else:
                    miss_count += 1
                    if on_miss == RECORD_MISS_IN_PLACE:
                        values[position] = -miss_count
                        position += 1
                    else:
                        state = max(state, NEEDS_PRETOKEN)
            if at >= end or (position >= stop and state == DONE):
                break
            open_pretokens = started - ended
            if open_pretokens:  # move its beginning to the front of scratch
                begins = starts[started - 1]
                for k in range(filled - begins):
                    scratch[k] = scratch[begins + k]
                filled -= begins
                starts[0] = 0
            else:
                filled = 0
        status[rows[index]] = state
        if state != DONE:
            position = begin
        elif stride:
            _finish_row(out, rows[index], position)
        lengths[rows[index]] = position - begin
    return miss_count


def place(values: Int32, splits: Int64, rows: Int64, out: Int32, out_splits: Int64) -> None:
    """Copy row ``i`` of a ``Ragged`` to row ``rows[i]`` of another one, ``out`` and ``out_splits``."""
    for index in range(len(rows)):
        start, to = splits[index], out_splits[rows[index]]
        for k in range(splits[index + 1] - start):
            out[to + k] = values[start + k]


def tally(
    values: Int32, row_splits: Int64, rows_before: int, tokens_before: int, first: int, last: int, tallies: Int64Matrix
) -> None:
    """Count the numbers in the rows from ``first`` to before ``last`` of a ``Ragged``.

    Args:
        values: int32 (total,), the numbers.
        row_splits: int64 (rows + 1,).
        rows_before: The number of rows that were counted before.
        tokens_before: The number of tokens that were counted before.
        first: The first row.
        last: The row after the last.
        tallies: int64 (numbers, 4), the previous counts of each number: occurrences, rows with it, the last of these
            rows + 1, and the number of tokens before its first occurrence. The four values are adjacent, so that they
            are loaded together.
    """
    for row in range(first, last):
        here = rows_before + row + 1
        for position in range(row_splits[row], row_splits[row + 1]):
            number = values[position]
            if tallies[number, 0] == 0:
                tallies[number, 3] = tokens_before + position
            tallies[number, 0] += 1
            tallies[number, 1] += tallies[number, 2] != here  # no branch, which the processor could not predict
            tallies[number, 2] = here
