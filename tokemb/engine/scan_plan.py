"""Whether the scanner supports a tokenizer, and what it needs for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tokenizers import Tokenizer

from tokemb.engine.char_table import CharTable
from tokemb.engine.components import Component, UnprovableError, check_collapsed, neighbor_split, normalizer_steps
from tokemb.vocabulary.tokenizer_json import BLANK, TokenizerJson, tokenizer_of

# The reference finds more added tokens than this faster.
_MAX_NORMALIZED = 32


@dataclass(frozen=True)
class ScanPlan:
    """What the scanner needs for a tokenizer.

    Attributes:
        char_table: The tables of the characters.
        strips: Whether an added token may include the white space before it.
        is_lookup: Whether pre-tokens are words of the vocabulary.
    """

    char_table: CharTable
    strips: bool
    is_lookup: bool


def scan_plan(specification: TokenizerJson, model: str) -> ScanPlan | str:
    """Return what the scanner needs for a ``tokenizer.json``, or why it does not support it.

    Args:
        specification: The content of the ``tokenizer.json``.
        model: The type of its model.
    """
    if specification["model"].get("dropout"):
        return "its model skips merges at random (dropout)"
    normalizer, pre_tokenizer = (specification.get(key) for key in ("normalizer", "pre_tokenizer"))
    tokens: dict[bool, list[str]] = {False: [], True: []}
    for token in specification.get("added_tokens") or []:
        if token["content"]:
            tokens[bool(token["normalized"])].append(token["content"])
    if len(tokens[True]) > _MAX_NORMALIZED:
        return f"it matches {len(tokens[True])} added tokens in the normalized text, more than {_MAX_NORMALIZED}"
    try:
        char_table = char_table_of(
            json.dumps(normalizer), json.dumps(pre_tokenizer), tuple(tokens[False]), tuple(tokens[True])
        )
    except UnprovableError as reason:
        return str(reason)
    strips = any(token.get("lstrip") for token in specification.get("added_tokens") or [])
    return ScanPlan(char_table, strips, model == "WordLevel" and not char_table.neighbor_split.rest)


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
    component: dict[str, Any] | None = json.loads(normalizer)
    steps = normalizer_steps(component)
    if component is not None:
        whole = tokenizer_of({**BLANK, "normalizer": component}).normalizer
        normalized_tokens = tuple(filter(None, map(whole.normalize_str, normalized_tokens)))
    char_table = CharTable(steps, neighbor_split(json.loads(pre_tokenizer)), tokens, normalized_tokens)
    check_collapsed(steps, lambda character: char_table.class_of(character) == 0, normalized_tokens)
    return char_table


def pretoken_tokenizer(specification: TokenizerJson, rest: Sequence[Component]) -> Tokenizer:
    """Return the tokenizer of pre-tokens: the ``rest`` of the pre-tokenizer and the model."""
    pre_tokenizer = {"type": "Sequence", "pretokenizers": list(rest)} if rest else None
    return tokenizer_of({**BLANK, "model": specification["model"], "pre_tokenizer": pre_tokenizer})
