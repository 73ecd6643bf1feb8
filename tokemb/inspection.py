"""What a file or folder holds, as plain values that print and turn into JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.columns.encoder import ColumnEncoder
from tokemb.contract import shared_padding
from tokemb.counts import TokenCounts
from tokemb.counts_file import holds_counts
from tokemb.embedding import fingerprint_in_name
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.folder import is_columns_folder
from tokemb.inspecting_rows import describe_rows, describe_shards
from tokemb.keras_archive import read_archive, serialized_objects
from tokemb.pipeline.manifest import MANIFEST
from tokemb.reading_ids.npy import open_npy
from tokemb.reading_ids.open_ids import SUFFIXES
from tokemb.statistics import CorpusStatistics

Description = dict[str, Any]

_SHARES = (0.5, 0.9, 0.95, 0.99, 1.0)


def inspect(path: Path, *, top: int = 10, text: str | None = None) -> Description:
    """Describe a vocabulary, a folder of columns, token counts, a ``.keras`` model, ids, vectors or an array.

    ``top``: how many of the most frequent tokens to name. ``text``: of a vocabulary, which way goes this text?
    TensorFlow is not needed for any of them.
    Raises ``TokembError`` if it is none of these, or is broken, or has nothing to do with ``text``.
    """
    if is_columns_folder(path) and text is None:
        return _describe_columns(ColumnEncoder.load(path), top)
    folder = path.parent if path.name == MANIFEST else path
    of_shards = folder.is_dir() and os.path.lexists(folder / MANIFEST)
    if not of_shards and (path.is_dir() or path.suffix == ".json"):
        return describe_encoder(Encoder.load(path), top, text)
    if not path.exists():
        raise ArgumentError(f"there is nothing at {path}")
    if text is not None:
        raise ArgumentError(f"{path} is no vocabulary, so no text goes through it")
    if of_shards:
        return describe_shards(folder)
    if path.suffix == ".parquet" and holds_counts(path):
        return _describe_counts(TokenCounts.load(path), top)
    if path.suffix == ".keras":
        return _describe_model(path)
    if path.suffix == ".npy":
        return _describe_array(path)
    if path.suffix in SUFFIXES:
        return describe_rows(path)
    raise ArgumentError(
        f"{path} is none of what tokemb makes or reads: "
        "a folder of a vocabulary or of columns, a tokenizer.json, a .keras model, counts, or ids and vectors: "
        f"{', '.join(SUFFIXES)}"
    )


def describe_encoder(encoder: Encoder, top: int, text: str | None = None) -> Description:
    """Describe a vocabulary, with its ``top`` most frequent tokens, and the way that ``text``, or any, goes."""
    description: Description = {
        "kind": "vocabulary",
        "profile": encoder.profile,
        "model": encoder.model,
        "input_dim": encoder.input_dim,
        "pad_id": encoder.pad_id,
        "unk_id": encoder.unk_id,
        "oov": encoder.oov,
        "maxlen": encoder.maxlen,
        "padding": encoder.padding,
        "truncating": encoder.truncating,
        "fingerprint": encoder.fingerprint,
        "backend": str(encoder.explain(text)),
        "settings": encoder.settings,
        "warning": shared_padding(encoder),
        "corpus": None,
        "top": [],
    }
    if encoder.corpus is not None:
        corpus = encoder.corpus
        description["corpus"] = {
            "rows": corpus.rows,
            "tokens": corpus.tokens,
            "distinct": corpus.distinct,
            "coverage": corpus.coverage,
            "row_lengths": _quantiles(corpus),
        }
        description["top"] = _most_frequent(encoder, top)
    return description


def _most_frequent(encoder: Encoder, top: int) -> list[Description]:
    ranked = encoder.table.sort_by([("count", "descending"), ("id", "ascending")])
    return [
        {key: row[key] for key in ("id", "token", "count", "documents")}
        for row in ranked.slice(0, top).to_pylist()
        if row["count"] is not None
    ]


def _describe_columns(encoder: ColumnEncoder, top: int) -> Description:
    shares = {
        column.name: [other.name for other in encoder.columns if other.vocabulary == column.vocabulary]
        for column in encoder.columns
    }
    return {
        "kind": "columns",
        "rows": encoder.rows,
        "padding": encoder.padding,
        "truncating": encoder.truncating,
        "fingerprint": encoder.fingerprint,
        "columns": {
            column.name: {
                "holds": column.kind,
                "of": list(column.parts) if len(column.parts) > 1 else None,
                "shared": shares[column.name] if len(shares[column.name]) > 1 else None,
                "maxlen": column.maxlen,
                "input_dim": encoder.input_dims[column.name],
                "suggested_dim": encoder.suggested_dims[column.name],
                "fingerprint": encoder.vocabularies[column.name].fingerprint,
                "top": _most_frequent(encoder.vocabularies[column.name], top),
            }
            for column in encoder.columns
        },
    }


def _describe_counts(counts: TokenCounts, top: int) -> Description:
    distinct = len(counts.tokens)
    # Of equally frequent tokens the one that was seen first.
    ranked = np.argsort(-counts.counts, kind="stable")[:top]
    columns = (counts.tokens.take(pa.array(ranked)).to_pylist(), counts.counts[ranked], counts.documents[ranked])
    return {
        "kind": "counts",
        "profile": counts.profile,
        "rows": counts.rows,
        "tokens": counts.total,
        "distinct": distinct,
        "row_lengths": _quantiles(
            CorpusStatistics(counts.rows, counts.total, distinct, counts.total, 0, counts.row_lengths)
        ),
        "top": [
            {"token": token, "count": int(count), "documents": int(documents)}
            for token, count, documents in zip(*columns, strict=True)
        ],
    }


def _quantiles(corpus: CorpusStatistics) -> dict[str, int]:
    return {f"{share:.0%}": corpus.length_quantile(share) for share in _SHARES}


def _describe_model(path: Path) -> Description:
    """Describe a ``.keras`` file from its ``config.json``, without running or importing anything."""
    config, metadata = read_archive(path)
    objects = list(serialized_objects(config))
    names = [str(item.get("config", {}).get("name")) for item in objects]
    embeddings = [item["config"] for item in objects if item["class_name"] == "Embedding"]
    return {
        "kind": "model",
        "name": config["config"].get("name"),
        "keras_version": metadata.get("keras_version"),
        "vocabulary": next(filter(None, map(fingerprint_in_name, names)), None),
        "embeddings": [
            {
                "name": embedding.get("name"),
                "input_dim": embedding.get("input_dim"),
                "output_dim": embedding.get("output_dim"),
                "mask_zero": embedding.get("mask_zero"),
            }
            for embedding in embeddings
        ],
        "layers": [item["class_name"] for item in objects if item.get("module") == "keras.layers"],
    }


def _describe_array(path: Path) -> Description:
    array = open_npy(path)
    description: Description = {
        "kind": "array",
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "bytes": array.nbytes,
    }
    if array.dtype.kind in "iu" and array.size:
        description |= {
            "min": int(array.min()),
            "max": int(array.max()),
            "zeros": float(np.count_nonzero(array == 0) / array.size),
        }
    return description
