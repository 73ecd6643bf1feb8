"""The characters that Unicode normalization may treat together with the character before or after them.

A text without such characters is normalized character by character. The sets are found by queries to `tokenizers` and
saved on disk.
"""

from __future__ import annotations

from functools import cache
from itertools import chain

import numpy as np

from tokemb.engine.character_sets import (
    CODES,
    CharacterSet,
    codes_of,
    normalize_each,
    outside_simple_ranges,
    packed,
    unpacked,
)
from tokemb.engine.composition import composition_classes
from tokemb.engine.query_cache import cached_arrays
from tokemb.kernels.structs import COMPOSED_MARK
from tokemb.vocabulary.tokenizers_library import normalizers

# The bits of a unit of the trie of Precompiled: the lowest byte is its label, bit 8 tells whether a value is among its
# children, and the bits from 10 on are the offset of its children.
_OFFSET_SHIFT, _HAS_VALUE = 10, 1 << 8
# UTF-8 begins with these bytes. Line feeds, which join nothing, are between the queries.
_FIRST_BYTES = (*range(0x01, 0x0A), *range(0x0B, 0x80), *range(0xC2, 0xF5))
_SURROGATES = range(0xD800, 0xE000)


@cache
def marks() -> CharacterSet:
    """Return the characters that have a combining class and no decomposition, bool ``(CODES,)``."""
    return composition_classes() & COMPOSED_MARK != 0


def is_mark(character: str) -> bool:
    """Return whether a character is in ``marks``."""
    return character >= "\u0300" and bool(marks()[ord(character)])  # most texts need no query for the set


@cache
def composing_characters() -> CharacterSet:
    """Return the characters that NFC, NFD, NFKC and NFKD may swap or combine with the one before, bool ``(CODES,)``.

    These are the characters with a combining class, the characters of decompositions other than the first, and the
    characters whose decomposition begins with one of these (Unicode Standard Annex 15).
    """
    return unpacked(cached_arrays("composing", lambda: packed(_query_composing())))


def _query_composing() -> CharacterSet:
    decompose = normalizers.NFKD().normalize_str
    composing = composition_classes() != 0
    changed = [*chain.from_iterable(outside_simple_ranges(lambda text: decompose(text) == text))]
    firsts = [text[:1] for text in normalize_each(decompose, changed)]
    result = composing.copy()
    result[codes_of("".join(changed))] = composing[codes_of("".join(firsts))]
    return result


@cache
def joining_characters() -> CharacterSet:
    """Return the characters that Precompiled may look up together with another one, bool ``(CODES,)``.

    Precompiled looks up grapheme clusters (user-perceived characters) of fewer than six bytes as a whole. Except for
    CR LF, a cluster of several characters contains one that joins any letter before or after it.
    """
    return unpacked(cached_arrays("joining", lambda: packed(_query_joining())))


def _query_joining() -> CharacterSet:
    """Find the characters that form one grapheme cluster with a letter: Precompiled then replaces both by one "x"."""
    replace_each = normalizers.Precompiled(charsmap_of_first_bytes()).normalize_str
    joining = np.zeros(CODES, np.bool_)
    codes = np.array([code for code in range(CODES) if code not in _SURROGATES and chr(code) != "\n"])
    for pair in ("a{}", "{}a"):
        replaced = normalize_each(replace_each, [pair.format(chr(code)) for code in codes])
        joining[codes[[len(text) == 1 for text in replaced]]] = True
    joining[ord("\r")] = True
    return joining


def charsmap_of_first_bytes() -> bytes:
    """Return a map for Precompiled that replaces each grapheme cluster except line feeds by "x".

    The map has the form of `sentencepiece`: the size of a double-array trie, the trie, and the texts. The children of a
    unit are at its position XOR its offset XOR their byte.
    """
    children, values = 256, 512
    units = np.zeros(values + 256, "<u4")
    units[0] = children << _OFFSET_SHIFT
    for byte in _FIRST_BYTES:
        units[children ^ byte] = (children ^ byte ^ values) << _OFFSET_SHIFT | _HAS_VALUE | byte
    return np.array([units.nbytes], "<u4").tobytes() + units.tobytes() + b"x\0"
