"""The files of a corpus, found from names, globs, folders and URLs, and their formats by extension."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tokemb._validation import INPUT_FORMATS, QUOTINGS, check_choice
from tokemb.errors import ArgumentError, TextError, TextTypeError
from tokemb.files.folders import MANIFEST, lacks_shards
from tokemb.sources.local_files import ANY_DEPTH, MAGIC, check_file, exists, files_below, glob_files
from tokemb.sources.urls import filesystem_of, matches, unreachable

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

STANDARD_INPUT = "-"
# The format of files that are one row each.
DOCUMENTS = "documents"
# The format of files with one token per line.
CONLL = "conll"

_EXTENSIONS = {
    ".txt": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".conll": CONLL,
    ".conllu": CONLL,
}
# Read if they are named, but skipped in folders, where they usually contain settings.
_NOT_IN_FOLDERS = {".json": "jsonl"}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".xz": "xz"}
_URL = re.compile(r"[a-z][a-z0-9+.-]+://")


@dataclass(frozen=True)
class Source:
    """One input file.

    Attributes:
        path: The path in ``filesystem``. ``"-"`` is standard input.
        name: The name for messages.
        format: One of ``INPUT_FORMATS``.
        compression: The codec. ``None`` if the file is not compressed.
        filesystem: The file system. ``None`` for local files.
        explicit_delimiter: The ``delimiter`` that the user passed.
        explicit_quoting: The ``quoting`` that the user passed.
        folder: For a document that was found in a folder, the name of its class.
    """

    path: str
    name: str
    format: str
    compression: str | None
    filesystem: FileSystem | None = None
    explicit_delimiter: str | None = None
    explicit_quoting: str | None = None
    folder: str | None = None

    @property
    def delimiter(self) -> str | None:
        """The character between the fields of CSV and TSV. ``None`` for other formats."""
        return self.explicit_delimiter or _DELIMITERS.get(self.format)

    @property
    def quoting(self) -> str:
        """Whether quotes enclose fields (``"minimal"``) or are text (``"none"``, the default for tabs)."""
        return self.explicit_quoting or ("none" if self.delimiter == "\t" else "minimal")

    def size(self) -> int | None:
        """Return the (compressed) size on disk in bytes. ``None`` if it is not known, for example for a pipe."""
        return self._property("size", "st_size")

    def modified(self) -> int | None:
        """Return the modification time in nanoseconds since 1970. ``None`` if it is not known, as for a pipe."""
        return self._property("mtime_ns", "st_mtime_ns")

    def _property(self, remote: str, local: str) -> int | None:
        """Return an attribute of the file: ``remote`` as Arrow names it, ``local`` as the system does."""
        if self.filesystem is None and (self.path == STANDARD_INPUT or not os.path.isfile(self.path)):
            return None
        value: int | None = (
            getattr(os.stat(self.path), local)
            if self.filesystem is None
            else getattr(self.filesystem.get_file_info(self.path), remote)
        )
        return value

    @property
    def kind(self) -> str:
        """The expected content of the file, for messages."""
        return self.compression or self.format


def identify(sources: Iterable[Source]) -> list[list[Any]] | None:
    """Return the name, size in bytes and time of change of each source, as JSON.

    Two runs that read the same inputs get the same value. ``None`` if a source, such as a pipe, cannot be read again.
    """
    files = [[source.name, source.size(), source.modified()] for source in sources]
    return None if any(size is None for _, size, _ in files) else files


def identify_files(files: Iterable[Path]) -> list[list[Any]]:
    """Return the same as ``identify`` for files of the local file system."""
    return [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def find_sources(
    files: str | Path | Iterable[str | Path],
    format_: str | None = None,
    filesystem: FileSystem | None = None,
    delimiter: str | None = None,
    quoting: str | None = None,
) -> list[Source]:
    """Find the files of a corpus.

    Args:
        files: File names, globs, folders and URLs, as for ``read_corpus``.
        format_: The format of all files. ``None`` detects it from the extensions.
        filesystem: The file system of all files.
        delimiter: The delimiter of CSV files. With it, text files and files with an unknown extension are CSV.
        quoting: The quoting of CSV and TSV files, as for ``read_corpus``.

    Returns:
        The files in the given order. Those of a glob or a folder are sorted.

    Raises:
        FileNotFoundError: If there is no file with a name, or none that matches a glob.
        TextError: If a folder has no file to read, or a URL cannot be reached.
        ArgumentError: If ``format_``, ``delimiter`` or ``quoting`` is invalid.
    """
    if format_ is not None:
        check_choice("format", format_, INPUT_FORMATS)
    names = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    if not names:
        raise TextError("there are no files to read: pass at least one")
    sources: list[Source] = []
    for name in names:
        if not isinstance(name, (str, os.PathLike)):
            raise TextTypeError(f"files must be names of files; received {name!r:.80}")
        sources.extend(_sources(os.fspath(name), format_, filesystem))
    if delimiter is not None:
        sources = [_delimited(source, format_, delimiter) for source in sources]
    return sources if quoting is None else [_quoted(source, quoting) for source in sources]


def _delimited(source: Source, format_: str | None, delimiter: str) -> Source:
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\n\r"\0':
        raise ArgumentError(
            f"delimiter must be one ASCII character other than a quote or a line end; received {delimiter!r}"
        )
    if source.format in _DELIMITERS or (source.format == "text" and format_ is None):
        return replace(source, format="csv", explicit_delimiter=delimiter)
    raise ArgumentError(
        f'delimiter is for CSV files, but {source.name} is read as {source.format}; pass format="csv" if it is one'
    )


def _quoted(source: Source, quoting: str) -> Source:
    check_choice("quoting", quoting, QUOTINGS)
    if source.delimiter is None:
        raise ArgumentError(
            f'quoting is for CSV and TSV files, but {source.name} is read as {source.format}; pass format="csv" or '
            'format="tsv" if it is one'
        )
    return replace(source, explicit_quoting=quoting)


def _sources(name: str, format_: str | None, filesystem: FileSystem | None) -> Iterator[Source]:
    if name == STANDARD_INPUT:
        yield Source(name, "standard input", format_ or "text", None)
    elif filesystem is not None:
        for path in _remote_files(name, filesystem, name):
            yield _source(path, path, format_, filesystem)
    elif _URL.match(name):
        url_filesystem, url_path = filesystem_of(name)
        scheme = name.partition("://")[0]
        is_local = url_filesystem.type_name == "local"
        for path in _local_files(url_path) if is_local else _remote_files(name, url_filesystem, url_path):
            yield _source(path, f"{scheme}://{path}", format_, None if is_local else url_filesystem)
    elif format_ == DOCUMENTS and os.path.isdir(name):
        for path, label in _documents_in(name):
            yield replace(_source(path, path, format_, None), folder=label)
    else:
        for path in _local_files(name):
            yield _source(path, path, format_, None)


def _source(path: str, name: str, format_: str | None, filesystem: FileSystem | None) -> Source:
    known_format, compression = format_of(path)
    return Source(path, name, format_ or known_format or "text", compression, filesystem)


def format_of(path: str) -> tuple[str | None, str | None]:
    """Return the format, if the extension is known, and the compression, if there is one."""
    extension, compression = _extension_of(path)
    return _EXTENSIONS.get(extension) or _NOT_IN_FOLDERS.get(extension), compression


def _extension_of(path: str) -> tuple[str, str | None]:
    """Return the extension of the format, and the compression by the extension after it."""
    name = PurePosixPath(path.lower())
    compression = _COMPRESSIONS.get(name.suffix)
    return (name.with_suffix("") if compression else name).suffix, compression


def _local_files(name: str) -> list[str]:
    if os.path.isdir(name):
        from tokemb.files.folders import is_columns_folder, is_vocabulary_folder

        if is_vocabulary_folder(Path(name)) or is_columns_folder(Path(name)):
            raise TextError(f"{name} is a vocabulary, not texts: pass the files that contain the texts")
        return _require_files(name, _files_in(name))
    if exists(name):
        return [name]
    if not MAGIC.search(name):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    found = _matching_files(name)
    if not found:
        raise FileNotFoundError(errno.ENOENT, "No file matches the glob", name)
    return found


def _matching_files(glob: str) -> list[str]:
    """Return the files that match a glob, and the files in folders that match it, sorted."""
    parts = _parts(glob)
    paths: set[str] = set()
    for path in glob_files(glob):
        if not os.path.isdir(path):
            check_file(path)
            paths.add(path)
        elif ANY_DEPTH not in parts:
            paths.update(_local_files(path))
        elif parts[-1] != ANY_DEPTH:  # a final ** also matches the files in the folders
            paths.update(_files_in(path))
    return sorted(paths, key=_parts)


def _files_in(folder: str) -> list[str]:
    """Return the files of a corpus in a folder and below it, sorted."""
    entries = [entry for entry in files_below(folder, _is_hidden) if _is_known(entry.path)]
    for parent in {os.path.dirname(entry.path) for entry in entries}:
        if lacks_shards(Path(parent, MANIFEST)):
            raise TextError(
                f"{parent} holds shards and is not complete: run the command that made it again, or pass the names of "
                "the files to read"
            )
    for entry in entries:
        if not entry.is_file():
            check_file(entry.path)
    return sorted((entry.path for entry in entries), key=_parts)


def _documents_in(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the documents below a folder, sorted, and the name of the folder in it that contains each.

    Only names that end in ``.txt`` are documents, if there are any. As in ``text_dataset_from_directory`` of Keras,
    files beside the folders are left out. If there are no folders, the folder itself is the class.
    """
    entries = [entry for entry in files_below(folder, _is_hidden) if not _is_hidden(entry.path)]
    entries = [entry for entry in entries if _extension_of(entry.path)[0] == ".txt"] or entries
    for entry in entries:
        if not entry.is_file():
            check_file(entry.path)
    if not entries:
        raise TextError(f"the folder {folder} has no file to read")
    depth = len(_parts(folder))
    paths = sorted((entry.path for entry in entries), key=_parts)
    inside = [path for path in paths if len(_parts(path)) > depth + 1]
    if inside and len(inside) < len(paths):
        _note_left_out(folder, next(path for path in paths if len(_parts(path)) == depth + 1))
    for path in inside or paths:
        yield path, _parts(path)[depth] if inside else Path(folder).absolute().name


