"""Split text at the matches of regular expressions, with their automata."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int32, Int64, UInt8, UInt32
from tokemb.kernels.compiler import called, inlined
from tokemb.kernels.pretokenize import decode
from tokemb.kernels.simd import not_inlined
from tokemb.kernels.structs import (
    AUTOMATON_ASCII,
    AUTOMATON_BOUNDARY,
    AUTOMATON_COLUMNS,
    AUTOMATON_KEPT,
    AUTOMATON_MATCH,
    AUTOMATON_REWIND,
    AUTOMATON_UNMATCHED,
    CHUNK,
    PAIR_CLASS_BITS,
    PAIR_KEPT,
    PAIR_SINGLY,
    PAIR_STATE_SHIFT,
    Automata,
    Int32Matrix,
    Int64Matrix,
    Text,
)

_AT_END = np.uint64(AUTOMATON_COLUMNS - 1)
_ASCII = np.uint64(AUTOMATON_ASCII)
_NONE, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)
_KEPT, _SINGLY, _STATE_SHIFT = np.uint64(PAIR_KEPT), np.uint64(PAIR_SINGLY), np.uint64(PAIR_STATE_SHIFT)
_CLASS_BITS = np.uint64(PAIR_CLASS_BITS)
# The binary logarithm of the number of pair transitions of a state for each other transition.
_PAIRS_PER_COLUMN = np.uint64((4**PAIR_CLASS_BITS // AUTOMATON_COLUMNS).bit_length() - 1)

# The call of a function with all these arrays takes longer than it saves in shorter texts.
_WORTH_CALL = 64


@inlined
def _column(classes: UInt8, text: UInt8, at: int, end: int) -> tuple[int, int]:
    """Return the column of the character at ``text[at]``, unsigned, and its length in UTF-8."""
    if at >= end:
        return _AT_END, 0
    byte = text[at]
    if byte < AUTOMATON_ASCII:
        return np.uint64(byte), 1
    code, length = decode(text, at)
    return _ASCII + np.uint64(classes[code]), length


@inlined
def _last_match(flags: UInt8, states: UInt32, first: int, classes: UInt8, text: UInt8, begin: int, end: int) -> int:
    """Return the end of the match that begins at ``text[begin]``, or ``begin`` if none does."""
    state, at, last = first, begin, begin
    while True:
        column, length = _column(classes, text, at, end)
        entry = state + column
        flag = flags[entry]
        if flag & AUTOMATON_MATCH:
            last = at
        if flag & (AUTOMATON_BOUNDARY | AUTOMATON_REWIND) or at >= end:
            return last
        state = np.uint64(states[entry])
        if state == first + np.uint64(AUTOMATON_UNMATCHED * AUTOMATON_COLUMNS):
            return last
        at += length


@inlined
def _split_pairs(
    pairs: UInt32,
    pair_classes: UInt8,
    text: UInt8,
    begin: int,
    at: int,
    end: int,
    starts: Int32,
    ends: Int32,
    limit: int,
    count: int,
    first: int,
    state: int,
) -> tuple[int, int, int, int]:
    """Split as ``_split_ascii``, two characters at a time, because each transition must wait for the one before."""
    state = (state - first) << _PAIRS_PER_COLUMN
    index, number, entry = np.uint64(at), np.uint64(count), _NONE
    while entry & _SINGLY == _NONE:
        steps = min((np.uint64(end) - index) >> _ONE, (np.uint64(limit) - number) >> _ONE)
        if steps == _NONE:
            break
        stop = index + steps * _TWO
        while index < stop:
            pair = np.uint64(pair_classes[text[index]]) << _CLASS_BITS | np.uint64(pair_classes[text[index + _ONE]])
            entry = np.uint64(pairs[state + pair])
            if entry & _SINGLY:
                break
            # No branch, as in ``_split_ascii``.
            ends[number] = np.int32(index)
            number += entry & _KEPT
            ends[number] = np.int32(index + _ONE)
            number += entry >> _ONE & _KEPT
            state = entry >> _STATE_SHIFT
            index += _TWO
    for pretoken in range(np.uint64(count), number):
        starts[pretoken] = begin
        begin = np.int64(ends[pretoken])
    return begin, np.int64(index), first + (state >> _PAIRS_PER_COLUMN), np.int64(number)


@inlined
def _split_ascii(
    flags: UInt8,
    states: UInt32,
    text: UInt8,
    begin: int,
    at: int,
    end: int,
    starts: Int32,
    ends: Int32,
    limit: int,
    count: int,
    state: int,
) -> tuple[int, int, int, int]:
    """Split ASCII characters until another one, the end, a search that must go back, or the limit.

    Returns:
        The begin of the last pre-token, the next position, the state, and the number of pre-tokens.
    """
    index, stop, number = np.uint64(at), np.uint64(end), np.uint64(count)
    first = np.int32(begin)
    while index < stop and number < np.uint64(limit):
        byte = text[index]
        entry = state + np.uint64(byte)
        flag = flags[entry]
        if byte >= AUTOMATON_ASCII or flag & AUTOMATON_REWIND:
            break
        # No branch, which the processor could not predict: what is written is overwritten unless it is a pre-token.
        starts[number] = first
        ends[number] = np.int32(index)
        number += np.uint64(flag & AUTOMATON_KEPT)
        first = np.int32(index) if flag & AUTOMATON_BOUNDARY else first
        state = np.uint64(states[entry])
        index += np.uint64(1)
    return np.int64(first), np.int64(index), state, np.int64(number)


@inlined
def _split(
    flags: UInt8,
    states: UInt32,
    first: int,
    classes: UInt8,
    pairs: UInt32,
    pair_classes: UInt8,
    text: UInt8,
    at: int,
    end: int,
    starts: Int32,
    ends: Int32,
    limit: int,
    count: int,
) -> tuple[int, int]:
    """Write the starts and ends of the pre-tokens of ``text[at:end]``, from index ``count`` on.

    Args:
        flags: The flags of the transitions.
        states: The next states.
        first: The first state of the automaton, unsigned.
        classes: The class of each character.
        pairs: The transitions with pairs of characters.
        pair_classes: The class of each byte in ``pairs``.
        text: The text.
        at: Where to begin.
        end: The end of the text.
        starts: The starts.
        ends: The ends.
        limit: The number of pre-tokens at which to stop. One more is written after a text without a match.
        count: The number of pre-tokens so far.

    Returns:
        The position at which to continue, and the number of pre-tokens.
    """
    unmatched = first + np.uint64(AUTOMATON_UNMATCHED * AUTOMATON_COLUMNS)
    begin, state, oldest, most = at, first, count, limit
    while begin < end:
        begin, at, state, count = _split_pairs(
            pairs, pair_classes, text, begin, at, end, starts, ends, limit, count, first, state
        )
        begin, at, state, count = _split_ascii(flags, states, text, begin, at, end, starts, ends, limit, count, state)
        if count >= limit:
            before = np.int64(starts[count - 1])
            if (
                flags[unmatched + _AT_END] & AUTOMATON_KEPT == 0
                or count == oldest
                or _last_match(flags, states, first, classes, text, before, end) > before
            ):
                break
            if limit > most:  # the text before is complete, and the next call splits the last one again
                begin, count = before, count - 1
                break
            limit += 1  # the last text without a match may continue
        column, length = _column(classes, text, at, end)
        entry = state + column
        flag = flags[entry]
        if flag & AUTOMATON_REWIND == 0:
            starts[count], ends[count] = begin, at
            count += np.int64(flag & AUTOMATON_KEPT)
            state = np.uint64(states[entry])
            if flag & AUTOMATON_BOUNDARY:
                begin = at
            at += length
            continue
        last = _last_match(flags, states, first, classes, text, begin, end)
        if last > begin:
            starts[count], ends[count] = begin, last
            count += np.int64(flag & AUTOMATON_KEPT)
            begin = at = last
            state = first
            continue
        at = begin + _column(classes, text, begin, end)[1]
        state = unmatched
        # The flags of the end of the text after an unmatched character tell whether such texts are kept.
        if flags[unmatched + _AT_END] & AUTOMATON_KEPT and count > oldest and ends[count - 1] == begin:
            before = np.int64(starts[count - 1])
            if _last_match(flags, states, first, classes, text, before, end) == before:
                begin = before
                count -= 1
    return begin, count


@inlined
def _split_some(
    automata: Automata, text: UInt8, starts: Int32Matrix, ends: Int32Matrix, progress: Int64Matrix, level: int
) -> int:
    """Split the next texts of one automaton, until ``CHUNK`` pre-tokens are found. Return their number.

    The arguments are those of ``split``.
    """
    flags, states, firsts, classes, pairs, pair_firsts, pair_classes = automata
    count = 0
    while count < CHUNK and progress[1, level] < progress[0, level]:
        index = progress[1, level]
        stop = np.int64(ends[level, index])
        at = progress[2, level] if progress[2, level] >= 0 else np.int64(starts[level, index])
        at, count = _split(
            flags,
            states,
            np.uint64(firsts[level]),
            classes[level],
            pairs[pair_firsts[level] :],
            pair_classes[level],
            text,
            at,
            stop,
            starts[level + 1],
            ends[level + 1],
            CHUNK,
            count,
        )
        progress[2, level] = at if at < stop else -1
        progress[1, level] += at >= stop
    return count


@called
def _split_many(
    automata: Automata, text: UInt8, starts: Int32Matrix, ends: Int32Matrix, progress: Int64Matrix, level: int
) -> int:
    """Split as ``_split_some``, in a function of its own, where the values of the innermost loop are in registers."""
    not_inlined()
    return _split_some(automata, text, starts, ends, progress, level)


@inlined
def split(
    automata: Automata,
    text: UInt8,
    starts: Int32Matrix,
    ends: Int32Matrix,
    progress: Int64Matrix,
    level: int,
    begin: int,
    end: int,
) -> int:
    """Find the next pre-tokens of ``text[begin:end]``, at most ``MAX_PRETOKENS``.

    Args:
        automata: The automata. Each splits the pre-tokens of the one before.
        text: The text.
        starts: int32 (automata + 1, MAX_PRETOKENS), the starts of the texts that each automaton splits, and in the last
            row of the pre-tokens.
        ends: int32 (automata + 1, MAX_PRETOKENS), their ends.
        progress: int64 (3, automata + 1), the number of these texts, the number of those that are split, and the
            position in the next one, or -1 for its start.
        level: 0 for the first pre-tokens, then the last result.
        begin: The start of the text.
        end: The end of the text.

    Returns:
        The number of automata, or -1 if there are no further pre-tokens.
    """
    automata_count = len(automata.firsts)
    if level == 0:
        starts[0, 0], ends[0, 0] = begin, end
        progress[0, 0], progress[1, 0], progress[2, 0] = 1, 0, -1
    while True:
        # The last automaton with texts that are not split.
        while level >= 0 and (level == automata_count or progress[1, level] == progress[0, level]):
            level -= 1
        if level < 0:
            return -1
        if end - begin < _WORTH_CALL:
            count = _split_some(automata, text, starts, ends, progress, level)
        else:
            count = _split_many(automata, text, starts, ends, progress, level)
        level += 1
        progress[0, level], progress[1, level], progress[2, level] = count, 0, -1
        if level == automata_count and count:
            return level


def split_texts(
    automata: Automata,
    text: Text,
    starts: Int32Matrix,
    ends: Int32Matrix,
    progress: Int64Matrix,
    out: Int32,
    lengths: Int64,
) -> int:
    """Split texts.

    Args:
        automata: The automata.
        text: All texts.
        starts: Work space, as for ``split``.
        ends: Work space, as for ``split``.
        progress: Work space, as for ``split``.
        out: int32, the start and the end of each pre-token.
        lengths: int64 (texts,), the number of pre-tokens of each text.

    Returns:
        The number of pre-tokens.
    """
    data, offsets = text
    total = 0
    for row in range(len(lengths)):
        before, level = total, 0
        while True:
            level = split(automata, data, starts, ends, progress, level, offsets[row], offsets[row + 1])
            if level < 0:
                break
            for pretoken in range(progress[0, level]):
                out[2 * total] = starts[level, pretoken]
                out[2 * total + 1] = ends[level, pretoken]
                total += 1
        lengths[row] = total - before
    return total
