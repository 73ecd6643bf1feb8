"""Words that people put into a word map by hand: for padding, for unknown words, for the ends of a text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokemb.errors import ArgumentError

_OPEN, _CLOSE = r"[<\[{(|_]+", r"[>\]})|_]+"
_UNKNOWN_NAMES = "unk|unknown|unknown_token|unk_token|oov|oov_token|oov_tok|out_of_vocabulary|out-of-vocabulary"
_UNKNOWN = re.compile(rf"{_OPEN}\s*(?:{_UNKNOWN_NAMES})\s*{_CLOSE}", re.IGNORECASE)
_UNKNOWN_CAPITALS = frozenset({"UNK", "OOV", "UNKNOWN"})
# The empty token is what `oov_token=""` gives. Texts hold none of its kind.
_UNKNOWN_FIRST = frozenset({"", "unk", "oov"})

_PADDING = re.compile(rf"{_OPEN}\s*(?:pad|padding|pad_token)\s*{_CLOSE}|PAD|PADDING", re.IGNORECASE)

_MARKED = re.compile(rf"{_OPEN}[^\s<>\[\]{{}}()|]+{_CLOSE}")
_CAPITALS = frozenset(
    "PAD PADDING UNK UNKNOWN OOV BOS EOS SOS EOF GO START STOP END SEP CLS MASK NUM NULL NONE".split()
)


def unknown_word(ids: Mapping[str, int]) -> str | None:
    """Return the word whose id unknown words get, if one looks like it; ``None`` if none does.

    That is a word such as ``<UNK>``, ``[OOV]`` or ``UNK`` with any id, and ``unk``, ``oov`` or the empty token with id
    1, which Keras gives to ``oov_token``.

    Raises:
        ArgumentError: If several words look like it.
    """
    found = [word for word in ids if _UNKNOWN.fullmatch(word) or word in _UNKNOWN_CAPITALS]
    found = found or [word for word, index in ids.items() if word in _UNKNOWN_FIRST and index == 1]
    if len(found) > 1:
        raise ArgumentError(
            f"this word map has several words for unknown ones, {', '.join(map(repr, found[:5]))}: pass one of them, "
            f"as oov_token={found[0]!r}"
        )
    return found[0] if found else None


def padding_id(ids: Mapping[str, int]) -> int:
    """Return the id of padding: 0, unless another word has it and a word such as ``<PAD>`` has another id."""
    named = [index for word, index in ids.items() if _PADDING.fullmatch(word)]
    return named[0] if len(named) == 1 and 0 in ids.values() else 0


def is_special(word: str) -> bool:
    """Return whether a word looks as if put in by hand, such as ``<EOS>``, ``[SEP]``, ``__start__`` or ``END``."""
    return bool(_MARKED.fullmatch(word)) or word in _CAPITALS
