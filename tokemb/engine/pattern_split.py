"""The components of a pre-tokenizer that split a text by a regular expression, or as if by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tokemb.engine.components import UnprovableError
from tokemb.engine.pattern_nodes import (
    Alternation,
    Character,
    Complement,
    Concatenation,
    Node,
    Queried,
    Repetition,
    literal,
)
from tokemb.engine.pattern_syntax import Pattern, parse
from tokemb.vocabulary.tokenizer_json import steps

Component = dict[str, Any]

# The regular expression of ByteLevel (`tokenizers`, `tokenizers/src/pre_tokenizers/byte_level.rs`).
BYTE_LEVEL = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


@dataclass(frozen=True)
class PatternSplit:
    """Split a text at the matches of an expression.

    Attributes:
        node: The expression.
        keeps_matches: Whether matches are pre-tokens.
        keeps_others: Whether the texts between the matches are pre-tokens.
        folded_pairs: Two adjacent letters whose case is ignored, as in ``Pattern``.
    """

    node: Node
    keeps_matches: bool = True
    keeps_others: bool = True
    folded_pairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class PatternPlan:
    """A pre-tokenizer as patterns.

    Attributes:
        splits: The patterns. Each splits the pre-tokens of the one before.
        adds_space: Whether a space is added to texts that do not begin with one.
        rest: The components that are applied to each pre-token afterwards.
    """

    splits: tuple[PatternSplit, ...]
    adds_space: bool
    rest: tuple[Component, ...]


def pattern_plan(component: Component | None) -> PatternPlan:
    """Return a pre-tokenizer as patterns.

    Raises:
        UnprovableError: If it does not begin with a component that is one, or if an automaton cannot represent it.
    """
    parts = list(steps(component, "pretokenizers"))
    adds_space = bool(parts) and _adds_prefix(parts[0])
    splits: list[PatternSplit] = []
    while parts and not (splits and _adds_prefix(parts[0])) and (split := _split(parts[0])) is not None:
        part = parts.pop(0)
        splits.append(split)
        if part["type"] == "ByteLevel":
            # It also maps the bytes of each pre-token to characters, before the components that follow.
            parts.insert(0, {**part, "add_prefix_space": False, "use_regex": False})
            break
    if not splits:
        raise UnprovableError(_reason(parts))
    for part in parts:
        if part["type"] == "Metaspace" and part.get("prepend_scheme", "first") == "first":
            raise UnprovableError("the result of the pre-tokenizer Metaspace depends on positions in the text")
    return PatternPlan(tuple(splits), adds_space, tuple(parts))


def _adds_prefix(component: Component) -> bool:
    return component["type"] == "ByteLevel" and bool(component.get("add_prefix_space", True))


def _reason(parts: list[Component]) -> str:
    first = parts[0]["type"] if parts else "nothing"
    return f"the pre-tokenizer begins with {first}, which is not a regular expression"


def _split(component: Component) -> PatternSplit | None:
    """Return a component as a pattern, or ``None`` if it is none."""
    kind = component["type"]
    if kind == "ByteLevel":
        return PatternSplit(parse(BYTE_LEVEL).node) if component.get("use_regex", True) else None
    if kind == "Digits":
        behavior = "isolated" if component["individual_digits"] else "contiguous"
        return _with_behavior(Pattern(Character(Queried("Digits"))), behavior, False)
    if kind == "Punctuation":
        return _with_behavior(Pattern(Character(Queried("Punctuation"))), component["behavior"].lower(), False)
    if kind == "Split":
        return _with_behavior(_pattern(component["pattern"]), component["behavior"].lower(), component["invert"])
    return None


def _pattern(pattern: dict[str, str]) -> Pattern:
    if "Regex" in pattern:
        return parse(pattern["Regex"])
    characters = [Character(literal(character)) for character in pattern["String"]]
    if not characters:
        raise UnprovableError("the pre-tokenizer Split has an empty pattern")
    return Pattern(characters[0] if len(characters) == 1 else Concatenation(tuple(characters)))


def _with_behavior(pattern: Pattern, behavior: str, invert: bool) -> PatternSplit:
    """Return the split at the matches of ``pattern``, or with ``invert`` at the texts between them."""
    if behavior == "isolated":
        return PatternSplit(pattern.node, folded_pairs=pattern.folded_pairs)
    if behavior == "removed":
        return PatternSplit(pattern.node, invert, not invert, pattern.folded_pairs)
    if not isinstance(pattern.node, Character) or (invert and behavior != "contiguous"):
        raise UnprovableError(f"the pre-tokenizer Split has the behavior {behavior} for more than one character")
    inside, outside = pattern.node, Character(Complement(pattern.node.chars))
    if behavior == "contiguous":
        parts = _some(inside), _some(outside)
    elif behavior == "mergedwithprevious":
        parts = Concatenation((_any(outside), inside)), _some(outside)
    else:
        parts = Concatenation((inside, _any(outside))), _some(outside)
    return PatternSplit(Alternation(parts))


def _some(node: Node) -> Node:
    return Repetition(node, 1, None)


def _any(node: Node) -> Node:
    return Repetition(node, 0, None)
