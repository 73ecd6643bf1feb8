"""The characters that Unicode normalization may treat together with the character before or after them.

A text without such characters is normalized character by character. The sets are found by queries to `tokenizers` and
saved on disk.
"""

from __future__ import annotations

from functools import cache
from itertools import chain

import numpy as np

from tokemb._arrays import UInt8
from tokemb.engine.character_sets import (
    CODES,
    CharacterSet,
    characters,
    codes_of,
    normalize_each,
    outside_simple_ranges,
    packed,
    unpacked,
)
from tokemb.engine.query_cache import Arrays, cached_arrays
from tokemb.kernels.structs import COMPOSED, COMPOSED_MARK
from tokemb.vocabulary.tokenizers_library import normalizers

# The bits of a unit of the trie of Precompiled: the lowest byte is its label, bit 8 tells whether a value is among its
# children, and the bits from 10 on are the offset of its children.
_OFFSET_SHIFT, _HAS_VALUE = 10, 1 << 8
# UTF-8 begins with these bytes. Line feeds, which join nothing, are between the queries.
_FIRST_BYTES = (*range(0x01, 0x0A), *range(0x0B, 0x80), *range(0xC2, 0xF5))
# Characters of the lowest and of the highest combining class. Normalization swaps each mark with one of them.
_LOWEST, _HIGHEST = "\u0334", "\u0345"
_CHUNK = 4096


def composition_classes() -> UInt8:
    """Return the flags ``COMPOSED_MARK`` and ``COMPOSED`` of each character, uint8 (CODES,). They are saved on disk."""
    return cached_arrays("composition", _query_composition)["classes"]


def _query_composition() -> Arrays:
    """Query the decomposition and the composition of each character.

    Composition changes a character alone, or if it is a further one in the decomposition of another. It swaps marks,
    which have a combining class. A text without such characters or with single marks is composed (Unicode Standard
    Annex 15, "Detecting Normalization Forms").
    """
    compose, decompose = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    classes = np.zeros(CODES, np.uint8)
    for low in range(0, CODES, _CHUNK):
        chunk = [*characters(low, _CHUNK)]
        composed, decomposed = normalize_each(compose, chunk), normalize_each(decompose, chunk)
        after = normalize_each(decompose, [character + _LOWEST for character in chunk])
        before = normalize_each(decompose, [_HIGHEST + character for character in chunk])
        for number, (character, parts) in enumerate(zip(chunk, decomposed, strict=True)):
            if composed[number] != character:
                classes[ord(character)] |= COMPOSED
            if parts == character and (after[number], before[number]) != (character + _LOWEST, _HIGHEST + character):
                classes[ord(character)] |= COMPOSED_MARK
            for part in parts[1:]:
                classes[ord(part)] |= COMPOSED
    return {"classes": classes}


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
    codes = codes_of(characters(0, CODES).replace("\n", ""))
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
