"""``tokemb predict``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import PREDICTION_FORMATS, UNKNOWN
from tokemb_cli import corpus, options, shards, training, training_options, values
from tokemb_cli.console import quiet_tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tokemb.training.predictor import TaskPredictor

_ENDINGS = ", ".join(PREDICTION_FORMATS)


@click.command("predict", cls=corpus.FileCommand)
@training_options.folder
@corpus.tables
@options.output("FILE|FOLDER", f"Predictions to write: {_ENDINGS}, a folder of shards, or - for JSON Lines.")
@click.option("--top", type=values.Integer(), metavar="K", help="Also write the K most probable labels or events.")
@click.option(
    "--observed",
    is_flag=True,
    help="Predict each event or answer of a sequence from those before it, instead of what follows the last one.",
)
@click.option("--skill", metavar="NAME", help="Predict the answers for one skill after each answer of a student.")
@click.option(
    "--unknown",
    type=values.Choice(UNKNOWN),
    help="Rating for a user or item out of vocabulary: none, or the average.  [default: missing]",
)
@corpus.keep
@shards.prediction_shards
@corpus.quiet
def command(
    folder: Path,
    output: Path,
    force: bool,
    rows_per_shard: int | None,
    shard_format: str | None,
    top: int | None,
    observed: bool,
    skill: str | None,
    unknown: str | None,
    **arguments: Any,  # noqa: ANN401
) -> None:
    """Predict with a trained model: the FOLDER that tokemb train wrote.

    Every row of the input is a row of the output, in the same order. If a row cannot be predicted, its
    predictions are missing, and the column reason says why.

    \b
    Columns of the output:
      classify            prediction, probability; with --top also predictions, probabilities
        several labels    predictions, probabilities
        regression        prediction
      tag                 predictions, probabilities: one for each token
      next                predictions, probabilities: of 10 events, or of --top
        with --observed   ranks, probabilities, highest_rank
      knowledge-tracing   skills, probabilities
        with --observed or --skill   probabilities
      ratings             prediction

    With --rows-per-shard, repeating the command resumes a run that was stopped.

    \b
    Examples:
      tokemb predict classifier new.csv --column text --keep id -o predicted.csv
      tokemb predict next sessions.txt --observed -o ranks.parquet
      tokemb predict tracing answers.csv --group-by student --keep student -o skills.parquet
      tokemb predict stars pairs.csv --keep user --keep item -o ratings.csv
    """
    shards.check(output, rows_per_shard, shard_format, PREDICTION_FORMATS)
    rows = corpus.Corpus.from_options(arguments)
    rows.check_distinct(output)
    from tokemb.training.load import load_trained

    chosen = {"top": top, "observed": observed or None, "skill": skill, "unknown": unknown}
    given = {name: value for name, value in chosen.items() if value is not None}
    with quiet_tensorflow():
        predictor = load_trained(folder).predictor(**given)
    target = (output, rows_per_shard, shard_format)
    shards.write_predictions(predictor, rows, _open(rows, predictor), target, rows.identity, force)


def _open(rows: corpus.Corpus, predictor: TaskPredictor) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
    if predictor.table_columns is not None:
        training.check_no_column(rows, predictor.folder)
        return rows.open_table([(name,) for name in predictor.table_columns], predictor.cells)
    training.check_one_column(rows)
    return rows.open()
