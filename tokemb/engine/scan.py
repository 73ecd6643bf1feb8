"""The kernels of the scanner: text to normalized text, to pieces, to ids.

Each row goes through in chunks. ``_cut`` normalizes a chunk into ``scratch`` and notes where pieces start and end; then
each piece is looked up. A field taken out of a tuple costs a reference, so inner functions get arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tokemb.compiled import inlined, lean_kernel
from tokemb.engine.code_points import BEGINS_TOKEN, JOINS, KEPT, NEEDS_REFERENCE, RUN_BITS, SPECIAL, TAIL, Table
from tokemb.engine.many_bytes import WIDTH, UInt8, copy_folded, in_range, prefetch, trailing_zeros
from tokemb.engine.piece_table import BECOMES, NUMBER, Pieces, Text, UInt64, find, key_of, slot_of
from tokemb.ragged import Int32, Int64

# What became of a row.
DONE, NEEDS_PAGE, NEEDS_PIECE, LEFT_TO_REFERENCE = 0, 1, 2, 3

# Pieces at a time, and bytes of normalized text: both stay in the processor's cache.
_CHUNK = 2048
# A step may go beyond that by 64 pieces, and write four more.
PIECES_AT_ONCE = _CHUNK + 80
_CHUNK_BYTES = 1 << 14

_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
# What a slot says of a piece that becomes one id, without the id; and where that is.
_ONE_ID, _LOWER = np.uint64(1 << 32), np.uint64(0xFFFFFFFF)
# What may become of a piece that is not known, besides an id: its row is left to the reference; it is noted as missing
# and so is the row; it is noted, and minus its number, counted from 1, stands in its place.
UNKNOWN_TO_REFERENCE, NOTE, NOTE_IN_PLACE = -1, -2, -3


class Out(NamedTuple):
    """Where ids go, and how.

    ``ids``: int32 (total,). If ``stride`` is 0 rows follow each other; otherwise it is (rows, ``stride``) laid flat,
    and gets at most ``room`` ids a row, ``before`` and ``after`` them those of special tokens, int32, and ``pad_id``.
    ``dropped``: an id that is left out, -1 for none.
    """

    ids: Int32
    stride: int
    room: int
    before: Int32
    after: Int32
    pad_id: int
    dropped: int


class Room(NamedTuple):
    """Room to work in.

    ``scratch``: uint8, enough for the longest row after normalization and ``SLACK`` bytes.
    ``starts``, ``ends``: int32 (PIECES_AT_ONCE,), of pieces in ``scratch``. ``keys``: uint64 (2 * PIECES_AT_ONCE,) and
    ``places``: uint64 (PIECES_AT_ONCE,), what to look for in the hash table, and where.
    """

    scratch: UInt8
    starts: Int32
    ends: Int32
    keys: UInt64
    places: UInt64


class Report(NamedTuple):
    """What became of the rows.

    ``lengths``: int64 (rows,), the number of ids. ``status``: uint8 (rows,).
    ``wanted``: uint8 (PAGES,), set for pages of characters that were not asked yet.
    ``missing``, ``missing_splits``: uint8 and int64, the pieces that are not known.
    """

    lengths: Int64
    status: UInt8
    wanted: UInt8
    missing: UInt8
    missing_splits: Int64


@inlined
def _begins(text: UInt8, at: int, end: int, tokens: UInt8, starts: Int32) -> bool:
    """Whether one of the texts between ``starts`` in ``tokens`` begins at ``text[at]``."""
    for token in range(len(starts) - 1):
        length = starts[token + 1] - starts[token]
        if at + length <= end:
            same = True
            for offset in range(length):
                if text[at + offset] != tokens[starts[token] + offset]:
                    same = False
                    break
            if same:
                return True
    return False


@inlined
def _decode(data: UInt8, at: int) -> tuple[int, int]:
    """The character at ``data[at]``, and its length in UTF-8."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | (data[at + 1] & 0x3F), 2
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F), 3
    return (
        (byte & 0x07) << 18 | (data[at + 1] & 0x3F) << 12 | (data[at + 2] & 0x3F) << 6 | (data[at + 3] & 0x3F),
        4,
    )


