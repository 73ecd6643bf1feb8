"""Descriptions of files and folders of ids and vectors as JSON values. Rows are only read from JSON Lines."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from tokemb.errors import ArgumentError
from tokemb.files.arrow_files import open_parquet
from tokemb.files.folders import MANIFEST
from tokemb.formats import FORMATS
from tokemb.formats.manifest import read_manifest, shard_path
from tokemb.formats.npz import kept_schema, read_headers
from tokemb.formats.npz import validate as validate_npz
from tokemb.formats.npz_member import read_scalar
from tokemb.formats.open_ids import SUFFIXES, open_ids
from tokemb.formats.parquet import validate as validate_parquet

Description = dict[str, Any]


def describe_rows(path: Path) -> Description:
    """Describe a file of ids, or a ``.npz`` or ``.parquet`` file of vectors.

    Raises:
        ArgumentError: If it contains neither, or is damaged.
    """
    size = path.stat().st_size
    vectors = _VECTORS[path.suffix](path) if path.suffix in _VECTORS else None
    if vectors is not None:
        return {"kind": "vectors", "format": path.suffix[1:], **vectors, "bytes": size}
    source = open_ids(path)
    rows = sum(len(block.ids) for block in source.blocks()) if source.rows is None else source.rows
    return {
        "kind": "ids",
        "format": path.suffix[1:],
        "rows": rows,
        "maxlen": source.maxlen,
        "ragged": source.maxlen is None,
        "dtype": source.dtype and str(source.dtype),
        "pad_id": source.pad_id,
        "fingerprint": source.fingerprint or None,
        "kept": _types(source.kept_columns),
        "bytes": size,
    }


def describe_shards(folder: Path) -> Description:
    """Describe a folder of shards from its manifest and its first shard.

    ``damaged`` lists the files that are missing or do not have the size in the manifest.

    Raises:
        ArgumentError: If the manifest is invalid.
    """
    manifest = read_manifest(folder / MANIFEST)
    settings, suffix = manifest.settings, manifest.settings.get("format")
    if suffix not in FORMATS:
        raise ArgumentError(
            f"{folder / MANIFEST} names the shard format {suffix!r:.40}; it must be one of {', '.join(FORMATS)}"
        )
    paths = [shard_path(folder, index, suffix) for index in range(len(manifest.rows))]
    damaged = [path.name for path, size in zip(paths, manifest.bytes, strict=True) if not _is_of_size(path, size)]
    holds_vectors = "pooling" in settings
    is_table = "columns" in settings
    readable = (
        paths and not is_table and paths[0].name not in damaged and suffix in (_VECTORS if holds_vectors else SUFFIXES)
    )
    first = describe_rows(paths[0]) if readable else {}
    unknown = dict.fromkeys(settings.get("keep") or [], "unknown")
    if holds_vectors:
        shape = {"dim": first.get("dim"), "pooling": settings["pooling"]}
    elif is_table:
        shape = {"columns": settings["columns"], "ragged": settings.get("ragged")}
    else:
        maxlen = first.get("maxlen") or (None if settings.get("ragged") else settings.get("pad_to"))
        shape = {"maxlen": maxlen, "ragged": settings.get("ragged")}
    return {
        "kind": "shards",
        "holds": "vectors" if holds_vectors else "columns" if is_table else "ids",
        "format": suffix[1:],
        "files": len(paths),
        "rows": sum(manifest.rows),
        "rows_per_shard": settings.get("rows_per_shard"),
        "complete": manifest.complete,
        **shape,
        "dtype": settings.get("dtype"),
        "pad_id": settings.get("pad_id"),
        "fingerprint": manifest.vocabulary or None,
        "kept": first.get("kept", unknown),
        "bytes": sum(manifest.bytes),
        "damaged": damaged,
    }


def _is_of_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _npz_vectors(path: Path) -> Description | None:
    with validate_npz(path), zipfile.ZipFile(path) as archive:
        headers = read_headers(archive)
        header = headers.get("vectors")
        if header is None:
            return None
        return {
            "rows": header.shape[0],
            "dim": header.shape[-1] if header.row_shape else None,  # a model may return one number per row
            "dtype": str(header.dtype),
            "fingerprint": read_scalar(archive, headers.get("fingerprint"), "U"),
            "kept": _types(kept_schema(headers, "vectors", header.shape[0])),
        }


def _parquet_vectors(path: Path) -> Description | None:
    with validate_parquet(path), open_parquet(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    if "vectors" not in schema.names:
        return None
    element_type, dim = schema.field("vectors").type, None
    while pt.is_list(element_type) or pt.is_fixed_size_list(element_type):
        dim = element_type.list_size if pt.is_fixed_size_list(element_type) else None
        element_type = element_type.value_type
    return {
        "rows": rows,
        "dim": dim,
        "dtype": str(np.dtype(element_type.to_pandas_dtype())),
        "fingerprint": (schema.metadata or {}).get(b"tokemb.fingerprint", b"").decode(errors="replace") or None,
        "kept": _types(schema.remove(schema.get_field_index("vectors"))),
    }


_VECTORS = {".npz": _npz_vectors, ".parquet": _parquet_vectors}


def _types(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}
