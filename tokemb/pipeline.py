"""From files to files: texts to ids, ids or texts to vectors, ids to texts, some megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb.encoder import Encoder
from tokemb.encoding import EncodedBatch
from tokemb.errors import ArgumentError
from tokemb.pooling import Float32
from tokemb.ragged import Int32, Ragged
from tokemb.reading_ids import IdBlock, open_ids
from tokemb.row_shape import RowShape
from tokemb.spool import RowSpool, check_padding
from tokemb.writing import Layout, open_writer

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
    with _encoded(encoder, texts, output, shape, report, threads) as rows:
        layout = Layout("ids", np.dtype(np.int32), (report.maxlen,), pad_id=encoder.pad_id)
        with open_writer(output, layout) as writer:
            for block in _padded(rows, shape, encoder.require_pad_id(), report.maxlen):
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
    if pooling is not None:
        nothing = embedder.pool_rows(Ragged.from_rows([]), pooling)
        with open_writer(output, _vectors(nothing)) as writer:
            for batch in encoder.encode_batches(texts, shape, threads):
                report.add(batch)
                writer.append(embedder.pool_rows(batch.rows, pooling))
        return report
    with _encoded(encoder, texts, output, shape, report, threads) as rows:
        nothing = embedder.vectors(np.zeros((0, report.maxlen), np.int32))
        with open_writer(output, _vectors(nothing)) as writer:
            size = embedder.row_size(report.maxlen, None)
            for block in _padded(rows, shape, encoder.require_pad_id(), report.maxlen, size):
                writer.append(embedder.vectors(block))
    return report


def embed_ids_to_npy(embedder: Embedder, ids: Path, output: Path, pooling: str | None) -> int:
    """Embed a ``.npy`` file of padded ids (rows, maxlen) into another; returns the number of rows."""
    source = open_ids(ids)
    if source.maxlen is None:
        raise ArgumentError(f"ids must be padded to be embedded; {ids} has rows of different lengths")
    size = embedder.row_size(source.maxlen, pooling)
    for block in source.blocks(size):
        embedder.check(_values(block))  # all of it before any work
    layout = _vectors(_embedded(embedder, next(source.blocks(size)), pooling)[:0])
    with open_writer(output, layout) as writer:
        for block in source.blocks(size):
            writer.append(_embedded(embedder, block, pooling))
    return writer.rows


def decode_npy(encoder: Encoder, ids: Path) -> Iterator[list[str]]:
    """Turn a ``.npy`` file of ids (rows, maxlen) back into texts, some rows at a time."""
    source = open_ids(ids)
    for block in source.blocks():
        encoder.check_ids(_values(block))  # before the first is given out
    for block in source.blocks():
        yield encoder.decode(block.ids)


@contextmanager
def _encoded(
    encoder: Encoder,
    texts: Path | Iterable[Any],
    output: Path,
    shape: RowShape,
    report: EncodingReport,
    threads: int | None,
) -> Iterator[Iterator[Ragged]]:
    """Encode texts; gives the truncated rows once ``report`` says how long they are padded."""
    encoder.require_pad_id()  # before any work
    rows = _reported(encoder.encode_batches(texts, shape, threads), report)
    if shape.fixed_length is not None:
        report.maxlen = shape.fixed_length
        yield rows
        return
    # Only the longest row says how long they all are.
    with RowSpool(output) as spool:
        for batch in rows:
            spool.append(batch)
        report.maxlen = shape.padded_length(spool.longest)
        check_padding(spool.row_lengths, report.maxlen, np.dtype(np.int32).itemsize)
        yield (batch for batch, _ in spool.blocks())


def _reported(batches: Iterable[EncodedBatch], report: EncodingReport) -> Iterator[Ragged]:
    for batch in batches:
        report.add(batch)
        yield batch.rows


def _padded(
    batches: Iterable[Ragged], shape: RowShape, pad_id: int, length: int, row_size: int | None = None
) -> Iterator[Int32]:
    """Pad rows to ``length``, some millions of numbers at a time, of which a row is ``row_size`` or its ids."""
    step = max(_BLOCK // max(row_size or length, 1), 1)
    for rows in batches:
        for start in range(0, len(rows), step):
            yield shape.pad(rows.slice(start, min(start + step, len(rows))), pad_id, length)


def _vectors(nothing: Float32) -> Layout:
    """The layout of vectors like these, of no rows."""
    return Layout("vectors", nothing.dtype, nothing.shape[1:])


def _values(block: IdBlock) -> Int32:
    """The ids of a block, in any shape."""
    return block.ids.values if isinstance(block.ids, Ragged) else block.ids


def _embedded(embedder: Embedder, block: IdBlock, pooling: str | None) -> Float32:
    """The vectors of a block of padded ids."""
    ids = _values(block)
    return embedder.vectors(ids) if pooling is None else embedder.pool_padded(ids, pooling)
