"""Parse the regular expressions of pre-tokenizers, in the syntax of Oniguruma, the library that `tokenizers` uses.

Everything whose meaning an automaton cannot represent exactly raises ``UnprovableError``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

from tokemb.engine.components import UnprovableError
from tokemb.engine.pattern_classes import parse_class, parse_escape, unsupported
from tokemb.engine.pattern_nodes import (
    Alternation,
    Before,
    Character,
    CharSet,
    Complement,
    Concatenation,
    Node,
    Queried,
    Ranges,
    Repetition,
    Union,
    is_nullable,
    literal,
    matched_sets,
    possessive,
)

_QUANTIFIER = re.compile(r"([?*+])|\{(\d*)(,?)(\d*)\}")
_GROUPS = ("(?:", "(?i:", "(?=", "(?!", "(?>")
_MAX_REPEATS = 64
_MAX_PAIRS = 64
_ASCII = 0x80


@dataclass(frozen=True)
class Pattern:
    """A parsed regular expression.

    Attributes:
        node: Its structure.
        folded_pairs: Two adjacent letters whose case is ignored. An automaton is correct only if no character matches
            both at once, as ``ß`` matches ``ss``.
    """

    node: Node
    folded_pairs: tuple[str, ...] = ()


def parse(pattern: str) -> Pattern:
    """Parse ``pattern``.

    Raises:
        UnprovableError: If an automaton cannot find exactly its matches.
    """
    return _Parser(pattern).parse()


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._ignores_case = False
        self._pairs: set[str] = set()

    def parse(self) -> Pattern:
        if self._accept("(?i)"):
            self._ignores_case = True
        node = self._alternation()
        if self._at < len(self._pattern):
            raise self._unsupported("a parenthesis without a partner")
        if is_nullable(node):
            raise UnprovableError(f"the regular expression matches an empty text: {self._pattern!r}")
        if len(self._pairs) > _MAX_PAIRS:
            raise UnprovableError("the regular expression ignores the case of many letters")
        return Pattern(node, tuple(sorted(self._pairs)))

    def _unsupported(self, what: str) -> UnprovableError:
        return unsupported(self._pattern, self._at, what)

    def _accept(self, text: str) -> bool:
        found = self._pattern.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def _alternation(self) -> Node:
        parts = [self._concatenation()]
        while self._accept("|"):
            parts.append(self._concatenation())
        return parts[0] if len(parts) == 1 else Alternation(tuple(parts))

    def _concatenation(self) -> Node:
        parts: list[Node] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            parts.append(self._quantified())
        if self._ignores_case:
            self._pairs |= _adjacent_letters(parts)
        return parts[0] if len(parts) == 1 else Concatenation(tuple(parts))

    def _quantified(self) -> Node:
        node = self._atom()
        match = _QUANTIFIER.match(self._pattern, self._at)
        if match is None:
            return node
        least, most = _limits(match)
        if isinstance(node, Before) or not _is_usual(match, node, least, most):
            raise self._unsupported("an unusual quantifier")
        self._at = match.end()
        if match[1] is not None:
            node = self._with_suffix(node, least, most)
        else:
            node = Repetition(node, least, most)
            if self._accept("+"):  # Oniguruma has no possessive intervals, but it repeats the repetition
                if is_nullable(node):
                    raise self._unsupported("an unusual quantifier")
                node = Repetition(node, 1, None)
        if self._at < len(self._pattern) and self._pattern[self._at] in "?*+{":
            raise self._unsupported("an unusual quantifier")
        return node

    def _with_suffix(self, node: Node, least: int, most: int | None) -> Node:
        """Return the repetition of ``node`` by ``?``, ``*`` or ``+``, which may be lazy or possessive."""
        if self._pattern.startswith("?", self._at):
            if isinstance(node, Repetition):
                raise self._unsupported("an unusual quantifier")
            self._at += 1
            return Repetition(node, least, most, lazy=True)
        if self._accept("+"):
            if not isinstance(node, Character):
                raise self._unsupported("a possessive quantifier of more than one character")
            return possessive(node.chars, least, most)
        return Repetition(node, least, most)

    def _atom(self) -> Node:
        character = self._pattern[self._at]
        if character == "(":
            return self._group()
        if character == "$":
            self._at += 1
            return Before(literal("\n"), at_end=True)
        if self._accept(r"\z"):
            return Before(Ranges(()), at_end=True)
        if character in "^*+?{":
            raise self._unsupported(f"the character {character}")
        if character == "[":
            begin = self._at
            chars, self._at = parse_class(self._pattern, begin)
            return Character(self._folded(chars))
        if character == "\\":
            chars, self._at = parse_escape(self._pattern, self._at)
            return Character(self._folded(chars))
        self._at += 1
        return Character(Complement(literal("\n")) if character == "." else self._folded(literal(character)))

    def _group(self) -> Node:
        opening = next((opening for opening in _GROUPS if self._accept(opening)), None)
        if opening is None:
            if self._pattern.startswith(("(?", "(*"), self._at):
                raise self._unsupported("an unusual group")
            self._at += 1
        before = self._ignores_case
        self._ignores_case = before or opening == "(?i:"
        node = self._alternation()
        self._ignores_case = before
        if not self._accept(")"):
            raise self._unsupported("a parenthesis without a partner")
        if opening == "(?=":
            return self._looked_at(node)
        if opening == "(?!":
            looked_at = self._looked_at(node)
            return Before(Complement(looked_at.chars), not looked_at.at_end)
        if opening == "(?>":
            return self._atomic(node)
        return node

    def _looked_at(self, node: Node) -> Before:
        """Return a look-ahead at ``node``."""
        parts = node.parts if isinstance(node, Alternation) else (node,)
        sets: list[CharSet] = []
        at_end = False
        for part in parts:
            if not isinstance(part, (Character, Before)):
                raise self._unsupported("a look-ahead at more than one character")
            sets.append(part.chars)
            at_end |= isinstance(part, Before) and part.at_end
        return Before(Union(tuple(sets)), at_end)

    def _atomic(self, node: Node) -> Node:
        """Return an atomic group, which is a possessive repetition of one character."""
        if isinstance(node, Character):
            return node
        if isinstance(node, Repetition) and isinstance(node.part, Character) and not node.lazy:
            if node.most is None or (node.least, node.most) == (0, 1):
                return possessive(node.part.chars, node.least, node.most)
        raise self._unsupported("an atomic group of more than one character")

    def _folded(self, chars: CharSet) -> CharSet:
        """Return the characters that match ``chars``, which may ignore case."""
        if not self._ignores_case:
            return chars
        codes = _ascii_codes(chars)
        if codes is None:
            raise self._unsupported("a class or a character beyond ASCII that ignores case")
        letters = [chr(code) for code in codes if chr(code).isalpha()]
        others = tuple((code, code) for code in codes if not chr(code).isalpha())
        return Union((Ranges(others), *(Queried(f"(?i:{letter.lower()})") for letter in letters)))


def _limits(match: re.Match[str]) -> tuple[int, int | None]:
    if match[1] is not None:
        return int(match[1] == "+"), 1 if match[1] == "?" else None
    least = int(match[2] or 0)
    if not match[3]:
        return least, least
    return least, int(match[4]) if match[4] else None


def _ascii_codes(chars: CharSet) -> list[int] | None:
    """Return the code points of a set of ASCII characters that are written one by one or as ranges."""
    if isinstance(chars, Ranges):
        if any(high >= _ASCII for _, high in chars.ranges):
            return None
        return [code for low, high in chars.ranges for code in range(low, high + 1)]
    if isinstance(chars, Union):
        parts = [_ascii_codes(part) for part in chars.sets]
        return None if None in parts else sorted({code for part in parts for code in part or []})
    return None


def _is_usual(match: re.Match[str], node: Node, least: int, most: int | None) -> bool:
    """Return whether a quantifier of ``node`` has the same meaning in an automaton."""
    if match[0] in ("{}", "{,}") or least > (least if most is None else most) or max(least, most or 0) > _MAX_REPEATS:
        return False
    if isinstance(node, Repetition) and node.lazy:
        return False
    return most == 1 or not is_nullable(node)


def _adjacent_letters(parts: list[Node]) -> set[str]:
    """Return the pairs of letters that the concatenation of ``parts`` may match one after the other."""
    letters = [sorted({letter for chars in matched_sets(part) for letter in _members(chars)}) for part in parts]
    pairs = [*pairwise(letters), *((own, own) for part, own in zip(parts, letters, strict=True) if _repeats(part))]
    return {first + second for before, after in pairs for first, second in product(before, after)}


def _repeats(part: Node) -> bool:
    return isinstance(part, Repetition) and (part.most is None or part.most > 1)


def _members(chars: CharSet) -> Iterator[str]:
    if isinstance(chars, Union):
        for part in chars.sets:
            yield from _members(part)
    elif isinstance(chars, Queried) and chars.expression.startswith("(?i:"):
        yield chars.expression[4]
