"""Texts as they can be shown: on a line, without what changes how the text around them looks."""

from __future__ import annotations

import shlex

# The joiners: Persian and Indic words and emoji are spelled with them.
_JOINERS = frozenset("\u200c\u200d")


def escape_token(token: str) -> str:
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


def escape_text(text: str, keep: str = "") -> str:
    """Escape every character of a message that is not seen: control characters, line ends, changes of direction.

    Args:
        text: The message. Backslashes and spaces in it stay as they are.
        keep: Characters that stay as they are too.

    >>> print(shown_text("wrote a\x1b[31m.txt"))
    wrote a\\x1b[31m.txt
    """
    return text if text.isprintable() else "".join(c if c in keep or c == "\\" else _shown(c) for c in text)


def escape_json(json: str) -> str:
    """Write every character of a JSON text that is not seen, but line ends, as its JSON escape.

    >>> print(shown_json('"\u202eevil"'))
    "\\u202eevil"
    """
    return json if json.isprintable() else "".join(map(_json_escape, json))


def _json_escape(character: str) -> str:
    if character.isprintable() or character in _JOINERS or character == "\n":
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def quoted(argument: str) -> str:
    """Quote an argument for a shell, on one line; what is not seen is escaped in bash's way.

    >>> print(quoted("a b.txt"), quoted("a\x1b.txt"))
    'a b.txt' $'a\\x1b.txt'
    """
    if argument.isprintable():
        return shlex.quote(argument)
    return "$'" + "".join(map(_shell_escape, argument)) + "'"


def _shell_escape(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _shown(character: str) -> str:
    seen = character.isprintable() or character in _JOINERS
    return character if seen and character != "\\" else ascii(character)[1:-1]
