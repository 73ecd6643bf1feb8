"""What becomes of some characters depends on others, near or far: the rules that profiles have of that kind.

``final sigma``: a capital sigma that ends a word becomes ς. Letters with case make it one, marks and apostrophes are
passed over. ``mark order``: marks that follow one letter are put in their canonical order. Which characters matter is
found by asking the normalizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

from tokemb.engine.components import UnprovableError, is_reordered
from tokemb.kernels.structs import PAGE

FINAL_SIGMA, MARK_ORDER = "final sigma", "mark order"

SIGMA, SMALL_FINAL_SIGMA = "Σ", "ς"
# What a character is to FINAL_SIGMA, besides 0.
CASED, PASSED_OVER = 1, 2
# What a character is to MARK_ORDER, besides 0, which is nothing, and the place of a mark in the order.
BEGINS_ANEW = 255

# The normalizer looks back from every sigma to the beginning of what it is asked: it is asked little at a time.
_LINES = 16

Normalize = Callable[[str], str]


class ContextRule(Protocol):
    """A rule, by its ``name``."""

    name: str

    def contexts(self, number: int, page: Sequence[str] | None) -> Sequence[Sequence[int]]:
        """What the characters of the page ``number`` are to the rule, those that matter; all others are 0.

        ``page``: what each becomes by itself, ``None`` if each stays as it is and is no mark. A rule of the normalized
        text tells it for each character of that, and one for a character that vanishes.
        """


def context_rule(normalize: Normalize, dependent: Sequence[str]) -> ContextRule:
    """The rule by which ``normalize`` treats the characters ``dependent``; raises ``UnprovableError``."""
    if not dependent:
        return _NoRule()
    if list(dependent) == [SIGMA] and normalize(f"a{SIGMA}") == f"a{SMALL_FINAL_SIGMA}":
        return _FinalSigma(normalize)
    marks = sorted({mark for character in dependent for mark in normalize(character) if is_reordered(mark)})
    if marks and all(normalize(mark) == mark for mark in marks):
        return _MarkOrder(normalize, marks)
    raise UnprovableError(f"what becomes of U+{ord(dependent[0]):04X} depends on the characters around it")


class _NoRule:
    name = ""

    def contexts(self, number: int, page: Sequence[str] | None) -> Sequence[Sequence[int]]:
        return [()] * PAGE


class _FinalSigma:
    name = FINAL_SIGMA

    def __init__(self, normalize: Normalize) -> None:
        self._normalize = normalize

    def contexts(self, number: int, page: Sequence[str] | None) -> Sequence[Sequence[int]]:
        cased, passed_or_cased = (self._makes_final(number, before) for before in ("", "a"))
        return [
            (CASED if makes else PASSED_OVER if lets else 0,)
            for makes, lets in zip(cased, passed_or_cased, strict=True)
        ]

    def _makes_final(self, number: int, before: str) -> list[bool]:
        """Whether a sigma that ends a line after ``before`` and a character is final, for all of a page."""
        found: list[str] = []
        for first in range(number * PAGE, (number + 1) * PAGE, _LINES):
            lines = "".join(f"{before}{chr(code)}{SIGMA}\n" for code in range(first, first + _LINES))
            found += re.findall(r"([σς])\n", self._normalize(lines))
        return [sigma == SMALL_FINAL_SIGMA for sigma in found]


class _MarkOrder:
    name = MARK_ORDER

    def __init__(self, normalize: Normalize, marks: Sequence[str]) -> None:
        self._normalize = normalize
        before = {
            mark: sum(normalize(mark + other) == other + mark != mark + other for other in marks) for mark in marks
        }
        places = sorted(set(before.values()))
        if len(places) >= BEGINS_ANEW:
            raise UnprovableError(f"the order of marks has {len(places)} places")
        self._places = {mark: places.index(count) + 1 for mark, count in before.items()}

    @cached_property
    def _backwards(self) -> tuple[str, str]:
        """Two marks, the one that belongs second first."""
        return max(self._places, key=self._places.__getitem__), min(self._places, key=self._places.__getitem__)

    def contexts(self, number: int, page: Sequence[str] | None) -> Sequence[Sequence[int]]:
        if page is None:
            return [(BEGINS_ANEW,)] * PAGE
        return [
            [self._places.get(part, BEGINS_ANEW) for part in text] or [self._of_nothing(chr(number * PAGE + place))]
            for place, text in enumerate(page)
        ]

    def _of_nothing(self, character: str) -> int:
        """What a character is that vanishes: it may do so before or after marks are put in order."""
        last, first = self._backwards
        return BEGINS_ANEW if self._normalize(last + character + first) == last + first else 0
