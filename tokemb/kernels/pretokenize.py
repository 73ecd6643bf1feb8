"""Normalization and pre-tokenization, compiled.

Inner functions take arrays instead of named tuples, because reading a field of a tuple counts a reference.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, UInt8
from tokemb.kernels.compiler import inlined
from tokemb.kernels.simd import copy_folded, count_ones, in_range, trailing_zeros
from tokemb.kernels.structs import (
    BEGINS_TOKEN,
    CHUNK,
    CHUNK_BYTES,
    JOINS,
    KEPT,
    LEFT_TO_REFERENCE,
    NEEDS_PAGE,
    NEEDS_REFERENCE,
    POSITIONS_AT_ONCE,
    RUN_BITS,
    SPECIAL,
    TAIL,
    UNCHANGED,
    WIDTH,
    Table,
)

_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)


@inlined
def is_at(text: UInt8, at: int, end: int, other: UInt8, start: int, stop: int) -> bool:
    """Return whether ``text[at:end]`` begins with ``other[start:stop]``."""
    if at + stop - start > end:
        return False
    for offset in range(stop - start):
        if text[at + offset] != other[start + offset]:
            return False
    return True


@inlined
def token_begins(text: UInt8, at: int, end: int, tokens: UInt8, starts: Int32) -> bool:
    """Return whether one of the added tokens between ``starts`` in ``tokens`` begins at ``text[at]``."""
    for token in range(len(starts) - 1):
        if is_at(text, at, end, tokens, starts[token], starts[token + 1]):
            return True
    return False


@inlined
def decode(data: UInt8, at: int) -> tuple[int, int]:
    """Return the character at ``data[at]`` and its length in UTF-8."""
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
    """Return the class of the character at ``data[at]`` after normalization.

    It is -1 if it cannot be determined here.
    """
    if at >= end:
        return 0
    code, _ = decode(data, at)
    page = table.page_of[code >> 8]
    if page < 0:
        return 0  # the row is abandoned at that character
    entry = page * 256 + (code & 255)
    if table.flags[entry] & NEEDS_REFERENCE:
        return 0  # the row is abandoned at that character, too
    if table.starts[entry] == table.starts[entry + 1]:
        return -1
    return np.int64(table.classes[table.starts[entry]])


@inlined
def is_independent(table: Table, data: UInt8, at: int) -> bool:
    """Return whether the character at ``data[at]`` leaves the pre-tokens before it as they are.

    A character that composes with the one before it does not, nor do texts that the normalizer replaces.
    """
    code, _ = decode(data, at)
    page = table.page_of[code >> 8]
    return page >= 0 and table.flags[page * 256 + (code & 255)] & (NEEDS_REFERENCE | BEGINS_TOKEN) == 0


@inlined
def _append_positions(bits: int, first: int, positions: Int32, count: int) -> int:
    """Append ``first`` plus the number of each bit of a word to ``positions``. Return the new ``count``.

    Up to ``POSITIONS_AT_ONCE`` values are written beyond it, since the processor could not predict their number.
    """
    at, end = np.uint64(count), np.uint64(count) + count_ones(bits)
    while True:
        for step in range(POSITIONS_AT_ONCE):
            positions[at + np.uint64(step)] = first + trailing_zeros(bits)
            bits &= bits - np.uint64(1)
        at += np.uint64(POSITIONS_AT_ONCE)
        if at >= end:
            return np.int64(end)


@inlined
def _pretokenize_simple_bytes(
    ranges: UInt8,
    folded: UInt8,
    data: UInt8,
    at: int,
    end: int,
    scratch: UInt8,
    filled: int,
    last_class: int,
    starts: Int32,
    ends: Int32,
    started: int,
    ended: int,
) -> tuple[int, int, int, int]:
    """Pre-tokenize at most ``WIDTH`` bytes that each become one byte. The arguments are those of ``pretokenize``.

    For each class, a word has one bit per byte. A pre-token starts where a run of ones begins and ends after it.

    Returns:
        The number of bytes, the last class, the number of starts and the number of ends.
    """
    special = start_bits = in_token = np.uint64(0)
    for number in range(len(ranges)):
        if ranges[number, 2] == SPECIAL:
            special |= in_range(data, at, ranges[number, 0], ranges[number, 1])
    done = min(trailing_zeros(special), end - at)
    if done == 0:
        return 0, last_class, started, ended
    copy_folded(data, at, folded[0], folded[1], scratch, filled)
    # An open pre-token of a class that no single byte has ends at once.
    end_bits = np.uint64(last_class & KEPT)
    next_class = np.int64(0)
    for number in range(len(ranges)):
        char_class = np.int64(ranges[number, 2])
        if char_class == SPECIAL:
            continue
        in_token |= in_range(data, at, ranges[number, 0], ranges[number, 1])
        if number + 1 < len(ranges) and ranges[number + 1, 2] == char_class:
            continue
        before = in_token << np.uint64(1)
        if last_class == char_class:
            before |= np.uint64(1)
            end_bits &= ~np.uint64(1)
        alone = np.uint64(0) - np.uint64(char_class >> 1 & 1)  # all bits or none
        start_bits |= in_token & (~before | alone)
        end_bits |= before & (~in_token | alone)
        if in_token >> np.uint64(done - 1) & np.uint64(1):
            next_class = char_class
        in_token = np.uint64(0)
    mask = _ALL_BITS >> np.uint64(WIDTH - done)
    started = _append_positions(start_bits & mask, filled, starts, started)
    ended = _append_positions(end_bits & mask, filled, ends, ended)
    return done, next_class, started, ended


@inlined
def pretokenize(
    table: Table,
    characters: Int32,
    data: UInt8,
    at: int,
    end: int,
    scratch: UInt8,
    filled: int,
    last_class: int,
    starts: Int32,
    ends: Int32,
    open_pretokens: int,
    requested_pages: UInt8,
    status: int,
) -> tuple[int, int, int, int, int, int]:
    """Normalize text from ``data[at]`` on, until ``end`` or until the chunk is full, and record its pre-tokens.

    Args:
        table: The tables of the characters.
        characters: int32 (CODES,), one plus the ids of characters that are pre-tokens of their own, 0 for others. Such
            a pre-token is not written to ``scratch``. Minus its id, minus 1, takes the place of its start.
        data: uint8, the text.
        at: Where to begin.
        end: The end of the text.
        scratch: uint8, the normalized text.
        filled: The bytes in ``scratch``, which belong to a pre-token that is still open.
        last_class: The class of the last character.
        starts: int32, the starts of pre-tokens in ``scratch``.
        ends: int32, the ends of pre-tokens in ``scratch``.
        open_pretokens: 1 if a pre-token is still open, otherwise 0.
        requested_pages: uint8 (PAGES,), set to 1 for pages that are not in the table.
        status: The status of the row.

    Returns:
        The position after the last byte, the bytes in ``scratch``, the last class, the number of starts, the number of
        ends, and the status.
    """
    ranges, folded, page_of, entry_starts, entry_text, classes, flags, tokens, token_starts, _, _ = table
    started = open_pretokens
    ended = 0
    limit = CHUNK_BYTES + 2 * filled
    while at < end and started < CHUNK and filled < limit:
        if data[at] < 0x80 and at + WIDTH <= len(data):
            done, last_class, started, ended = _pretokenize_simple_bytes(
                ranges, folded, data, at, end, scratch, filled, last_class, starts, ends, started, ended
            )
            at += done
            filled += done
            if done == WIDTH or at >= end:
                continue
        code, length = decode(data, at)
        if characters[code]:
            ends[ended] = filled
            ended += last_class & KEPT
            last_class = 0
            before = started
            # Such characters occur in runs, so they have a loop of their own.
            while characters[code]:
                starts[started] = -characters[code]
                started += 1
                at += length
                if at >= end or started >= CHUNK:
                    break
                code, length = decode(data, at)
            ended += started - before
            continue
        page = page_of[code >> 8]
        if page < 0:
            requested_pages[code >> 8] = 1
            status = max(status, NEEDS_PAGE)
            at += length
            continue
        index = page * 256 + (code & 255)
        flag = flags[index]
        if flag & NEEDS_REFERENCE or (flag & BEGINS_TOKEN and token_begins(data, at, end, tokens, token_starts)):
            return end, filled, last_class, started, ended, LEFT_TO_REFERENCE
        at += length
        for position in range(entry_starts[index], entry_starts[index + 1]):
            char_class = np.int64(classes[position])
            if char_class != TAIL:
                if char_class & JOINS:
                    run = char_class & RUN_BITS | KEPT
                    following = _next_class(table, data, at, end)
                    if following < 0:
                        return end, filled, last_class, started, ended, LEFT_TO_REFERENCE
                    char_class = run if last_class == run and following == run else 0
                between = np.int64(char_class != last_class) | (char_class >> 1 & 1)
                starts[started] = filled
                started += between & char_class & 1
                ends[ended] = filled
                ended += between & last_class & 1
                last_class = char_class
            scratch[filled] = entry_text[position]
            filled += 1
        if flag & UNCHANGED:
            for offset in range(length):
                scratch[filled - 1 + offset] = data[at - length + offset]
            filled += length - 1
    return at, filled, last_class, started, ended, status


@inlined
def holds_token(table: Table, scratch: UInt8, filled: int) -> bool:
    """Return whether normalized text contains an added token."""
    for at in range(filled):
        if token_begins(scratch, at, filled, table.normal_tokens, table.normal_token_starts):
            return True
    return False
