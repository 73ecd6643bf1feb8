"""The vocabulary folder: ``tokenizer.json``, ``vocabulary.parquet`` and ``tokemb.json`` (docs/format.md)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.errors import VocabularyError
from tokemb.files.atomic import atomic_folder, check_folder
from tokemb.files.json_content import parse_json
from tokemb.files.output_kind import Kind
from tokemb.files.temporaries import restore_missing
from tokemb.vocabulary.tokenizer_json import TokenizerJson, fingerprint

FORMAT_VERSION = 1

TOKENIZER, TABLE, METADATA = "tokenizer.json", "vocabulary.parquet", "tokemb.json"

COLUMNS = "columns.json"
"""What a folder of columns, which holds vocabulary folders, has in place of ``tokemb.json``."""

_SCHEMA = pa.schema({"id": pa.int32(), "token": pa.string(), "count": pa.int64(), "documents": pa.int64()})

# What tokemb.json must say, and as what.
_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "fingerprint": str,
    "profile": (str, NoneType),
    "model": str,
    "oov": bool,
    "settings": (dict, NoneType),
    "corpus": (dict, NoneType),
    "sha256": dict,
}


@dataclass(frozen=True)
class Contents:
    """What a vocabulary folder holds.

    ``specification``: the content of ``tokenizer.json``, and ``tokenizer`` its bytes. ``table``: the bytes of
    ``vocabulary.parquet``, which is read only when it is asked for. ``metadata``: the content of ``tokemb.json``.
    """

    specification: TokenizerJson
    tokenizer: bytes
    table: bytes
    metadata: dict[str, Any]


def is_vocabulary_folder(path: Path) -> bool:
    """Whether ``path`` is a folder that tokemb wrote."""
    return (path / METADATA).is_file()


def is_columns_folder(path: Path) -> bool:
    """Whether ``path`` is a folder of columns, ``tokemb.ColumnEncoder``'s."""
    return (path / COLUMNS).is_file()


def find_vocabulary(path: Path) -> Path:
    """The vocabulary folder, or the ``tokenizer.json`` by anyone, at ``path`` or in it.

    Raises ``VocabularyError``, naming what is missing, if it is neither.
    """
    restore_missing(path)
    if path.is_file() or is_vocabulary_folder(path):
        return path
    if not path.is_dir():
        raise VocabularyError(f"there is no vocabulary at {path}")
    if is_columns_folder(path):
        raise VocabularyError(f"{path} holds the vocabularies of several columns: name one of the folders in it")
    if (path / TABLE).exists() or not (path / TOKENIZER).is_file():
        missing = METADATA if (path / TABLE).exists() else TOKENIZER
        raise VocabularyError(f"{path} is not a vocabulary folder: it holds no {missing}")
    return path / TOKENIZER


def may_replace(path: Path) -> bool:
    """Whether the folder ``path`` is a vocabulary folder and nothing else, so that nothing is lost with it."""
    names = {item.name for item in path.iterdir()}
    return is_vocabulary_folder(path) and names <= {TOKENIZER, TABLE, METADATA} and _is_ours(path)


def _is_ours(path: Path) -> bool:
    try:
        return "format_version" in read_json(path / METADATA)
    except VocabularyError:
        return False


_KIND = Kind("a vocabulary", may_replace)


def check_target(path: Path, force: bool) -> None:
    """Raise ``OSError`` if ``write_folder`` would for what is at ``path``, to know it before any work."""
    check_folder(path, _KIND, force=force)


def write_folder(
    path: Path, specification: TokenizerJson, table: pa.Table, metadata: dict[str, Any], *, force: bool = False
) -> None:
    """Write a vocabulary folder, whole or not at all; one that is there is replaced if it holds nothing else.

    ``metadata``: what ``tokemb.json`` says beyond version, fingerprint and checksums, which are added here.
    ``force``: replace a read-only folder too.
    Raises ``OSError`` if something else is at ``path`` or it cannot be written.
    """
    tokenizer = json_bytes(specification)
    parquet = table_to_parquet(table)
    content = {
        "format_version": FORMAT_VERSION,
        "fingerprint": fingerprint(specification),
        **metadata,
        "sha256": {TOKENIZER: _sha256(tokenizer), TABLE: _sha256(parquet)},
    }
    content["checksum"] = checksum(content)
    with atomic_folder(path, _KIND, force=force) as temporary:
        (temporary / TOKENIZER).write_bytes(tokenizer)
        (temporary / TABLE).write_bytes(parquet)
        (temporary / METADATA).write_bytes(json_bytes(content))


