"""A table, as batches, to a file of ids."""

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
from tokemb.tables.encoder import ColumnEncoder, concatenated, pad
from tokemb.tables.writing import Ids, check_names, check_target, open_table_writer
from tokemb.vocabulary.pad_truncate import PadTruncate

_Piece = tuple[Ids, pa.RecordBatch]


@dataclass
class TableReport:
    """What became of a table.

    ``rows``: those that were written; ``read``: those that were read, more if they were grouped.
    ``shapes``: of the array of each column, as NumPy prints it. ``values``, ``unknown``: how many values each column
    had, padding and what was cut off not counted, and how many of those were out of vocabulary.
    """

    rows: int = 0
    read: int = 0
    shapes: dict[str, str] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    def add(self, ids: Ids) -> None:
        """Count one more batch."""
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
    """Encode a table into a file that appears whole or not at all.

    ``batches``: at least one, with the columns of ``encoder`` and those to ``keep``. ``output``: ``.npz`` or
    ``.parquet``. ``ragged``: lists are not padded, and of ``maxlen``, ``padding``, ``truncating`` nothing is told.
    ``force``: replace a file at ``output`` that does not hold ids of columns.
    Memory does not grow with the table, unless there are lists of which only the longest says how long all are.
    Raises ``ArgumentError`` for what the file cannot hold, before any work; for the table as ``ColumnEncoder.encode``;
    ``OutputExistsError`` for a file that must not be replaced, ``RowsLostError`` if other rows were read than written.
    """
    first = next(batches)
    kept = first.select(list(keep)).schema
    check_names(output, encoder.names, kept)
    check_target(output, force)
    report, count = TableReport(), RowCount()
    pieces: Iterator[_Piece] = _encoded(encoder, count.reading(chain([first], batches)), keep, report)
    lists = [column.name for column in encoder.columns if column.kind == "lists"]
    if lists and not ragged:
        lengths = encoder.lengths(maxlen)
        shape = encoder.pad_truncate(padding, truncating)
        if any(lengths[name] is None for name in lists):
            waiting = list(pieces)
            whole = concatenated([ids for ids, _ in waiting], encoder.columns)
            together = pa.Table.from_batches([rows for _, rows in waiting], kept)
            padded = {name: pad(rows, lengths[name], shape) for name, rows in whole.items()}
            pieces = iter([(padded, _one_batch(together))])
        else:
            pieces = ((_padded(ids, lengths, shape), k) for ids, k in pieces)
    start = next(pieces)
    with open_table_writer(output, start[0], kept, encoder.fingerprint, force=force) as writer:
        for ids, rows in chain([start], pieces):
            writer.append(ids, rows)
        count.check(writer.rows)
    report.read = report.rows = count.rows
    report.shapes = {name: _shape(rows, report.rows) for name, rows in start[0].items()}
    return report


def _encoded(
    encoder: ColumnEncoder, batches: Iterator[pa.RecordBatch], keep: Sequence[str], report: TableReport
) -> Iterator[_Piece]:
    for batch in batches:
        ids = encoder.encode_batch(batch)
        report.add(ids)
        yield ids, batch.select(list(keep))


def _padded(ids: Ids, lengths: Mapping[str, int | None], shape: PadTruncate) -> Ids:
    for name, rows in ids.items():
        maxlen = lengths[name]
        if isinstance(rows, Ragged) and maxlen is not None:
            check_length(rows, maxlen, np.dtype(np.int32).itemsize)
    return {name: pad(rows, lengths[name], shape) for name, rows in ids.items()}


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    if not table.num_columns:
        return pa.RecordBatch.from_arrays([], schema=table.schema)
    arrays = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def _shape(rows: object, total: int) -> str:
    return str((total, *rows.shape[1:])) if isinstance(rows, np.ndarray) else "ragged"
