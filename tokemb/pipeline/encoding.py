"""Texts to a file of ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from tokemb.encoder import Encoder
from tokemb.pipeline.encoded_corpus import EncodedCorpus, Form, Piece
from tokemb.pipeline.report import EncodingReport
from tokemb.writing import Layout, Writer, check_layout, ids_dtype, open_writer


def encode_corpus(
    encoder: Encoder,
    corpus: Iterator[pa.RecordBatch],
    output: Path | BinaryIO,
    form: Form,
    dtype: str = "int32",
    threads: int | None = None,
) -> EncodingReport:
    """Encode a corpus, as ``tokemb.read_corpus`` gives it, into a file that appears whole or not at all.

    ``output``: a path, whose extension is the format (docs/outputs.md), or a stream for lines of JSON.
    ``dtype``: of the ids, ``"int32"``, ``"uint16"`` or ``"int64"``.
    Raises ``ArgumentError`` for what the format cannot hold, before any work; for texts as ``Encoder.encode``.
    """
    form = replace(form, id_bytes=ids_dtype(dtype, encoder.input_dim).itemsize)
    encoded = EncodedCorpus(encoder, corpus, form, threads)
    check_layout(output, ids_layout(encoder, encoded, form, dtype))
    with (
        encoded.pieces(output) as pieces,
        open_writer(output, ids_layout(encoder, encoded, form, dtype)) as writer,
    ):
        encoded.report.layout = writer.layout
        for piece in pieces:
            append(writer, encoded, piece)
    return encoded.report


def ids_layout(encoder: Encoder, encoded: EncodedCorpus, form: Form, dtype: str) -> Layout:
    """The layout of a file of these rows; of no width while that is not known."""
    row_shape = None if form.ragged else (encoded.report.maxlen or 0,)
    numbers = ids_dtype(dtype, encoder.input_dim)
    return Layout("ids", numbers, row_shape, encoded.kept, encoder.fingerprint, encoder.pad_id)


def append(writer: Writer, encoded: EncodedCorpus, piece: Piece) -> None:
    """Write rows and their kept columns."""
    rows, kept = piece
    if writer.layout.row_shape is None:
        writer.append(rows, None, kept)
        return
    lengths, start = rows.lengths, 0
    for block in encoded.padded(rows):
        writer.append(block, lengths[start : start + len(block)], kept.slice(start, len(block)))
        start += len(block)