@inlined
def _next_class(table: Table, data: UInt8, at: int, end: int) -> int:
    """The class of the character at ``data[at]`` after normalization; -1 if that cannot be told here."""
    if at >= end:
        return 0
    code, _ = _decode(data, at)
    page = table.page_of[code >> 8]
    if page < 0:
        return 0  # the row fails at this character
    entry = page * 256 + (code & 255)
    if table.flags[entry] & NEEDS_REFERENCE:
        return 0  # the same
    if table.starts[entry] == table.starts[entry + 1]:
        return -1
    return np.int64(table.classes[table.starts[entry]])


@inlined
def _simple(
    ranges: UInt8,
    folded: UInt8,
    data: UInt8,
    at: int,
    end: int,
    scratch: UInt8,
    filled: int,
    kind: int,
    starts: Int32,
    ends: Int32,
    started: int,
    ended: int,
) -> tuple[int, int, int, int]:
    """As ``_cut``, for at most ``WIDTH`` bytes that each become one; returns how many, and what has changed.

    A class is a bit for each of the bytes. Its runs start where it begins, and end where it no longer is.
    """
    copy_folded(data, at, folded[0], folded[1], scratch, filled)
    special = start_bits = kept = np.uint64(0)
    # An open piece of a class that no single byte has ends at once.
    end_bits = np.uint64(kind & KEPT)
    for number in range(len(ranges)):
        here = in_range(data, at, ranges[number, 0], ranges[number, 1])
        now = np.int64(ranges[number, 2])
        if now == SPECIAL:
            special |= here
            continue
        kept |= here
        if number + 1 < len(ranges) and ranges[number + 1, 2] == now:
            continue
        before = kept << np.uint64(1)
        if kind == now:
            before |= np.uint64(1)
            end_bits &= ~np.uint64(1)
        alone = np.uint64(0) - np.uint64(now >> 1 & 1)  # all bits or none
        start_bits |= kept & (~before | alone)
        end_bits |= before & (~kept | alone)
        kept = np.uint64(0)
    done = min(trailing_zeros(special), end - at)
    if done == 0:
        return 0, kind, started, ended
    kind = 0
    for number in range(len(ranges)):
        if data[at + done - 1] - ranges[number, 0] <= ranges[number, 1] and data[at + done - 1] >= ranges[number, 0]:
            kind = np.int64(ranges[number, 2])
    mask = _ALL_BITS >> np.uint64(WIDTH - done)
    start_bits &= mask
    end_bits &= mask
    while start_bits:
        for _ in range(4):  # beyond the last it writes what is overwritten
            starts[started] = filled + trailing_zeros(start_bits)
            started += np.int64(start_bits != np.uint64(0))
            start_bits &= start_bits - np.uint64(1)
    while end_bits:
        for _ in range(4):
            ends[ended] = filled + trailing_zeros(end_bits)
            ended += np.int64(end_bits != np.uint64(0))
            end_bits &= end_bits - np.uint64(1)
    return done, kind, started, ended


@inlined
def _cut(
    table: Table,
    data: UInt8,
    at: int,
    end: int,
    scratch: UInt8,
    filled: int,
    kind: int,
    starts: Int32,
    ends: Int32,
    open_pieces: int,
    wanted: UInt8,
    status: int,
) -> tuple[int, int, int, int, int, int]:
    """Normalize text from ``data[at]`` on, until ``end`` or until the chunk is full, and note its pieces.

    ``filled``: bytes in ``scratch``, of a piece that is still open (``open_pieces`` is then 1). ``kind``: the class of
    the last character. ``wanted``: uint8 (PAGES,), set for pages that were not asked yet.
    Returns where it stopped, the bytes in ``scratch``, the last class, the number of starts and of ends, the status.
    """
    ranges, folded, page_of, entry_starts, entry_text, classes, flags, tokens, token_starts, _, _ = table
    started = open_pieces
    ended = 0
    limit = _CHUNK_BYTES + 2 * filled
    while at < end and started < _CHUNK and filled < limit:
        if at + WIDTH <= len(data):
            done, kind, started, ended = _simple(
                ranges, folded, data, at, end, scratch, filled, kind, starts, ends, started, ended
            )
            at += done
            filled += done
            if done == WIDTH or at >= end:
                continue
        code, length = _decode(data, at)
        page = page_of[code >> 8]
        if page < 0:
            wanted[code >> 8] = 1
            status = max(status, NEEDS_PAGE)
            at += length
            continue
        index = page * 256 + (code & 255)
        flag = flags[index]
        if flag & NEEDS_REFERENCE or (flag & BEGINS_TOKEN and _begins(data, at, end, tokens, token_starts)):
            return end, filled, kind, started, ended, LEFT_TO_REFERENCE
        at += length
        for position in range(entry_starts[index], entry_starts[index + 1]):
            now = np.int64(classes[position])
            if now != TAIL:
                if now & JOINS:
                    run = now & RUN_BITS | KEPT
                    following = _next_class(table, data, at, end)
                    if following < 0:
                        return end, filled, kind, started, ended, LEFT_TO_REFERENCE
                    now = run if kind == run and following == run else 0
                cut = np.int64(now != kind) | (now >> 1 & 1)
                starts[started] = filled
                started += cut & now & 1
                ends[ended] = filled
                ended += cut & kind & 1
                kind = now
            scratch[filled] = entry_text[position]
            filled += 1
    return at, filled, kind, started, ended, status


