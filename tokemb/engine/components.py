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

from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from tokemb.engine.regex_classes import ClassRun, alternatives, between_look_arounds, one_character
from tokemb.vocabulary.tokenizer_json import BLANK, steps, tokenizer_of

Component = dict[str, Any]

# No character below this one combines with the character before it or is reordered.
_FIRST_COMBINING = "\u0300"
# The behaviours of Split and Punctuation that split between differing neighbours, regardless of the characters around.
_LOCAL = ("removed", "isolated", "contiguous")


class UnprovableError(Exception):
    """A component may look at more than one character. The message names it."""


@dataclass(frozen=True)
class Step:
    """A step of a normalizer.

    Attributes:
        of_character: A function from one character to its normalization, or to ``None`` if that depends on the
            neighbours.
        collapsed: A character of which the step leaves one of several in a row, if there is one.
    """

    of_character: Callable[[str], str | None]
    collapsed: str = ""


@dataclass(frozen=True)
class NeighborSplit:
    """A pre-tokenizer that splits between any two neighbours by comparing only these two.

    Attributes:
        pre_tokenizer: The pre-tokenizer.
        groups: For each regular expression in it, the alternatives.
        rest: The pre-tokenizers that are applied to each pre-token afterwards.
    """

    pre_tokenizer: PreTokenizer
    groups: tuple[tuple[ClassRun, ...], ...]
    rest: tuple[Component, ...]


def normalizer_steps(component: Component | None) -> list[Step]:
    """Return the steps of a normalizer.

    Raises:
        UnprovableError: If it may look at more than one character.
    """
    return [_step(part) for part in steps(component, "normalizers")]


def _step(component: Component) -> Step:
    kind, normalizer = component["type"], _normalizer(component)
    if kind in ("Lowercase", "StripAccents", "Nmt"):
        return Step(normalizer.normalize_str)
    if kind == "BertNormalizer":
        return Step(_none_if(normalizer, is_reordered))
    if kind in ("NFC", "NFD", "NFKC", "NFKD", "Precompiled"):
        # "\r\n" is one user-perceived character, which Precompiled looks up as a whole.
        return Step(lambda character: None if _combines(character) else normalizer.normalize_str(character))
    if kind == "Replace":
        return _replace_step(component, normalizer)
    raise UnprovableError(f"the normalizer {kind} looks at more than one character")


def _replace_step(component: Component, normalizer: Normalizer) -> Step:
    pattern: str = component["pattern"].get("String") or component["pattern"].get("Regex") or ""
    if "String" in component["pattern"]:
        if len(pattern) == 1:
            return Step(normalizer.normalize_str)
        if pattern:  # a match requires its first character
            return Step(lambda character: None if character == pattern[0] else character)
    elif len(component["content"]) == 1 and pattern == component["content"] + "{2,}" and not pattern[0].strip():
        return Step(lambda character: character, collapsed=pattern[0])
    elif one_character(pattern) or (not component["content"] and pattern.endswith("+") and one_character(pattern[:-1])):
        return Step(normalizer.normalize_str)
    elif len(component["content"]) == 1 and pattern.endswith("+") and one_character(pattern[:-1]):
        return Step(normalizer.normalize_str, collapsed=component["content"])
    elif (replaced := between_look_arounds(pattern)) is not None:
        return Step(lambda character: None if _matches(replaced, character) else character)
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


def _none_if(normalizer: Normalizer, depends: Callable[[str], bool]) -> Callable[[str], str | None]:
    def of_character(character: str) -> str | None:
        text = normalizer.normalize_str(character)
        return None if any(map(depends, text)) else text

    return of_character


def _combines(character: str) -> bool:
    return character >= _FIRST_COMBINING or character == "\r"


@cache
def is_reordered(character: str) -> bool:
    """Return whether normalization may swap ``character`` with a neighbour, because its combining class is not zero."""
    first, last = "\u0334", "\u0345"  # characters of the lowest and of the highest combining class
    decompose = normalizers.NFD().normalize_str
    return decompose(character + first) != decompose(character) + first or (
        decompose(last + character) != last + decompose(character)
    )


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
    return NeighborSplit(_sequence(parts[: len(groups)]), tuple(map(tuple, groups)), tuple(rest))


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
    characters = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
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


def empty_pre_tokenizer() -> PreTokenizer:
    """Return a pre-tokenizer that does not split."""
    return _sequence(())
