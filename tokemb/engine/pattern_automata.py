"""The automata of a pre-tokenizer as arrays for the kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokemb._arrays import Array, Int32, Int64, UInt8
from tokemb.engine.character_sets import CODES
from tokemb.engine.components import UnprovableError
from tokemb.engine.pattern_automaton import Automaton, Program
from tokemb.engine.pattern_sets import breakpoints, contains, reject_folded_pairs
from tokemb.engine.pattern_split import PatternSplit
from tokemb.engine.query_cache import Arrays, cached_arrays
from tokemb.kernels.structs import (
    AUTOMATON_ASCII,
    AUTOMATON_BOUNDARY,
    AUTOMATON_COLUMNS,
    AUTOMATON_KEPT,
    AUTOMATON_MATCH,
    AUTOMATON_REWIND,
    AUTOMATON_UNMATCHED,
    Automata,
)

_MAX_CLASSES = AUTOMATON_COLUMNS - AUTOMATON_ASCII - 1
_FIRST = 0


def compile_automata(splits: Sequence[PatternSplit]) -> Automata:
    """Compile the patterns of a pre-tokenizer. The result is saved on disk.

    Raises:
        UnprovableError: If a pattern needs too many classes of characters or states, or if one character matches two
            letters whose case is ignored.
    """
    return _unpack(cached_arrays(f"automata {splits}", lambda: _pack(splits)))


def _pack(splits: Sequence[PatternSplit]) -> Arrays:
    arrays: dict[str, Array] = {"count": np.array(len(splits))}
    for number, split in enumerate(splits):
        reject_folded_pairs(split.folded_pairs)
        names = (f"{name}{number}" for name in ("flags", "states", "starts", "classes"))
        arrays.update(zip(names, _compile(split), strict=True))
    return arrays


def _unpack(arrays: Arrays) -> Automata:
    flags, states, classes, firsts = [], [], [], [0]
    for number in range(int(arrays["count"])):
        flags.append(arrays[f"flags{number}"].reshape(-1))
        states.append((arrays[f"states{number}"].astype(np.int64) * AUTOMATON_COLUMNS + firsts[-1]).reshape(-1))
        classes.append(np.repeat(arrays[f"classes{number}"], np.diff(arrays[f"starts{number}"], append=CODES)))
        firsts.append(firsts[-1] + flags[-1].size)
    return Automata(
        np.concatenate(flags), np.concatenate(states).astype(np.uint32), np.array(firsts[:-1]), np.stack(classes)
    )


def _compile(split: PatternSplit) -> tuple[UInt8, Int32, Int32, UInt8]:
    """Compile one pattern.

    Returns:
        The flags of the transitions, uint8 (states, columns), the next states, int32 (states, columns), the code points
        at which the class of characters changes, int32 (spans,), and the class from there on, uint8 (spans,).
    """
    program = Program(split.node)
    points = [breakpoints(chars) for chars in program.sets]
    starts = np.unique(np.concatenate([np.zeros(1, np.int32), *points]))
    starts = starts[starts < CODES].astype(np.int32)
    inside = np.stack([contains(part, starts) for part in points], axis=1)
    members, class_of_span = np.unique(inside, axis=0, return_inverse=True)
    if len(members) > _MAX_CLASSES:
        raise UnprovableError(f"the regular expression distinguishes more than {_MAX_CLASSES} classes of characters")
    span_classes = class_of_span.reshape(-1).astype(np.uint8)
    by_class = _transitions(Automaton(program, members.T.tolist()), split)
    columns = np.zeros(AUTOMATON_COLUMNS, np.int64)
    columns[:AUTOMATON_ASCII] = span_classes[np.searchsorted(starts, np.arange(AUTOMATON_ASCII), side="right") - 1]
    columns[AUTOMATON_ASCII : AUTOMATON_ASCII + len(members)] = np.arange(len(members))
    columns[-1] = len(members)
    flags, states = by_class[:, columns, 0], by_class[:, columns, 1]
    return flags.astype(np.uint8), states.astype(np.int32), starts, span_classes


def _transitions(automaton: Automaton, split: PatternSplit) -> Int64:
    """Return the flags and the next state of each transition, int64 (states, classes + 1, 2).

    An automaton of a match becomes one that splits a text: after a match that ends before a character, it begins
    another match with this character. Only the end of a match further back needs a new search, ``AUTOMATON_REWIND``.
    """
    kept = AUTOMATON_KEPT * split.keeps_matches
    kept_other = AUTOMATON_KEPT * split.keeps_others
    begins = [_number(following) for _, following in automaton.steps[_FIRST]]
    table = []
    for state, row in enumerate(automaton.steps):
        transitions = []
        for column, (matches, following) in enumerate(row):
            flag = AUTOMATON_MATCH * matches
            if following >= 0:
                transitions.append((flag, _number(following)))
            elif matches:
                transitions.append((flag | AUTOMATON_BOUNDARY | kept, begins[column]))
            elif state == _FIRST:
                transitions.append((0, AUTOMATON_UNMATCHED))
            else:
                transitions.append((AUTOMATON_REWIND | kept, AUTOMATON_UNMATCHED))
        table.append(transitions)
    boundary = AUTOMATON_BOUNDARY | kept_other
    unmatched = [(0 if number == AUTOMATON_UNMATCHED else boundary, number) for number in begins]
    unmatched[-1] = boundary, AUTOMATON_UNMATCHED
    table.insert(AUTOMATON_UNMATCHED, unmatched)
    return np.array(table, np.int64)


def _number(state: int) -> int:
    """Return the number of a state in the table, in which the state of texts without a match is inserted."""
    if state < 0:
        return AUTOMATON_UNMATCHED
    return state + (state >= AUTOMATON_UNMATCHED)
