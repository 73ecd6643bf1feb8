"""The normalization and class of every Unicode character, as arrays for programs that cannot query `tokenizers`.

The tables of the scanner grow by a page of 256 characters when a text contains one of them. This module queries all
pages, which is fast because most pages have characters of a single class.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tokemb.engine.char_table import CharTable
from tokemb.engine.components import UnprovableError
from tokemb.engine.scan_plan import char_table_of
from tokemb.keras.layers.context_rules import ContextRule, context_rule
from tokemb.kernels.structs import ALONE, KEPT, NEEDS_REFERENCE, PAGE, PAGES, TAIL, Int32, UInt8
from tokemb.vocabulary.tokenizer_json import BLANK, tokenizer_of
from tokemb.vocabulary.tokenizers_library import normalizers

# The class of an entry without a character.
NOTHING = TAIL
_SURROGATES = range(0xD800 // PAGE, 0xE000 // PAGE)
# The first and the last mark in canonical order.
_FIRST_MARK, _LAST_MARK = "\u0334", "\u0345"


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
        """Query a page. Return the characters in it that depend on their neighbours."""
        if number in _SURROGATES:  # texts contain no surrogates
            self._pages.append([""] * PAGE)
            return []
        characters = [chr(code) for code in range(number * PAGE, (number + 1) * PAGE)]
        common_class = self._common_class(characters)
        if common_class is not None:
            self._pages.append(common_class)
            return []
        self._char_table.query_tokenizers([number])
        table = self._char_table.table
        entry = int(table.page_of[number]) * PAGE
        dependent = [
            character
            for character, flag in zip(characters, table.flags[entry : entry + PAGE], strict=True)
            if flag & NEEDS_REFERENCE
        ]
        # The text of a dependent character is the normalized text of the character alone.
        self._pages.append([self._normalize(character) for character in characters])
        return dependent

    def _common_class(self, characters: list[str]) -> int | None:
        """Return the class of all ``characters`` if they have a single one and normalization never changes them."""
        text = "".join(characters)
        if self._normalize(text) != text or _may_change(characters):
            return None
        doubled = "".join(character * 2 for character in characters)
        split = self._char_table.neighbor_split.pre_tokenizer.pre_tokenize_str
        pretokens = split(doubled)
        if len(pretokens) == len(doubled):
            return KEPT | ALONE
        if not pretokens and all(
            len(split(run.join(["", *characters, ""]))) == PAGE + 1 for run in self._char_table.runs
        ):
            return 0
        is_one_run = [pretoken for pretoken, _ in pretokens] == [doubled]
        return self._char_table.class_of(characters[0]) if is_one_run else None

    def arrays(self, rule: ContextRule) -> UnicodeTable:
        length = max(len(text) for page in self._pages if not isinstance(page, int) for text in page)
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


def _may_change(characters: list[str]) -> bool:
    """Return whether normalization may decompose or reorder one of ``characters``."""
    decompose = normalizers.NFD().normalize_str
    texts = ("".join(mark.join(["", *characters, ""])) for mark in (_FIRST_MARK, _LAST_MARK))
    return any(decompose(text) != text for text in texts)
