"""``tokemb train knowledge-tracing``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tokemb._validation import CELLS
from tokemb_cli import corpus, options, training, training_options


@click.command("knowledge-tracing", cls=corpus.FileCommand, context_settings={"default_map": {"learning_rate": 0.002}})
@corpus.tables
@click.option(
    "--correct-column", required=True, metavar="NAME", help="Column that holds whether an answer is correct: 0 or 1."
)
@training_options.vocab
@training_options.output
@training_options.test
@options.choice("--cell", CELLS, "lstm", "Type of the recurrent layer.")
@options.integer("--maxlen", 200, "Number of answers in a training window.")
@training_options.dim(100)
@options.integer("--units", 200, "Number of units of the recurrent layer.")
@training_options.dropout()
@training_options.folds
@training_options.schedule
@corpus.quiet
def command(correct_column: str, vocab: Path | None, test: str | None, **arguments: Any) -> None:  # noqa: ANN401
    """Train a model that predicts from the previous answers whether the next one is correct (knowledge tracing).

    --column names the skill of the question and --group-by the student. --order-by names the time, if the rows are not
    sorted. Without --test, the metrics are computed on the students of the validation split.

    \b
    Examples:
      tokemb train knowledge-tracing answers.csv --column skill --correct-column correct --group-by student -o tracing
    """
    rows = corpus.Corpus.from_options(arguments)
    if len(rows.columns) != 1 or len(rows.columns[0]) != 1:
        raise click.UsageError("--column must name one column, the skill")
    skill = rows.columns[0][0]
    training.check_distinct(rows, [test], arguments["output"])
    run = training.TrainingRun.from_options(rows, arguments)
    from tokemb import ColumnEncoder
    from tokemb.training.knowledge_tracing import train_knowledge_tracing

    columns = [(skill,), (correct_column,)]
    answers = rows.read_table(columns)
    test_answers = None if test is None else replace(rows, files=(test,)).read_table(columns)
    arguments |= {"skill": skill, "correct_column": correct_column}
    arguments["encoder"] = None if vocab is None else ColumnEncoder.load(vocab)
    training.import_keras()
    run.train(train_knowledge_tracing, answers, arguments, test=test_answers)
