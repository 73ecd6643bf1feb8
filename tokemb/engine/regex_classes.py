"""Regular expressions that look at one character at a time, recognised by their shape.

``[a-z]``, ``\\s+``, ``\\w+|[^\\w\\s]+`` and ``[a-z]+(?:'[a-z]+)*`` are alternatives of a class of characters, repeated
or not, whose runs may be joined by a character of another class. What is in a class is not worked out here: the
library that runs the expression is asked.
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
    """A class of characters as an expression for one of them, and the class of characters that join two of its runs."""

    characters: str
    repeated: bool = False
    joined_by: str | None = None


def alternatives(pattern: str) -> list[ClassRun] | None:
    """The alternatives of ``pattern``, or ``None`` if it is of another shape."""
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
    """Whether all that ``pattern`` ever matches is one character, whatever stands around it."""
    found = alternatives(pattern)
    return found is not None and not any(alternative.repeated for alternative in found)


def between_look_arounds(pattern: str) -> str | None:
    """``pattern`` without the look-behinds before it and the look-aheads after it, or ``None`` if it has none."""
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
    """Where the expression for one character that begins at ``at`` ends, or ``None`` if there is none."""
    if pattern[at : at + 1] != "[":
        match = _ONE.match(pattern, at)
        return match.end() if match else None
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "[":
            depth += 1
        elif pattern[at] == "]":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return None


def _group_end(pattern: str, at: int) -> int:
    """Where the group that begins at ``at`` ends."""
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "[":
            at = (_class_end(pattern, at) or len(pattern)) - 1
        elif pattern[at] == "(":
            depth += 1
        elif pattern[at] == ")":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return len(pattern)
