"""``tokemb train ratings``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import click

from tokemb._validation import RATING_HEADS
from tokemb_cli import corpus, options, training, training_options, values

# Ratings are short rows, which allow larger batches, a higher learning rate and more epochs than texts.
_SCHEDULE = {"epochs": 50, "batch_size": 1024, "learning_rate": 0.005}


@click.command("ratings", cls=corpus.FileCommand, context_settings={"default_map": _SCHEDULE})
@click.option("--rating", required=True, metavar="NAME", help="Column that holds the ratings: numbers.")
@training_options.output
@corpus.ungrouped_tables
@training_options.test
@options.choice(
    "--head", RATING_HEADS, "dot", "dot: matrix factorization with biases. dense: a dense layer over the embeddings."
)
@training_options.dim(64)
@options.integer("--units", 64, "Number of units of the dense layer.")
@click.option(
    "--rating-range",
    type=values.Number(),
    nargs=2,
    metavar="LOW HIGH",
    help="Limit predictions to this range with a sigmoid.",
)
@click.option(
    "--l2",
    type=values.Number(least=0),
    default=0.3,
    show_default=True,
    help="L2 penalty of the embeddings of each rating, relative to the mean squared error.",
)
@options.integer("--min-count", 1, "Treat values that occur less often than this as out of vocabulary.")
@training_options.folds
@training_options.fold_groups
@partial(training_options.schedule, batch_size="1024")
@corpus.quiet
def command(rating: str, test: str | None, **arguments: Any) -> None:  # noqa: ANN401
    """Train a matrix factorization: embeddings of users and items (two or more --column) that predict a rating.

    The prediction is the dot product of the embeddings plus a bias for each user and item. With --head dense, a dense
    layer computes it from the embeddings. The model has one input per column, with the name of the column. Without
    --test, the metrics are computed on the validation split. rmse_of_biases is the error of a simple baseline, the mean
    rating plus a bias for each user and item.

    \b
    Examples:
      tokemb train ratings ratings.csv --column user --column item --rating stars -o stars
      tokemb train ratings u.data --format tsv --no-header --column 0 --column 1 --rating 2 -o stars
    """
    rows = replace(corpus.Corpus.from_options(arguments), keep=(rating,), as_text=(rating,))
    if rows.group_by:
        raise click.UsageError("ratings are rows, not sequences: leave out --group-by")
    if len(rows.columns) < 2:
        raise click.UsageError("ratings require at least two columns, such as users and items: repeat --column")
    training.check_distinct(rows, [test], arguments["output"])
    run = training.TrainingRun.from_options(rows, arguments)
    training.import_keras()
    from tokemb.training.ratings import train_ratings

    ratings = rows.read_table(rows.columns)
    test_ratings = None if test is None else replace(rows, files=(test,)).read_table(rows.columns)
    run.train(train_ratings, ratings, {"columns": rows.columns, "rating": rating, **arguments}, test=test_ratings)
