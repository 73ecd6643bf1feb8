"""Queries to `tokenizers` about all of Unicode at once.

A set of characters is an array bool (CODES,). Surrogates, which no text contains, are in no set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache

import numpy as np

from tokemb._arrays import Bool, UInt32
from tokemb.engine.query_cache import Arrays, cached_arrays
from tokemb.vocabulary.tokenizers_library import Regex, normalizers

CharacterSet = Bool

CODES = 0x110000
SURROGATES = slice(0xD800, 0xE000)
# Characters per query. `tokenizers` keeps 16 bytes per byte of text, which then stay in the processor's cache. If the
# answer for a range of characters is not simple, smaller ranges are queried.
_RANGES = (4096, 256, 16)
# Characters that most normalizers neither change nor combine with others.
_SEPARATORS = "\u2502|\n 0a"


@lru_cache(256)
def matching_characters(expression: str) -> CharacterSet:
    r"""Return which characters an expression for one character matches, as `tokenizers` runs it.

    The result is saved on disk. Making it takes 0.1 to 0.3 seconds, loading it some milliseconds.

    Args:
        expression: An expression that matches exactly one character, regardless of the characters around it, for
            example ``\p{L}`` or ``[^\s\p{N}]`` (``regex_classes.one_character``).

    Returns:
        bool (CODES,), read-only.
    """
    return unpacked(cached_arrays(f"class {expression}", lambda: packed(_query(expression))))


def _query(expression: str) -> CharacterSet:
    """Delete all characters that match from a text of all characters. The others remain."""
    delete = normalizers.Replace(Regex(f"(?:{expression})+"), "").normalize_str
    # The order is descending because an expression that ignores case may match two characters in ascending order: "ﬆ"
    # matches "st".
    rest = "".join(delete(text[::-1]) for text in map(characters, range(0, CODES, _RANGES[0])))
    matches = np.ones(CODES, np.bool_)
    matches[SURROGATES] = False
    matches[codes_of(rest)] = False
    return matches


def changed_characters(normalize: Callable[[str], str], dependent: CharacterSet | None = None) -> CharacterSet:
    """Return the characters that a normalizer changes, and perhaps some more.

    Args:
        normalize: A function of a text that changes each character regardless of the characters around it, except that
            it may sort marks.
        dependent: Further characters that may change together with their neighbours, bool (CODES,).
    """

    def is_unchanged(text: str) -> bool:
        return (dependent is None or not dependent[codes_of(text)].any()) and normalize(text) == text

    changed = np.zeros(CODES, np.bool_)
    changed[codes_of("".join(outside_simple_ranges(is_unchanged)))] = True
    return changed


@cache
def is_reordered(character: str) -> bool:
    """Return whether normalization may swap ``character``, or a mark in it, with a neighbour."""
    first, last = "\u0334", "\u0345"  # characters of the lowest and of the highest combining class
    decompose = normalizers.NFD().normalize_str
    return decompose(character + first) != decompose(character) + first or (
        decompose(last + character) != last + decompose(character)
    )


def outside_simple_ranges(is_simple: Callable[[str], bool]) -> Iterator[str]:
    """Yield short texts of consecutive characters, in order, with all characters for which there is no simple answer.

    Args:
        is_simple: A query about a text of consecutive characters.
    """
    stack = [(0, first) for first in reversed(range(0, CODES, _RANGES[0]))]
    while stack:
        level, first = stack.pop()
        text = characters(first, _RANGES[level])
        if not text or is_simple(text):
            continue
        if level + 1 == len(_RANGES):
            yield text
        else:
            stack += [(level + 1, part) for part in reversed(range(first, first + _RANGES[level], _RANGES[level + 1]))]


def normalize_each(normalize: Callable[[str], str], texts: Sequence[str]) -> list[str]:
    """Normalize each of many short texts by a few queries.

    Args:
        normalize: The normalizer of a text.
        texts: The texts.
    """
    separator = next((mark for mark in _SEPARATORS if normalize(mark * 2) == mark * 2), None)
    if separator is None:
        return list(map(normalize, texts))
    results: list[str] = []
    for first in range(0, len(texts), _RANGES[0]):
        batch = texts[first : first + _RANGES[0]]
        # Some texts may become the separator, or be equal to it.
        normalized = normalize(separator.join(["", *batch, ""])).split(separator)[1:-1]
        results += normalized if len(normalized) == len(batch) else map(normalize, batch)
    return results


def characters(first: int, count: int = _RANGES[0]) -> str:
    """Return consecutive characters, without surrogates."""
    return np.arange(first, first + count, dtype="<u4").tobytes().decode("utf-32-le", "ignore")


def codes_of(text: str) -> UInt32:
    """Return the code points of a text, uint32 (characters,)."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


def packed(members: CharacterSet) -> Arrays:
    """Return a set as arrays that can be saved."""
    return {"bits": np.packbits(members)}


def unpacked(arrays: Arrays) -> CharacterSet:
    """Return the read-only set of the arrays that ``packed`` returned."""
    members = np.unpackbits(arrays["bits"], count=CODES).view(np.bool_)
    members.flags.writeable = False
    return members
