"""Parse untrusted JSON with a limit on the depth of nesting, and write JSON with names of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# Real configurations have about 20 levels. Recursive Python functions fail at about 1,000.
_MAX_DEPTH = 200


def parse_json(content: bytes | str, *, check_depth: bool = True) -> Any:  # noqa: ANN401 - any JSON value
    """Parse JSON.

    Args:
        content: The JSON text, or its bytes in UTF-8.
        check_depth: Whether to limit the depth of nesting, which takes a quarter of the time of parsing.

    Raises:
        ValueError: If the content is not JSON, is not UTF-8, or is nested too deeply.
    """
    try:
        value = json.loads(content)
    except RecursionError:
        raise ValueError(_too_deep()) from None
    if check_depth:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:  # noqa: ANN401
    """Raise ``ValueError`` if containers are nested too deeply. The levels are visited without recursion."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        containers = [item for item in level if type(item) in (dict, list)]
        if not containers:
            return
        level = [inner for item in containers for inner in (item.values() if type(item) is dict else item)]
    if any(type(item) in (dict, list) for item in level):
        raise ValueError(_too_deep())


def _too_deep() -> str:
    return f"JSON must be nested at most {_MAX_DEPTH} levels deep; this is nested deeper"


def encode_json(content: Any, *, indent: int) -> bytes:  # noqa: ANN401 - any JSON value
    """Return JSON in UTF-8. If it contains a file name that is not UTF-8, all non-ASCII characters are escaped.

    Raises:
        ValueError: If a number is not finite, since only Python would read it.
    """
    settings: dict[str, Any] = {"indent": indent, "allow_nan": False}
    try:
        return (json.dumps(content, ensure_ascii=False, **settings) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(content, **settings) + "\n").encode()


def check_format_version(path: Path, version: int, newest: int, error: type[Exception]) -> None:
    """Raise ``error`` if the file or folder at ``path`` has a format version that this library does not know."""
    if version > newest:
        raise error(f"{path} was written by a newer tokemb (format {version}; this one reads {newest}): upgrade tokemb")
