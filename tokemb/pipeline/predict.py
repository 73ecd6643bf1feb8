"""Predictions for the rows of files, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from tokemb.errors import ArgumentError
from tokemb.formats import OutputOptions, Writer
from tokemb.formats.shards import Chunk
from tokemb.pipeline.files import Files, as_list, check_not_an_input, check_one_column, identity_of, target_of
from tokemb.pipeline.output import Output, check_output, is_complete, locked, skip_written_batches, write_rows
from tokemb.rows.row_count import RowCount, rows_line
from tokemb.rows.table_rows import TableRows
from tokemb.rows.threads import prefetch_map
from tokemb.sources.cells import CellParser, cells_beside
from tokemb.sources.corpus import read_corpus, read_table


class Predictor(Protocol):
    """A trained model with the options of its predictions."""

    @property
    def table_columns(self) -> list[str] | None:
        """The columns of a table to predict from. ``None`` for texts or sequences of events."""

    @property
    def cells(self) -> Mapping[str, CellParser]:
        """The parsers of columns of numbers and lists."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the vocabulary."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything else that decides the predictions, as JSON values."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of the predictions. The last one is ``reason``."""

    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the predictions for the rows of a batch, in their order."""


@dataclass
class PredictionReport:
    """Statistics of a run.

    Attributes:
        rows: The number of rows that this run predicted and wrote.
        read: The number of rows read, including rows of shards that an earlier run wrote.
        with_reason: The number of rows of this run whose column ``reason`` says what is missing.
        layout: The layout of the output. ``None`` if nothing was written.
    """

    rows: int = 0
    read: int = 0
    with_reason: int = 0
    layout: OutputOptions | None = None

    @property
    def shape(self) -> str:
        """The names of the columns."""
        return "" if self.layout is None else ", ".join(self.layout.names)

    def __str__(self) -> str:
        return f"{rows_line(self.read, self.rows)}, {self.with_reason:,} of them could not be predicted"


def predict_corpus(
    predictor: Predictor,
    batches: Iterator[pa.RecordBatch],
    output: Output,
    *,
    keep: Sequence[str] = (),
    force: bool = False,
) -> PredictionReport:
    """Write the predictions for all rows, atomically.

    Args:
        predictor: The trained model.
        batches: At least one batch, with the columns of the model and ``keep``.
        output: A path that ends in ``.parquet``, ``.jsonl`` or ``.csv``, a stream for JSON Lines, or a ``ShardFolder``,
            in which complete shards of an earlier run stay.
        keep: The names of columns to write beside the predictions.
        force: Whether to replace a file that is not known to hold predictions.

    Raises:
        ArgumentError: If there are no rows, or a kept column has the name of a column of predictions.
        OutputExistsError: If an existing file or other shards must not be replaced.
        OutputInUseError: If another run writes the folder.
        RowsLostError: If other rows were read than written.
    """
    report, count = PredictionReport(), RowCount()
    with locked(output, predictor.fingerprint, {**predictor.settings, "keep": list(keep)}):
        if is_complete(output):
            return report
        remaining = skip_written_batches(_require_rows(count.reading(batches)), output)
        first = next(remaining)
        kept_columns = first[0].select(list(keep)).schema
        columns = pa.schema([*predictor.schema, *kept_columns])
        report.layout = OutputOptions.for_predictions(columns, predictor.fingerprint)
        check_output(output, report.layout, force)

        def predict(batch_and_written: tuple[pa.RecordBatch, int]) -> Chunk[TableRows]:
            batch, written = batch_and_written
            predictions, batch = predictor.predict_batch(batch).slice(written), batch.slice(written)
            report.rows += len(batch)
            report.with_reason += pc.sum(predictions["reason"].is_valid()).as_py() or 0
            rows = pa.RecordBatch.from_arrays([*predictions.columns, *batch.select(list(keep)).columns], schema=columns)
            return TableRows({}, len(rows)), rows

        # The model runs in a thread, while the next batch is read and the previous one is written.
        write_rows(output, report.layout, prefetch_map(predict, chain([first], remaining)), _append, count, force)
    report.read = count.rows
    return report


def _require_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield ``batches``.

    Raises:
        ArgumentError: If none of them has a row.
    """
    first = next(batches)
    if not len(first):
        raise ArgumentError("the input has no rows: pass a file that has rows")
    yield first
    yield from batches


def _append(writer: Writer, chunk: Chunk[TableRows]) -> None:
    writer.append({}, None, chunk[1])


def predict_file(
    files: Files,
    predictor: Predictor,
    output: Path | str,
    *,
    keep: Iterable[str] = (),
    rows_per_shard: int | None = None,
    shard_format: str = "parquet",
    force: bool = False,
    **reading: Any,  # noqa: ANN401
) -> PredictionReport:
    """Write the predictions for all rows of files, in constant memory.

    Args:
        files: Names, globs, folders or URLs, as for ``tokemb.read_corpus``.
        predictor: The trained model, for example ``tokemb.load_trained("classifier").predictor(top=3)``.
        output: A file that ends in ``.parquet``, ``.jsonl`` or ``.csv``, or with ``rows_per_shard`` a folder. It
            appears complete or not at all.
        keep: Other columns to copy to the output, such as ids.
        rows_per_shard: The number of rows in each shard. An interrupted run resumes when it is repeated.
        shard_format: The format of shards: ``"parquet"``, ``"jsonl"`` or ``"csv"``.
        force: Whether to replace a read-only file or a file that is not known to hold predictions.
        **reading: Arguments of ``tokemb.read_corpus``, such as ``column``, ``format`` and ``missing``. ``column``
            and ``missing`` do not apply to models of tables, whose folder names the columns.

    Returns:
        The numbers of rows read and written, and of those with a reason.

    Raises:
        ArgumentError: If an argument is invalid, the output would replace an input, or the input has no rows.
        TextError: If the rows are not those of the model.
        OSError: If a file cannot be read or written.
    """
    columns, files = tuple(keep), as_list(files)
    check_not_an_input(files, Path(output), reading)
    target = target_of(Path(output), rows_per_shard, shard_format, lambda: identity_of(files, reading), force)
    if predictor.table_columns is None:
        check_one_column(reading)
        batches = read_corpus(files, keep=columns, **reading)
    else:
        parts = predictor.table_columns
        cells = cells_beside(predictor.cells, columns)
        batches = read_table(
            files, dict.fromkeys([*parts, *columns]), typed=columns, cells=cells, exact=parts, **reading
        )
    return predict_corpus(predictor, batches, target, keep=columns, force=force)