@cache
def _note_left_out(folder: str, example: str) -> None:
    """Explain once that files are left out, because inputs can be listed several times."""
    import logging  # imported late: few folders need it

    logging.getLogger("tokemb").warning(
        "files beside the folders of %s are not documents and are not read, for example %s", folder, example
    )


def _require_files(folder: str, paths: list[str]) -> list[str]:
    if not paths:
        raise TextError(f"the folder {folder} has no file to read: their names must end in {', '.join(_EXTENSIONS)}")
    return paths


def _is_known(path: str) -> bool:
    return not _is_hidden(path) and _extension_of(path)[0] in _EXTENSIONS


def _is_hidden(path: str) -> bool:
    return PurePosixPath(path).name.startswith((".", "_"))


def _parts(path: str) -> tuple[str, ...]:
    return PurePosixPath(path).parts


def _remote_files(name: str, filesystem: FileSystem, path: str) -> list[str]:
    try:
        return _list_remote(name, filesystem, path)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise unreachable(name, error) from None


def _list_remote(name: str, filesystem: FileSystem, path: str) -> list[str]:
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
        return _require_files(name, sorted(filter(_is_known, files), key=_parts))
    magic = MAGIC.search(path)
    if magic:
        folder = path[: max(path.rfind("/", 0, magic.start()), 0)]
        if filesystem.get_file_info(folder).type == FileType.Directory:
            found = [file for file in files_in(folder) if _matches_glob(file, _parts(path))]
            if found:
                return sorted(found, key=_parts)
        raise FileNotFoundError(errno.ENOENT, "No file matches the glob", name)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _matches_glob(path: str, glob: tuple[str, ...]) -> bool:
    """Return whether a glob matches a file, or a folder that contains it."""
    parts = _parts(path)
    if matches(parts, glob):
        return True
    folders = (depth for depth in range(1, len(parts)) if matches(parts[:depth], glob))
    return any(_is_known(path) and not any(map(_is_hidden, parts[depth:])) for depth in folders)
