"""Output of commands that write one file or a folder of shards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import OUTPUT_FORMATS, PREDICTION_FORMATS
from tokemb_cli import options, values
from tokemb_cli.console import note, note_stopped

if TYPE_CHECKING:
    import pyarrow as pa

    from tokemb.pipeline.output import Output
    from tokemb.pipeline.predict import PredictionReport, Predictor
    from tokemb.pipeline.report import EncodingReport, TableReport
    from tokemb_cli.corpus import Corpus

# The output, the number of rows per shard, and the format of shards.
Target = tuple[Path, int | None, str | None]

_ROWS = click.option(
    "--rows-per-shard", type=values.Integer(), metavar="N", help="Write a folder of files (shards) with N rows each."
)
_FORMAT = click.option(
    "--shard-format",
    type=values.Choice([suffix[1:] for suffix in OUTPUT_FORMATS]),
    help="Format of the shards.  [default: npz]",
)


_PREDICTION_FORMAT = click.option(
    "--shard-format",
    type=values.Choice([suffix[1:] for suffix in PREDICTION_FORMATS]),
    help="Format of the shards.  [default: parquet]",
)


prediction_shards = options.group(_ROWS, _PREDICTION_FORMAT)
shard_options = options.group(_ROWS, _FORMAT)


def check(output: Path, rows: int | None, suffix: str | None, formats: tuple[str, ...] = OUTPUT_FORMATS) -> None:
    """Check that the output and the options for shards are compatible.

    Args:
        output: The output.
        rows: The number of rows per shard, ``None`` for one file.
        suffix: The format of the shards without a dot.
        formats: The extensions of the formats of a file.

    Raises:
        click.UsageError: If they are not.
    """
    if rows is None:
        if suffix is not None:
            raise click.UsageError("--shard-format requires --rows-per-shard")
        options.check_output(output, "; --rows-per-shard writes a folder", formats)
    elif str(output) == "-":
        raise click.UsageError("--rows-per-shard writes a folder: pass its path as --output; received -")


@contextmanager
def open_output(
    path: Path, rows: int | None, suffix: str | None, inputs: Callable[[], dict[str, Any] | None], force: bool
) -> Iterator[Output]:
    """Yield what to write to. A message after an interruption says how to resume a folder.

    Args:
        path: The output.
        rows: The number of rows per shard, ``None`` for one file.
        suffix: The format of the shards without a dot.
        inputs: A function that returns the identity of the input, as ``ShardFolder`` takes it.
        force: Whether to replace shards of another input.
    """
    if rows is None:
        yield options.target(path)
        return
    from tokemb.formats.shards import ShardFolder

    try:
        yield ShardFolder(path, inputs(), rows, f".{suffix or 'npz'}", force=force)
    except KeyboardInterrupt:
        raise note_stopped(f"the complete files in {path} are kept; repeat the command to resume") from None


def write_predictions(
    predictor: Predictor,
    rows: Corpus,
    batches: AbstractContextManager[Iterator[pa.RecordBatch]],
    target: Target,
    inputs: Callable[[], dict[str, Any] | None],
    force: bool,
) -> None:
    """Write the predictions for ``batches``, which are opened from ``rows``, and report them.

    The other arguments are those of ``open_output``. The default format of shards is Parquet.
    """
    from tokemb.pipeline.predict import predict_corpus

    path, rows_per_shard, suffix = target
    with open_output(path, rows_per_shard, suffix or "parquet", inputs, force) as output, batches as opened:
        report = predict_corpus(predictor, opened, output, keep=rows.keep, force=force)
    report.read = rows.rows_read
    if not rows.quiet:
        note(*report_lines(output, path, "columns", report, str(report)))


def report_lines(
    output: Output, path: Path, dtype: str, report: EncodingReport | TableReport | PredictionReport, summary: str
) -> list[str]:
    """Return the lines that the command prints at the end.

    Args:
        output: What was written to.
        path: The path of the output.
        dtype: The dtype of the ids or vectors.
        report: The report of this run.
        summary: The summary of the rows of this run.
    """
    from tokemb.formats.shards import ShardFolder

    if not isinstance(output, ShardFolder):
        lines = options.feature_spec_lines(path.suffix, report.layout)
        return [f"wrote {path}: {dtype} {report.shape}; {summary}", *lines]
    total = sum(output.rows)
    before = f" ({total - report.rows:,} of them already written)" if total > report.rows else ""
    lines = options.feature_spec_lines(output.shard(0).suffix, report.layout)
    return [f"wrote {path}: {len(output.rows)} files, {total:,} rows{before}; {summary}", *lines]
