"""From files to files: texts to ids, ids or texts to vectors, ids to texts, some megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb.atomic import atomic_file
from tokemb.embedder import Embedder
from tokemb.encoder import Encoder
from tokemb.npy import NpyWriter, open_ids
from tokemb.ragged import Int32, Ragged, check_ids
from tokemb.specification import RowShape

# Numbers that are made at a time.
_BLOCK = 1 << 22


@dataclass
class EncodingReport:
    """What became of the texts.

    ``tokens``: all tokens of the texts, also those cut off; ``oov``: how many of them were unknown;
    ``truncated``: rows that lost tokens; ``maxlen``: the length of the rows, 0 until known.
    """

    rows: int = 0
    tokens: int = 0
    oov: int = 0
    truncated: int = 0
    maxlen: int = 0

    @property
    def oov_share(self) -> float:
        """The share of tokens that were unknown, from 0 to 1."""
        return self.oov / self.tokens if self.tokens else 0.0


def encode_to_npy(encoder: Encoder, texts: Path | Iterable[Any], output: Path, shape: RowShape) -> EncodingReport:
    """Encode texts into a ``.npy`` file, int32 (rows, maxlen), which appears whole or not at all."""
    report = EncodingReport()
    encoder.padding_id()  # before any work
    with atomic_file(output) as temporary, NpyWriter(temporary) as writer:
        for block in _padded(encoder, texts, shape, report):
            writer.append(block)
    return report


def embed_texts_to_npy(
    embedder: Embedder,
    encoder: Encoder,
    texts: Path | Iterable[Any],
    output: Path,
    shape: RowShape,
    pooling: str | None,
) -> EncodingReport:
    """Embed texts into a ``.npy`` file: float32 (rows, maxlen, dim), or (rows, dim) with ``pooling``."""
    report = EncodingReport()
    with atomic_file(output) as temporary, NpyWriter(temporary) as writer:
        if pooling is None:
            for block in _padded(encoder, texts, shape, report):
                for ids in _row_blocks(block, embedder):
                    writer.append(embedder.vectors(ids))
        else:
            writer.append(embedder.pool_rows(Ragged.from_rows([]), pooling))
            for rows in _rows(encoder, texts, shape, report):
                writer.append(embedder.pool_rows(rows, pooling))
    return report


def embed_ids_to_npy(embedder: Embedder, ids: Path, output: Path, pooling: str | None) -> int:
    """Embed a ``.npy`` file of padded ids (rows, maxlen) into another; returns the number of rows."""
    array = open_ids(ids)
    for block in _row_blocks(array, embedder):
        embedder.check(check_ids(block))  # all of it before any work
    with atomic_file(output) as temporary, NpyWriter(temporary) as writer:
        for block in _row_blocks(array, embedder):
            part = check_ids(block)
            writer.append(embedder.vectors(part) if pooling is None else embedder.pool_padded(part, pooling))
    return len(array)


def decode_npy(encoder: Encoder, ids: Path) -> Iterator[str]:
    """Turn a ``.npy`` file of ids (rows, maxlen) back into texts."""
    array = open_ids(ids)
    rows = max(_BLOCK // max(array.shape[1], 1), 1)
    for start in range(0, len(array), rows):
        yield from encoder.decode(np.asarray(array[start : start + rows]))


def _rows(encoder: Encoder, texts: Path | Iterable[Any], shape: RowShape, report: EncodingReport) -> Iterator[Ragged]:
    """Encode texts into truncated rows with their special tokens, keeping count."""
    for batch in encoder.encode_batches(texts):
        rows = encoder.finish(batch.rows, shape)
        report.rows += len(rows)
        report.tokens += batch.tokens
        report.oov += batch.oov
        report.truncated += int(np.count_nonzero(rows.lengths < batch.rows.lengths + encoder.special_tokens_around))
        yield rows


def _padded(encoder: Encoder, texts: Path | Iterable[Any], shape: RowShape, report: EncodingReport) -> Iterator[Int32]:
    """Encode texts into padded ids (rows, maxlen), of one maxlen; at least one block, if only of no rows."""
    batches = _rows(encoder, texts, shape, report)
    if shape.fixed_length is None:
        # Only the longest row says how long they all are.
        kept = list(batches)
        longest = max((int(rows.lengths.max(initial=0)) for rows in kept), default=0)
        batches = iter(kept)
    else:
        longest = shape.fixed_length
    report.maxlen = shape.padded_length(longest)
    yield np.zeros((0, report.maxlen), np.int32)
    to_length = shape.to_length(report.maxlen)
    pad_id = encoder.padding_id()
    for rows in batches:
        step = max(_BLOCK // max(report.maxlen, 1), 1)
        for start in range(0, len(rows), step):
            yield to_length.pad(rows.slice(start, min(start + step, len(rows))), pad_id)


def _row_blocks(array: npt.NDArray[Any], embedder: Embedder) -> Iterator[npt.NDArray[Any]]:
    """Cut ids (rows, maxlen) into blocks whose vectors fit in memory; one block of no rows if there are none."""
    dim = embedder.output_dim
    step = max(_BLOCK // max(array.shape[1] * dim, 1), 1)
    for start in range(0, max(len(array), 1), step):
        yield array[start : start + step]
