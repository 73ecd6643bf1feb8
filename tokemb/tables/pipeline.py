"""Encoding of a table, as batches, to a file of ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from tokemb.rows.output_size import check_length
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount, rows_line
from tokemb.tables.encoder import ColumnEncoder, concatenate, pad
from tokemb.tables.writing import Ids, check_names, check_target, open_table_writer
from tokemb.vocabulary.pad_truncate import PadTruncate

_Chunk = tuple[Ids, pa.RecordBatch]


@dataclass
class TableReport:
    """Statistics of an encoded table.

    Attributes:
        rows: The number of rows written.
        read: The number of rows read, which is larger if they were grouped.
        shapes: The shape of the array of each column, as NumPy prints it.
        values: The number of values of each column before truncation, without padding.
        unknown: The number of these values that are out of vocabulary.
    """

    rows: int = 0
    read: int = 0
    shapes: dict[str, str] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    def add(self, ids: Ids) -> None:
        """Add the ids of a batch."""
        for name, rows in ids.items():
            numbers = rows.values if isinstance(rows, Ragged) else rows
            self.values[name] = self.values.get(name, 0) + len(numbers)
            self.unknown[name] = self.unknown.get(name, 0) + int(np.count_nonzero(numbers == 1))

    def __str__(self) -> str:
        unknown = ", ".join(f"{name} {count / max(self.values[name], 1):.2%}" for name, count in self.unknown.items())
        shapes = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
        return f"int32 {shapes}; {rows_line(self.read, self.rows)}; out of vocabulary: {unknown}"


def encode_table(
    encoder: ColumnEncoder,
    batches: Iterator[pa.RecordBatch],
    output: Path,
    *,
    keep: Sequence[str] = (),
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    ragged: bool = False,
    force: bool = False,
) -> TableReport:
    """Encode a table to a file, which is written atomically.

    Memory does not grow with the table, unless a column of lists is padded to its longest list.

    Args:
        encoder: The encoder of the table.
        batches: At least one batch, with the columns of ``encoder`` and ``keep``.
        output: A path that ends in ``.npz`` or ``.parquet``.
        keep: The names of columns to write beside the ids.
        maxlen: See ``ColumnEncoder.encode``.
        padding: See ``ColumnEncoder.encode``.
        truncating: See ``ColumnEncoder.encode``.
        ragged: Whether lists are written without padding. Then the three arguments above have no effect.
        force: Whether to replace a file that does not hold ids of columns.

    Raises:
        ArgumentError: If the file cannot hold a column. This is known before any work is done. For other errors of the
            table, see ``ColumnEncoder.encode``.
        OutputExistsError: If an existing file must not be replaced.
        RowsLostError: If other rows were read than written.
    """
    first = next(batches)
    kept_columns = first.select(list(keep)).schema
    check_names(output, encoder.names, kept_columns)
    check_target(output, force)
    report, count = TableReport(), RowCount()
    chunks: Iterator[_Chunk] = _encode_chunks(encoder, count.reading(chain([first], batches)), keep, report)
    lists = [column.name for column in encoder.columns if column.kind == "lists"]
    if lists and not ragged:
        lengths = encoder.lengths(maxlen)
        shape = encoder.pad_truncate(padding, truncating)
        if any(lengths[name] is None for name in lists):
            all_chunks = list(chunks)
            all_ids = concatenate([ids for ids, _ in all_chunks], encoder.columns)
            kept_table = pa.Table.from_batches([rows for _, rows in all_chunks], kept_columns)
            padded = {name: pad(rows, lengths[name], shape) for name, rows in all_ids.items()}
            chunks = iter([(padded, _to_batch(kept_table))])
        else:
            chunks = ((_pad(ids, lengths, shape), kept_rows) for ids, kept_rows in chunks)
    first_chunk = next(chunks)
    with open_table_writer(output, first_chunk[0], kept_columns, encoder.fingerprint, force=force) as writer:
        for ids, rows in chain([first_chunk], chunks):
            writer.append(ids, rows)
        count.check(writer.rows)
    report.read = report.rows = count.rows
    report.shapes = {name: _shape(rows, report.rows) for name, rows in first_chunk[0].items()}
    return report


def _encode_chunks(
    encoder: ColumnEncoder, batches: Iterator[pa.RecordBatch], keep: Sequence[str], report: TableReport
) -> Iterator[_Chunk]:
    for batch in batches:
        ids = encoder.encode_batch(batch)
        report.add(ids)
        yield ids, batch.select(list(keep))


def _pad(ids: Ids, lengths: Mapping[str, int | None], shape: PadTruncate) -> Ids:
    for name, rows in ids.items():
        maxlen = lengths[name]
        if isinstance(rows, Ragged) and maxlen is not None:
            check_length(rows, maxlen, np.dtype(np.int32).itemsize)
    return {name: pad(rows, lengths[name], shape) for name, rows in ids.items()}


def _to_batch(table: pa.Table) -> pa.RecordBatch:
    if not table.num_columns:
        return pa.RecordBatch.from_arrays([], schema=table.schema)
    arrays = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def _shape(rows: object, total: int) -> str:
    return str((total, *rows.shape[1:])) if isinstance(rows, np.ndarray) else "ragged"