@inlined
def _holds_token(table: Table, scratch: UInt8, filled: int) -> bool:
    """Whether normalized text holds an added token."""
    for at in range(filled):
        if _begins(scratch, at, filled, table.normal_tokens, table.normal_token_starts):
            return True
    return False


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
        first, second = key_of(scratch, starts[piece], ends[piece])
        keys[2 * piece], keys[2 * piece + 1] = first, second
        places[piece] = slot_of(slots, first, second)
        prefetch(slots, places[piece])
    for piece in range(count):
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


@lean_kernel
def scan(
    table: Table,
    pieces: Pieces,
    ids: Int32,
    unknown: int,
    text: Text,
    rows: Int64,
    room: Room,
    out: Out,
    report: Report,
) -> int:
    """The ids of the texts ``rows``, int64 (scanned,); returns how many pieces were noted in ``report.missing``.

    ``ids``: int32 (total,), those of the pieces that become more than one.
    ``unknown``: the id of any other piece, or one of the three negative numbers above.
    """
    slots, piece_text, piece_starts = pieces
    data, offsets = text
    scratch, starts, ends, keys, places = room
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
            at, filled, kind, started, ended, state = _cut(
                table, data, at, end, scratch, filled, kind, starts, ends, opened, wanted, state
            )
            # A token that is looked for in normalized text may lie across two chunks.
            if len(table.normal_token_starts) > 1 and (at < end or opened or _holds_token(table, scratch, filled)):
                state = LEFT_TO_REFERENCE
            if state == LEFT_TO_REFERENCE:
                break
            if at >= end and kind & KEPT:
                ends[ended] = filled
                ended += 1
            _find_all(slots, piece_text, piece_starts, scratch, starts, ends, ended, keys, places)
            for piece in range(ended):
                slot = places[piece]
                known = slots[slot + NUMBER] != np.uint64(0)
                if known or unknown >= 0:
                    becomes = slots[slot + BECOMES] if known else _ONE_ID | np.uint64(unknown)
                    position = _put(values, position, stop, ids, becomes, dropped)
                elif unknown == UNKNOWN_TO_REFERENCE:
                    state = LEFT_TO_REFERENCE
                elif not _note(report, noted, scratch, starts[piece], ends[piece]):
                    state = max(state, NEEDS_PIECE)
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


@lean_kernel
def place(values: Int32, splits: Int64, rows: Int64, out: Int32, out_splits: Int64) -> None:
    """Copy row ``i`` of a ``Ragged`` to row ``rows[i]`` of another, ``out`` and ``out_splits``."""
    for index in range(len(rows)):
        start, to = splits[index], out_splits[rows[index]]
        for k in range(splits[index + 1] - start):
            out[to + k] = values[start + k]


@lean_kernel
def tally(
    values: Int32,
    row_splits: Int64,
    first_row: int,
    first_token: int,
    counts: Int64,
    documents: Int64,
    last_row: Int64,
    first_seen: Int64,
) -> None:
    """Count the numbers in rows, those of a ``Ragged``, of which the first is the ``first_row``-th.

    The last four are int64 (numbers,) and hold what was counted before: occurrences, rows with it, the last of these,
    and how many tokens came before its first.
    """
    for row in range(len(row_splits) - 1):
        for position in range(row_splits[row], row_splits[row + 1]):
            number = values[position]
            if counts[number] == 0:
                first_seen[number] = first_token + position
                documents[number] = 1
                last_row[number] = first_row + row
            elif last_row[number] != first_row + row:
                documents[number] += 1
                last_row[number] = first_row + row
            counts[number] += 1
