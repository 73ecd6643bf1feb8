"""Which tokenizer files gigatoken may be asked to do.

It refuses most of what it does not support, and of the rest it ignores some settings silently. Those, each found by
comparing it with `tokenizers` on random texts, are looked for here, without importing it.
"""

from __future__ import annotations

import re
from typing import Any

from tokemb.vocabulary.tokenizer_json import TokenizerJson, steps

# In oniguruma, which `tokenizers` splits with, {1,3}+ is a repeated repetition; elsewhere it is a possessive one.
_POSSESSIVE = re.compile(r"\{\d+(,\d*)?\}\+")


def reason_unsupported(specification: TokenizerJson) -> str | None:
    """Why gigatoken cannot be trusted with a ``tokenizer.json``, as the end of a sentence; ``None`` if it may be."""
    model = specification["model"]
    if model.get("type", "BPE") != "BPE" or "merges" not in model:  # older files do not say the type
        return "its model is not BPE"
    if model.get("dropout"):
        return "its merges are left out at random (dropout)"
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        return "its model marks the parts of words"
    # A model with bytes to fall back to needs no pre-tokenizer, and gigatoken refuses those that it does not know.
    if not model.get("byte_fallback"):
        wrong = _split_objection(list(steps(specification.get("pre_tokenizer"), "pretokenizers")))
        if wrong is not None:
            return wrong
    normalizes = any(steps(specification.get("normalizer"), "normalizers"))
    return _added_objection(specification.get("added_tokens") or [], model["vocab"], normalizes)


def _split_objection(splits: list[dict[str, Any]]) -> str | None:
    kinds = [step["type"] for step in splits]
    if kinds == ["ByteLevel"]:
        return None if splits[0].get("use_regex", True) else "it does not split texts into words"
    if not kinds or kinds[-1] != "ByteLevel" or set(kinds[:-1]) != {"Split"}:
        return "its pre-tokenizer is not a split and then bytes"
    if splits[-1].get("add_prefix_space", True):
        return "it puts a space before every word"
    for split in splits[:-1]:
        if (split["behavior"], split.get("invert", False)) not in (("Isolated", False), ("Removed", True)):
            return "its split drops or joins parts"
        if _POSSESSIVE.search(split["pattern"].get("Regex", "")):
            return "its pattern means different things in different libraries"
    return None


def _added_objection(added: list[dict[str, Any]], vocabulary: dict[str, int], normalizes: bool) -> str | None:
    texts = [token["content"] for token in added]
    if any(token.get("single_word") for token in added):
        return "some of its added tokens are whole words only"
    if any(vocabulary.get(token["content"], token["id"]) != token["id"] for token in added):
        return "it declares an added token under another id than the model's"
    strips = any(token.get("lstrip") or token.get("rstrip") for token in added)
    if strips and any(text != text.strip() for text in texts):
        return "some of its added tokens strip white space that others hold"
    normalized = {token["content"] for token in added if token.get("normalized")}
    if normalized and normalizes:
        return "some of its added tokens are looked for after normalization"
    if _overlap(normalized, set(texts) - normalized):
        return "some of its added tokens overlap with others that are looked for earlier"
    return None


def _overlap(some: set[str], others: set[str]) -> bool:
    """Whether a text can hold one of ``some`` and one of ``others`` that share characters."""
    return _begins_within(some, others) or _begins_within(others, some)


def _begins_within(outer: set[str], inner: set[str]) -> bool:
    """Whether one of ``inner`` can begin inside one of ``outer``, and end in it or after it."""
    beginnings = {text[:end] for text in inner for end in range(1, len(text) + 1)}
    tails = {text[start:] for text in outer for start in range(len(text)) if text[start] in beginnings}
    return any(tail in beginnings or any(tail[:end] in inner for end in range(1, len(tail))) for tail in tails)
