"""Checks of settings, with one form of message: the rule, then what was received."""

from __future__ import annotations

import operator
from collections.abc import Iterable

from tokemb.errors import ArgumentError

# Ids, lengths and sizes are int32.
_LARGEST = 2**31 - 1


def check_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``choices``; raise ``ArgumentError``, naming them, otherwise."""
    known = tuple(choices)
    if not isinstance(value, str) or value not in known:
        raise ArgumentError(f"{name} must be one of {', '.join(known)}; received {value!r}")
    return value


def check_side(name: str, value: str) -> str:
    """Return ``value`` if it is an end of a row, ``"pre"`` or ``"post"``; raise ``ArgumentError`` otherwise."""
    return check_choice(name, value, ("pre", "post"))


def check_count(name: str, value: object, least: int = 1) -> int:
    """Return ``value`` if it is a whole number from ``least`` up that fits int32; raise ``ArgumentError`` otherwise."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # whatever was passed
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ArgumentError(f"{name} must be an integer of at least {least}; received {value!r}")
    if number > _LARGEST:
        raise ArgumentError(f"{name} must be at most {_LARGEST}; received {number}")
    return number


def check_optional_count(name: str, value: object) -> int | None:
    """``check_count``, but ``None`` passes."""
    return None if value is None else check_count(name, value)
