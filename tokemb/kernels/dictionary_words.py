"""The words of texts by the rules of jieba 0.42.1: the most probable words of a dictionary, and a model for new words.

Positions are those of characters in a text. Logarithms are added in the order of jieba, so that equal sums stay equal.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int64, UInt8
from tokemb.kernels.compiler import inlined
from tokemb.kernels.pretokenize import decode
from tokemb.kernels.structs import FIRST_HAN, LAST_HAN, NO_WORD, Text, WordTables, WordWorkspace

_RETURN, _NEWLINE, _SPACE = 0x0D, 0x0A, np.uint8(0x20)
_PERCENT, _DOT = 0x25, 0x2E
# The other marks that can be in a word of the dictionary: # + - _ &
_MARKS = (0x23, 0x2B, 0x2D, 0x5F, 0x26)

# The states of a character: it begins, continues or ends a word, or is one.
_BEGINS, _CONTINUES, _ENDS, _ALONE = 0, 1, 2, 3


@inlined
def _is_han(code: int) -> bool:
    return FIRST_HAN <= code <= LAST_HAN


@inlined
def _is_digit(code: int) -> bool:
    return 0x30 <= code <= 0x39


@inlined
def _is_latin(code: int) -> bool:
    """Return whether a character is a letter or digit of ASCII."""
    return _is_digit(code) or 0x41 <= code <= 0x5A or 0x61 <= code <= 0x7A


@inlined
def _is_in_block(code: int) -> bool:
    """Return whether a character can be in a word of several characters."""
    return _is_han(code) or _is_latin(code) or code == _PERCENT or code == _DOT or code in _MARKS


@inlined
def _child_of(tables: WordTables, node: int, code: int) -> int:
    """Return the child of ``node`` for a character, or 0 if there is none."""
    low, end = np.int64(tables.children[node]), np.int64(tables.children[node + 1])
    high = end
    while low < high:
        middle = (low + high) >> 1
        if tables.characters[middle] < code:
            low = middle + 1
        else:
            high = middle
    return low if low < end and tables.characters[low] == code else 0


@inlined
def _node_of(tables: WordTables, workspace: WordWorkspace, start: int, stop: int) -> int:
    """Return the node of a part of the text, or 0 if no word of the dictionary begins with it."""
    node = np.int64(tables.roots[workspace.codes[start]])
    for at in range(start + 1, stop):
        if node == 0:
            break
        node = _child_of(tables, node, workspace.codes[at])
    return node


@inlined
def _find_words(tables: WordTables, workspace: WordWorkspace, start: int, stop: int) -> None:
    """Write the end of the most probable word that starts at each character of a block to ``workspace.ends``."""
    codes, best, ends = workspace.codes, workspace.best, workspace.ends
    best[stop] = 0.0
    for at in range(stop - 1, start - 1, -1):
        # A character that no word of the dictionary begins with is a word.
        highest, chosen = tables.logarithms[0] + best[at + 1], at + 1
        found = False
        node, end = np.int64(tables.roots[codes[at]]), at + 1
        while node != 0:
            score = tables.scores[node]
            if score != NO_WORD:
                score += best[end]
                if not found or score >= highest:  # of equal scores, the longest word
                    highest, chosen, found = score, end, True
            if end == stop:
                break
            node = _child_of(tables, node, codes[end])
            end += 1
        best[at] = highest
        ends[at] = chosen


@inlined
def _mark_states(tables: WordTables, workspace: WordWorkspace, start: int, stop: int) -> None:
    """Mark the words of a run of Chinese characters by the hidden Markov model.

    Of equally probable states before a character, jieba takes the one whose letter is the last.
    """
    codes, begins, before, moves = workspace.codes, workspace.begins, workspace.states_before, tables.logarithms
    emissions = tables.emissions
    character = codes[start] - FIRST_HAN
    begin, inside = moves[1] + emissions[character, _BEGINS], moves[2] + emissions[character, _CONTINUES]
    end, alone = moves[3] + emissions[character, _ENDS], moves[4] + emissions[character, _ALONE]
    for at in range(start + 1, stop):
        character = codes[at] - FIRST_HAN
        emission = emissions[character, _BEGINS]
        from_end, from_alone = end + moves[5] + emission, alone + moves[6] + emission
        emission = emissions[character, _CONTINUES]
        begin_inside, inside_inside = begin + moves[7] + emission, inside + moves[8] + emission
        emission = emissions[character, _ENDS]
        begin_end, inside_end = begin + moves[9] + emission, inside + moves[10] + emission
        emission = emissions[character, _ALONE]
        end_alone, alone_alone = end + moves[11] + emission, alone + moves[12] + emission
        # Whether the state before each of the four is the second of the two that it can follow.
        before[at] = (
            np.int64(from_alone >= from_end) << _BEGINS
            | np.int64(inside_inside >= begin_inside) << _CONTINUES
            | np.int64(inside_end >= begin_end) << _ENDS
            | np.int64(alone_alone >= end_alone) << _ALONE
        )
        begin = from_alone if from_alone >= from_end else from_end
        inside = inside_inside if inside_inside >= begin_inside else begin_inside
        end = inside_end if inside_end >= begin_end else begin_end
        alone = alone_alone if alone_alone >= end_alone else end_alone
    state = _ALONE if alone >= end else _ENDS
    begins[start] = 1
    for at in range(stop - 1, start, -1):
        second = np.int64(before[at]) >> state & 1
        if state == _BEGINS or state == _ALONE:
            begins[at] = 1
            state = _ALONE if second else _ENDS
        else:
            state = _CONTINUES if second else _BEGINS


@inlined
def _mark_all(begins: UInt8, start: int, stop: int) -> None:
    for at in range(start, stop):
        begins[at] = 1


@inlined
def _split_words(tables: WordTables, workspace: WordWorkspace, start: int, stop: int) -> None:
    """Split the marked words that the user dictionary names with the count 0 into characters."""
    begins = workspace.begins
    while start < stop:
        end = start + 1
        while end < stop and begins[end] == 0:
            end += 1
        if tables.split[_node_of(tables, workspace, start, end)]:
            _mark_all(begins, start, end)
        start = end


@inlined
def _end_of_latin(workspace: WordWorkspace, start: int, stop: int) -> int:
    """Return the end of a Latin word or of a number with decimals and a percent sign."""
    codes = workspace.codes
    end = start + 1
    while end < stop and _is_latin(codes[end]):
        end += 1
    if end + 1 < stop and codes[end] == _DOT and _is_digit(codes[end + 1]):
        end += 2
        while end < stop and _is_digit(codes[end]):
            end += 1
    return end + 1 if end < stop and codes[end] == _PERCENT else end


@inlined
def _mark_new_words(tables: WordTables, workspace: WordWorkspace, start: int, stop: int) -> None:
    """Mark the words of a run in which the dictionary has no word of several characters."""
    codes = workspace.codes
    while start < stop:
        end = start + 1
        workspace.begins[start] = 1
        if _is_han(codes[start]):
            while end < stop and _is_han(codes[end]):
                end += 1
            _mark_states(tables, workspace, start, end)
            if len(tables.split):
                _split_words(tables, workspace, start, end)
        elif _is_latin(codes[start]):
            end = _end_of_latin(workspace, start, stop)
        else:
            while end < stop and not _is_han(codes[end]) and not _is_latin(codes[end]):
                end += 1
        start = end


@inlined
def _mark_run(tables: WordTables, workspace: WordWorkspace, start: int, stop: int) -> None:
    """Mark the words of neighbouring characters, each of which is a word of its own by the dictionary."""
    if stop - start < 2 or tables.scores[_node_of(tables, workspace, start, stop)] != NO_WORD:
        _mark_all(workspace.begins, start, stop)
    else:
        _mark_new_words(tables, workspace, start, stop)


@inlined
def _mark_block(tables: WordTables, workspace: WordWorkspace, start: int, stop: int) -> None:
    """Mark the words of a block of characters that can be in words of several characters."""
    _find_words(tables, workspace, start, stop)
    run = start
    while start < stop:
        end = np.int64(workspace.ends[start])
        if end - start > 1:
            if run < start:
                _mark_run(tables, workspace, run, start)
            workspace.begins[start] = 1
            run = end
        start = end
    if run < stop:
        _mark_run(tables, workspace, run, stop)


@inlined
def _mark_words(tables: WordTables, workspace: WordWorkspace, size: int) -> None:
    """Set ``workspace.begins`` to 1 for each character that begins a word, and to 0 for all others."""
    codes, begins = workspace.codes, workspace.begins
    for at in range(size):
        begins[at] = 0
    start = 0
    while start < size:
        end = start + 1
        if _is_in_block(codes[start]):
            while end < size and _is_in_block(codes[end]):
                end += 1
            _mark_block(tables, workspace, start, end)
        else:
            begins[start] = 1
            if codes[start] == _RETURN and end < size and codes[end] == _NEWLINE:
                end += 1
        start = end


@inlined
def _decode_text(texts: Text, row: int, workspace: WordWorkspace) -> int:
    """Write the characters of a text and their positions in the bytes. Return their number."""
    data, offsets = texts
    codes, positions = workspace.codes, workspace.positions
    size, at, end = 0, offsets[row], offsets[row + 1]
    while at < end:
        code, length = decode(data, at)
        codes[size], positions[size] = code, at
        size += 1
        at += length
    positions[size] = end
    return size


def segment_words(tables: WordTables, texts: Text, workspace: WordWorkspace, out: UInt8, out_offsets: Int64) -> None:
    """Copy texts with a space between the words.

    Args:
        tables: The dictionary and the model.
        texts: The texts, valid UTF-8.
        workspace: Work space for the longest text.
        out: uint8, twice as many bytes as ``texts``.
        out_offsets: int64 (texts + 1,), the start of each text in ``out``.
    """
    data = texts.data
    begins, positions = workspace.begins, workspace.positions
    filled = 0
    out_offsets[0] = 0
    for row in range(len(out_offsets) - 1):
        size = _decode_text(texts, row, workspace)
        _mark_words(tables, workspace, size)
        for character in range(size):
            if character > 0 and begins[character] != 0:
                out[filled] = _SPACE
                filled += 1
            for at in range(positions[character], positions[character + 1]):
                out[filled] = data[at]
                filled += 1
        out_offsets[row + 1] = filled
