"""Texts, or files of ids, to files of vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from tokemb.embedder import Embedder
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.pipeline.encoded_corpus import EncodedCorpus, Form
from tokemb.pipeline.report import EncodingReport
from tokemb.pooling import Float32
from tokemb.ragged import Ragged
from tokemb.reading_ids import IdBlock, open_ids
from tokemb.writing import Layout, Writer, check_layout, open_writer, vectors_dtype


def embed_corpus(
    embedder: Embedder,
    encoder: Encoder,
    corpus: Iterator[pa.RecordBatch],
    output: Path | BinaryIO,
    form: Form,
    pooling: str | None,
    dtype: str = "float32",
    threads: int | None = None,
) -> EncodingReport:
    """Embed a corpus, as ``tokemb.read_corpus`` gives it: vectors (rows, maxlen, dim), or (rows, dim) with ``pooling``.

    With ``pooling`` no row is padded, and no vector of a token is kept. ``output``: as for ``encode_corpus``;
    ``dtype``: of the vectors, ``"float32"`` or ``"float16"``.
    """
    numbers = vectors_dtype(dtype)
    form = replace(form, ragged=pooling is not None, id_bytes=numbers.itemsize * embedder.output_dim)
    encoded = EncodedCorpus(encoder, corpus, form, threads)
    check_layout(output, Layout("vectors", numbers, (0,), encoded.kept))
    with encoded.pieces(output) as pieces:
        maxlen = encoded.report.maxlen or 0
        if pooling is None:
            nothing = embedder.vectors(np.zeros((0, maxlen), np.int32))
        else:
            nothing = embedder.pool_rows(Ragged.from_rows([]), pooling)
        layout = Layout("vectors", numbers, nothing.shape[1:], encoded.kept, encoder.fingerprint)
        encoded.report.layout = layout
        with open_writer(output, layout) as writer:
            for rows, kept in pieces:
                if pooling is None:
                    blocks = map(embedder.vectors, encoded.padded(rows, embedder.row_size(maxlen, None)))
                    _append(writer, blocks, kept)
                else:
                    writer.append(embedder.pool_rows(rows, pooling), None, kept)
    return encoded.report


def embed_ids(
    embedder: Embedder, ids: Path, output: Path | BinaryIO, pooling: str | None, dtype: str = "float32"
) -> EncodingReport:
    """Embed a file of ids, with the columns that it keeps, into one of vectors; the report knows rows and layout only.

    Raises ``ArgumentError`` for what is no file of ids and for ragged rows without ``pooling``; ``ModelError`` for ids
    of another vocabulary than the model's or outside of it, before any work.
    """
    source = open_ids(ids)
    if source.maxlen is None and pooling is None:
        raise ArgumentError(f"the rows of {ids} are of different lengths: pad them, or pass a pooling")
    if source.fingerprint:
        embedder.check_fingerprint(source.fingerprint)
    size = embedder.row_size(source.maxlen or 0, pooling)
    for block in source.blocks(size):
        embedder.check(block.values)  # all of it before any work
    nothing = _embedded(embedder, IdBlock(_no_ids(source.maxlen), pa.RecordBatch.from_pylist([])), pooling)
    layout = Layout("vectors", vectors_dtype(dtype), nothing.shape[1:], source.kept, source.fingerprint)
    with open_writer(output, layout) as writer:
        for block in source.blocks(size):
            writer.append(_embedded(embedder, block, pooling), None, block.kept)
    return EncodingReport(writer.rows, layout=layout)


def _no_ids(maxlen: int | None) -> np.ndarray[tuple[int, int], np.dtype[np.int32]] | Ragged:
    return Ragged.from_rows([]) if maxlen is None else np.zeros((0, maxlen), np.int32)


def _embedded(embedder: Embedder, block: IdBlock, pooling: str | None) -> Float32:
    if isinstance(block.ids, Ragged):
        rows = block.ids
        if embedder.pad_id is not None:  # lines of JSON can be padded without saying so
            rows = rows.select(rows.values != embedder.pad_id)
        return embedder.pool_rows(rows, pooling or "")
    return embedder.vectors(block.ids) if pooling is None else embedder.pool_padded(block.ids, pooling)


def _append(writer: Writer, blocks: Iterator[Float32], kept: pa.RecordBatch) -> None:
    start = 0
    for block in blocks:
        writer.append(block, None, kept.slice(start, len(block)))
        start += len(block)
