"""The automata of a pre-tokenizer as arrays for the kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tokemb.engine.character_sets import CODES
from tokemb.engine.components import UnprovableError
from tokemb.engine.pattern_automaton import Automaton, Program
from tokemb.engine.pattern_sets import breakpoints, contains
from tokemb.engine.pattern_split import PatternSplit
from tokemb.kernels.structs import (
    AUTOMATON_ASCII,
    AUTOMATON_BOUNDARY,
    AUTOMATON_COLUMNS,
    AUTOMATON_KEPT,
    AUTOMATON_MATCH,
    AUTOMATON_REWIND,
    AUTOMATON_UNMATCHED,
    Automata,
    Int64,
    UInt8,
)

_MAX_CLASSES = AUTOMATON_COLUMNS - AUTOMATON_ASCII - 1
_FIRST = 0


def compile_automata(splits: Sequence[PatternSplit]) -> Automata:
    """Compile the patterns of a pre-tokenizer.

    Raises:
        UnprovableError: If a pattern needs too many classes of characters or states.
    """
    flags, states, classes, firsts = [], [], [], [0]
    for split in splits:
        split_flags, split_states, split_classes = _compile(split)
        flags.append(split_flags.reshape(-1))
        states.append((split_states * AUTOMATON_COLUMNS + firsts[-1]).reshape(-1))
        classes.append(split_classes)
        firsts.append(firsts[-1] + split_flags.size)
    return Automata(
        np.concatenate(flags), np.concatenate(states).astype(np.uint32), np.array(firsts[:-1]), np.stack(classes)
    )


def _compile(split: PatternSplit) -> tuple[UInt8, Int64, UInt8]:
    """Compile one pattern.

    Returns:
        The flags of the transitions, uint8 (states, columns), the next states, int64 (states, columns), and the class
        of each character, uint8 (CODES,).
    """
    program = Program(split.node)
    points = [breakpoints(chars) for chars in program.sets]
    starts = np.unique(np.concatenate([np.zeros(1, np.int32), *points]))
    starts = starts[starts < CODES]
    inside = np.stack([contains(part, starts) for part in points], axis=1)
    members, class_of_span = np.unique(inside, axis=0, return_inverse=True)
    if len(members) > _MAX_CLASSES:
        raise UnprovableError(f"the regular expression distinguishes more than {_MAX_CLASSES} classes of characters")
    classes = np.repeat(class_of_span.reshape(-1).astype(np.uint8), np.diff(starts, append=CODES))
    by_class = _transitions(Automaton(program, members.T.tolist()), split)
    columns = np.zeros(AUTOMATON_COLUMNS, np.int64)
    columns[:AUTOMATON_ASCII] = classes[:AUTOMATON_ASCII]
    columns[AUTOMATON_ASCII : AUTOMATON_ASCII + len(members)] = np.arange(len(members))
    columns[-1] = len(members)
    flags, states = by_class[:, columns, 0], by_class[:, columns, 1]
    return flags.astype(np.uint8), states, classes


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
