"""Which files are meant: names, patterns, folders, addresses; and what they hold, by their names."""

from __future__ import annotations

import errno
import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa

from tokemb.arguments import check_choice
from tokemb.errors import ArgumentError, TextError, TextTypeError

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

FORMATS = ("text", "csv", "tsv", "jsonl", "parquet", "arrow")
STANDARD_INPUT = "-"

_EXTENSIONS = {
    ".txt": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".xz": "xz"}
_MAGIC = re.compile(r"[*?[]")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://")


@dataclass(frozen=True)
class Source:
    """One file: where it is (``filesystem`` is ``None`` for a local one, ``path`` is ``"-"`` for standard input)."""

    path: str
    name: str
    format: str
    compression: str | None
    filesystem: FileSystem | None = None
    own_delimiter: str | None = None

    @property
    def delimiter(self) -> str | None:
        """What stands between the fields of CSV and TSV, ``None`` for other formats."""
        return self.own_delimiter or _DELIMITERS.get(self.format)

    def size(self) -> int | None:
        """How many bytes it has on disk, compressed as it is; ``None`` if that is not known, as of a pipe."""
        if self.filesystem is not None:
            size: int | None = self.filesystem.get_file_info(self.path).size
            return size
        if self.path == STANDARD_INPUT or not os.path.isfile(self.path):
            return None
        return os.path.getsize(self.path)

    def modified(self) -> int | None:
        """When it was last written, in nanoseconds since 1970; ``None`` if that is not known, as of a pipe."""
        if self.filesystem is not None:
            time: int | None = self.filesystem.get_file_info(self.path).mtime_ns
            return time
        if self.path == STANDARD_INPUT or not os.path.isfile(self.path):
            return None
        return os.stat(self.path).st_mtime_ns

    @property
    def kind(self) -> str:
        """What the bytes should be, for messages."""
        return self.compression or self.format


def find_sources(
    files: str | Path | Iterable[str | Path],
    format_: str | None = None,
    filesystem: FileSystem | None = None,
    delimiter: str | None = None,
) -> list[Source]:
    """The files that are meant, in the order given; those of a pattern or a folder sorted.

    ``delimiter``: of CSV files, which text files and unknown extensions are then too.
    Raises ``FileNotFoundError`` for a name or pattern that is no file's, ``TextError`` for a folder without any and for
    an address that cannot be reached, ``ArgumentError`` for an unknown format.
    """
    if format_ is not None:
        check_choice("format", format_, FORMATS)
    names = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    if not names:
        raise TextError("there are no files to read: name at least one")
    sources: list[Source] = []
    for name in names:
        if not isinstance(name, (str, os.PathLike)):
            raise TextTypeError(f"files must be names of files; received {name!r:.80}")
        sources.extend(_sources(os.fspath(name), format_, filesystem))
    return sources if delimiter is None else [_delimited(source, format_, delimiter) for source in sources]


def _delimited(source: Source, format_: str | None, delimiter: str) -> Source:
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\n\r"\0':
        raise ArgumentError(f"delimiter must be one ASCII character, no quote and no line end; received {delimiter!r}")
    if source.format in _DELIMITERS or (source.format == "text" and format_ is None):
        return replace(source, format="csv", own_delimiter=delimiter)
    raise ArgumentError(f"delimiter is for CSV files; {source.name} is read as {source.format}")


def _sources(name: str, format_: str | None, filesystem: FileSystem | None) -> Iterator[Source]:
    if name == STANDARD_INPUT:
        yield Source(name, "standard input", format_ or "text", None)
    elif filesystem is not None:
        for path in _reached(name, filesystem, name):
            yield _source(path, path, format_, filesystem)
    elif _ADDRESS.match(name):
        there, address_path = _filesystem_of(name)
        scheme = name.partition("://")[0]
        for path in _reached(name, there, address_path):
            yield _source(path, f"{scheme}://{path}", format_, there)
    else:
        for path in _local(name):
            yield _source(path, path, format_, None)


def _source(path: str, name: str, format_: str | None, filesystem: FileSystem | None) -> Source:
    by_name, compression = format_of(path)
    return Source(path, name, format_ or by_name or "text", compression, filesystem)


