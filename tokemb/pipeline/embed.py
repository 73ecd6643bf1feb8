"""Embedding of texts, or of files of ids, into files of vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Float32, Int32
from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.formats import IdsSource, OutputOptions, Writer, vectors_dtype
from tokemb.formats.shards import Chunk
from tokemb.models.embedder import Embedder
from tokemb.pipeline.encoded_stream import EncodedStream, RowOptions
from tokemb.pipeline.output import (
    Output,
    check_output,
    check_rows_fit,
    is_complete,
    locked,
    rows_written,
    skip_written,
    write_rows,
)
from tokemb.pipeline.report import EncodingReport
from tokemb.pipeline.write_stream import write_stream
from tokemb.rows.pooling import pool_windows
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount


def embed_corpus(
    embedder: Embedder,
    encoder: Encoder,
    corpus: Iterator[pa.RecordBatch],
    output: Output,
    row_options: RowOptions,
    pooling: str | None,
    dtype: str = "float32",
    threads: int | None = None,
    *,
    by: str | None = None,
    force: bool = False,
    round_floats: bool = False,
) -> EncodingReport:
    """Embed a corpus into files that appear whole or not at all.

    The vectors are (rows, maxlen, dim), or (rows, dim) with ``pooling``. With ``pooling``, no row is padded and no
    token vectors are stored.

    Args:
        embedder: The model.
        encoder: The vocabulary.
        corpus: The batches of ``tokemb.read_corpus``.
        output: As for ``encode_corpus``.
        row_options: Truncation, padding and kept columns.
        pooling: The pooling, if any.
        dtype: Dtype of the vectors, ``"float32"`` or ``"float16"``.
        threads: The number of threads, by default one per core.
        by: ``"row"`` to pool the windows of a text to one vector, with ``pooling`` and ``row_options.overlap``.
        force: As for ``encode_corpus``.
        round_floats: As for ``OutputOptions``.

    Returns:
        Statistics of the rows of this run.

    Raises:
        TokembError: As for ``encode_corpus``.
    """
    vector_dtype = vectors_dtype(dtype)
    by_row = _check_by(by, pooling, row_options.overlap)
    row_options = replace(
        row_options,
        ragged=pooling is not None,
        id_bytes=vector_dtype.itemsize * embedder.output_dim,
        by_row=by_row,
    )

    def layout(encoded: EncodedStream) -> OutputOptions:
        shape = _row_shape(embedder, encoded.report.maxlen, pooling)
        return OutputOptions("vectors", vector_dtype, shape, encoded.kept, encoder.fingerprint)

    def append(encoded: EncodedStream, writer: Writer, chunk: Chunk[Any]) -> None:
        rows, kept_columns = chunk
        if by_row:
            writer.append(rows, None, kept_columns)
        elif pooling is None:
            blocks = encoded.padded(rows, embedder.row_size(encoded.report.maxlen or 0, None))
            _append_blocks(writer, map(embedder.vectors, blocks), kept_columns)
        else:
            writer.append(embedder.pool_rows(rows, pooling), None, kept_columns)

    settings = {**row_options.settings, **_settings(embedder, pooling, dtype, round_floats)}
    return write_stream(
        encoder,
        corpus,
        output,
        row_options,
        {**settings, "by": by} if by_row else settings,
        threads,
        layout=layout,
        append=append,
        pool=partial(_pool_texts, embedder, pooling or "") if by_row else None,
        force=force,
        round_floats=round_floats,
    )


def _check_by(by: str | None, pooling: str | None, overlap: int | None) -> bool:
    """Return whether the windows of a text are pooled, or raise ``ArgumentError`` if ``by`` does not fit."""
    if by is None:
        return False
    check_choice("by", by, ("row",))
    if pooling is None or overlap is None:
        raise ArgumentError('by must be left out without windows that are pooled: pass overlap=... and pooling="mean"')
    return True


def _pool_texts(
    embedder: Embedder, pooling: str, encoded: EncodedStream, chunks: Iterator[Chunk[Ragged]]
) -> Iterator[Chunk[Any]]:
    """Pool the windows of each text. Yield float32 (texts, dim) and the kept columns."""
    for windows, columns in chunks:
        texts, starts = (columns.column(columns.num_columns - back).to_numpy() for back in (2, 1))
        pooled = embedder.pool_rows(windows, pooling)
        vectors = pool_windows(pooled, windows.lengths, texts - texts[:1], pooling)
        kept_columns = columns.filter(pa.array(starts == 0)).select(list(range(len(encoded.kept))))
        encoded.report.rows += len(vectors) - len(windows)
        yield vectors, kept_columns


def embed_ids(
    embedder: Embedder,
    source: IdsSource,
    output: Output,
    pooling: str | None,
    dtype: str = "float32",
    *,
    force: bool = False,
    round_floats: bool = False,
) -> EncodingReport:
    """Embed a file of ids, with the columns kept beside them.

    Args:
        embedder: The model.
        source: The result of ``tokemb.formats.open_ids``.
        output: As for ``embed_corpus``.
        pooling: The pooling, if any. Required for ragged rows.
        dtype: As for ``embed_corpus``.
        force: As for ``embed_corpus``.
        round_floats: As for ``embed_corpus``.

    Returns:
        The number of rows of this run and the layout. Other statistics are not known.

    Raises:
        ArgumentError: If the rows are ragged and there is no ``pooling``.
        ModelError: If the ids are not those of the model's vocabulary. This is checked before any id is embedded.
            Errors of the output are those of ``embed_corpus``.
    """
    if source.maxlen is None and pooling is None:
        raise ArgumentError(
            f'{_reason_without_maxlen(source.path)}: pass pooling="mean", or write padded ids to a .npy file'
        )
    if source.fingerprint:
        embedder.check_fingerprint(source.fingerprint)
    with locked(output, source.fingerprint, _settings(embedder, pooling, dtype, round_floats)):
        if is_complete(output):
            return EncodingReport()
        check_output(output, OutputOptions("vectors", vectors_dtype(dtype), (0,), source.kept_columns), force)
        size = embedder.row_size(source.maxlen or 0, pooling)
        empty_vectors = _embed(embedder, _empty_ids(source.maxlen), pooling)
        layout = OutputOptions(
            "vectors", vectors_dtype(dtype), empty_vectors.shape[1:], source.kept_columns, source.fingerprint
        )
        layout = replace(layout, round_floats=round_floats)
        written = rows_written(output)
        check_rows_fit(output, layout, (source.rows or written) - written)
        for block in source.blocks(size):
            embedder.check(block.values)  # check all ids before any is embedded
            if isinstance(block.ids, Ragged) and not source.fingerprint:
                embedder.check_no_padding(block.ids, source.path)
        report, count = EncodingReport(layout=layout), RowCount()

        def append(writer: Writer, chunk: Chunk[Ragged | Int32]) -> None:
            ids, kept_columns = chunk
            writer.append(_embed(embedder, ids, pooling), None, kept_columns)
            report.rows += len(ids)

        blocks = skip_written(count.reading(source.blocks(size)), output)
        write_rows(output, layout, ((block.ids, block.kept_columns) for block in blocks), append, count, force)
    report.read = count.rows
    return report


def _row_shape(embedder: Embedder, maxlen: int | None, pooling: str | None) -> tuple[int, ...]:
    """Return the shape of the vectors of a row. It is not complete while ``maxlen`` is not known."""
    if pooling is not None:
        return embedder.pool_rows(Ragged.from_rows([]), pooling).shape[1:]
    return (0,) if maxlen is None else embedder.vectors(np.zeros((0, maxlen), np.int32)).shape[1:]


def _settings(embedder: Embedder, pooling: str | None, dtype: str, round_floats: bool) -> dict[str, Any]:
    """Return the settings that decide the vectors, besides the ids."""
    numeric = {"dtype": dtype, "round_floats": round_floats}
    return {"pooling": pooling, "pad_id": embedder.pad_id, **numeric, "model": embedder.digest}


def _empty_ids(maxlen: int | None) -> Int32 | Ragged:
    return Ragged.from_rows([]) if maxlen is None else np.zeros((0, maxlen), np.int32)


def _reason_without_maxlen(path: Path) -> str:
    """Return why the rows of ids in ``path`` have no common length that is known before they are read."""
    if path.suffix == ".jsonl":
        return f"{path} is JSON Lines, which does not record a common row length"
    return f"the rows of {path} are not padded to one length"


def _embed(embedder: Embedder, ids: Int32 | Ragged, pooling: str | None) -> Float32:
    if isinstance(ids, Ragged):
        if embedder.pad_id is not None:  # JSON Lines does not record whether rows are padded
            ids = ids.select(ids.values != embedder.pad_id)
        return embedder.pool_rows(ids, pooling or "")
    return embedder.vectors(ids) if pooling is None else embedder.pool_padded(ids, pooling)


def _append_blocks(writer: Writer, blocks: Iterator[Float32], kept_columns: pa.RecordBatch) -> None:
    start = 0
    for block in blocks:
        writer.append(block, None, kept_columns.slice(start, len(block)))
        start += len(block)
