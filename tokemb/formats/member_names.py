r"""Names of columns as names of archive members in a ``.npz``. Extracting them with unzip never leaves the folder.

``/``, ``\``, ``:`` and control characters become ``%2F``, ``%5C``, ``%3A``, ``%0A``, ... A ``%`` that begins a text
like one of these becomes ``%25``, so that different columns have different members.
"""

from __future__ import annotations

import re

SUFFIX = ".npy"

_ESCAPES = r"%(?:[01][0-9A-F]|25|2F|3A|5C|7F|C2%[89][0-9A-F])"
_UNSAFE = re.compile(rf"[/\\:\x00-\x1f\x7f-\x9f]|%(?={_ESCAPES[1:]})")
_ESCAPED = re.compile(_ESCAPES)


def member_name(column: str) -> str:
    """Return the name of the member that holds the array of a column.

    Example:
        >>> member_name("label"), member_name("../x"), member_name("100%"), member_name("a%2Fb")
        ('label.npy', '..%2Fx.npy', '100%.npy', 'a%252Fb.npy')
    """
    return _UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), column) + SUFFIX


def column_name(member: str) -> str:
    """Return the name of the column whose array is in a member. This is the inverse of ``member_name``.

    Example:
        >>> column_name("..%2Fx.npy")
        '../x'
    """
    return _ESCAPED.sub(lambda match: bytes.fromhex(match[0].replace("%", "")).decode(), member.removesuffix(SUFFIX))
