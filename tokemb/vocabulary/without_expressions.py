r"""Equivalents of a ``tokenizer.json`` without regular expressions, which `tokenizers` 1.0 does not support.

The regular expressions of the files that tokemb writes are run here, in Python, with the characters that `tokenizers`
0.2x defines. Python joins the pre-tokens with spaces, at which the remaining file splits. The library still applies
the steps of the normalizer after the last expression. They may only change the case, which the expressions ignore.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from tokemb.vocabulary import character_ranges
from tokemb.vocabulary.character_ranges import Letters
from tokemb.vocabulary.expressions import FINAL_SIGMA, WORDS, WORDS_AND_PUNCTUATION

Component = dict[str, Any]
Change = Callable[[str], str]
Split = Callable[[str], list[str]]

_MARK = "▁"
# A character in a class, as tokemb writes it.
_CHARACTER = re.compile(r"\\x\{([0-9A-F]+)\}|\\x([0-9A-F]{2})|\\([tnfr])|\\([^\w\s])|([^\\\[\]-])")
_ESCAPES = {"t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def without_expressions(content: dict[str, Any]) -> tuple[dict[str, Any], Change | None]:
    """Return an equivalent ``tokenizer.json``, and the function to apply to each text before.

    The file is returned unchanged, with ``None``, if there is no equivalent or no need for one.
    """
    if content.get("added_tokens"):  # they are matched in the original text
        return content, None
    if content.get("pre_tokenizer") == {"type": "Split", **_split_content("", "Isolated")}:
        split: Split | None = None
        rest: Component | None = {"type": "FixedLength", "length": 1}
    else:
        split, rest = _split(content.get("pre_tokenizer"))
    steps = _steps(content.get("normalizer"), "normalizers")
    changes = [_change(step) for step in steps]
    first_kept = changes.index(None) if None in changes else len(changes)
    kept = steps[first_kept:]
    if rest is None or any(step["type"] != "Lowercase" for step in kept):
        return content, None
    normalizer = {"type": "Sequence", "normalizers": kept} if kept else None
    applied = [change for change in changes[:first_kept] if change is not None]
    return {**content, "normalizer": normalizer, "pre_tokenizer": rest}, _prepare(applied, split)


def _prepare(changes: list[Change], split: Split | None) -> Change:
    def prepare(text: str) -> str:
        for change in changes:
            text = change(text)
        return text if split is None else " ".join(split(text))

    return prepare


def _steps(component: Component | None, name: str) -> list[Component]:
    if component is None:
        return []
    return list(component[name]) if component["type"] == "Sequence" else [component]


def _split_content(pattern: str, behavior: str) -> Component:
    return {"pattern": {"String": pattern}, "behavior": behavior, "invert": False}


def _split(component: Component | None) -> tuple[Split | None, Component | None]:
    """Return the function that splits a text, and the pre-tokenizer for the joined result. ``None`` if unknown."""
    first, *others = _steps(component, "pretokenizers") or [{"type": None}]
    expression = first.get("pattern", {}).get("Regex")
    how = first.get("behavior"), first.get("invert")
    split: Split | None = None
    if expression in _ALONE and how == ("Removed", True):
        split = _split_words(_ALONE[expression])
    elif expression and how == ("Removed", False) and expression.endswith("+"):
        split = _split_at(_characters(expression[:-1]))
    if split is None:
        return None, None
    delimiter = {"type": "CharDelimiterSplit", "delimiter": " "}
    if not others:
        return split, delimiter
    if len(others) == 1 and _marks_words(others[0]):
        return _with_marks(split), delimiter
    return None, None


def _marks_words(component: Component) -> bool:
    expected = {"type": "Metaspace", "replacement": _MARK, "prepend_scheme": "always"}
    return {**component, "split": None} == {**expected, "split": None} and component.get("split", True) is True


def _with_marks(split: Split) -> Split:
    """Return ``split`` with a mark before each word, as Metaspace does, which also splits before the marks in words."""

    def split_and_mark(text: str) -> list[str]:
        marked = (word if word.startswith(_MARK) else _MARK + word for word in split(text))
        return [word.replace(_MARK, f" {_MARK}") for word in marked]

    return split_and_mark


def _split_at(separators: str | None) -> Split | None:
    # The library changes the case afterwards, which must not make or remove a separator.
    if not separators or not separators.isascii() or any(map(str.isalpha, separators)):
        return None
    expression = re.compile(f"[^{re.escape(separators)}]+")
    return expression.findall


def _change(step: Component) -> Change | None:
    """Return a step of the normalizer as a function, or ``None`` if the library must apply it."""
    if step["type"] != "Replace":
        return None
    replacement: str = step["content"]
    if old := step["pattern"].get("String"):
        return lambda text: text.replace(old, replacement)
    expression = step["pattern"].get("Regex", "")
    if expression == FINAL_SIGMA and len(replacement) == 1:
        return lambda text: _replace_final_sigma(text, replacement)
    characters = _characters(expression)
    if not characters:
        return None
    table = str.maketrans(dict.fromkeys(characters, replacement))
    return lambda text: text.translate(table)


def _characters(expression: str) -> str | None:
    """Return the characters of a class in which each of them is spelled out, or ``None`` for another expression."""
    body = expression[1:-1]
    if expression != f"[{body}]" or body.startswith("^") or "&&" in body or _CHARACTER.sub("", body):
        return None
    return "".join(
        chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _ESCAPES[m[3]] if m[3] else m[4] or m[5]
        for m in _CHARACTER.finditer(body)
    )


# The characters that are words of their own in each expression.
_ALONE = {
    WORDS: character_ranges.ALONE,
    WORDS_AND_PUNCTUATION: f"{character_ranges.ALONE} {character_ranges.PUNCTUATION}",
}
# These expressions in the letters of ``_word_letters``: characters that are words of their own, those of words, and
# those that join.
_WORD = re.compile("a|w+(?:jw+)*")
# FINAL_SIGMA in the letters of ``_sigma_letters``: Σ, other cased characters, and case-ignorable characters. Two
# matches never overlap, because no cased character follows the first.
_FINAL = re.compile("[cS]i*S(?!i*[cS])")


@cache
def _word_letters(alone: str) -> Letters:
    return Letters({"a": alone, "w": character_ranges.WORD, "j": "27 200C-200D"})


@cache
def _sigma_letters() -> Letters:
    letters = Letters({"c": character_ranges.CASED, "i": character_ranges.CASE_IGNORABLE})
    letters[ord("Σ")] = "S"
    return letters


def _split_words(alone: str) -> Split:
    letters = _word_letters(alone)
    return lambda text: [text[slice(*match.span())] for match in _WORD.finditer(text.translate(letters))]


def _replace_final_sigma(text: str, replacement: str) -> str:
    if "Σ" not in text:
        return text
    characters = list(text)
    for match in _FINAL.finditer(text.translate(_sigma_letters())):
        characters[match.end() - 1] = replacement
    return "".join(characters)
