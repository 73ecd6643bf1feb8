"""URLs of files: their file systems, and globs in them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pyarrow as pa

from tokemb.errors import TextError, one_line
from tokemb.sources.local_files import ANY_DEPTH, MAGIC

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


def filesystem_of(url: str) -> tuple[FileSystem, str]:
    """Return the file system of a URL and the path in it. Globs in the path are unchanged."""
    from pyarrow.fs import FileSystem  # imported late: local files do not need it

    # Only the part before the glob is certainly a valid URL.
    magic = MAGIC.search(url)
    base = url[: url.rfind("/", 0, magic.start())] if magic else url
    try:
        filesystem, path = FileSystem.from_uri(base)
    except (pa.ArrowException, ImportError, OSError, ValueError) as error:
        raise unreachable(url, error) from None
    return filesystem, path + url[len(base) :]


def matches(parts: tuple[str, ...], glob: tuple[str, ...]) -> bool:
    """Return whether the parts of a path match those of a glob, as in ``glob.glob``. ``**`` matches any number."""
    if not glob:
        return not parts
    # As in a shell, only a glob that starts with a dot matches names that start with a dot.
    is_found = bool(parts) and (glob[0].startswith(".") or not parts[0].startswith("."))
    if glob[0] == ANY_DEPTH:
        return matches(parts, glob[1:]) or (is_found and matches(parts[1:], glob))
    return is_found and fnmatchcase(parts[0], glob[0]) and matches(parts[1:], glob[1:])


def unreachable(url: str, error: Exception) -> TextError:
    """Return the error for a URL that cannot be read."""
    reason = one_line(error).removesuffix(".")
    return TextError(f"{url} cannot be reached: {reason:.300}")
