"""``tokemb evaluate``."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import corpus, options, training, training_options, values
from tokemb_cli.console import quiet_tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tokemb.training.trained import TrainedFolder


@click.command("evaluate", cls=corpus.FileCommand)
@training_options.folder
@corpus.tables
@click.option(
    "--label", metavar="NAME", help="Column that holds the labels of a classifier or the numbers of a regression."
)
@click.option("--tags", metavar="NAME", help="Column that holds the tags of a tagger.  [default: tags]")
@click.option("--rating", metavar="NAME", help="Column that holds the ratings.  [default: that of the training]")
@click.option(
    "--at",
    type=values.Integer(),
    metavar="K",
    multiple=True,
    default=(1, 3, 10),
    show_default=True,
    help="Number of events of the hit rate and NDCG. Repeat the option for several.",
)
@options.as_json
@options.page("Page to write: metrics, learning curves, confusion matrix and the most confident errors.")
@corpus.quiet
def command(
    folder: Path,
    label: str | None,
    rating: str | None,
    at: tuple[int, ...],
    as_json: bool,
    output: Path | None,
    force: bool,
    **arguments: Any,  # noqa: ANN401
) -> None:
    """Evaluate a trained model, the FOLDER that tokemb train wrote, on labelled files.

    \b
    Metrics:
      classify            accuracy, macro F1, ROC AUC, log loss, calibration error (ECE), confusion matrix
        several labels    micro and macro F1, ROC AUC
        regression        RMSE, MAE, R2
      tag                 precision, recall and F1 of spans, F1 of each type, accuracy, confusion matrix
      next                hit rate and NDCG at K, MRR, of the last event of each sequence among all events
      knowledge-tracing   ROC AUC, accuracy, log loss, calibration error, of all but the first answer of a student
      ratings             RMSE and MAE; a user or item out of vocabulary has the average rating

    \b
    Examples:
      tokemb evaluate classifier test.csv --column text --label label -o evaluation.html
      tokemb evaluate stars test.csv --json
    """
    rows = corpus.Corpus.from_options(arguments)
    if output is not None:
        options.check_ending(output, ".html")
        rows.check_distinct(output)
    from tokemb.training.evaluation import evaluate_batches
    from tokemb.training.trained import load_folder

    with quiet_tensorflow():
        trained = load_folder(folder)
    rows = _with_target(rows, trained, label, rating)
    if output is not None:
        from tokemb.files.atomic import check_output
        from tokemb.training.evaluation_page import PAGE

        check_output(output, PAGE, force=force)
    with _open(rows, trained) as batches:
        evaluation = evaluate_batches(trained, batches, rating, at)
    if output is not None:
        from tokemb.training.evaluation_page import write_page

        write_page(evaluation, output, folder.name, force=force)
    if as_json:
        click.echo(json.dumps(evaluation.metrics))
        return
    for name, value in evaluation.metrics.items():
        click.echo(f"{name:<18} {value}")


def _with_target(rows: corpus.Corpus, trained: TrainedFolder, label: str | None, rating: str | None) -> corpus.Corpus:
    """Return the corpus with the column of the labels or ratings among those that are kept."""
    if trained.task == "tag":
        rows = replace(rows, tags=rows.tags or "tags")
    elif rows.tags is not None:
        raise click.UsageError("--tags is for a tagger: leave it out")
    if (trained.task == "classify") != (label is not None):
        raise click.UsageError(
            f"{trained.description} requires --label" if label is None else "--label is for a classifier: leave it out"
        )
    if rating is not None and trained.task != "ratings":
        raise click.UsageError("--rating is for a model of ratings: leave it out")
    target = label or (rating or trained.settings["rating"] if trained.task == "ratings" else None)
    targets = () if target is None else (target,)
    return replace(rows, keep=targets, as_text=targets)  # the first rows do not decide whether labels are numbers


def _open(rows: corpus.Corpus, trained: TrainedFolder) -> AbstractContextManager[Iterator[pa.RecordBatch]]:
    from tokemb import ColumnEncoder

    if isinstance(trained.vocabulary, ColumnEncoder):
        training.check_no_column(rows, trained)
        if trained.task == "classify":
            training.check_no_input({"label": rows.keep[0]}, trained.columns.parts)
        return rows.open_table([(name,) for name in trained.columns.parts], trained.columns.cells)
    training.check_one_column(rows)
    return rows.open()
