"""The tables of a pre-tokenizer that splits text at the matches of regular expressions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import groupby
from os.path import commonprefix
from typing import Literal

import numpy as np

from tokemb._arrays import UInt8
from tokemb.engine.char_table import CharTable
from tokemb.engine.components import (
    Component,
    UnprovableError,
    check_collapsed,
    neighbor_split,
    normalizer_steps,
)
from tokemb.engine.joining_characters import composition_classes
from tokemb.engine.pattern_automata import compile_automata
from tokemb.engine.pattern_nodes import matched_sets
from tokemb.engine.pattern_sets import breakpoints, contains
from tokemb.engine.pattern_split import pattern_plan
from tokemb.kernels.structs import (
    COMPOSED,
    NORMALIZED_BY_TABLE,
    PAGES,
    UNLESS_COMPOSED,
    UNNORMALIZED,
    Automata,
    PatternTables,
    Table,
    Tokens,
)
from tokemb.vocabulary.tokenizer_json import steps

_NO_BYTES = np.zeros(0, np.uint8)
# The pre-tokenizer of the table of characters, which only normalizes.
_EACH = {"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated", "invert": False}


class PatternTable:
    """The automata of a pre-tokenizer and the tables of the normalizer.

    Attributes:
        method: How the text is split.
        by_automata: Whether automata split it.
        rest: The components that are applied to each pre-token afterwards.
    """

    method = "by automata of regular expressions"
    by_automata: Literal[True] = True

    def __init__(
        self,
        normalizer: Component | None,
        pre_tokenizer: Component | None,
        tokens: Sequence[str] = (),
        normal_tokens: Sequence[str] = (),
    ) -> None:
        """Parse the expressions. They are compiled when they are needed for the first time.

        Args:
            normalizer: The normalizer.
            pre_tokenizer: The pre-tokenizer.
            tokens: The added tokens that are matched before normalization.
            normal_tokens: The added tokens that are matched after normalization.

        Raises:
            UnprovableError: If an automaton cannot represent an expression, or if a normalizer may look at more than
                one character.
        """
        self._plan = pattern_plan(pre_tokenizer)
        self.rest = self._plan.rest
        self._tokens, self._normal_tokens = tokens, normal_tokens
        kinds = [part["type"] for part in steps(normalizer, "normalizers")]
        self._char_table: CharTable | None = None
        self._normalization = UNLESS_COMPOSED if kinds == ["NFC"] else UNNORMALIZED
        if kinds and kinds != ["NFC"]:
            self._normalization = NORMALIZED_BY_TABLE
            character_steps = normalizer_steps(normalizer)
            check_collapsed(character_steps, self._is_separator, normal_tokens)
            self._char_table = CharTable(
                character_steps, neighbor_split(_EACH), json.dumps(normalizer), tokens, normal_tokens
            )

    @cached_property
    def reason_unprovable(self) -> str | None:
        """The reason why the expressions cannot be compiled, or ``None`` if they can."""
        try:
            self._automata  # noqa: B018 - compiles them
        except UnprovableError as reason:
            return str(reason)
        return None

    @property
    def growth(self) -> int:
        """The maximum number of bytes that normalization makes of one byte."""
        return 1 if self._char_table is None else self._char_table.growth

    @property
    def adds_space(self) -> bool:
        """Whether a space is added to texts that do not begin with one."""
        return self._plan.adds_space

    @property
    def tables(self) -> PatternTables:
        """The arrays for the kernel, with the characters that were queried so far."""
        return PatternTables(
            self._automata,
            _NO_TABLE if self._char_table is None else self._char_table.table,
            self._normalization,
            self._composition,
            int(self.adds_space),
            _encode(self._tokens),
            _encode(self._normal_tokens),
        )

    def query_tokenizers(self, pages: Iterable[int]) -> None:
        """Add pages of 256 characters to the table if they are not in it."""
        if self._char_table is not None:
            self._char_table.query_tokenizers(pages)

    def reason_for_reference(self, text: str) -> str | None:
        """Return why only the reference can encode ``text``, or ``None`` if the scanner can."""
        if self._char_table is not None:
            return self._char_table.reason_for_reference(text)
        if self._normalization == UNLESS_COMPOSED and self._may_be_composed(text):
            return "the normalizer NFC may change characters of the text together with others"
        contained = (token for token in (*self._tokens, *self._normal_tokens) if token in text)
        return next((f"the text contains the added token {token!r}" for token in contained), None)

    def _is_separator(self, character: str) -> bool:
        """Return whether no match contains ``character``, and the texts between matches are dropped."""
        split = self._plan.splits[0]
        code = np.array([ord(character)], np.int32)
        is_matched = any(contains(breakpoints(chars), code).any() for chars in matched_sets(split.node))
        return not split.keeps_others and not is_matched

    def _may_be_composed(self, text: str) -> bool:
        classes = self._composition[[ord(character) for character in text]]
        return bool((classes & COMPOSED).any() or (classes[1:] & classes[:-1]).any())

    @cached_property
    def _automata(self) -> Automata:
        return compile_automata(self._plan.splits)

    @cached_property
    def _composition(self) -> UInt8:
        return composition_classes() if self._normalization == UNLESS_COMPOSED else _NO_BYTES


# A table without characters.
_NO_TABLE = Table(
    np.zeros((0, 3), np.uint8),
    np.zeros(2, np.uint8),
    np.full(PAGES, -1, np.int32),
    np.zeros(1, np.int32),
    _NO_BYTES,
    _NO_BYTES,
    _NO_BYTES,
    _NO_BYTES,
    np.zeros(1, np.int32),
    _NO_BYTES,
    np.zeros(1, np.int32),
)


def _encode(tokens: Sequence[str]) -> Tokens:
    encoded = sorted(token.encode() for token in tokens)
    groups = []
    for _, group in groupby(range(len(encoded)), lambda number: encoded[number][0]):
        numbers = list(group)
        first, last = numbers[0], numbers[-1]
        # The tokens are sorted, so all of a group begin with what its first and its last one begin with.
        groups.append((first, last + 1, len(commonprefix([encoded[first], encoded[last]]))))
    return Tokens(
        np.frombuffer(b"".join(encoded), np.uint8),
        np.cumsum([0, *map(len, encoded)], dtype=np.int32),
        np.array([encoded[first][0] for first, _, _ in groups], np.uint8),
        np.array(groups, np.int32).reshape(-1, 3),
    )
