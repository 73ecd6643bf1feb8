"""Compile a parsed regular expression to a deterministic automaton that finds the matches of a backtracking search.

Such a search tries alternatives in order, and the first that leads to a match wins. A state of the automaton is
therefore an ordered list of positions in the expression, and what follows a match in this list is dropped, as in the
libraries RE2 and ``regex`` of Rust. Look-aheads are resolved when the next character is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokemb.engine.components import UnprovableError
from tokemb.engine.pattern_nodes import (
    Alternation,
    Before,
    Character,
    CharSet,
    Concatenation,
    Node,
    Repetition,
)

_MAX_INSTRUCTIONS = 4096
_MAX_STATES = 1024
# The column of the end of the text, after those of the classes.
AT_END = -1

State = tuple[int, ...]


@dataclass(frozen=True)
class Take:
    """An instruction: take one character of a set."""

    chars: int


@dataclass(frozen=True)
class Look:
    """An instruction: continue if the next character is in a set, or at the end of the text if ``at_end``."""

    chars: int
    at_end: bool


@dataclass(frozen=True)
class Fork:
    """An instruction: continue at each of ``targets``, in the order of preference."""

    targets: tuple[int, ...]


@dataclass(frozen=True)
class Match:
    """The last instruction."""


class Program:
    """A parsed expression as instructions. Each continues at the next one unless it says otherwise.

    Attributes:
        instructions: The instructions.
        sets: The sets of characters, to which the instructions refer by index.
    """

    def __init__(self, node: Node) -> None:
        """Translate ``node``.

        Raises:
            UnprovableError: If there are too many instructions.
        """
        self.instructions: list[Take | Look | Fork | Match] = []
        self.sets: list[CharSet] = []
        self._add(node)
        self.instructions.append(Match())

    def _add(self, node: Node) -> None:
        if len(self.instructions) > _MAX_INSTRUCTIONS:
            raise UnprovableError(f"the regular expression needs more than {_MAX_INSTRUCTIONS} instructions")
        if isinstance(node, Character):
            self.instructions.append(Take(self._set(node.chars)))
        elif isinstance(node, Before):
            self.instructions.append(Look(self._set(node.chars), node.at_end))
        elif isinstance(node, Concatenation):
            for part in node.parts:
                self._add(part)
        elif isinstance(node, Alternation):
            self._add_alternation(node)
        else:
            self._add_repetition(node)

    def _set(self, chars: CharSet) -> int:
        if chars not in self.sets:
            self.sets.append(chars)
        return self.sets.index(chars)

    def _reserve(self) -> int:
        self.instructions.append(Match())
        return len(self.instructions) - 1

    def _add_alternation(self, node: Alternation) -> None:
        fork = self._reserve()
        begins, ends = [], []
        for part in node.parts:
            begins.append(len(self.instructions))
            self._add(part)
            ends.append(self._reserve())
        self.instructions[fork] = Fork(tuple(begins))
        for end in ends:
            self.instructions[end] = Fork((len(self.instructions),))

    def _add_repetition(self, node: Repetition) -> None:
        for _ in range(node.least):
            self._add(node.part)
        if node.most is None:
            fork = self._reserve()
            self._add(node.part)
            self.instructions.append(Fork((fork,)))
            self._set_fork(fork, node.lazy)
            return
        forks = []
        for _ in range(node.most - node.least):
            forks.append(self._reserve())
            self._add(node.part)
        for fork in forks:
            self._set_fork(fork, node.lazy)

    def _set_fork(self, fork: int, lazy: bool) -> None:
        targets = (fork + 1, len(self.instructions))
        self.instructions[fork] = Fork(targets[::-1] if lazy else targets)


class Automaton:
    """The deterministic automaton of a program, anchored at the beginning of a match.

    Attributes:
        steps: For each state and class, and then for the end of the text: whether a match ends before this character,
            and the next state, -1 for none. State 0 is the first.
    """

    def __init__(self, program: Program, members: list[list[bool]]) -> None:
        """Compile ``program``.

        Args:
            program: The program.
            members: For each set of the program and each class, whether the class is part of the set.

        Raises:
            UnprovableError: If there are too many states.
        """
        self._program = program
        self._members = members
        self._classes = len(members[0])
        numbers: dict[State, int] = {}  # not the first state: no character was taken there
        states = [tuple(self._reached([0]))]
        self.steps: list[list[tuple[bool, int]]] = []
        for state in states:  # grows
            row = []
            for column in (*range(self._classes), AT_END):
                matches, following = self._step(state, column)
                if following and following not in numbers:
                    numbers[following] = len(states)
                    states.append(following)
                row.append((matches, numbers[following] if following else -1))
            self.steps.append(row)
            if len(states) > _MAX_STATES:
                raise UnprovableError(f"the automaton of the regular expression has more than {_MAX_STATES} states")

    def _reached(self, positions: Sequence[int], column: int | None = None) -> Iterator[int]:
        """Yield the instructions that ``positions`` reach without a character, in the order of preference.

        With the ``column`` of the next character, look-aheads are decided.
        """
        seen = set()
        pending = [*positions[::-1]]
        while pending:
            position = pending.pop()
            if position in seen:
                continue
            seen.add(position)
            instruction = self._program.instructions[position]
            if isinstance(instruction, Fork):
                pending += instruction.targets[::-1]
            elif column is None or not isinstance(instruction, Look):
                yield position
            elif instruction.at_end if column == AT_END else self._members[instruction.chars][column]:
                pending.append(position + 1)

    def _step(self, state: State, column: int) -> tuple[bool, State]:
        """Return whether a match ends before a character, and the state after it."""
        following: list[int] = []
        matches = False
        for position in self._reached(state, column):
            instruction = self._program.instructions[position]
            if isinstance(instruction, Match):
                matches = True
                break
            if isinstance(instruction, Take) and column != AT_END and self._members[instruction.chars][column]:
                following.append(position + 1)
        return matches, tuple(self._reached(following))
