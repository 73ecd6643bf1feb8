"""The normalization and class of every Unicode character, as arrays for programs that cannot query `tokenizers`.

The tables of the scanner describe the characters whose normalization does not depend on others. This module adds rules
for the other characters.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tokemb._arrays import Int32, UInt8
from tokemb.engine.char_table import CharTable
from tokemb.engine.components import UnprovableError
from tokemb.engine.scan_plan import char_table_of
from tokemb.keras.layers.context_rules import ContextRule, context_rule
from tokemb.kernels.structs import NEEDS_REFERENCE, PAGE, PAGES, TAIL, UNCHANGED
from tokemb.vocabulary.tokenizer_json import BLANK, tokenizer_of

# The class of an entry without a character.
NOTHING = TAIL
_SURROGATES = range(0xD800 // PAGE, 0xE000 // PAGE)


class UnicodeTable(NamedTuple):
    """The normalized text of each character, at most ``length`` characters, and their classes.

    Attributes:
        page_of: The number of each page, int32 ``(PAGES,)``. Equal pages have the same number.
        becomes: The normalized characters, int32 ``(pages * PAGE, length)``, as code point differences.
        classes: Their classes, uint8 ``(pages * PAGE, length)``. ``NOTHING`` fills the rest.
        contexts: Their contexts for ``rule``, uint8 ``(pages * PAGE, length)``.
        rule: The name of the rule for characters that depend on others (``context_rules``). ``""`` if there are none.
    """

    page_of: Int32
    becomes: Int32
    classes: UInt8
    contexts: UInt8
    rule: str


@lru_cache(8)
def unicode_table(normalizer: str, pre_tokenizer: str) -> UnicodeTable:
    """Make the table of a profile, which takes a second or two.

    Args:
        normalizer: The normalizer of the ``tokenizer.json``, as JSON.
        pre_tokenizer: The pre-tokenizer, as JSON.

    Raises:
        UnprovableError: If the normalization of a character depends on others in a way that no rule describes.
    """
    component = json.loads(normalizer)
    char_table = char_table_of(normalizer, pre_tokenizer)
    normalize = _identity
    if component is not None:
        normalize = tokenizer_of({**BLANK, "normalizer": component}).normalizer.normalize_str
    char_table.query_tokenizers(range(PAGES))
    pages, dependent = _Pages(char_table, normalize), []
    for number in range(PAGES):
        dependent += pages.add(number)
    rule = context_rule(normalize, dependent)
    return pages.arrays(rule)


def _identity(text: str) -> str:
    return text


class _Pages:
    def __init__(self, char_table: CharTable, normalize: Callable[[str], str]) -> None:
        self._char_table = char_table
        self._normalize = normalize
        # The normalized text of each character of a page, or one class if normalization changes none of them.
        self._pages: list[list[str] | int] = []

    def add(self, number: int) -> list[str]:
        """Add a page. Return the characters in it that depend on their neighbours."""
        if number in _SURROGATES:  # texts contain no surrogates
            self._pages.append([""] * PAGE)
            return []
        table = self._char_table.table
        entries = slice(int(table.page_of[number]) * PAGE, (int(table.page_of[number]) + 1) * PAGE)
        flags, starts = table.flags[entries], table.starts[entries]
        if (flags == UNCHANGED).all() and len(classes := np.unique(table.classes[starts])) == 1:
            self._pages.append(int(classes[0]))
            return []
        characters = [chr(code) for code in range(number * PAGE, (number + 1) * PAGE)]
        # The text of a dependent character is the normalized text of the character alone.
        self._pages.append([self._normalize(character) for character in characters])
        return [character for character, flag in zip(characters, flags, strict=True) if flag & NEEDS_REFERENCE]

    def arrays(self, rule: ContextRule) -> UnicodeTable:
        length = max(1, *(len(text) for page in self._pages if not isinstance(page, int) for text in page))
        page_of = np.zeros(PAGES, np.int32)
        number_of_content: dict[bytes, int] = {}
        distinct: list[tuple[Int32, UInt8, UInt8]] = []
        for number, page in enumerate(self._pages):
            becomes = np.zeros((PAGE, length), np.int32)
            classes = np.full((PAGE, length), NOTHING, np.uint8)
            if isinstance(page, int):
                classes[:, 0] = page
            else:
                self._fill(number, page, becomes, classes)
            contexts = np.zeros((PAGE, length), np.uint8)
            if number not in _SURROGATES:
                page_contexts = rule.contexts(number, None if isinstance(page, int) else page)
                for index, values in enumerate(page_contexts):
                    contexts[index, : len(values)] = values
            content = becomes.tobytes() + classes.tobytes() + contexts.tobytes()
            if content not in number_of_content:
                number_of_content[content] = len(distinct)
                distinct.append((becomes, classes, contexts))
            page_of[number] = number_of_content[content]
        all_becomes, all_classes, all_contexts = map(np.concatenate, zip(*distinct, strict=True))
        return UnicodeTable(page_of, all_becomes, all_classes, all_contexts, rule.name)

    def _fill(self, number: int, page: list[str], becomes: Int32, classes: UInt8) -> None:
        for index, text in enumerate(page):
            for position, character in enumerate(text):
                char_class = self._char_table.class_of(character)
                if char_class is None:
                    raise UnprovableError(
                        f"the pre-tokenization at U+{ord(character):04X} depends on more than adjacent characters"
                    )
                classes[index, position] = char_class
                if char_class:  # characters of class 0 are dropped
                    becomes[index, position] = ord(character) - (number * PAGE + index)
