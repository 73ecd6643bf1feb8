"""``tokemb train tracing``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import corpus, options, training, values

if TYPE_CHECKING:
    import pyarrow as pa


@click.command("tracing")
@corpus.tables
@click.option("--correct", required=True, metavar="NAME", help="Column that holds whether an answer is right: 0 or 1.")
@training.vocab
@training.output
@training.test
@click.option(
    "--cell", type=values.Choice(options.CELLS), default="lstm", show_default=True, help="Type of the recurrent layer."
)
@click.option(
    "--maxlen", type=values.Integer(), default=200, show_default=True, help="Number of answers in a training window."
)
@click.option("--dim", type=values.Integer(), default=100, show_default=True, help="Embedding dimension.")
@click.option(
    "--units", type=values.Integer(), default=128, show_default=True, help="Number of units of the recurrent layer."
)
@click.option("--dropout", type=values.Number(least=0, below=1), default=0.3, show_default=True, help="Dropout rate.")
@training.schedule
@corpus.quiet
def command(
    correct: str,
    vocab: Path | None,
    output: Path,
    force: bool,
    test: str | None,
    **told: Any,  # noqa: ANN401
) -> None:
    """Train a model that predicts whether the next answer is right from the previous ones (knowledge tracing).

    --column names the skill of the question, --group-by the student, and --order-by the time if the rows are not in
    order. Without --test, the metrics are computed on the students of the validation split.

    \b
    Examples:
      tokemb train tracing answers.csv --column skill --correct correct --group-by student -o tracing
    """
    rows = corpus.Corpus.take(told)
    if len(rows.columns) != 1 or len(rows.columns[0]) != 1:
        raise click.UsageError("--column must name one column: the skill")
    skill = rows.columns[0][0]
    training.check_apart(rows, test, output)
    schedule = training.take_schedule(told, output, force)
    from tokemb import ColumnEncoder
    from tokemb.training.knowledge_tracing import train_knowledge_tracing

    answers = _read(rows, skill, correct)
    tested = None if test is None else _read(replace(rows, files=(test,)), skill, correct)
    encoder = None if vocab is None else ColumnEncoder.load(vocab)
    training.import_keras()
    trained = train_knowledge_tracing(
        answers,
        skill=skill,
        correct_column=correct,
        encoder=encoder,
        test=tested,
        schedule=schedule,
        on_epoch=training.on_epoch(rows.quiet),
        **told,
    )
    trained.save(output, force=force)
    if not rows.quiet:
        training.report(trained, output, rows.rows_read)


def _read(rows: corpus.Corpus, skill: str, correct: str) -> pa.Table:
    import pyarrow as pa

    with rows.open_table([(skill,), (correct,)]) as batches:
        return pa.Table.from_batches(list(batches))
