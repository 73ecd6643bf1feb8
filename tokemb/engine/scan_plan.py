"""Whether the scanner supports a tokenizer, and what it needs for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tokemb.engine.char_table import CharTable
from tokemb.engine.components import (
    Component,
    UnprovableError,
    check_collapsed,
    neighbor_split,
    normalizer_steps,
    replaced_texts,
)
from tokemb.engine.scan import Splitter
from tokemb.vocabulary.tokenizer_json import BLANK, TokenizerJson, steps, tokenizer_of
from tokemb.vocabulary.tokenizers_library import HAS_COMPONENTS, NO_COMPONENTS, Tokenizer

if TYPE_CHECKING:
    from tokemb.engine.pattern_table import PatternTable

# The reference finds more added tokens than this faster.
_MAX_NORMALIZED = 32


# The pre-tokenizers that an automaton may represent, besides ByteLevel.
_PATTERNS = ("Split", "Digits", "Punctuation")


@dataclass(frozen=True)
class ScanPlan:
    """What the scanner needs for a tokenizer.

    Attributes:
        splitter: The tables of the pre-tokenizer.
        rest: The pre-tokenizers that are applied to each pre-token afterwards.
        strips: Whether an added token may include the white space before it.
        is_lookup: Whether pre-tokens are words of the vocabulary.
    """

    splitter: Splitter
    rest: tuple[Component, ...]
    strips: bool
    is_lookup: bool


def scan_plan(specification: TokenizerJson, model: str) -> ScanPlan | str:
    """Return what the scanner needs for a ``tokenizer.json``, or why it does not support it.

    Args:
        specification: The content of the ``tokenizer.json``.
        model: The type of its model.
    """
    if not HAS_COMPONENTS:
        return NO_COMPONENTS
    if specification["model"].get("dropout"):
        return "its model skips merges at random (dropout)"
    normalizer, pre_tokenizer = (specification.get(key) for key in ("normalizer", "pre_tokenizer"))
    tokens: dict[bool, list[str]] = {False: [], True: []}
    for token in specification.get("added_tokens") or []:
        if token["content"]:
            tokens[bool(token["normalized"])].append(token["content"])
    arguments = json.dumps(normalizer), json.dumps(pre_tokenizer), tuple(tokens[False]), tuple(tokens[True])
    try:
        splitter = _splitter(pre_tokenizer, arguments)
    except UnprovableError as reason:
        return str(reason)
    if splitter.by_automata is True:
        rest = splitter.rest
        if splitter.reason_unprovable is not None:
            return splitter.reason_unprovable
    else:
        rest = splitter.neighbor_split.rest
    strips = any(token.get("lstrip") for token in specification.get("added_tokens") or [])
    return ScanPlan(splitter, rest, strips, model == "WordLevel" and not rest)


def _splitter(
    pre_tokenizer: Component | None, arguments: tuple[str, str, tuple[str, ...], tuple[str, ...]]
) -> Splitter:
    """Return the tables of a pre-tokenizer. Automata are slower, so they split only what comparisons cannot split."""
    parts = list(steps(pre_tokenizer, "pretokenizers"))
    if not parts or not _is_pattern(parts[0]):
        return char_table_of(*arguments)
    try:
        char_table = char_table_of(*arguments)
    except UnprovableError:
        return _pattern_table_of(*arguments)
    if not any(map(_is_pattern, char_table.neighbor_split.rest)):
        return char_table
    try:
        return _pattern_table_of(*arguments)
    except UnprovableError:
        return char_table


def _is_pattern(component: Component) -> bool:
    is_byte_level = component["type"] == "ByteLevel" and component.get("use_regex", True)
    return component["type"] in _PATTERNS or bool(is_byte_level)


@lru_cache(16)
def char_table_of(
    normalizer: str, pre_tokenizer: str, tokens: tuple[str, ...] = (), normalized_tokens: tuple[str, ...] = ()
) -> CharTable:
    """Return the cached tables of components that are given as JSON.

    Args:
        normalizer: The normalizer.
        pre_tokenizer: The pre-tokenizer.
        tokens: The added tokens that are matched before normalization.
        normalized_tokens: The added tokens that are matched after normalization.

    Raises:
        UnprovableError: If a component may look at more than one character.
    """
    if len(normalized_tokens) > _MAX_NORMALIZED:
        raise UnprovableError(
            f"it matches {len(normalized_tokens)} added tokens in the normalized text, more than {_MAX_NORMALIZED}"
        )
    component = json.loads(normalizer)
    normalized_tokens = _normalized(component, normalized_tokens)
    replaced, component = replaced_texts(component)
    character_steps, split = normalizer_steps(component), neighbor_split(json.loads(pre_tokenizer))
    key = f"{json.dumps(component)}\n{pre_tokenizer}"
    char_table = CharTable(character_steps, split, key, tokens, normalized_tokens, replaced)
    check_collapsed(character_steps, lambda character: char_table.class_of(character) == 0, normalized_tokens)
    return char_table


@lru_cache(16)
def _pattern_table_of(
    normalizer: str, pre_tokenizer: str, tokens: tuple[str, ...], normalized_tokens: tuple[str, ...]
) -> PatternTable:
    """Return the cached automata of components, as ``char_table_of``."""
    from tokemb.engine.pattern_table import PatternTable  # slow imports that other pre-tokenizers do not need

    component = json.loads(normalizer)
    return PatternTable(component, json.loads(pre_tokenizer), tokens, _normalized(component, normalized_tokens))


def _normalized(normalizer: Component | None, tokens: Iterable[str]) -> tuple[str, ...]:
    """Return the normalized ``tokens``, without those of which nothing is left."""
    if normalizer is not None:
        tokens = map(tokenizer_of({**BLANK, "normalizer": normalizer}).normalizer.normalize_str, tokens)
    return tuple(filter(None, tokens))


def pretoken_tokenizer(specification: TokenizerJson, rest: Sequence[Component]) -> Tokenizer:
    """Return the tokenizer of pre-tokens: the ``rest`` of the pre-tokenizer and the model."""
    pre_tokenizer = {"type": "Sequence", "pretokenizers": list(rest)} if rest else None
    return tokenizer_of({**BLANK, "model": specification["model"], "pre_tokenizer": pre_tokenizer})
