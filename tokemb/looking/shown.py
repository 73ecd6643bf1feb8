"""Tokens as they can be shown: on a line, without what changes how the text around them looks."""

from __future__ import annotations

# The joiners: Persian and Indic words and emoji are spelled with them.
_JOINERS = frozenset("\u200c\u200d")


def shown(token: str) -> str:
    """``token`` with every character that is not seen, and a space at an end, as its Python escape; ``\\\\`` doubled.

    Different tokens are shown differently.

    >>> print(shown("a b"), shown("tab\\t"), shown("\\u202eevil"), shown("a\\\\t"), shown(" x"))
    a b tab\\t \\u202eevil a\\\\t \\x20x
    """
    if token.isprintable() and "\\" not in token and token.strip(" ") == token:
        return token
    inner = token.strip(" ")
    before = len(token) - len(token.lstrip(" "))
    middle = "".join(map(_shown, inner))
    return r"\x20" * before + middle + r"\x20" * (len(token) - before - len(inner))


def _shown(character: str) -> str:
    seen = character.isprintable() or character in _JOINERS
    return character if seen and character != "\\" else ascii(character)[1:-1]
