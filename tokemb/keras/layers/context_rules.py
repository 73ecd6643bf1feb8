"""Rules for characters whose normalization depends on other characters.

``final sigma``: a capital sigma at the end of a word becomes ς. A word contains a cased letter, and marks and
apostrophes are ignored. ``mark order``: marks after a letter are put into canonical order. The characters that matter
are found by querying the normalizer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

from tokemb.engine.character_sets import is_reordered
from tokemb.engine.components import UnprovableError
from tokemb.kernels.structs import PAGE

FINAL_SIGMA, MARK_ORDER = "final sigma", "mark order"

SIGMA, SMALL_FINAL_SIGMA = "Σ", "ς"
# The contexts of FINAL_SIGMA. 0 is any other character.
CASED, IGNORED = 1, 2
# The context of a character that ends a sequence of marks. The other contexts of MARK_ORDER are 0 for a character that
# vanishes, and the position of a mark in the canonical order.
RESETS_ORDER = 255

# Lines per query. The normalizer looks back from every sigma to the start of the text, so the text must be short.
_LINES = 16

Normalize = Callable[[str], str]


class ContextRule(Protocol):
    """A rule with a ``name``."""

    name: str

    def contexts(self, number: int, page: Sequence[str] | None) -> Sequence[Sequence[int]]:
        """Return the contexts of the characters of a page.

        Args:
            number: The number of the page.
            page: The normalized text of each character alone. ``None`` if no character changes or is a mark.

        Returns:
            For each character, the contexts of the characters of its normalized text, and one context if the text is
            empty. Contexts that are not listed are 0.
        """


def context_rule(normalize: Normalize, dependent: Sequence[str]) -> ContextRule:
    """Return the rule by which ``normalize`` treats some characters.

    Args:
        normalize: The normalizer.
        dependent: The characters whose normalization depends on others.

    Raises:
        UnprovableError: If there is no such rule.
    """
    if not dependent:
        return _NoRule()
    if list(dependent) == [SIGMA] and normalize(f"a{SIGMA}") == f"a{SMALL_FINAL_SIGMA}":
        return _FinalSigma(normalize)
    marks = sorted({mark for character in dependent for mark in normalize(character) if is_reordered(mark)})
    if marks and all(normalize(mark) == mark for mark in marks):
        return _MarkOrder(normalize, marks)
    raise UnprovableError(f"the normalization of U+{ord(dependent[0]):04X} depends on the characters around it")


class _NoRule:
    name = ""

    def contexts(self, number: int, page: Sequence[str] | None) -> Sequence[Sequence[int]]:
        return [()] * PAGE


class _FinalSigma:
    name = FINAL_SIGMA

    def __init__(self, normalize: Normalize) -> None:
        self._normalize = normalize

    def contexts(self, number: int, page: Sequence[str] | None) -> Sequence[Sequence[int]]:
        cased, cased_or_ignored = (self._makes_final(number, prefix) for prefix in ("", "a"))
        return [
            (CASED if is_cased else IGNORED if is_either else 0,)
            for is_cased, is_either in zip(cased, cased_or_ignored, strict=True)
        ]

    def _makes_final(self, number: int, prefix: str) -> list[bool]:
        """Return for each character of a page whether a sigma after ``prefix`` and the character is final."""
        sigmas: list[str] = []
        for first in range(number * PAGE, (number + 1) * PAGE, _LINES):
            lines = "".join(f"{prefix}{chr(code)}{SIGMA}\n" for code in range(first, first + _LINES))
            sigmas += re.findall(r"([σς])\n", self._normalize(lines))
        return [sigma == SMALL_FINAL_SIGMA for sigma in sigmas]


class _MarkOrder:
    name = MARK_ORDER

    def __init__(self, normalize: Normalize, marks: Sequence[str]) -> None:
        self._normalize = normalize
        # The number of marks that each mark is moved behind.
        moves = {
            mark: sum(normalize(mark + other) == other + mark != mark + other for other in marks) for mark in marks
        }
        ranks = sorted(set(moves.values()))
        if len(ranks) >= RESETS_ORDER:
            raise UnprovableError(f"the order of marks has {len(ranks)} positions")
        self._positions = {mark: ranks.index(count) + 1 for mark, count in moves.items()}

    @cached_property
    def _first_and_last_mark(self) -> tuple[str, str]:
        return min(self._positions, key=self._positions.__getitem__), max(
            self._positions, key=self._positions.__getitem__
        )

    def contexts(self, number: int, page: Sequence[str] | None) -> Sequence[Sequence[int]]:
        if page is None:
            return [(RESETS_ORDER,)] * PAGE
        return [
            [self._positions.get(part, RESETS_ORDER) for part in text]
            or [self._context_of_vanishing(chr(number * PAGE + index))]
            for index, text in enumerate(page)
        ]

    def _context_of_vanishing(self, character: str) -> int:
        """Return the context of a character that vanishes, before or after the marks are put in order."""
        first, last = self._first_and_last_mark
        return RESETS_ORDER if self._normalize(last + character + first) == last + first else 0
