"""Descriptions of files and folders as JSON values."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._validation import UNIGRAMS
from tokemb.counts.counts_file import holds_counts
from tokemb.counts.token_counts import TokenCounts
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.files.folders import MANIFEST, is_columns_folder
from tokemb.formats.npy import open_npy
from tokemb.formats.open_ids import SUFFIXES
from tokemb.models.compatibility import shared_padding
from tokemb.models.inspect_model import (
    describe_model,
    describe_saved_model,
    describe_training,
    is_saved_model,
    is_training,
)
from tokemb.pipeline.inspect_rows import describe_rows, describe_shards
from tokemb.rows.corpus_statistics import CorpusStatistics
from tokemb.tables.encoder import ColumnEncoder
from tokemb.vocabulary.oov_buckets import OovBuckets

Description = dict[str, Any]

_SHARES = (0.5, 0.9, 0.95, 0.99, 1.0)


def inspect(path: Path, *, top: int = 10, text: str | None = None) -> Description:
    """Describe a file or folder that tokemb writes or reads.

    Supported are vocabularies, folders of columns, token counts, ``.keras`` models, trainings, exported SavedModels,
    ids, vectors and arrays. TensorFlow is not needed for any of them.

    Args:
        path: The file or folder.
        top: The number of most frequent tokens to include.
        text: A text whose backend is included. Only for vocabularies.

    Raises:
        TokembError: If the file or folder is not supported or damaged, or if ``text`` is given and it is not a
            vocabulary.
    """
    if text is None:
        for recognizes, describe in _FOLDERS:
            if recognizes(path):
                return describe(path, top)
    folder = path.parent if path.name == MANIFEST else path
    is_shards = folder.is_dir() and os.path.lexists(folder / MANIFEST)
    if not is_shards and (path.is_dir() or path.suffix == ".json"):
        return describe_encoder(Encoder.load(path), top, text)
    if not path.exists():
        raise ArgumentError(f"{path} does not exist")
    if text is not None:
        raise ArgumentError(f"{path} is not a vocabulary, so it cannot encode a text")
    return describe_shards(folder) if is_shards else _describe_file(path, top)


def _describe_file(path: Path, top: int) -> Description:
    if path.suffix == ".parquet" and holds_counts(path):
        return _describe_counts(TokenCounts.load(path), top)
    if path.suffix == ".keras":
        return describe_model(path)
    if path.suffix == ".npy":
        return _describe_array(path)
    if path.suffix in SUFFIXES:
        return describe_rows(path)
    raise ArgumentError(
        f"{path} is not a file or folder that tokemb can inspect. It must be a folder of a vocabulary, of columns, of "
        "a training or of a SavedModel, a tokenizer.json, a .keras model, counts, ids or vectors "
        f"({', '.join(SUFFIXES)})"
    )


def describe_encoder(encoder: Encoder, top: int, text: str | None = None) -> Description:
    """Describe a vocabulary, its ``top`` most frequent tokens, and the backend of ``text``, or of any text."""
    description: Description = {
        "kind": "vocabulary",
        "profile": encoder.profile,
        "model": encoder.algorithm,
        "input_dim": encoder.input_dim,
        "pad_id": encoder.pad_id,
        "unk_id": encoder.unk_id,
        "oov": encoder.oov,
        **encoder.beyond_tokenizer_json,
        "maxlen": encoder.maxlen,
        "padding": encoder.padding,
        "truncating": encoder.truncating,
        "fingerprint": encoder.fingerprint,
        "segmenter": encoder.segmenter and encoder.segmenter.to_json(),
        "backend": str(encoder.explain(text)),
        "settings": encoder.settings,
        "warning": shared_padding(encoder),
        "buckets": _describe_buckets(encoder.buckets),
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


def _describe_buckets(buckets: OovBuckets | None) -> Description | None:
    """Describe the buckets, and how the tokens out of vocabulary of the corpus share them, if that is known."""
    if buckets is None:
        return None
    description = buckets.to_json()
    if buckets.statistics is not None:
        statistics = buckets.statistics
        description |= {
            "tokens": statistics.tokens,
            "occurrences": statistics.occurrences,
            "used": statistics.used,
            "collision_rate": statistics.collision_rate,
        }
    return description


def _most_frequent(encoder: Encoder, top: int) -> list[Description]:
    ranked = encoder.table.sort_by([("count", "descending"), ("id", "ascending")])
    return [
        {key: row[key] for key in ("id", "token", "count", "documents")}
        for row in ranked.slice(0, top).to_pylist()
        if row["count"] is not None
    ]


def _describe_columns(encoder: ColumnEncoder, top: int) -> Description:
    sharing = {
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
                **({} if column.separator is None else {"separator": column.separator}),
                "of": list(column.parts) if len(column.parts) > 1 else None,
                "shared": sharing[column.name] if len(sharing[column.name]) > 1 else None,
                "maxlen": column.maxlen,
                "input_dim": encoder.input_dims[column.name],
                "suggested_dim": encoder.suggested_dims.get(column.name),
                "fingerprint": encoder.vocabularies[column.name].fingerprint,
                "buckets": _describe_buckets(encoder.vocabularies[column.name].buckets),
                "top": _most_frequent(encoder.vocabularies[column.name], top),
            }
            if column.numbers is None
            else {"holds": column.kind, **asdict(column.numbers)}
            for column in encoder.columns
        },
    }


def _describe_counts(counts: TokenCounts, top: int) -> Description:
    distinct = len(counts.tokens)
    # Equally frequent tokens are in the order of their first appearance.
    ranked = np.argsort(-counts.counts, kind="stable")[:top]
    columns = (counts.tokens.take(pa.array(ranked)).to_pylist(), counts.counts[ranked], counts.documents[ranked])
    return {
        "kind": "counts",
        "profile": counts.profile,
        **({} if counts.ngrams == UNIGRAMS else {"ngrams": list(counts.ngrams)}),
        **({} if counts.segmenter is None else {"segmenter": counts.segmenter.to_json()}),
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


# For each kind of folder that is recognized by its content, the test and the description.
_FOLDERS: tuple[tuple[Callable[[Path], bool], Callable[[Path, int], Description]], ...] = (
    (is_columns_folder, lambda path, top: _describe_columns(ColumnEncoder.load(path), top)),
    (is_training, lambda path, _: describe_training(path)),
    (is_saved_model, lambda path, _: describe_saved_model(path)),
)