def format_of(path: str) -> tuple[str | None, str | None]:
    """The format, if the extension is known, and the compression, if there is one."""
    name = PurePosixPath(path.lower())
    compression = _COMPRESSIONS.get(name.suffix)
    return _EXTENSIONS.get((name.with_suffix("") if compression else name).suffix), compression


def _local(name: str) -> list[str]:
    if os.path.isdir(name):
        from tokemb.folder import is_columns_folder, is_vocabulary_folder

        if is_vocabulary_folder(Path(name)) or is_columns_folder(Path(name)):
            raise TextError(f"{name} is a vocabulary, not texts: name the files that hold those")
        return _known(name, (os.path.join(where, file) for where, file in _walk(name)))
    if os.path.lexists(name):
        return [name]
    if not _MAGIC.search(name):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    found = sorted(glob.glob(name, recursive=True), key=_parts)
    if not found:
        raise FileNotFoundError(errno.ENOENT, "No file matches the pattern", name)
    # "**" also gives the folders, whose files it gives too.
    if "**" in name:
        return [path for path in found if not os.path.isdir(path)]
    return [path for each in found for path in _local(each)]


def _walk(folder: str) -> Iterator[tuple[str, str]]:
    def fail(error: OSError) -> None:
        raise error

    for where, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield from ((where, name) for name in files)


def _known(folder: str, paths: Iterable[str]) -> list[str]:
    """Those of the files in a folder that are a corpus', sorted."""
    known = sorted((path for path in paths if not _is_hidden(path) and format_of(path)[0]), key=_parts)
    if not known:
        raise TextError(f"the folder {folder} has no file to read: those end in {', '.join(_EXTENSIONS)}")
    return known


def _is_hidden(path: str) -> bool:
    return PurePosixPath(path).name.startswith((".", "_"))


def _parts(path: str) -> tuple[str, ...]:
    return PurePosixPath(path).parts


def _filesystem_of(address: str) -> tuple[FileSystem, str]:
    """The file system of an address, and the path in it, in which a pattern stays as it is."""
    from pyarrow.fs import FileSystem  # here, so that local files do not wait for it

    # The part before a pattern is an address for sure.
    magic = _MAGIC.search(address)
    base = address[: address.rfind("/", 0, magic.start())] if magic else address
    try:
        filesystem, path = FileSystem.from_uri(base)
    except (pa.ArrowException, ImportError, OSError, ValueError) as error:
        raise _unreachable(address, error) from None
    return filesystem, path + address[len(base) :]


def _reached(name: str, filesystem: FileSystem, path: str) -> list[str]:
    try:
        return _remote(name, filesystem, path)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _unreachable(name, error) from None


def _remote(name: str, filesystem: FileSystem, path: str) -> list[str]:
    from pyarrow.fs import FileSelector, FileType

    def files_in(folder: str) -> list[str]:
        entries = filesystem.get_file_info(FileSelector(folder, recursive=True))
        return [entry.path for entry in entries if entry.type == FileType.File]

    kind = filesystem.get_file_info(path).type
    if kind == FileType.File:
        return [path]
    if kind == FileType.Directory:
        depth = len(_parts(path))
        files = (file for file in files_in(path) if not any(map(_is_hidden, _parts(file)[depth:])))
        return _known(name, files)
    magic = _MAGIC.search(path)
    if magic:
        folder = path[: max(path.rfind("/", 0, magic.start()), 0)]
        if filesystem.get_file_info(folder).type == FileType.Directory:
            found = [file for file in files_in(folder) if _matches(_parts(file), _parts(path))]
            if found:
                return sorted(found, key=_parts)
        raise FileNotFoundError(errno.ENOENT, "No file matches the pattern", name)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path has the pattern of ``glob.glob``, part by part; ``**`` is any number of parts."""
    if not pattern:
        return not parts
    # As in a shell, only a pattern that starts with a dot finds names that do.
    is_found = bool(parts) and (pattern[0].startswith(".") or not parts[0].startswith("."))
    if pattern[0] == "**":
        return _matches(parts, pattern[1:]) or (is_found and _matches(parts[1:], pattern))
    return is_found and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _unreachable(address: str, error: Exception) -> TextError:
    reason = " ".join(str(error).split()).removesuffix(".")
    return TextError(f"{address} cannot be reached: {reason:.300}")
