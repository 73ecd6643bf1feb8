"""Write a corpus that is encoded, as ids or as vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from tokemb.encoder import Encoder
from tokemb.formats import OutputOptions, Writer
from tokemb.formats.shards import Chunk, ShardFolder
from tokemb.pipeline.encoded_stream import EncodedStream, RowOptions
from tokemb.pipeline.output import Output, check_output, is_complete, locked, rows_written, skip_written, write_rows
from tokemb.pipeline.report import EncodingReport
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount

Chunks = Iterator[Chunk[Any]]


def write_stream(
    encoder: Encoder,
    corpus: Iterator[pa.RecordBatch],
    output: Output,
    row_options: RowOptions,
    settings: dict[str, Any],
    threads: int | None,
    *,
    layout: Callable[[EncodedStream], OutputOptions],
    append: Callable[[EncodedStream, Writer, Chunk[Any]], None],
    pool: Callable[[EncodedStream, Iterator[Chunk[Ragged]]], Chunks] | None = None,
    force: bool = False,
    round_floats: bool = False,
) -> EncodingReport:
    """Encode a corpus and write what ``append`` makes of its rows. The errors are those of ``encode_corpus``.

    Args:
        encoder: The vocabulary.
        corpus: The batches of ``tokemb.read_corpus``, at least one.
        output: As for ``encode_corpus``.
        row_options: Truncation, padding, kept columns and tags.
        settings: What decides the rows, besides the vocabulary and the corpus. A run is resumed if it is the same.
        threads: The number of threads, by default one per core.
        layout: A function that returns the layout of the files. It is called before and after the length of the rows is
            known.
        append: A function that appends a chunk to a file.
        pool: A function that combines encoded rows to other rows, for example the windows of a text to one row.
            ``None`` writes the rows as they are.
        force: As for ``encode_corpus``.
        round_floats: As for ``OutputOptions``.
    """
    if isinstance(output, ShardFolder):
        row_options.check_one_length()
    with locked(output, encoder.fingerprint, settings):
        if is_complete(output):
            return EncodingReport()
        texts = count = RowCount()
        corpus = texts.reading(corpus)
        if row_options.is_row_per_text:
            corpus = skip_written(corpus, output)
        first_row = rows_written(output) if row_options.is_row_per_text else 0
        encoded = EncodedStream(encoder, corpus, row_options, threads, first_row)
        check_output(output, layout(encoded), force)
        with encoded.chunks(output) as chunks:
            files = encoded.report.layout = replace(layout(encoded), round_floats=round_floats)
            written: Chunks = chunks if pool is None else pool(encoded, chunks)
            if not row_options.is_row_per_text:  # which rows were written is known once texts have become rows
                count = RowCount()
                written = encoded.skip_rows(written, output, count)
            write_rows(output, files, written, partial(append, encoded), count, force)
    encoded.report.read = texts.rows
    return encoded.report
