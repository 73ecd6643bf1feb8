"""Which ``tokenizer.json`` files gigatoken encodes correctly.

gigatoken rejects most of what it does not support, but it ignores some settings silently. This module detects those
settings without importing gigatoken. They were found by comparing it with `tokenizers` on random texts.
"""

from __future__ import annotations

import re
from typing import Any

from tokemb.vocabulary.tokenizer_json import TokenizerJson, steps

# In Oniguruma, the regular expression library of `tokenizers`, {1,3}+ is a repeated repetition. Elsewhere it is a
# possessive quantifier.
_POSSESSIVE = re.compile(r"\{\d+(,\d*)?\}\+")


def reason_unsupported(specification: TokenizerJson) -> str | None:
    """Return why gigatoken cannot encode with a ``tokenizer.json``, as a clause, or ``None`` if it can."""
    model = specification["model"]
    if model.get("type", "BPE") != "BPE" or "merges" not in model:  # older files do not contain the type
        return "its model is not BPE"
    if model.get("dropout"):
        return "its model skips merges at random (dropout)"
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        return "its model marks parts of words with a prefix or suffix"
    # A model with byte fallback needs no pre-tokenizer, and gigatoken rejects the pre-tokenizers that it does not know.
    if not model.get("byte_fallback"):
        reason = _reason_pre_tokenizer(list(steps(specification.get("pre_tokenizer"), "pretokenizers")))
        if reason is not None:
            return reason
    normalizes = any(steps(specification.get("normalizer"), "normalizers"))
    return _reason_added_tokens(specification.get("added_tokens") or [], model["vocab"], normalizes)


def _reason_pre_tokenizer(splits: list[dict[str, Any]]) -> str | None:
    types = [step["type"] for step in splits]
    if types == ["ByteLevel"]:
        return None if splits[0].get("use_regex", True) else "it does not split texts into words"
    if not types or types[-1] != "ByteLevel" or set(types[:-1]) != {"Split"}:
        return "its pre-tokenizer is not a Split followed by ByteLevel"
    if splits[-1].get("add_prefix_space", True):
        return "it adds a space before every word"
    for split in splits[:-1]:
        if (split["behavior"], split.get("invert", False)) not in (("Isolated", False), ("Removed", True)):
            return "its Split removes or merges parts of the text"
        if _POSSESSIVE.search(split["pattern"].get("Regex", "")):
            return "its regular expression has different meanings in different libraries"
    return None


def _reason_added_tokens(added: list[dict[str, Any]], vocabulary: dict[str, int], normalizes: bool) -> str | None:
    texts = [token["content"] for token in added]
    if any(token.get("single_word") for token in added):
        return "some of its added tokens match whole words only"
    if any(vocabulary.get(token["content"], token["id"]) != token["id"] for token in added):
        return "an added token has another id than in the model"
    strips = any(token.get("lstrip") or token.get("rstrip") for token in added)
    if strips and any(text != text.strip() for text in texts):
        return "some of its added tokens strip white space that others contain"
    normalized = {token["content"] for token in added if token.get("normalized")}
    if normalized and normalizes:
        return "some of its added tokens are matched after normalization"
    if _overlap(normalized, set(texts) - normalized):
        return "some of its added tokens overlap with others that are matched earlier"
    return None


def _overlap(some: set[str], others: set[str]) -> bool:
    """Return whether a text can contain one of ``some`` and one of ``others`` that share characters."""
    return _begins_within(some, others) or _begins_within(others, some)


def _begins_within(outer: set[str], inner: set[str]) -> bool:
    """Return whether one of ``inner`` can begin inside one of ``outer``, and end in it or after it."""
    beginnings = {text[:end] for text in inner for end in range(1, len(text) + 1)}
    tails = {text[start:] for text in outer for start in range(len(text)) if text[start] in beginnings}
    return any(tail in beginnings or any(tail[:end] in inner for end in range(1, len(tail))) for tail in tails)
