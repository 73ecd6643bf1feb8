"""Encoding of texts into files of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from tokemb.encoder import Encoder
from tokemb.formats import OutputOptions, RowColumn, Writer, ids_dtype
from tokemb.formats.shards import Chunk
from tokemb.pipeline.encoded_stream import TAG_COLUMNS, ColumnBlock, EncodedStream, RowOptions, ragged_of
from tokemb.pipeline.output import Output
from tokemb.pipeline.report import EncodingReport
from tokemb.pipeline.write_stream import write_stream
from tokemb.rows.column_names import PACKED_COLUMNS, PAIR_COLUMNS, TARGET_COLUMNS
from tokemb.rows.ragged import Ragged


def encode_corpus(
    encoder: Encoder,
    corpus: Iterator[pa.RecordBatch],
    output: Output,
    row_options: RowOptions,
    dtype: str = "int32",
    threads: int | None = None,
    *,
    force: bool = False,
    round_floats: bool = False,
) -> EncodingReport:
    """Encode a corpus into files that appear whole or not at all.

    Args:
        encoder: The vocabulary.
        corpus: The batches of ``tokemb.read_corpus``, at least one.
        output: A path, whose extension selects the format (docs/outputs.md), a stream for JSON Lines, or a
            ``ShardFolder``, in which the rows that an earlier run completed are skipped.
        row_options: Truncation, padding, kept columns, tags and targets.
        dtype: Dtype of the ids, ``"int32"``, ``"uint16"`` or ``"int64"``.
        threads: The number of threads, by default one per core.
        force: Replace a file at ``output`` that does not contain ids, or is read-only.
        round_floats: As for ``OutputOptions``.

    Returns:
        Statistics of the rows of this run.

    Raises:
        ArgumentError: If the format cannot store the rows. This is checked before any work.
        OutputExistsError: If there is a file that must not be replaced.
        OutputInUseError: If another process writes to the folder.
        RowsLostError: If the number of written rows differs from the number of rows read. Errors of texts are those of
            ``Encoder.encode``.
    """
    target_dim = 0 if row_options.targets is None else row_options.targets.encoder.input_dim
    row_options = replace(row_options, id_bytes=ids_dtype(dtype, max(encoder.input_dim, target_dim)).itemsize)
    settings = {**row_options.settings, "pad_id": encoder.pad_id, "dtype": dtype, "round_floats": round_floats}
    return write_stream(
        encoder,
        corpus,
        output,
        row_options,
        settings,
        threads,
        layout=partial(_layout, encoder, row_options, dtype),
        append=_append_of(row_options),
        pool=EncodedStream.packed if row_options.pack else None,
        force=force,
        round_floats=round_floats,
    )


def _layout(encoder: Encoder, row_options: RowOptions, dtype: str, encoded: EncodedStream) -> OutputOptions:
    """Return the layout of the files. The width is 0 while ``maxlen`` is not known."""
    ragged, kept, pad_id = row_options.ragged, encoded.kept, None
    row_shape = None if ragged else (encoded.report.maxlen or 0,)
    id_dtype = ids_dtype(dtype, encoder.input_dim)
    # The last column of pairs and of targets tells which ids are padding.
    if row_options.pairs:
        others = dict.fromkeys(PAIR_COLUMNS[1:2] if ragged else PAIR_COLUMNS[1:], row_shape)
    elif row_options.pack:
        others = dict.fromkeys(PACKED_COLUMNS[1:], row_shape)
    elif row_options.targets is not None:
        report = encoded.report.targets
        target_shape = None if ragged else ((report and report.maxlen) or 0,)
        others = dict.fromkeys(TARGET_COLUMNS[:2] if ragged else TARGET_COLUMNS, target_shape)
    elif row_options.tags is not None:
        others, pad_id = dict.fromkeys(TAG_COLUMNS.names, row_shape), encoder.pad_id
        kept = pa.schema([field for field in kept if field.name not in TAG_COLUMNS.names])
    else:
        return OutputOptions("ids", id_dtype, row_shape, kept, encoder.fingerprint, encoder.pad_id)
    columns = [RowColumn("ids", row_shape), *(RowColumn(*column) for column in others.items())]
    return replace(OutputOptions.for_table(columns, id_dtype, kept, encoder.fingerprint), pad_id=pad_id)


def _append_of(row_options: RowOptions) -> Callable[[EncodedStream, Writer, Chunk[Any]], None]:
    """Return the function that appends a chunk to a file."""
    if row_options.pack:
        return partial(_append_blocks, EncodedStream.packed_blocks)
    if row_options.pairs:
        return partial(_append_blocks, EncodedStream.pair_blocks)
    if row_options.targets is not None:
        return partial(_append_blocks, partial(EncodedStream.target_blocks, target_rows=row_options.targets))
    return _append if row_options.tags is None else _append_tags


def _append_blocks(
    blocks: Callable[[EncodedStream, Chunk[Any]], Iterator[ColumnBlock]],
    encoded: EncodedStream,
    writer: Writer,
    chunk: Chunk[Any],
) -> None:
    """Append the blocks that a method of the stream makes of a chunk."""
    for columns, kept_columns in blocks(encoded, chunk):
        writer.append(columns, None, kept_columns)


def _append(encoded: EncodedStream, writer: Writer, chunk: Chunk[Ragged]) -> None:
    rows, kept_columns = chunk
    if writer.layout.row_shape is None:
        writer.append(rows, None, kept_columns)
        return
    lengths, start = rows.lengths, 0
    for block in encoded.padded(rows):
        writer.append(block, lengths[start : start + len(block)], kept_columns.slice(start, len(block)))
        start += len(block)


def _append_tags(encoded: EncodedStream, writer: Writer, chunk: Chunk[Ragged]) -> None:
    rows, kept_columns = chunk
    tags = {name: ragged_of(kept_columns[name]) for name in TAG_COLUMNS.names}
    kept_columns = kept_columns.drop_columns(TAG_COLUMNS.names)
    if writer.layout.columns[0].row_shape is None:
        writer.append({"ids": rows, **tags}, None, kept_columns)
        return
    start = 0
    for block in encoded.padded(rows):
        stop = start + len(block)
        padded = {name: encoded.pad(values.slice(start, stop)) for name, values in tags.items()}
        writer.append({"ids": block, **padded}, None, kept_columns.slice(start, len(block)))
        start = stop
