r"""Recognition of regular expressions that look at one character at a time.

``[a-z]``, ``\s+``, ``\w+|[^\w\s]+`` and ``[a-z]+(?:'[a-z]+)*`` are alternatives of a class of characters, repeated or
not, whose runs may be joined by a character of another class. This module only recognizes the shape. The library that
runs the expression is queried for the characters of a class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# One character: \p{...}, \x{...}, \s, \w, \d and their complements, an escaped character, or a plain character.
_ONE = re.compile(r"\\[pP]\{\^?\w+\}|\\x\{[0-9A-Fa-f]+\}|\\[sSwWdDnrtfv]|\\[^\w\s]|[^\\\[\](){}|*+?^$]")
# The beginning of a look-behind or look-ahead.
_LOOK_AROUND = re.compile(r"\(\?(?:<=|<!|=|!)")


@dataclass(frozen=True)
class ClassRun:
    """A class of characters, as an expression for one character, and the class of the characters that join its runs."""

    characters: str
    repeated: bool = False
    joined_by: str | None = None


def alternatives(pattern: str) -> list[ClassRun] | None:
    """Return the alternatives of ``pattern``, or ``None`` if it has another shape."""
    found = []
    at = 0
    while True:
        parsed = _alternative(pattern, at)
        if parsed is None:
            return None
        alternative, at = parsed
        found.append(alternative)
        if at == len(pattern):
            return found
        if pattern[at] != "|":
            return None
        at += 1


def one_character(pattern: str) -> bool:
    """Return whether ``pattern`` only ever matches one character, regardless of the characters around it."""
    found = alternatives(pattern)
    return found is not None and not any(alternative.repeated for alternative in found)


def between_look_arounds(pattern: str) -> str | None:
    """Return ``pattern`` without its look-behinds and look-aheads, or ``None`` if it has none."""
    at = 0
    while _LOOK_AROUND.match(pattern, at):
        at = _group_end(pattern, at)
    end = _class_end(pattern, at)
    if end is None:
        return None
    rest = end
    while _LOOK_AROUND.match(pattern, rest):
        rest = _group_end(pattern, rest)
    return pattern[at:end] if rest == len(pattern) and (at or rest > end) else None


def _alternative(pattern: str, at: int) -> tuple[ClassRun, int] | None:
    end = _class_end(pattern, at)
    if end is None:
        return None
    characters = pattern[at:end]
    if pattern[end : end + 1] != "+":
        return ClassRun(characters), end
    end += 1
    if pattern[end : end + 3] != "(?:":
        return ClassRun(characters, repeated=True), end
    join_end = _class_end(pattern, end + 3)
    closing = f"{characters}+)*"
    if join_end is None or not pattern.startswith(closing, join_end):
        return None
    return ClassRun(characters, repeated=True, joined_by=pattern[end + 3 : join_end]), join_end + len(closing)


def _class_end(pattern: str, at: int) -> int | None:
    """Return the end of the expression for one character that begins at ``at``, or ``None`` if there is none."""
    if pattern[at : at + 1] != "[":
        match = _ONE.match(pattern, at)
        return match.end() if match else None
    return _closing(pattern, at, "[]")


def _group_end(pattern: str, at: int) -> int:
    """Return the end of the group that begins at ``at``."""
    return _closing(pattern, at, "()") or len(pattern)


def _closing(pattern: str, at: int, brackets: str) -> int | None:
    """Return the end of the brackets that open at ``at``, or ``None`` if they are not closed."""
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == brackets[0]:
            depth += 1
        elif pattern[at] == "[":
            at = (_class_end(pattern, at) or len(pattern)) - 1
        elif pattern[at] == brackets[1]:
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return None
