"""The characters that canonical composition (NFC) leaves as they are, regardless of the characters around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tokemb._arrays import UInt8
from tokemb.engine.character_sets import CODES
from tokemb.engine.query_cache import Arrays, cached_arrays
from tokemb.kernels.structs import COMPOSED, COMPOSED_MARK
from tokemb.vocabulary.tokenizers_library import normalizers

# Characters of the lowest and of the highest combining class. Normalization swaps each mark with one of them.
_LOWEST, _HIGHEST = "\u0334", "\u0345"
_SURROGATES = range(0xD800, 0xE000)
_CHUNK = 4096


def composition_classes() -> UInt8:
    """Return the flags ``COMPOSED_MARK`` and ``COMPOSED`` of each character, uint8 (CODES,). They are saved on disk."""
    return cached_arrays("composition", _query)["classes"]


def _query() -> Arrays:
    """Query the decomposition and the composition of each character.

    Composition changes a character alone, or if it is a further one in the decomposition of another. It swaps marks,
    which have a combining class. A text without such characters or with single marks is composed (Unicode Standard
    Annex 15, "Detecting Normalization Forms").
    """
    compose, decompose = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    classes = np.zeros(CODES, np.uint8)
    for low in range(0, CODES, _CHUNK):
        codes = [code for code in range(low, min(low + _CHUNK, CODES)) if code not in _SURROGATES and chr(code) != "\n"]
        characters = [chr(code) for code in codes]
        composed, decomposed = _each(compose, characters), _each(decompose, characters)
        after = _each(decompose, [character + _LOWEST for character in characters])
        before = _each(decompose, [_HIGHEST + character for character in characters])
        for number, (code, character, parts) in enumerate(zip(codes, characters, decomposed, strict=True)):
            if composed[number] != character:
                classes[code] |= COMPOSED
            if parts == character and (after[number], before[number]) != (character + _LOWEST, _HIGHEST + character):
                classes[code] |= COMPOSED_MARK
            for part in parts[1:]:
                classes[ord(part)] |= COMPOSED
    return {"classes": classes}


def _each(normalize: Callable[[str], str], texts: Sequence[str]) -> list[str]:
    """Return the normalization of each text. The line feed between them combines with no character."""
    return normalize("\n".join(texts)).split("\n")
