"""The components of a ``tokenizer.json`` that look at one character at a time.

Such a normalizer is queried for the result of each character. Such a pre-tokenizer is queried for whether it splits
between two characters. The type of a component tells whether it is one of these (`tokenizers`,
`tokenizers/src/normalizers` and `src/pre_tokenizers`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tokemb.engine.character_sets import CODES, CharacterSet, changed_characters, matching_characters
from tokemb.engine.joining_characters import composing_characters, is_mark, joining_characters
from tokemb.engine.regex_classes import ClassRun, alternatives, between_look_arounds, one_character
from tokemb.vocabulary.tokenizer_json import BLANK, steps, tokenizer_of
from tokemb.vocabulary.tokenizers_library import Normalizer, PreTokenizer, Regex, pre_tokenizers

Component = dict[str, Any]

# No character below this one but "\r" joins or combines with the one before it, or is reordered.
_FIRST_COMBINING = "\u0300"
# The behaviours of Split and Punctuation that split between differing neighbours, regardless of the characters around.
_LOCAL = ("removed", "isolated", "contiguous")


class UnprovableError(Exception):
    """A component may look at more than one character. The message names it."""


@dataclass(frozen=True)
class Step:
    """One step of a normalizer.

    Attributes:
        of_character: A function from one character to its normalization, or to ``None`` if that depends on the
            neighbours.
        normalize: A function from a text to its normalization.
        changed: Returns the characters that the step may change.
        dependent: Returns the characters whose normalization depends on the neighbours.
        reorders: Whether the normalization of a character also depends on the neighbours if it begins with a mark.
        collapsed: A character of which the step leaves one of several in a row, if there is one.
    """

    of_character: Callable[[str], str | None]
    normalize: Callable[[str], str]
    changed: Callable[[], CharacterSet]
    dependent: Callable[[], CharacterSet]
    reorders: bool = False
    collapsed: str = ""


@dataclass(frozen=True)
class NeighborSplit:
    """A pre-tokenizer that splits between any two neighbours by comparing only these two.

    Attributes:
        pre_tokenizer: The pre-tokenizer.
        groups: For each regular expression in it, the alternatives.
        rest: The pre-tokenizers that are applied to each pre-token afterwards.
        isolates: Whether every character is a pre-token of its own.
    """

    pre_tokenizer: PreTokenizer
    groups: tuple[tuple[ClassRun, ...], ...]
    rest: tuple[Component, ...]
    isolates: bool = False


def normalizer_steps(component: Component | None) -> list[Step]:
    """Return the steps of a normalizer.

    Raises:
        UnprovableError: If it may look at more than one character.
    """
    return [_step(part) for part in steps(component, "normalizers")]


def replaced_texts(component: Component | None) -> tuple[list[str], Component | None]:
    """Return the texts of several characters that a normalizer replaces first, and its further steps.

    For a text that contains none of them, the further steps give the result of the whole normalizer.
    """
    parts = list(steps(component, "normalizers"))
    texts: list[str] = []
    for part in parts:
        text: str = part["pattern"].get("String", "") if part["type"] == "Replace" else ""
        if len(text) < 2:  # the replacement of one character does not look at others
            break
        texts.append(text)
    return texts, {"type": "Sequence", "normalizers": parts[len(texts) :]} if texts else component


def _step(component: Component) -> Step:
    kind, normalizer = component["type"], _normalizer(component)
    normalize: Callable[[str], str] = normalizer.normalize_str
    if kind in ("Lowercase", "StripAccents", "Nmt"):
        return Step(normalize, normalize, lambda: changed_characters(normalize), _none)
    if kind == "BertNormalizer":
        strips = component["strip_accents"]
        if not (component["lowercase"] if strips is None else strips):
            return Step(normalize, normalize, lambda: changed_characters(normalize), _none)
        # Decomposition sorts marks. Those that are left may be in another order than in the text.
        of_character = _none_if(normalizer, is_mark)
        return Step(of_character, normalize, lambda: changed_characters(normalize), _none, reorders=True)
    if kind in ("NFC", "NFD", "NFKC", "NFKD", "Precompiled"):
        dependent, first = (joining_characters, "\r") if kind == "Precompiled" else (composing_characters, "")

        def is_dependent(character: str) -> bool:  # the set is loaded for characters from U+0300 on only
            return bool(dependent()[ord(character)]) if character >= _FIRST_COMBINING else character == first

        return Step(
            lambda character: None if is_dependent(character) else normalize(character),
            normalize,
            lambda: changed_characters(normalize, dependent()) & ~dependent(),
            dependent,
        )
    if kind == "Replace":
        return _replace_step(component, normalize)
    raise UnprovableError(f"the normalizer {kind} looks at more than one character")


def _replace_step(component: Component, normalize: Callable[[str], str]) -> Step:
    pattern: str = component["pattern"].get("String") or component["pattern"].get("Regex") or ""
    if "String" in component["pattern"]:
        if len(pattern) == 1:
            return Step(normalize, normalize, lambda: _only(pattern), _none)
        if pattern:  # a match requires its first character
            first = pattern[0]
            return Step(
                lambda character: None if character == first else character, normalize, _none, lambda: _only(first)
            )
    elif len(component["content"]) == 1 and pattern == component["content"] + "{2,}" and not pattern[0].strip():
        return Step(lambda character: character, lambda text: text, _none, _none, collapsed=pattern[0])
    elif one_character(pattern):
        return Step(normalize, normalize, lambda: matching_characters(pattern), _none)
    elif len(component["content"]) <= 1 and pattern.endswith("+") and one_character(pattern[:-1]):
        characters = pattern[:-1]
        of_each = _normalizer({**component, "pattern": {"Regex": characters}}).normalize_str
        return Step(of_each, of_each, lambda: matching_characters(characters), _none, collapsed=component["content"])
    elif (replaced := between_look_arounds(pattern)) is not None:
        return Step(
            lambda character: None if _matches(replaced, character) else character,
            normalize,
            _none,
            lambda: matching_characters(replaced),
        )
    raise UnprovableError(f"the normalizer Replace looks at more than one character: {pattern!r}")


def check_collapsed(steps: Sequence[Step], is_separator: Callable[[str], bool], tokens: Sequence[str]) -> None:
    """Check that the number of collapsed characters does not matter, since all of them separate pre-tokens.

    Args:
        steps: The steps of the normalizer.
        is_separator: Whether a character of the normalized text is in no pre-token.
        tokens: The added tokens that are matched in the normalized text.

    Raises:
        UnprovableError: If it may matter.
    """
    for index, step in enumerate(steps):
        if not step.collapsed:
            continue
        character, later_steps = step.collapsed, steps[index + 1 :]
        is_kept = all(later.of_character(character) == character for later in later_steps)
        if not is_kept or not is_separator(character) or any(character in token for token in tokens):
            raise UnprovableError(f"the normalizer Replace looks at more than one character: {character!r}")


def _none() -> CharacterSet:
    return np.zeros(CODES, np.bool_)


def _only(character: str) -> CharacterSet:
    return np.arange(CODES) == ord(character)


def _none_if(normalizer: Normalizer, depends: Callable[[str], bool]) -> Callable[[str], str | None]:
    """Return a function from a character to its normalization, or to ``None`` if ``depends`` holds for its start."""

    def of_character(character: str) -> str | None:
        text = normalizer.normalize_str(character)
        return None if depends(text[:1]) else text

    return of_character


def neighbor_split(component: Component | None) -> NeighborSplit:
    """Return the part of a pre-tokenizer that splits between neighbours, and the rest.

    Raises:
        UnprovableError: If it does not begin with such a part.
    """
    if component is None:
        raise UnprovableError("without a pre-tokenizer the whole text is one pre-token")
    parts = list(steps(component, "pretokenizers"))
    groups = []
    for part in parts:
        group = _group(part)
        if group is None:
            break
        groups.append(group)
        if any(alternative.joined_by for alternative in group):
            break  # three characters decide whether runs are joined, so no other pre-tokenizer may split there
    if not groups:
        first = parts[0]["type"] if parts else "nothing"
        raise UnprovableError(
            f"the pre-tokenizer begins with {first}, which does not split by comparing two neighbouring characters"
        )
    if any(alternative.joined_by for alternative in groups[-1]) and len(groups) > 1:
        raise UnprovableError("the pre-tokenizer joins runs of characters after another split")
    rest = parts[len(groups) :]
    for part in rest:
        if part["type"] == "Metaspace" and getattr(_pre_tokenizer(part), "prepend_scheme", "first") == "first":
            raise UnprovableError("the result of the pre-tokenizer Metaspace depends on positions in the text")
    isolates, split = all(map(_isolates, parts[: len(groups)])), _sequence(parts[: len(groups)])
    return NeighborSplit(split, tuple(map(tuple, groups)), tuple(rest), isolates)


def _isolates(component: Component) -> bool:
    """Return whether a pre-tokenizer makes every character a pre-token."""
    is_split = component["type"] == "Split" and component["behavior"].lower() == "isolated"
    return is_split and component["pattern"].get("String") == ""


def _group(component: Component) -> list[ClassRun] | None:
    """Return the alternatives of a pre-tokenizer that splits between neighbours, otherwise ``None``.

    The list is empty if the pre-tokenizer is not a regular expression.
    """
    kind = component["type"]
    if kind in ("Whitespace", "WhitespaceSplit", "BertPreTokenizer", "CharDelimiterSplit", "Digits"):
        return []
    if kind == "Punctuation":
        return [] if component["behavior"].lower() in _LOCAL else None
    if kind != "Split":
        return None
    behavior, invert = component["behavior"].lower(), component["invert"]
    if behavior not in (("removed",) if invert else _LOCAL):
        return None
    if "String" in component["pattern"]:
        return [] if len(component["pattern"]["String"]) <= 1 and not invert else None
    group = alternatives(component["pattern"]["Regex"])
    if group and not invert and any(alternative.joined_by for alternative in group):
        return None
    return group


def overlaps(groups: Sequence[Sequence[ClassRun]], character: str) -> bool:
    """Return whether ``character`` is in two alternatives of one expression, so that their order matters."""
    return any(
        sum(
            _matches(expression, character)
            for alternative in group
            for expression in (alternative.characters, alternative.joined_by)
            if expression is not None
        )
        > 1
        for group in groups
        if len(group) > 1 or any(alternative.joined_by for alternative in group)
    )


def first_match(expression: str) -> str | None:
    """Return the first character that an expression for one character matches, or ``None``."""
    characters = (chr(code) for code in range(CODES) if not 0xD800 <= code < 0xE000)
    return next((character for character in characters if _matches(expression, character)), None)


@cache
def _matcher(expression: str) -> PreTokenizer:
    return pre_tokenizers.Split(Regex(expression), "removed")


def _matches(expression: str, character: str) -> bool:
    return not _matcher(expression).pre_tokenize_str(character)


def _normalizer(component: Component) -> Normalizer:
    return tokenizer_of({**BLANK, "normalizer": component}).normalizer


def _pre_tokenizer(component: Component) -> PreTokenizer:
    return tokenizer_of({**BLANK, "pre_tokenizer": component}).pre_tokenizer


def _sequence(parts: Sequence[Component]) -> PreTokenizer:
    return _pre_tokenizer({"type": "Sequence", "pretokenizers": list(parts)})
