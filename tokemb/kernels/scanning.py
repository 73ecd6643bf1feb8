"""The kernels of the scanner: rows of text to rows of ids.

Each row is processed in chunks. ``pretokenize`` normalizes a chunk into ``scratch`` and records where pre-tokens start
and end. Then ``append_ids`` writes their ids.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, Int64
from tokemb.kernels.append_ids import append_ids
from tokemb.kernels.compiler import inlined
from tokemb.kernels.pretoken_table import AHEAD
from tokemb.kernels.pretokenize import holds_token, is_independent, pretokenize
from tokemb.kernels.simd import prefetch_to_write
from tokemb.kernels.structs import (
    DONE,
    KEPT,
    LEFT_TO_REFERENCE,
    NEEDS_PRETOKEN,
    SCAN_FULL,
    Int64Matrix,
    Out,
    Report,
    Table,
    Text,
    Workspace,
)
from tokemb.kernels.subword_structs import BucketLookup, Lookup, SubwordEncoder


@inlined
def finish_row(out: Out, row: int, position: int) -> None:
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
    encoder: Lookup | BucketLookup | SubwordEncoder,
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
        encoder: The known pre-tokens, also with buckets for others, or a subword model.
        text: All texts.
        rows: The indices of the texts to scan, int64 (scanned,).
        workspace: The work space of the thread.
        out: Where to write the ids.
        report: Where to write the status of the rows.

    Returns:
        The number of pre-tokens that were recorded in ``report.misses``.
    """
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
            position, append_status, miss_count = append_ids(
                encoder,
                scratch,
                starts,
                ends,
                ended,
                keys,
                slot_positions,
                values,
                position,
                stop,
                dropped_id,
                report,
                miss_count,
            )
            if append_status == SCAN_FULL:
                for remaining in range(index, len(rows)):
                    status[rows[remaining]] = NEEDS_PRETOKEN
                return miss_count
            state = max(state, append_status)
            if at >= end or (position >= stop and state == DONE and is_independent(table, data, at)):
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
            finish_row(out, rows[index], position)
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
    end = row_splits[last]
    for row in range(first, last):
        here = rows_before + row + 1
        for position in range(row_splits[row], row_splits[row + 1]):
            if position + AHEAD < end:
                prefetch_to_write(tallies, np.int64(values[position + AHEAD]), 0)
            number = np.uint64(values[position])
            if tallies[number, 0] == 0:
                tallies[number, 3] = tokens_before + position
            tallies[number, 0] += 1
            tallies[number, 1] += tallies[number, 2] != here  # no branch, which the processor could not predict
            tallies[number, 2] = here
