"""Read and write vocabulary folders: ``tokenizer.json``, ``vocabulary.parquet``, ``tokemb.json`` (docs/format.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tokemb.errors import VocabularyError, one_line
from tokemb.files.atomic import atomic_folder, check_folder
from tokemb.files.folders import METADATA, is_columns_folder, is_vocabulary_folder
from tokemb.files.json_content import check_format_version, parse_json
from tokemb.files.output_kind import Kind
from tokemb.files.temporaries import restore_missing
from tokemb.vocabulary.json_parts import json_parts
from tokemb.vocabulary.tokenizer_json import TokenizerJson, fingerprint, is_as_saved

FORMAT_VERSION = 2
"""The highest format version that is read. Folders whose ids need no more than ``tokenizer.json`` have version 1."""

NGRAMS, SEGMENTER, BUCKETS, BUCKET_STATISTICS = "ngrams", "segmenter", "buckets", "bucket_statistics"
# The keys of what decides the ids beyond tokenizer.json.
_BEYOND = (NGRAMS, SEGMENTER, BUCKETS)

TOKENIZER, TABLE = "tokenizer.json", "vocabulary.parquet"
USER_DICTIONARY = "user_dictionary.txt"

_SCHEMA = pa.schema({"id": pa.int32(), "token": pa.string(), "count": pa.int64(), "documents": pa.int64()})

# The required keys of tokemb.json and their types.
_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "fingerprint": str,
    "profile": (str, NoneType),
    "model": str,
    "oov": bool,
    "settings": (dict, NoneType),
    "corpus": (dict, NoneType),
    "sha256": dict,
}


# The types of the settings that are used after a vocabulary is loaded. Lists contain words.
_SETTINGS: dict[str, type] = {
    **dict.fromkeys(("reserve", "stop_words", "keep_words", "grown_from"), list),
    **dict.fromkeys(("start", "end", "ties"), str),
    "hash_buckets": int,
}


class Contents(NamedTuple):
    """The contents of a vocabulary folder.

    Attributes:
        specification: The content of ``tokenizer.json``.
        tokenizer: The bytes of ``tokenizer.json``.
        table: The bytes of ``vocabulary.parquet``, which is parsed only when it is accessed.
        metadata: The content of ``tokemb.json``.
        user_dictionary: The bytes of the user dictionary of the segmenter, or ``None``.
    """

    specification: TokenizerJson
    tokenizer: bytes
    table: bytes
    metadata: dict[str, Any]
    user_dictionary: bytes | None


def find_vocabulary(path: Path) -> Path:
    """Return the path of a vocabulary folder or of a ``tokenizer.json``.

    Args:
        path: A vocabulary folder, any ``tokenizer.json``, or a folder that contains one.

    Raises:
        VocabularyError: If ``path`` is none of these.
    """
    restore_missing(path)
    if path.is_file() or is_vocabulary_folder(path):
        return path
    if not path.is_dir():
        raise VocabularyError(f"there is no vocabulary at {path}")
    if is_columns_folder(path):
        raise VocabularyError(f"{path} contains the vocabularies of several columns: pass one of the folders in it")
    if (path / TABLE).exists() or not (path / TOKENIZER).is_file():
        missing = METADATA if (path / TABLE).exists() else TOKENIZER
        raise VocabularyError(f"{path} is not a vocabulary folder: it contains no {missing}")
    return path / TOKENIZER


def may_replace(path: Path) -> bool:
    """Return whether ``path`` is a vocabulary folder without other files, so that replacing it loses nothing."""
    names = {item.name for item in path.iterdir()}
    return (
        is_vocabulary_folder(path)
        and names <= {TOKENIZER, TABLE, METADATA, USER_DICTIONARY}
        and _has_format_version(path)
    )


def _has_format_version(path: Path) -> bool:
    try:
        return "format_version" in read_json(path / METADATA)
    except VocabularyError:
        return False


_KIND = Kind("a vocabulary", may_replace)


def check_target(path: Path, force: bool) -> None:
    """Raise the errors of ``write_folder`` for the folder at ``path`` before any work is done."""
    check_folder(path, _KIND, force=force)


def write_folder(
    path: Path,
    specification: TokenizerJson,
    table: pa.Table,
    metadata: dict[str, Any],
    *,
    user_dictionary: bytes | None = None,
    force: bool = False,
) -> None:
    """Write a vocabulary folder. It appears complete or not at all, and replaces an existing vocabulary folder.

    Args:
        path: The folder.
        specification: The content of ``tokenizer.json``.
        table: The content of ``vocabulary.parquet``.
        metadata: The content of ``tokemb.json`` without version, fingerprint and checksums, which are added.
        user_dictionary: The user dictionary of the segmenter.
        force: Whether to replace a read-only folder.

    Raises:
        OSError: If something else is at ``path``, or the folder cannot be written.
    """
    beyond = {key: metadata[key] for key in _BEYOND if key in metadata}
    # Computed first, because it needs the most memory.
    digest = fingerprint(specification, beyond)
    with atomic_folder(path, _KIND, force=force) as temporary:
        checksums = {
            TOKENIZER: _write(temporary / TOKENIZER, _indented(specification)),
            TABLE: _write(temporary / TABLE, [table_to_parquet(table)]),
        }
        if user_dictionary is not None:
            checksums[USER_DICTIONARY] = _write(temporary / USER_DICTIONARY, [user_dictionary])
        content = {
            "format_version": FORMAT_VERSION if beyond else 1,
            "fingerprint": digest,
            **metadata,
            "sha256": checksums,
        }
        content["checksum"] = checksum(content)
        (temporary / METADATA).write_bytes(json_bytes(content))


def read_folder(path: Path) -> Contents:
    """Read a vocabulary folder.

    Raises:
        VocabularyError: If it is incomplete, newer than this library, or was changed.
    """
    metadata = read_json(path / METADATA)
    version = metadata.get("format_version")
    if not isinstance(version, int):
        raise VocabularyError(f"{path / METADATA} has no format_version: this is not a vocabulary folder of tokemb")
    check_format_version(path, version, FORMAT_VERSION, VocabularyError)
    if metadata.get("checksum") != checksum(metadata) or any(
        not isinstance(metadata.get(key, ...), kind) for key, kind in _REQUIRED.items()
    ):
        raise VocabularyError(_changed(path, METADATA))
    _check_settings(metadata["settings"], path)
    files = {}
    for name in (TOKENIZER, TABLE, *([USER_DICTIONARY] if USER_DICTIONARY in metadata["sha256"] else [])):
        try:
            files[name] = (path / name).read_bytes()
        except FileNotFoundError:
            raise VocabularyError(f"the vocabulary folder {path} contains no {name}") from None
        if _sha256(files[name]) != metadata["sha256"].get(name):
            raise VocabularyError(_changed(path, name))
    # The tokenizers library, which loads it next, rejects more than 128 levels.
    specification = _object(files[TOKENIZER], path / TOKENIZER, check_depth=False)
    if not is_as_saved(specification):
        raise VocabularyError(f"{path / TOKENIZER} does not have the form that tokemb writes: fit the vocabulary again")
    return Contents(specification, files[TOKENIZER], files[TABLE], metadata, files.get(USER_DICTIONARY))


def _check_settings(settings: dict[str, Any] | None, path: Path) -> None:
    """Raise ``VocabularyError`` if a setting has another type than ``fit_vocab`` saves."""
    for name, value in (settings or {}).items():
        kind = _SETTINGS.get(name, object)
        words = value if kind is list and isinstance(value, list) else []
        if not isinstance(value, kind) or not all(isinstance(word, str) for word in words):
            raise VocabularyError(f"{path / METADATA} has an invalid setting {name!r:.60}: fit the vocabulary again")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file. Raise ``VocabularyError`` if it does not contain an object."""
    return _object(path.read_bytes(), path)


