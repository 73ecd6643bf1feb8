"""URLs of files: the file systems that they lie in, and globs there."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pyarrow as pa

from tokemb.errors import TextError
from tokemb.sources.local_files import ANY_DEPTH, MAGIC

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


def filesystem_of(address: str) -> tuple[FileSystem, str]:
    """Return the file system of a URL and the path in it, in which a glob stays as it is."""
    from pyarrow.fs import FileSystem  # here, so that local files do not wait for it

    # The part before the glob is certainly a URL.
    magic = MAGIC.search(address)
    base = address[: address.rfind("/", 0, magic.start())] if magic else address
    try:
        filesystem, path = FileSystem.from_uri(base)
    except (pa.ArrowException, ImportError, OSError, ValueError) as error:
        raise unreachable(address, error) from None
    return filesystem, path + address[len(base) :]


def matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Tell whether a path matches a glob as ``glob.glob`` has it, part by part; ``**`` is any number of parts."""
    if not pattern:
        return not parts
    # As in a shell, only a pattern that starts with a dot finds names that do.
    is_found = bool(parts) and (pattern[0].startswith(".") or not parts[0].startswith("."))
    if pattern[0] == ANY_DEPTH:
        return matches(parts, pattern[1:]) or (is_found and matches(parts[1:], pattern))
    return is_found and fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def unreachable(address: str, error: Exception) -> TextError:
    """Make the error for a URL that nothing can be read from."""
    reason = " ".join(str(error).split()).removesuffix(".")
    return TextError(f"{address} cannot be reached: {reason:.300}")
