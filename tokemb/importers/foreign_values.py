"""Describe values of foreign files in messages."""

from __future__ import annotations

# Python refuses to write integers of thousands of digits.
_MAX_BITS = 1000


def describe(value: object) -> str:
    """Return a number or a text as Python writes it, and any other value by its type.

    The parts of a pickled container can be the same object many times, so that its text could exceed all memory.
    """
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return "an integer of many digits"
    return repr(value) if value is None or isinstance(value, (int, float, str)) else f"a {type(value).__name__}"
