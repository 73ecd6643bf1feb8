r"""Parse expressions for one character: ``\p{L}``, ``\s``, ``[^\r\n\p{L}]`` and literal characters."""

from __future__ import annotations

import re

from tokemb.engine.components import UnprovableError
from tokemb.engine.pattern_nodes import CharSet, Complement, Queried, Ranges, Union, literal

_PROPERTY = re.compile(r"\\([pP])\{(\^?)(\w+)\}")
_CODE_POINT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}|\\x([0-7][0-9A-Fa-f])")
_CONTROL = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}


def unsupported(pattern: str, at: int, what: str) -> UnprovableError:
    """Return the error for a part of ``pattern`` that an automaton cannot represent."""
    return UnprovableError(f"the regular expression contains {what}, at character {at} of {pattern!r}")


def parse_escape(pattern: str, at: int) -> tuple[CharSet, int]:
    """Parse the escape at ``pattern[at]``. Return its characters and the position after it.

    Raises:
        UnprovableError: If it is not an expression for one character.
    """
    if match := _PROPERTY.match(pattern, at):
        letter, caret, name = match.groups()
        known = Queried(rf"\p{{{name}}}")
        return (Complement(known) if (letter == "P") != bool(caret) else known), match.end()
    if match := _CODE_POINT.match(pattern, at):
        code = int(match[1] or match[2], 16)
        return Ranges(((code, code),)), match.end()
    character = pattern[at + 1 : at + 2]
    if character in tuple("sdwh"):
        return Queried(f"\\{character}"), at + 2
    if character in tuple("SDWH"):
        return Complement(Queried(f"\\{character.lower()}")), at + 2
    if character in _CONTROL:
        return literal(_CONTROL[character]), at + 2
    if not character or character.isalnum() or not character.isascii():
        raise unsupported(pattern, at, f"the escape \\{character}")
    return literal(character), at + 2


def parse_class(pattern: str, at: int) -> tuple[CharSet, int]:
    """Parse the class in brackets at ``pattern[at]``. Return its characters and the position after it.

    Raises:
        UnprovableError: If it contains anything but characters, ranges, escapes and classes.
    """
    begin = at
    at += 1
    negated = pattern.startswith("^", at)
    at += negated
    if pattern.startswith(("]", ":"), at):
        raise unsupported(pattern, begin, f"a class that begins with {pattern[at]}")
    sets: list[CharSet] = []
    while not pattern.startswith("]", at):
        item, at = _class_item(pattern, at)
        sets.append(item)
    union = Union(tuple(sets))
    return (Complement(union) if negated else union), at + 1


def _class_item(pattern: str, at: int) -> tuple[CharSet, int]:
    if at >= len(pattern) or pattern.startswith("&&", at):
        raise unsupported(pattern, at, "a class that is not a union of characters")
    if pattern[at] == "[":
        return parse_class(pattern, at)
    first, end = parse_escape(pattern, at) if pattern[at] == "\\" else (literal(pattern[at]), at + 1)
    is_range = pattern.startswith("-", end) and not pattern.startswith("-]", end)
    if not is_range:
        return first, end
    last, end = parse_escape(pattern, end + 1) if pattern[end + 1] == "\\" else (literal(pattern[end + 1]), end + 2)
    low, high = _single(first), _single(last)
    if low is None or high is None or low > high or pattern[at] == "-" or pattern[end - 1] in "-[":
        raise unsupported(pattern, at, "an unusual hyphen in a class")
    return Ranges(((low, high),)), end


def _single(chars: CharSet) -> int | None:
    """Return the code point of a set of one character that was written as such."""
    if isinstance(chars, Ranges) and len(chars.ranges) == 1 and chars.ranges[0][0] == chars.ranges[0][1]:
        return chars.ranges[0][0]
    return None
