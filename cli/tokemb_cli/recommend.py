"""``tokemb recommend``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tokemb._validation import PREDICTION_FORMATS
from tokemb_cli import corpus, options, shards, training_options, values
from tokemb_cli.console import quiet_tensorflow


@click.command("recommend", cls=corpus.FileCommand)
@training_options.folder
@corpus.tables_of_folder
@options.output(
    "FILE|FOLDER",
    f"Recommendations to write: {', '.join(PREDICTION_FORMATS)}, a folder of shards, or - for JSON Lines.",
)
@click.option(
    "--top", type=values.Integer(), metavar="K", default=10, show_default=True, help="Number of items of each row."
)
@click.option(
    "--seen",
    metavar="FILE",
    help="Table of users and items, in the format of FILE...; an item in it is not recommended to its user.",
)
@click.option(
    "--similar", is_flag=True, help="Find similar items for the items of FILE..., instead of items for users."
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
    top: int,
    seen: str | None,
    similar: bool,
    **arguments: Any,  # noqa: ANN401
) -> None:
    """Recommend items to the users in a file with the FOLDER that tokemb train ratings wrote.

    The file has the column of the users, or with --similar that of the items, with the same name as in the training.
    Every row of the file is a row of the output, in the same order. It contains the best items in order, with their
    predicted ratings or, with --similar, the cosines of their vectors. For a user or item out of vocabulary, these are
    missing, and the column reason says so.

    \b
    Examples:
      tokemb recommend stars users.csv --keep user --seen ratings.csv -o items.parquet
      tokemb recommend stars films.csv --similar --keep film -o -
    """
    shards.check(output, rows_per_shard, shard_format, PREDICTION_FORMATS)
    rows = corpus.Corpus.from_options(arguments)
    if rows.columns or rows.group_by:
        raise click.UsageError("the folder names the columns: leave out --column and --group-by")
    replace(rows, files=(*rows.files, *filter(None, [seen]))).check_distinct(output)
    from tokemb.training.recommend import similar_or_best
    from tokemb.training.trained import load_folder

    with quiet_tensorflow():
        trained = load_folder(folder)
        recommender = similar_or_best(trained, similar=similar, top=top, seen=_read_seen(rows, trained, seen))
    batches = rows.open_table([(name,) for name in recommender.table_columns or ()])
    target = (output, rows_per_shard, shard_format)
    shards.write_predictions(recommender, rows, batches, target, lambda: _identity(rows, seen), force)


def _read_seen(rows: corpus.Corpus, trained: Any, seen: str | None) -> Any:  # noqa: ANN401
    """Return the table of ``--seen``. ``None`` without it."""
    if seen is None or trained.task != "ratings":
        return None
    from tokemb.sources.corpus import read_table

    reading = {name: value for name, value in rows.reading.items() if name not in ("column", "missing")}
    return read_table([seen], trained.columns.parts, **reading)


def _identity(rows: corpus.Corpus, seen: str | None) -> dict[str, Any] | None:
    """Return the identity of the input and of the pairs that were seen."""
    identity = rows.identity()
    if identity is None or seen is None:
        return identity
    pairs = replace(rows, files=(seen,)).identity()
    return None if pairs is None else {**identity, "seen": pairs["files"]}
