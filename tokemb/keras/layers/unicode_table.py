"""What becomes of every character there is, as arrays for a program that cannot ask `tokenizers`.

The tables of the scanner grow as characters are met, 256 at a time. Here all are asked, which is quick because most of
Unicode is pages in which one character is like another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from tokenizers import normalizers

from tokemb.engine.char_table import CharTable
from tokemb.engine.components import UnprovableError
from tokemb.engine.scan_plan import char_table_of
from tokemb.keras.layers.context_rules import ContextRule, context_rule
from tokemb.kernels.structs import ALONE, KEPT, NEEDS_REFERENCE, PAGE, PAGES, TAIL, Int32, UInt8
from tokemb.vocabulary.tokenizer_json import BLANK, tokenizer_of

# In place of a class: there is no character here.
NOTHING = TAIL
_SURROGATES = range(0xD800 // PAGE, 0xE000 // PAGE)
# Marks that stand first and last in the order of marks that follow one letter.
_FIRST_MARK, _LAST_MARK = "\u0334", "\u0345"


class UnicodeTable(NamedTuple):
    """What becomes of each character.

    ``page_of``: int32 (PAGES,), the number of a page; pages that are alike have the same.
    ``becomes``: int32 (pages * PAGE, most), the characters that one becomes, as their distance from it.
    ``classes``: uint8 (pages * PAGE, most), their classes, ``NOTHING`` where there are fewer.
    ``contexts``: uint8 (pages * PAGE, most), what the characters are to ``rule``.
    ``rule``: the name of the rule for those that depend on others (``context_rules``), ``""`` if there are none.
    """

    page_of: Int32
    becomes: Int32
    classes: UInt8
    contexts: UInt8
    rule: str


@lru_cache(8)
def unicode_table(normalizer: str, pre_tokenizer: str) -> UnicodeTable:
    """The arrays of these components of a profile, as JSON; a second or two.

    Raises ``UnprovableError`` if what becomes of a character depends on others in a way that no rule describes.
    """
    component = json.loads(normalizer)
    code_points = char_table_of(normalizer, pre_tokenizer)
    normalize = _identity
    if component is not None:
        normalize = tokenizer_of({**BLANK, "normalizer": component}).normalizer.normalize_str
    pages, dependent = _Pages(code_points, normalize), []
    for number in range(PAGES):
        dependent += pages.add(number)
    rule = context_rule(normalize, dependent)
    return pages.arrays(rule)


def _identity(text: str) -> str:
    return text


class _Pages:
    def __init__(self, code_points: CharTable, normalize: Callable[[str], str]) -> None:
        self._code_points = code_points
        self._normalize = normalize
        # What each character of a page becomes, or its class if all have one and stay what they are.
        self._pages: list[list[str] | int] = []

    def add(self, number: int) -> list[str]:
        """Ask about a page; returns the characters in it that depend on those around them."""
        if number in _SURROGATES:  # which no text holds
            self._pages.append([""] * PAGE)
            return []
        characters = [chr(code) for code in range(number * PAGE, (number + 1) * PAGE)]
        alike = self._class_of_all(characters)
        if alike is not None:
            self._pages.append(alike)
            return []
        self._code_points.query_tokenizers([number])
        table = self._code_points.table
        entry = int(table.page_of[number]) * PAGE
        dependent = [
            character
            for character, flag in zip(characters, table.flags[entry : entry + PAGE], strict=True)
            if flag & NEEDS_REFERENCE
        ]
        # Also those: what they become by themselves.
        self._pages.append([self._normalize(character) for character in characters])
        return dependent

    def _class_of_all(self, characters: list[str]) -> int | None:
        """The class of all ``characters`` if it is one, and all stay what they are whatever is around them."""
        text = "".join(characters)
        if self._normalize(text) != text or _is_moved(characters):
            return None
        doubled = "".join(character * 2 for character in characters)
        cut = self._code_points.neighbor_split.pre_tokenizer.pre_tokenize_str
        pieces = cut(doubled)
        if len(pieces) == len(doubled):
            return KEPT | ALONE
        if not pieces and all(len(cut(run.join(["", *characters, ""]))) == PAGE + 1 for run in self._code_points.runs):
            return 0
        return self._code_points.class_of(characters[0]) if [piece for piece, _ in pieces] == [doubled] else None

    def arrays(self, rule: ContextRule) -> UnicodeTable:
        most = max(len(text) for page in self._pages if not isinstance(page, int) for text in page)
        page_of = np.zeros(PAGES, np.int32)
        distinct: dict[bytes, int] = {}
        kept: list[tuple[Int32, UInt8, UInt8]] = []
        for number, page in enumerate(self._pages):
            becomes = np.zeros((PAGE, most), np.int32)
            classes = np.full((PAGE, most), NOTHING, np.uint8)
            if isinstance(page, int):
                classes[:, 0] = page
            else:
                self._fill(number, page, becomes, classes)
            contexts = np.zeros((PAGE, most), np.uint8)
            if number not in _SURROGATES:
                for place, found in enumerate(rule.contexts(number, None if isinstance(page, int) else page)):
                    contexts[place, : len(found)] = found
            content = becomes.tobytes() + classes.tobytes() + contexts.tobytes()
            if content not in distinct:
                distinct[content] = len(kept)
                kept.append((becomes, classes, contexts))
            page_of[number] = distinct[content]
        becomes_of_all, classes_of_all, contexts_of_all = map(np.concatenate, zip(*kept, strict=True))
        return UnicodeTable(page_of, becomes_of_all, classes_of_all, contexts_of_all, rule.name)

    def _fill(self, number: int, page: list[str], becomes: Int32, classes: UInt8) -> None:
        for place, text in enumerate(page):
            for position, character in enumerate(text):
                kind = self._code_points.class_of(character)
                if kind is None:
                    raise UnprovableError(
                        f"where text is cut at U+{ord(character):04X} depends on more than neighbours"
                    )
                classes[place, position] = kind
                if kind:  # of others it does not matter what they are
                    becomes[place, position] = ord(character) - (number * PAGE + place)


def _is_moved(characters: list[str]) -> bool:
    """Whether normalization may decompose one of ``characters``, or move it."""
    decompose = normalizers.NFD().normalize_str
    texts = ("".join(mark.join(["", *characters, ""])) for mark in (_FIRST_MARK, _LAST_MARK))
    return any(decompose(text) != text for text in texts)
