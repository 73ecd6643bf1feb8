"""The kernels of the scanner: rows of text to rows of ids.

Each row is processed in chunks. ``pretokenize`` normalizes a chunk into ``scratch`` and notes where pre-tokens start
and end. Then all of them are looked up.
"""

from __future__ import annotations

import numpy as np

from tokemb.kernels.compiler import inlined
from tokemb.kernels.pretoken_table import BECOMES, NUMBER, find, key_of, slot_of
from tokemb.kernels.pretokenize import holds_token, pretokenize
from tokemb.kernels.simd import prefetch
from tokemb.kernels.structs import (
    DONE,
    KEPT,
    LEFT_TO_REFERENCE,
    NEEDS_PIECE,
    NOTE_IN_PLACE,
    UNKNOWN_TO_REFERENCE,
    Int32,
    Int64,
    Out,
    Pretokens,
    Report,
    Table,
    Text,
    UInt8,
    UInt64,
    Workspace,
)

# What a slot says of a piece that becomes one id, without the id; and where that is.
_ONE_ID, _LOWER = np.uint64(1 << 32), np.uint64(0xFFFFFFFF)


@inlined
def _find_all(
    slots: UInt64,
    piece_text: UInt8,
    piece_starts: Int64,
    scratch: UInt8,
    starts: Int32,
    ends: Int32,
    count: int,
    keys: UInt64,
    places: UInt64,
) -> None:
    """Put into ``places`` where each piece of a chunk is in ``slots``, or where it would be.

    The slots are fetched while the keys of other pieces are worked out: waiting for memory, one piece after the other,
    takes longer than all the rest.
    """
    for piece in range(count):
        if starts[piece] < 0:
            continue
        first, second = key_of(scratch, starts[piece], ends[piece])
        keys[2 * piece], keys[2 * piece + 1] = first, second
        places[piece] = slot_of(slots, first, second)
        prefetch(slots, places[piece])
    for piece in range(count):
        if starts[piece] < 0:
            continue
        first, second = keys[2 * piece], keys[2 * piece + 1]
        slot, start, end = places[piece], starts[piece], ends[piece]
        places[piece] = find(slots, piece_text, piece_starts, first, second, slot, scratch, start, end)


@inlined
def _put(values: Int32, position: int, stop: int, ids: Int32, becomes: int, dropped: int) -> int:
    """Put the ids that a piece becomes at ``values[position]``, as far as there is room; return what comes after."""
    if becomes >> np.uint64(32) == np.uint64(1):
        token = np.int32(becomes & _LOWER)
        if token != dropped and position < stop:
            values[position] = token
            position += 1
        return position
    begin = np.int64(becomes & _LOWER)
    for k in range(begin, begin + np.int64(becomes >> np.uint64(32))):
        if ids[k] != dropped and position < stop:
            values[position] = ids[k]
            position += 1
    return position


@inlined
def _note(report: Report, noted: int, scratch: UInt8, start: int, end: int) -> bool:
    """Note a piece that is missing, if there is room."""
    used = report.missing_splits[noted]
    if noted + 1 >= len(report.missing_splits) or used + end - start > len(report.missing):
        return False
    for k in range(end - start):
        report.missing[used + k] = scratch[start + k]
    report.missing_splits[noted + 1] = used + end - start
    return True


@inlined
def _finish_row(out: Out, row: int, position: int) -> None:
    """Put the special tokens around a row, and the padding after it."""
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
    pieces: Pretokens,
    ids: Int32,
    unknown: int,
    text: Text,
    rows: Int64,
    workspace: Workspace,
    out: Out,
    report: Report,
) -> int:
    """The ids of the texts ``rows``, int64 (scanned,); returns how many pieces were noted in ``report.missing``.

    ``characters``: int32 (entries,), the ids of characters that are pieces of their own, as ``pretokenize`` takes them.
    ``ids``: int32 (total,), those of the pieces that become more than one.
    ``unknown``: the id of any other piece, or ``UNKNOWN_TO_REFERENCE``, ``NOTE`` or ``NOTE_IN_PLACE``.
    """
    slots, piece_text, piece_starts = pieces
    data, offsets = text
    scratch, starts, ends, keys, places = workspace
    values, stride, most, before, after, _, dropped = out
    lengths, status, wanted, _, _ = report
    noted = 0
    position = 0
    for index in range(len(rows)):
        if stride:
            position = rows[index] * stride + len(before)
        begin = position
        stop = position + most
        at, end = offsets[rows[index]], offsets[rows[index] + 1]
        filled, kind, opened, state = 0, 0, 0, DONE
        while True:
            at, filled, kind, started, ended, state = pretokenize(
                table, characters, data, at, end, scratch, filled, kind, starts, ends, opened, wanted, state
            )
            # A token that is looked for in normalized text may lie across two chunks.
            if len(table.normal_token_starts) > 1 and (at < end or opened or holds_token(table, scratch, filled)):
                state = LEFT_TO_REFERENCE
            if state == LEFT_TO_REFERENCE:
                break
            if at >= end and kind & KEPT:
                ends[ended] = filled
                ended += 1
            _find_all(slots, piece_text, piece_starts, scratch, starts, ends, ended, keys, places)
            for piece in range(ended):
                if starts[piece] < 0:  # the id of a character
                    position = _put(values, position, stop, ids, _ONE_ID | np.uint64(-1 - starts[piece]), dropped)
                    continue
                slot = places[piece]
                known = slots[slot + NUMBER] != np.uint64(0)
                if known or unknown >= 0:
                    becomes = slots[slot + BECOMES] if known else _ONE_ID | np.uint64(unknown)
                    position = _put(values, position, stop, ids, becomes, dropped)
                elif unknown == UNKNOWN_TO_REFERENCE:
                    state = LEFT_TO_REFERENCE
                elif not _note(report, noted, scratch, starts[piece], ends[piece]):
                    for left in range(index, len(rows)):  # no room: better to learn what was noted first
                        status[rows[left]] = NEEDS_PIECE
                    return noted
                else:
                    noted += 1
                    if unknown == NOTE_IN_PLACE:
                        values[position] = -noted
                        position += 1
                    else:
                        state = max(state, NEEDS_PIECE)
            if at >= end or (position >= stop and state == DONE):
                break
            opened = started - ended
            if opened:  # its beginning goes to the front
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
    return noted


def place(values: Int32, splits: Int64, rows: Int64, out: Int32, out_splits: Int64) -> None:
    """Copy row ``i`` of a ``Ragged`` to row ``rows[i]`` of another, ``out`` and ``out_splits``."""
    for index in range(len(rows)):
        start, to = splits[index], out_splits[rows[index]]
        for k in range(splits[index + 1] - start):
            out[to + k] = values[start + k]


def tally(
    values: Int32, row_splits: Int64, rows_before: int, tokens_before: int, first: int, last: int, tallies: Int64
) -> None:
    """Count the numbers in rows ``first`` to before ``last`` of a ``Ragged``, before which others were counted.

    ``tallies``: int64 (numbers, 4), what was counted of each before: occurrences; rows with it; the last of these + 1;
    how many tokens came before its first. All four lie together, as they are fetched from memory together.
    """
    for row in range(first, last):
        here = rows_before + row + 1
        for position in range(row_splits[row], row_splits[row + 1]):
            number = values[position]
            if tallies[number, 0] == 0:
                tallies[number, 3] = tokens_before + position
            tallies[number, 0] += 1
            tallies[number, 1] += tallies[number, 2] != here  # no branch, which nobody could predict
            tallies[number, 2] = here
