"""Special words that people add to a word map: padding, OOV, and the ends of a text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokemb.errors import ArgumentError

_OPEN, _CLOSE = r"[<\[{(|_]+", r"[>\]})|_]+"
_OOV_NAMES = "unk|unknown|unknown_token|unk_token|oov|oov_token|oov_tok|out_of_vocabulary|out-of-vocabulary"
_OOV = re.compile(rf"{_OPEN}\s*(?:{_OOV_NAMES})\s*{_CLOSE}", re.IGNORECASE)
_OOV_CAPITALS = frozenset({"UNK", "OOV", "UNKNOWN"})
# The empty token results from `oov_token=""`. It occurs in no text.
_OOV_IF_FIRST = frozenset({"", "unk", "oov"})

_PADDING = re.compile(rf"{_OPEN}\s*(?:pad|padding|pad_token)\s*{_CLOSE}|PAD|PADDING", re.IGNORECASE)

_MARKED = re.compile(rf"{_OPEN}[^\s<>\[\]{{}}()|]+{_CLOSE}")
_CAPITALS = frozenset(
    "PAD PADDING UNK UNKNOWN OOV BOS EOS SOS EOF GO START STOP END SEP CLS MASK NUM NULL NONE".split()
)


def oov_word(ids: Mapping[str, int]) -> str | None:
    """Return the word that looks like the OOV token. ``None`` if no word does.

    That is a word such as ``<UNK>``, ``[OOV]`` or ``UNK`` with any id, or ``unk``, ``oov`` or the empty token with id
    1, the id of ``oov_token`` in Keras.

    Raises:
        ArgumentError: If several words look like the OOV token.
    """
    found = [word for word in ids if _OOV.fullmatch(word) or word in _OOV_CAPITALS]
    found = found or [word for word, index in ids.items() if word in _OOV_IF_FIRST and index == 1]
    if len(found) > 1:
        raise ArgumentError(
            f"this word map has several possible OOV tokens, {', '.join(map(repr, found[:5]))}: pass one of them, "
            f"as oov_token={found[0]!r}"
        )
    return found[0] if found else None


def padding_id(ids: Mapping[str, int]) -> int:
    """Return the id of padding: 0, unless another word has id 0 and a word such as ``<PAD>`` has another id."""
    named = [index for word, index in ids.items() if _PADDING.fullmatch(word)]
    return named[0] if len(named) == 1 and 0 in ids.values() else 0


def is_special(word: str) -> bool:
    """Return whether a word looks like a special word, such as ``<EOS>``, ``[SEP]``, ``__start__`` or ``END``."""
    return bool(_MARKED.fullmatch(word)) or word in _CAPITALS
