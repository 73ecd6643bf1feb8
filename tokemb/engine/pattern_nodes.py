"""The parts of regular expressions whose matches an automaton can find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Ranges:
    """The characters in ranges of code points: the first and the last of each."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Queried:
    r"""The characters that `tokenizers` knows: those of an expression such as ``\s``, or those a component splits."""

    expression: str


@dataclass(frozen=True)
class Union:
    """The characters of any of several sets."""

    sets: tuple[CharSet, ...]


@dataclass(frozen=True)
class Complement:
    """The characters that are not in a set."""

    of: CharSet


CharSet: TypeAlias = "Ranges | Queried | Union | Complement"


@dataclass(frozen=True)
class Character:
    """Match one character of a set."""

    chars: CharSet


@dataclass(frozen=True)
class Before:
    """Match no character, before a character of a set, or at the end of the text if ``at_end``."""

    chars: CharSet
    at_end: bool


@dataclass(frozen=True)
class Concatenation:
    """Match all parts, one after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Alternation:
    """Match one part. The first that leads to a match wins."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Repetition:
    """Match a part several times. ``most`` is ``None`` for no limit. A lazy repetition prefers fewer times."""

    part: Node
    least: int
    most: int | None
    lazy: bool = False


Node: TypeAlias = "Character | Before | Concatenation | Alternation | Repetition"


def literal(character: str) -> Ranges:
    """Return the set of one character."""
    return Ranges(((ord(character), ord(character)),))


def not_before(chars: CharSet) -> Before:
    """Return a negative look-ahead."""
    return Before(Complement(chars), at_end=True)


def possessive(chars: CharSet, least: int, most: int | None) -> Node:
    """Return a repetition of a set that never gives back a character. ``most`` is 1 or ``None``.

    It takes as many characters as there are, so no further one follows, unless ``most`` is reached.
    """
    if most is None:
        return Concatenation((Repetition(Character(chars), least, None), not_before(chars)))
    return Alternation((Character(chars), not_before(chars)))


def is_nullable(node: Node) -> bool:
    """Return whether ``node`` can match no character."""
    if isinstance(node, Character):
        return False
    if isinstance(node, Concatenation):
        return all(map(is_nullable, node.parts))
    if isinstance(node, Alternation):
        return any(map(is_nullable, node.parts))
    return isinstance(node, Before) or node.least == 0 or is_nullable(node.part)


def matched_sets(node: Node) -> Iterator[CharSet]:
    """Yield the sets of characters that a match of ``node`` may contain."""
    if isinstance(node, Character):
        yield node.chars
    elif isinstance(node, (Concatenation, Alternation)):
        for part in node.parts:
            yield from matched_sets(part)
    elif isinstance(node, Repetition):
        yield from matched_sets(node.part)
