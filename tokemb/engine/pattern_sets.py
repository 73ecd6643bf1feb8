r"""The characters of sets such as ``\p{L}``, for all of Unicode, as the installed `tokenizers` knows them.

A set is an array of breakpoints, int32, ascending: a character is a member if an odd number of breakpoints is at or
below its code point.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np

from tokemb._arrays import Bool, Int32
from tokemb.engine.character_sets import CODES, matching_characters
from tokemb.engine.components import UnprovableError
from tokemb.engine.pattern_nodes import CharSet, Complement, Ranges, Union
from tokemb.vocabulary.tokenizers_library import PreTokenizer, Regex, normalizers, pre_tokenizers

_ASCII = 0x80
_SURROGATES = range(0xD800, 0xE000)
_CHUNK = 1024
_LETTERS = f"(?i:{'|'.join('abcdefghijklmnopqrstuvwxyz')})"


def breakpoints(chars: CharSet) -> Int32:
    """Return the breakpoints of a set."""
    if isinstance(chars, Ranges):
        return _union([np.array([low, high + 1], np.int32) for low, high in chars.ranges])
    if isinstance(chars, Union):
        return _union([breakpoints(part) for part in chars.sets])
    if isinstance(chars, Complement):
        return _complement(breakpoints(chars.of))
    return _queried(chars.expression)


def contains(points: Int32, codes: Int32) -> Bool:
    """Return which code points, int32 (codes,), are in the set with these breakpoints, bool (codes,)."""
    return np.searchsorted(points, codes, side="right") % 2 == 1


def reject_folded_pairs(pairs: Iterable[str]) -> None:
    """Raise ``UnprovableError`` if one character matches two letters of ``pairs`` when case is ignored."""
    expression = "|".join(pairs)
    # Two letters of ASCII match as well where they follow each other.
    if expression and matching_characters(f"(?i:{expression})")[_ASCII:].any():
        raise UnprovableError("the regular expression ignores case, and one character matches several of its letters")


@cache
def _queried(expression: str) -> Int32:
    if expression == "Digits":
        members = _split_characters(pre_tokenizers.Digits(individual_digits=False))
    elif expression == "Punctuation":
        members = _split_characters(pre_tokenizers.Punctuation("contiguous"))
    elif len(expression) == len("(?i:s)") and expression.startswith("(?i:"):
        members = _one_letter(expression)
    else:
        members = matching_characters(expression)
    return np.flatnonzero(np.diff(members, prepend=False, append=False)).astype(np.int32)


def _one_letter(expression: str) -> Bool:
    """Return the characters that match one letter if case is ignored. They are among those that match any letter."""
    replace = normalizers.Replace(Regex(expression), "").normalize_str
    members = matching_characters(_LETTERS).copy()
    for code in np.flatnonzero(members).tolist():
        members[code] = not replace(chr(code))
    return members


def _split_characters(pre_tokenizer: PreTokenizer) -> Bool:
    """Return the characters of a component that splits between runs of them and runs of other characters."""
    members: Bool = np.zeros(CODES, np.bool_)
    for low in range(0, CODES, _CHUNK):
        if low not in _SURROGATES:
            text = "".join(map(chr, range(low, low + _CHUNK)))
            for _, (begin, end) in pre_tokenizer.pre_tokenize_str(f"a{text}")[1::2]:
                members[low + begin - 1 : low + end - 1] = True
    return members


def _union(sets: list[Int32]) -> Int32:
    if not sets:
        return np.zeros(0, np.int32)
    points = np.unique(np.concatenate(sets)).astype(np.int32)
    inside = np.any([contains(part, points) for part in sets], axis=0)
    return points[np.diff(inside, prepend=False)]


def _complement(points: Int32) -> Int32:
    if len(points) and points[0] == 0:
        return points[1:]
    return np.append(np.zeros(1, np.int32), points)
