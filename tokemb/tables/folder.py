"""The folder of columns: ``columns.json``, and a vocabulary folder for each vocabulary (docs/columns.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokemb.encoder import Encoder
from tokemb.errors import VocabularyError
from tokemb.files.atomic import atomic_folder, check_folder
from tokemb.files.folders import COLUMNS, is_columns_folder
from tokemb.files.json_content import check_format_version
from tokemb.files.output_kind import Kind
from tokemb.files.temporaries import restore_missing
from tokemb.tables.column import Column
from tokemb.vocabulary import folder as vocabulary_folder
from tokemb.vocabulary.folder import read_json

FORMAT_VERSION = 1

_REQUIRED = ("fingerprint", "rows", "padding", "truncating", "columns", "vocabularies")


@dataclass(frozen=True)
class ColumnsContent:
    """The content of a folder of columns. The fields are those of ``ColumnEncoder``."""

    columns: Sequence[Column]
    encoders: Sequence[Encoder]
    rows: int
    padding: str
    truncating: str


def write_columns(content: ColumnsContent, fingerprint: str, path: Path, *, force: bool = False) -> None:
    """Write the folder atomically. An existing folder of columns without other files is replaced.

    Args:
        content: The content of the folder.
        fingerprint: The fingerprint of the ``ColumnEncoder``.
        path: The folder.
        force: Whether to replace a read-only folder, too.

    Raises:
        OSError: If ``path`` holds anything else, or cannot be written.
    """
    names = [_folder_name(number, content.columns) for number in range(len(content.encoders))]
    description: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "fingerprint": fingerprint,
        "rows": content.rows,
        "padding": content.padding,
        "truncating": content.truncating,
        "columns": [column.to_json() for column in content.columns],
        "vocabularies": [
            {"folder": name, "fingerprint": encoder.fingerprint}
            for name, encoder in zip(names, content.encoders, strict=True)
        ],
    }
    description["checksum"] = vocabulary_folder.checksum(description)
    with atomic_folder(path, _KIND, force=force) as temporary:
        for name, encoder in zip(names, content.encoders, strict=True):
            encoder.save(temporary / name)
        (temporary / COLUMNS).write_bytes(vocabulary_folder.json_bytes(description))


def read_columns(path: Path) -> ColumnsContent:
    """Read a folder.

    Raises:
        VocabularyError: If the folder is incomplete, newer than this library, or was changed.
    """
    restore_missing(path)
    if not is_columns_folder(path):
        reason = "it holds no " + COLUMNS if path.is_dir() else "it does not exist or is a file"
        raise VocabularyError(f"{path} is not a folder of columns: {reason}")
    content = read_json(path / COLUMNS)
    version = content.get("format_version")
    if not isinstance(version, int):
        raise VocabularyError(f"{path / COLUMNS} names no format_version: this is not a folder of columns of tokemb")
    check_format_version(path, version, FORMAT_VERSION, VocabularyError)
    if content.get("checksum") != vocabulary_folder.checksum(content) or any(key not in content for key in _REQUIRED):
        raise VocabularyError(
            f"{path / COLUMNS} was changed after tokemb wrote it (the checksums differ): restore or fit the columns "
            "again, or load each of its vocabularies"
        )
    try:
        columns = [Column.from_json(entry) for entry in content["columns"]]
        folders = [(str(entry["folder"]), entry["fingerprint"]) for entry in content["vocabularies"]]
        encoders = [_vocabulary(path, *each) for each in folders]
        for column in columns:
            if column.numbers is None:
                encoders[column.vocabulary]  # type: ignore[index]  # raises IndexError or TypeError
            if not all(isinstance(name, str) for name in (column.name, *column.parts)):
                raise TypeError("a name is not a text")
        return ColumnsContent(columns, encoders, content["rows"], content["padding"], content["truncating"])
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise VocabularyError(f"{path / COLUMNS} does not describe columns: {error!r:.100}") from None


def _vocabulary(path: Path, name: str, fingerprint: str) -> Encoder:
    if not (path / name).is_dir() or Path(name).name != name:
        raise VocabularyError(f"the folder of columns {path} lacks its {name}")
    encoder = Encoder.load(path / name)
    if encoder.fingerprint != fingerprint:
        raise VocabularyError(
            f"{path / name} is another vocabulary than the one that was fitted to these columns: restore it, or fit "
            "the columns again"
        )
    return encoder


def _may_replace(path: Path) -> bool:
    """Return whether ``path`` holds a folder of columns and nothing else that replacing it would lose."""
    others = [item for item in path.iterdir() if item.name != COLUMNS]
    return is_columns_folder(path) and all(item.is_dir() and vocabulary_folder.may_replace(item) for item in others)


_KIND = Kind("vocabularies of columns", _may_replace)


def check_target(path: Path, force: bool) -> None:
    """Raise the ``OSError`` that ``write_columns`` would raise for an existing path, before any work is done."""
    check_folder(path, _KIND, force=force)


def _folder_name(number: int, columns: Sequence[Column]) -> str:
    """Return a name that every file system allows: the number of a vocabulary and the names of its columns."""
    names = [column.name for column in columns if column.vocabulary == number]
    return f"{number}-{re.sub(r'[^A-Za-z0-9_]+', '-', '-'.join(names)).strip('-')[:60]}.vocab"
