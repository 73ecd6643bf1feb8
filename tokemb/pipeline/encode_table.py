"""Tables to files of ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.formats import OutputOptions, RowColumn, Writer, ids_dtype
from tokemb.formats.shards import Chunk, ShardFolder
from tokemb.pipeline.output import Output, check_output, is_complete, locked, skip_written, write_rows
from tokemb.pipeline.report import TableReport
from tokemb.rows.output_size import check_length
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount
from tokemb.rows.table_rows import TableRows
from tokemb.tables.encoded_table import concatenate, pad
from tokemb.tables.encoder import ColumnEncoder
from tokemb.vocabulary.pad_truncate import PadTruncate

_Chunks = Iterator[Chunk[TableRows]]


def encode_table(
    encoder: ColumnEncoder,
    batches: Iterator[pa.RecordBatch],
    output: Output,
    *,
    keep: Sequence[str] = (),
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    ragged: bool = False,
    dtype: str = "int32",
    round_floats: bool = False,
    force: bool = False,
) -> TableReport:
    """Encode a table to files, which are written atomically.

    Memory does not grow with the table, unless a column of lists or texts is padded to its longest row. Columns of
    numbers are written beside the kept columns, as float32.

    Args:
        encoder: The encoder of the table.
        batches: At least one batch, with the columns of ``encoder`` and ``keep``.
        output: A path whose extension is a format of several columns, a stream for lines of JSON, or a
            ``ShardFolder``, in which complete shards of an earlier run stay.
        keep: The names of columns to write beside the ids.
        maxlen: See ``ColumnEncoder.encode``.
        padding: See ``ColumnEncoder.encode``.
        truncating: See ``ColumnEncoder.encode``.
        ragged: Whether lists and texts are written without padding. Then the three arguments above have no effect.
        dtype: ``"int32"``, ``"uint16"`` or ``"int64"``.
        round_floats: See ``OutputOptions``.
        force: Whether to replace a file that does not hold ids of columns.

    Raises:
        ArgumentError: If the output cannot hold a column. This is known before any work is done. For other errors of
            the table, see ``ColumnEncoder.encode``.
        OutputExistsError: If an existing file or other shards must not be replaced.
        OutputInUseError: If another run writes the folder.
        RowsLostError: If other rows were read than written.
    """
    numbers = ids_dtype(dtype, max(encoder.input_dims.values()))
    with_ids = list(encoder.vocabularies)
    lists = [column.name for column in encoder.columns if column.has_rows_of_ids]
    settings: dict[str, Any] = {"columns": encoder.names, "keep": list(keep), "ragged": ragged, "dtype": dtype}
    shape, lengths = PadTruncate(), dict.fromkeys(encoder.names)
    if lists and not ragged:
        shape, lengths = encoder.pad_truncate(padding, truncating), encoder.lengths(maxlen)
        settings |= {"maxlen": {name: lengths[name] for name in lists}}
        settings |= {"padding": shape.padding, "truncating": shape.truncating}
        if isinstance(output, ShardFolder):
            _check_lengths(lists, lengths)
    report, count = TableReport(encoder.vocabularies, encoder.number_names), RowCount()
    with locked(output, encoder.fingerprint, {**settings, "round_floats": round_floats}):
        if is_complete(output):
            return report
        remaining = skip_written(count.reading(batches), output)
        first = next(remaining)
        unpadded: tuple[int, ...] | None = None if ragged else (0,)
        columns = [RowColumn(name, unpadded if name in lists else ()) for name in with_ids]
        numbers_of_rows = [pa.field(name, pa.float32()) for name in encoder.number_names]
        kept_columns = pa.schema([*numbers_of_rows, *first.select(list(keep)).schema])
        layout = OutputOptions.for_table(columns, numbers, kept_columns, encoder.fingerprint, round_floats=round_floats)
        check_output(output, layout, force)
        truncation = None if ragged else lengths
        chunks: _Chunks = _encode_chunks(encoder, chain([first], remaining), keep, report, truncation, shape)
        if lists and not ragged:
            chunks = _pad_chunks(encoder, chunks, lengths, shape, numbers.itemsize)
        first_chunk = next(chunks)
        report.layout = replace(layout, table=tuple(_row_columns(first_chunk[0])))
        write_rows(output, report.layout, chain([first_chunk], chunks), _append, count, force)
    report.read = count.rows
    return report


def _check_lengths(lists: Sequence[str], lengths: Mapping[str, int | None]) -> None:
    """Raise ``ArgumentError`` if the length of a list depends on the rows of the table."""
    for name in lists:
        if lengths[name] is None:
            raise ArgumentError(
                f"rows in several files must have one length, those of {name!r} too: pass it as maxlen=..., or write "
                "rows without padding"
            )


def _encode_chunks(
    encoder: ColumnEncoder,
    batches: Iterator[pa.RecordBatch],
    keep: Sequence[str],
    report: TableReport,
    lengths: Mapping[str, int | None] | None,
    shape: PadTruncate,
) -> _Chunks:
    for batch in batches:
        encoded = encoder.encode_batch(batch, lengths, shape)
        numbers = {name: pa.array(encoded[name], pa.float32()) for name in encoder.number_names}
        rows = TableRows({name: encoded[name] for name in encoder.vocabularies})
        report.add(rows)
        kept = batch.select(list(keep))
        yield rows, pa.RecordBatch.from_arrays([*numbers.values(), *kept.columns], names=[*numbers, *keep])


def _pad_chunks(
    encoder: ColumnEncoder, chunks: _Chunks, lengths: Mapping[str, int | None], shape: PadTruncate, id_bytes: int
) -> _Chunks:
    """Pad lists. If the length of a column is that of its longest list, all rows become one chunk."""
    if any(column.has_rows_of_ids and lengths[column.name] is None for column in encoder.columns):
        chunks = iter([_concatenate(encoder, list(chunks))])
    for rows, kept_rows in chunks:
        for name, ids in rows.columns.items():
            maxlen = lengths[name]
            if isinstance(ids, Ragged) and maxlen is not None:
                check_length(ids, maxlen, id_bytes)
        yield TableRows({name: pad(ids, lengths[name], shape) for name, ids in rows.columns.items()}), kept_rows


def _concatenate(encoder: ColumnEncoder, chunks: Sequence[Chunk[TableRows]]) -> Chunk[TableRows]:
    rows = concatenate([rows.columns for rows, _ in chunks], encoder.select(list(encoder.vocabularies)).columns)
    kept_columns = pa.Table.from_batches([kept_rows for _, kept_rows in chunks])
    arrays = [column.combine_chunks() for column in kept_columns.columns]
    return TableRows(rows), pa.RecordBatch.from_arrays(arrays, schema=kept_columns.schema)


def _row_columns(rows: TableRows) -> Iterator[RowColumn]:
    for name, ids in rows.columns.items():
        yield RowColumn(name, None if isinstance(ids, Ragged) else ids.shape[1:])


def _append(writer: Writer, chunk: Chunk[TableRows]) -> None:
    rows, kept_rows = chunk
    writer.append(rows.columns, None, kept_rows)
