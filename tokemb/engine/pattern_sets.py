"""The characters of sets such as ``\\p{L}``, for all of Unicode, as the installed `tokenizers` knows them.

A set is an array of breakpoints, int32, ascending: a character is a member if an odd number of breakpoints is at or
below its code point. Each set is queried once per version of the library and machine, and then read from disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers import __version__ as version

from tokemb._arrays import Int32
from tokemb.engine.components import UnprovableError
from tokemb.engine.pattern_nodes import CharSet, Complement, Queried, Ranges, Union
from tokemb.kernels import object_cache

UNICODE = 0x110000
_SURROGATES = 0xD800, 0xE000
# `tokenizers` takes less time for many texts of this many characters than for a long one.
_CHUNK = 1024
# The names of sets that a component of `tokenizers` defines.
DIGITS, PUNCTUATION = "Digits", "Punctuation"

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALL_LETTERS = f"(?i:{'|'.join(_LETTERS)})"


def breakpoints(chars: CharSet) -> Int32:
    """Return the breakpoints of a set.

    Raises:
        UnprovableError: If the library matches several characters at once.
    """
    if isinstance(chars, Ranges):
        return _union([np.array([low, high + 1], np.int32) for low, high in chars.ranges])
    if isinstance(chars, Union):
        return _union([breakpoints(part) for part in chars.sets])
    if isinstance(chars, Complement):
        return _complement(breakpoints(chars.of))
    return _queried(chars.expression)


def reject_folded_pairs(pairs: Iterable[str]) -> None:
    """Raise ``UnprovableError`` if one character matches two letters of ``pairs`` when case is ignored."""
    expression = "|".join(pairs)
    if expression and len(_queried(f"(?i:{expression})")):
        raise UnprovableError("the regular expression ignores case, and one character matches several of its letters")


def _contains(points: Int32, codes: Int32) -> np.ndarray:
    return np.searchsorted(points, codes, side="right") % 2 == 1


def _union(sets: list[Int32]) -> Int32:
    if not sets:
        return np.zeros(0, np.int32)
    points = np.unique(np.concatenate(sets)).astype(np.int32)
    inside = np.any([_contains(part, points) for part in sets], axis=0)
    return points[np.diff(inside, prepend=False)]


def _complement(points: Int32) -> Int32:
    if len(points) and points[0] == 0:
        return points[1:]
    return np.append(np.zeros(1, np.int32), points)


def _queried(expression: str) -> Int32:
    if expression.startswith("(?i:") and len(expression) == len("(?i:s)"):
        return _ignoring_case(expression)
    return _stored(expression)


@cache
def _ignoring_case(expression: str) -> Int32:
    """Return the characters that are one letter if case is ignored."""
    points = _stored(_ALL_LETTERS)
    candidates = [chr(code) for low, high in zip(points[::2], points[1::2], strict=True) for code in range(low, high)]
    matching = [character for character in candidates if _changes(_query_of(expression), character)]
    return _union([np.array([ord(character), ord(character) + 1], np.int32) for character in matching])


@cache
def _stored(expression: str) -> Int32:
    """Return the breakpoints from disk, or query them and save them."""
    digest = hashlib.sha256(f"{version} {np.dtype(np.int32).str} {expression}".encode()).hexdigest()[:32]
    name = f"characters-{digest}.bin"
    content = object_cache.read(name)
    if content is not None:
        return np.frombuffer(content, np.int32)
    points = _query(expression)
    object_cache.write(name, points.tobytes())
    return points


def _query(expression: str) -> Int32:
    find_members = _query_of(expression)
    # Two letters of a sequence that ignores case may follow each other in ASCII, but in no other range.
    first = 0x80 if expression.startswith("(?i:") and expression != _ALL_LETTERS else 0
    codes = np.concatenate([np.arange(first, _SURROGATES[0]), np.arange(_SURROGATES[1], UNICODE)])
    members = np.zeros(UNICODE + 1, np.bool_)
    for chunk in np.split(codes, range(_CHUNK, len(codes), _CHUNK)):
        members[chunk] = find_members("".join(map(chr, chunk)))
    return np.flatnonzero(np.diff(members, prepend=False)).astype(np.int32)


def _query_of(expression: str) -> Callable[[str], np.ndarray]:
    """Return a function from a text to whether each of its characters is a member, bool (characters,)."""
    if expression == DIGITS:
        return _splitting(pre_tokenizers.Digits(individual_digits=False))
    if expression == PUNCTUATION:
        return _splitting(pre_tokenizers.Punctuation("contiguous"))
    return _replacing(expression)


def _replacing(expression: str) -> Callable[[str], np.ndarray]:
    # A character is a member if two different contents replace it.
    replace = [normalizers.Replace(Regex(expression), content) for content in "\0\1"]

    def find_members(text: str) -> np.ndarray:
        first, second = (np.frombuffer(part.normalize_str(text).encode("utf-32-le"), np.uint32) for part in replace)
        if len(first) != len(text) or len(second) != len(text):
            raise UnprovableError(f"the regular expression {expression!r} matches several characters at once")
        return first != second

    return find_members


def _splitting(pre_tokenizer: pre_tokenizers.PreTokenizer) -> Callable[[str], np.ndarray]:
    """Return the function for a component that splits between runs of members and runs of other characters."""

    def find_members(text: str) -> np.ndarray:
        members = np.zeros(len(text) + 1, np.bool_)
        for _, (begin, end) in pre_tokenizer.pre_tokenize_str(f"a{text}")[1::2]:
            members[begin:end] = True
        return members[1:]

    return find_members


def _changes(find_members: Callable[[str], np.ndarray], character: str) -> bool:
    return bool(find_members(character)[0])
