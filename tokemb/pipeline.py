"""From files to files: texts to ids, ids or texts to vectors, ids to texts, some megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tokemb.atomic import atomic_file
from tokemb.encoder import Encoder
from tokemb.encoding import EncodedBatch
from tokemb.npy import NpyWriter, open_ids
from tokemb.ragged import Int32, Ragged, check_ids
from tokemb.row_shape import RowShape

if TYPE_CHECKING:
    from tokemb.embedder import Embedder

# Numbers that are made at a time.
_BLOCK = 1 << 22


@dataclass
class EncodingReport:
    """What became of the texts.

    ``tokens``: all tokens of the texts, also those cut off; ``unknown``: how many of them were out of vocabulary;
    ``truncated``: rows that lost tokens; ``maxlen``: the length of the rows, 0 where they are not padded.
    """

    rows: int = 0
    tokens: int = 0
    unknown: int = 0
    truncated: int = 0
    maxlen: int = 0

    @property
    def unknown_share(self) -> float:
        """The share of tokens that were out of vocabulary, from 0 to 1."""
        return self.unknown / self.tokens if self.tokens else 0.0

    def add(self, batch: EncodedBatch) -> None:
        """Count one more batch."""
        self.rows += len(batch.rows)
        self.tokens += batch.tokens
        self.unknown += batch.unknown
        self.truncated += batch.truncated


def encode_to_npy(
    encoder: Encoder, texts: Path | Iterable[Any], output: Path, shape: RowShape, threads: int | None = None
) -> EncodingReport:
    """Encode texts into a ``.npy`` file, int32 (rows, maxlen), which appears whole or not at all."""
    report = EncodingReport()
    with atomic_file(output) as temporary, NpyWriter(temporary) as writer:
        for block in _padded(encoder, texts, shape, report, threads):
            writer.append(block)
    return report


def embed_texts_to_npy(
    embedder: Embedder,
    encoder: Encoder,
    texts: Path | Iterable[Any],
    output: Path,
    shape: RowShape,
    pooling: str | None,
    threads: int | None = None,
) -> EncodingReport:
    """Embed texts into a ``.npy`` file: float32 (rows, maxlen, dim), or (rows, dim) with ``pooling``."""
    report = EncodingReport()
    with atomic_file(output) as temporary, NpyWriter(temporary) as writer:
        if pooling is None:
            for block in _padded(encoder, texts, shape, report, threads):
                for ids in _row_blocks(block, embedder, None):
                    writer.append(embedder.vectors(ids))
        else:
            writer.append(embedder.pool_rows(Ragged.from_rows([]), pooling))  # the shape, if there are no texts
            for batch in encoder.encode_batches(texts, shape, threads):
                report.add(batch)
                writer.append(embedder.pool_rows(batch.rows, pooling))
    return report


def embed_ids_to_npy(embedder: Embedder, ids: Path, output: Path, pooling: str | None) -> int:
    """Embed a ``.npy`` file of padded ids (rows, maxlen) into another; returns the number of rows."""
    array = open_ids(ids)
    with atomic_file(output) as temporary, NpyWriter(temporary) as writer:
        for block in _row_blocks(array, embedder, pooling):
            embedder.check(check_ids(block))  # all of it before any work
        for block in _row_blocks(array, embedder, pooling):
            part = check_ids(block)
            writer.append(embedder.vectors(part) if pooling is None else embedder.pool_padded(part, pooling))
    return len(array)


def decode_npy(encoder: Encoder, ids: Path) -> Iterator[list[str]]:
    """Turn a ``.npy`` file of ids (rows, maxlen) back into texts, some rows at a time."""
    array = open_ids(ids)
    encoder.check_ids(array)  # before the first is given out
    step = max(_BLOCK // max(array.shape[1], 1), 1)
    for start in range(0, len(array), step):
        yield encoder.decode(np.asarray(array[start : start + step]))


def _padded(
    encoder: Encoder, texts: Path | Iterable[Any], shape: RowShape, report: EncodingReport, threads: int | None
) -> Iterator[Int32]:
    """Encode texts into padded ids (rows, maxlen), of one maxlen; at least one block, if only of no rows."""
    pad_id = encoder.require_pad_id()  # before any work

    def rows() -> Iterator[Ragged]:
        for batch in encoder.encode_batches(texts, shape, threads):
            report.add(batch)
            yield batch.rows

    if shape.fixed_length is None:
        # Only the longest row says how long they all are.
        batches = list(rows())
        report.maxlen = shape.padded_length(max((int(part.lengths.max(initial=0)) for part in batches), default=0))
        yield from _blocks(batches, shape, pad_id, report.maxlen)
    else:
        report.maxlen = shape.fixed_length
        yield from _blocks(rows(), shape, pad_id, report.maxlen)


def _blocks(batches: Iterable[Ragged], shape: RowShape, pad_id: int, length: int) -> Iterator[Int32]:
    """Pad rows to ``length``, some millions of ids at a time."""
    yield np.zeros((0, length), np.int32)
    step = max(_BLOCK // max(length, 1), 1)
    for rows in batches:
        for start in range(0, len(rows), step):
            yield shape.pad(rows.slice(start, min(start + step, len(rows))), pad_id, length)


def _row_blocks(array: npt.NDArray[Any], embedder: Embedder, pooling: str | None) -> Iterator[npt.NDArray[Any]]:
    """Cut ids (rows, maxlen) into blocks that fit in memory while embedded; one of no rows if there are none."""
    step = max(_BLOCK // max(embedder.row_size(array.shape[1], pooling), 1), 1)
    for start in range(0, max(len(array), 1), step):
        yield array[start : start + step]
