"""Escape texts for display on one line, so that they cannot change how the text around them looks."""

from __future__ import annotations

import shlex

# Zero-width joiners are part of the spelling of Persian and Indic words and of emoji.
_JOINERS = frozenset("\u200c\u200d")


def escape_token(token: str) -> str:
    r"""Escape invisible characters, and spaces at an end, as in Python. Backslashes are doubled.

    Different tokens have different escapes.

    Example:
        >>> print(escape_token("a b"), escape_token("tab\t"), escape_token("\u202eevil"), escape_token(" x"))
        a b tab\t \u202eevil \x20x
    """
    if token.isprintable() and "\\" not in token and token.strip(" ") == token:
        return token
    inner = token.strip(" ")
    before = len(token) - len(token.lstrip(" "))
    middle = "".join(map(_python_escape, inner))
    return r"\x20" * before + middle + r"\x20" * (len(token) - before - len(inner))


def escape_text(text: str, keep: str = "") -> str:
    r"""Escape the invisible characters of a message: control characters, line ends and changes of direction.

    Args:
        text: The message. Its backslashes and spaces are unchanged.
        keep: Further characters that are unchanged.

    Example:
        >>> print(escape_text("wrote a\x1b[31m.txt"))
        wrote a\x1b[31m.txt
    """
    return text if text.isprintable() else "".join(c if c in keep or c == "\\" else _python_escape(c) for c in text)


def escape_json(json: str) -> str:
    r"""Escape the invisible characters of a JSON text, except line ends, as in JSON.

    Example:
        >>> print(escape_json('"\u202eevil"'))
        "\u202eevil"
    """
    return json if json.isprintable() else "".join(map(_json_escape, json))


def _json_escape(character: str) -> str:
    if character.isprintable() or character in _JOINERS or character == "\n":
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def quoted(argument: str) -> str:
    r"""Quote an argument for a shell, on one line. Invisible characters are escaped as in bash.

    Example:
        >>> print(quoted("a b.txt"), quoted("a\x1b.txt"))
        'a b.txt' $'a\x1b.txt'
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


def _python_escape(character: str) -> str:
    is_visible = character.isprintable() or character in _JOINERS
    return character if is_visible and character != "\\" else ascii(character)[1:-1]