def _object(content: bytes, path: Path, *, check_depth: bool = True) -> dict[str, Any]:
    """Parse the content of the JSON file at ``path``. Raise ``VocabularyError`` if it is not an object."""
    try:
        value = parse_json(content, check_depth=check_depth)
    except ValueError as error:
        raise VocabularyError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise VocabularyError(f"{path} must contain a JSON object; it contains a {type(value).__name__}")
    return value


def vocabulary_table(tokens: list[str] | pa.LargeStringArray, counts: pa.Array, documents: pa.Array) -> pa.Table:
    """Return the content of ``vocabulary.parquet``. The tokens are in the order of their ids."""
    ids = pa.array(np.arange(len(tokens), dtype=np.int32))
    strings = pa.array(tokens, pa.string()) if isinstance(tokens, list) else tokens.cast(pa.string())
    return pa.table([ids, strings, counts, documents], _SCHEMA)


def table_to_parquet(table: pa.Table) -> pa.Buffer:
    """Return the bytes of a Parquet file with ``table``."""
    import pyarrow.parquet as pq  # only here, because encoding does not need it

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue()


def table_from_parquet(content: bytes, input_dim: int) -> pa.Table:
    """Read a ``vocabulary.parquet`` from its bytes.

    Raises:
        VocabularyError: If it is corrupt, or does not have one row for each of the ``input_dim`` ids.
    """
    from tokemb.files.parquet_tokens import read_vocabulary

    try:
        return read_vocabulary(content, input_dim, _SCHEMA)
    except (pa.ArrowException, KeyError, OSError, ValueError) as error:
        raise VocabularyError(f"{TABLE} of this vocabulary is not valid: {one_line(error):.300}") from None


def _changed(path: Path, name: str) -> str:
    return (
        f"{path / name} was changed after tokemb wrote it (the checksums differ): restore or fit the vocabulary again, "
        f"or load its {TOKENIZER} by itself"
    )


def json_bytes(content: dict[str, Any]) -> bytes:
    """Return the bytes of an indented JSON file."""
    return b"".join(_indented(content))


def _indented(content: dict[str, Any]) -> Iterator[bytes]:
    """Yield the bytes of an indented JSON file in parts."""
    yield from json_parts(content, indent=1)
    yield b"\n"


def _write(path: Path, parts: Iterable[bytes | pa.Buffer]) -> str:
    """Write a file in parts, and return its SHA-256."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for part in parts:
            digest.update(part)
            file.write(part)
    return digest.hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def checksum(metadata: dict[str, Any]) -> str:
    """Return the SHA-256 of a JSON object without its key ``checksum``."""
    rest = {key: value for key, value in metadata.items() if key != "checksum"}
    return _sha256(json.dumps(rest, ensure_ascii=False, sort_keys=True).encode(errors="surrogatepass"))
