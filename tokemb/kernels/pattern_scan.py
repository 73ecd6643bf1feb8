"""The kernel for pre-tokenizers that split text at the matches of regular expressions: rows of text to rows of ids."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int64, UInt8
from tokemb.kernels.append_ids import append_ids
from tokemb.kernels.compiler import inlined
from tokemb.kernels.patterns import split
from tokemb.kernels.pretokenize import decode, is_at
from tokemb.kernels.scanning import finish_row
from tokemb.kernels.simd import copy_folded, in_range, trailing_zeros
from tokemb.kernels.structs import (
    COMPOSED,
    DONE,
    LEFT_TO_REFERENCE,
    NEEDS_PAGE,
    NEEDS_PRETOKEN,
    NEEDS_REFERENCE,
    NORMALIZED_BY_TABLE,
    SCAN_FULL,
    SPECIAL,
    UNCHANGED,
    UNLESS_COMPOSED,
    WIDTH,
    Out,
    PatternTables,
    PatternWorkspace,
    Report,
    Table,
    Text,
    Tokens,
)
from tokemb.kernels.subword_structs import BucketLookup, Lookup, SubwordEncoder

_SPACE = ord(" ")
# A range of bytes that occur in no text.
_NO_BYTE, _NO_FURTHER = np.uint8(0xFF), np.uint8(0)
_FIRST_HIGH = np.uint8(0x80)


@inlined
def _token_is_at(text: UInt8, at: int, end: int, tokens: Tokens) -> bool:
    """Return whether ``text[at:end]`` begins with one of the added tokens."""
    token_text, starts, first_bytes, groups = tokens
    for group in range(len(first_bytes)):
        first, last, common = groups[group, 0], groups[group, 1], groups[group, 2]
        if is_at(text, at, end, token_text, starts[first], starts[first] + common):
            for token in range(first, last):
                if is_at(text, at, end, token_text, starts[token], starts[token + 1]):
                    return True
    return False


@inlined
def _contains_token(text: UInt8, at: int, end: int, tokens: Tokens) -> bool:
    """Return whether ``text[at:end]`` contains one of the added tokens."""
    first_bytes = tokens.first_bytes
    while len(first_bytes) and at < end:
        found = np.uint64(1)
        width = 1  # the bytes at the end of an array are searched one by one
        if at + WIDTH <= len(text):
            found, width = np.uint64(0), WIDTH
            for number in range(len(first_bytes)):
                found |= in_range(text, at, first_bytes[number], _NO_FURTHER)
        while found:
            position = at + trailing_zeros(found)
            if position < end and _token_is_at(text, position, end, tokens):
                return True
            found &= found - np.uint64(1)
        at += width
    return False


@inlined
def _may_be_composed(composed: UInt8, text: UInt8, at: int, end: int) -> bool:
    """Return whether composition may change ``text[at:end]``, which ``SLACK`` bytes follow."""
    before = 0
    while at < end:
        high = in_range(text, at, _FIRST_HIGH, _NO_BYTE - _FIRST_HIGH)
        ascii_bytes = trailing_zeros(high)
        if ascii_bytes:
            at += ascii_bytes
            before = 0
            continue
        while at < end and text[at] >= _FIRST_HIGH:
            code, length = decode(text, at)
            flag = np.int64(composed[code])
            if flag & COMPOSED or flag & before:
                return True
            before = flag
            at += length
        before = 0
    return False


@inlined
def _copy_few(data: UInt8, at: int, end: int, scratch: UInt8, filled: int) -> int:
    """Copy ``data[at:end]`` as ``_copy``, byte by byte."""
    for offset in range(end - at):
        scratch[filled + offset] = data[at + offset]
    return filled + max(end - at, 0)


@inlined
def _copy(data: UInt8, at: int, end: int, scratch: UInt8, filled: int) -> int:
    """Copy ``data[at:end]`` to ``scratch`` from ``filled`` on. Return the end in ``scratch``."""
    while at + WIDTH <= len(data) and at < end:
        copy_folded(data, at, _NO_BYTE, _NO_FURTHER, scratch, filled)
        filled += min(WIDTH, end - at)
        at += WIDTH
    return _copy_few(data, at, end, scratch, filled)


@inlined
def _normalize(
    table: Table, data: UInt8, at: int, end: int, scratch: UInt8, filled: int, requested_pages: UInt8
) -> tuple[int, int]:
    """Write the normalized ``data[at:end]`` to ``scratch`` from ``filled`` on.

    Returns:
        The end in ``scratch``, and the status of the row.
    """
    ranges, folded, page_of, entry_starts, entry_text, _, flags, _, _, _, _ = table
    status = DONE
    while at < end:
        if data[at] < 0x80 and at + WIDTH <= len(data):
            copy_folded(data, at, folded[0], folded[1], scratch, filled)
            special = np.uint64(0)
            for number in range(len(ranges)):
                if ranges[number, 2] == SPECIAL:
                    special |= in_range(data, at, ranges[number, 0], ranges[number, 1])
            done = min(trailing_zeros(special), end - at)
            at += done
            filled += done
            if done == WIDTH or at >= end:
                continue
        code, length = decode(data, at)
        at += length
        page = page_of[code >> 8]
        if page < 0:
            requested_pages[code >> 8] = 1
            status = NEEDS_PAGE
            continue
        entry = page * 256 + (code & 255)
        if flags[entry] & NEEDS_REFERENCE:
            return filled, LEFT_TO_REFERENCE
        if flags[entry] & UNCHANGED:
            filled = _copy_few(data, at - length, at, scratch, filled)
        else:
            filled = _copy_few(entry_text, entry_starts[entry], entry_starts[entry + 1], scratch, filled)
    return filled, status


@inlined
def _prepare(
    patterns: PatternTables, data: UInt8, at: int, end: int, scratch: UInt8, requested_pages: UInt8
) -> tuple[int, int, int]:
    """Write the text that the automata split to ``scratch``.

    Returns:
        Its start and end in ``scratch``, and the status of the row.
    """
    _, table, normalization, composed, adds_space, tokens, normal_tokens = patterns
    scratch[0] = _SPACE
    status = DONE
    if normalization == NORMALIZED_BY_TABLE:
        if _contains_token(data, at, end, tokens):
            return 1, 1, LEFT_TO_REFERENCE
        filled, status = _normalize(table, data, at, end, scratch, 1, requested_pages)
    else:
        filled = _copy(data, at, end, scratch, 1)
        if normalization == UNLESS_COMPOSED and _may_be_composed(composed, scratch, 1, filled):
            return 1, 1, LEFT_TO_REFERENCE
        if _contains_token(scratch, 1, filled, tokens):
            return 1, 1, LEFT_TO_REFERENCE
    if _contains_token(scratch, 1, filled, normal_tokens):
        return 1, 1, LEFT_TO_REFERENCE
    begins = 0 if adds_space and filled > 1 and scratch[1] != _SPACE else 1
    return begins, filled, status


def scan_patterns(
    patterns: PatternTables,
    encoder: Lookup | BucketLookup | SubwordEncoder,
    text: Text,
    rows: Int64,
    workspace: PatternWorkspace,
    out: Out,
    report: Report,
) -> int:
    """Encode texts.

    Args:
        patterns: The tables of the pre-tokenizer.
        encoder: The known pre-tokens, also with buckets for others, or a subword model.
        text: All texts.
        rows: The indices of the texts to scan, int64 (scanned,).
        workspace: The work space of the thread.
        out: Where to write the ids.
        report: Where to write the status of the rows.

    Returns:
        The number of pre-tokens that were recorded in ``report.misses``.
    """
    automata = patterns.automata
    data, offsets = text
    scratch, starts, ends, progress, keys, slot_positions = workspace
    values, stride, room, before, _, _, dropped_id = out
    lengths, status, requested_pages, _, _ = report
    miss_count = 0
    position = 0
    for index in range(len(rows)):
        row = rows[index]
        if stride:
            position = row * stride + len(before)
        begin = position
        stop = position + room
        begins, filled, state = _prepare(patterns, data, offsets[row], offsets[row + 1], scratch, requested_pages)
        level = 0
        while state in (DONE, NEEDS_PRETOKEN) and (position < stop or state != DONE):
            level = split(automata, scratch, starts, ends, progress, level, begins, filled)
            if level < 0:
                break
            position, append_status, miss_count = append_ids(
                encoder,
                scratch,
                starts[level],
                ends[level],
                progress[0, level],
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
        status[row] = state
        if state != DONE:
            position = begin
        elif stride:
            finish_row(out, row, position)
        lengths[row] = position - begin
    return miss_count