def read_folder(path: Path) -> Contents:
    """Read a vocabulary folder; raises ``VocabularyError`` if it is incomplete, newer or was changed."""
    metadata = read_json(path / METADATA)
    version = metadata.get("format_version")
    if not isinstance(version, int):
        raise VocabularyError(f"{path / METADATA} names no format_version: this is not a vocabulary folder of tokemb")
    if version > FORMAT_VERSION:
        raise VocabularyError(
            f"{path} was written by a newer tokemb (format {version}; this one reads {FORMAT_VERSION}): upgrade tokemb"
        )
    if metadata.get("checksum") != checksum(metadata) or any(
        not isinstance(metadata.get(key, ...), kind) for key, kind in _REQUIRED.items()
    ):
        raise VocabularyError(_changed(path, METADATA))
    files = {}
    for name in (TOKENIZER, TABLE):
        try:
            files[name] = (path / name).read_bytes()
        except FileNotFoundError:
            raise VocabularyError(f"the vocabulary folder {path} lacks its {name}") from None
        if _sha256(files[name]) != metadata["sha256"].get(name):
            raise VocabularyError(_changed(path, name))
    # The tokenizers library, which loads it next, refuses what has more than 128 levels.
    specification = _object(files[TOKENIZER], path / TOKENIZER, check_depth=False)
    return Contents(specification, files[TOKENIZER], files[TABLE], metadata)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; raises ``VocabularyError`` if it holds none."""
    return _object(path.read_bytes(), path)


def _object(content: bytes, path: Path, *, check_depth: bool = True) -> dict[str, Any]:
    """Parse the content of the JSON file at ``path``, which must be an object."""
    try:
        value = parse_json(content, check_depth=check_depth)
    except ValueError as error:
        raise VocabularyError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise VocabularyError(f"{path} holds a JSON {type(value).__name__}, not an object")
    return value


def vocabulary_table(tokens: list[str], counts: pa.Array, documents: pa.Array) -> pa.Table:
    """The content of ``vocabulary.parquet``; ``tokens`` in the order of their ids."""
    return pa.table(
        [pa.array(np.arange(len(tokens), dtype=np.int32)), pa.array(tokens, pa.string()), counts, documents], _SCHEMA
    )


def table_to_parquet(table: pa.Table) -> bytes:
    """The bytes of ``table`` as a Parquet file."""
    import pyarrow.parquet as pq  # here, so that encoding does not wait for it

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def table_from_parquet(content: bytes, input_dim: int) -> pa.Table:
    """Read a ``vocabulary.parquet`` from its bytes.

    Raises:
        VocabularyError: If it is damaged, or has not one row for each of the ``input_dim`` ids.
    """
    from tokemb.files.parquet_tokens import read_vocabulary

    try:
        return read_vocabulary(content, input_dim, _SCHEMA)
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise VocabularyError(f"{TABLE} of this vocabulary is not sound: {reason:.300}") from None


def _changed(path: Path, name: str) -> str:
    return (
        f"{path / name} was changed after tokemb wrote it (the checksums differ): restore or fit the vocabulary again, "
        f"or load its {TOKENIZER} by itself"
    )


def json_bytes(content: dict[str, Any]) -> bytes:
    """The bytes of a JSON file for people and programs."""
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def checksum(metadata: dict[str, Any]) -> str:
    """SHA-256 of a JSON object, without its own key ``checksum``."""
    rest = {key: value for key, value in metadata.items() if key != "checksum"}
    return _sha256(json.dumps(rest, ensure_ascii=False, sort_keys=True).encode(errors="surrogatepass"))
