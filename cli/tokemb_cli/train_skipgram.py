"""``tokemb train skipgram``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tokemb_cli import corpus, options, training, values


@click.command("skipgram", cls=corpus.FileCommand)
@corpus.tables
@options.vocab
@training.output
@click.option("--dim", type=values.Integer(), default=100, show_default=True, help="Embedding dimension.")
@click.option(
    "--window",
    type=values.Integer(),
    default=5,
    show_default=True,
    help="Maximum distance between a token and its context tokens.",
)
@click.option(
    "--negatives", type=values.Integer(), default=5, show_default=True, help="Number of negative samples for each pair."
)
@click.option(
    "--sample",
    type=values.Number(least=0, below=1),
    default=0.001,
    show_default=True,
    help="Subsample tokens whose relative frequency is higher than this; 0 turns it off.",
)
@click.option("--epochs", type=values.Integer(), default=5, show_default=True, help="Number of epochs.")
@click.option(
    "--learning-rate", type=values.Number(above=0), default=0.025, show_default=True, help="Initial learning rate."
)
@click.option(
    "--final-learning-rate",
    type=values.Number(above=0),
    default=0.0001,
    show_default=True,
    help="Final learning rate.",
)
@click.option("--seed", type=values.Integer(0), default=0, show_default=True, help="Random seed.")
@click.option(
    "--threads",
    type=values.Integer(),
    default=1,
    show_default=True,
    help="Number of threads. With more than one, runs give different vectors.",
)
@corpus.quiet
def command(vocab: Path, output: Path, force: bool, **arguments: Any) -> None:  # noqa: ANN401
    """Train vectors of words, or of items in sequences, with skip-gram and negative sampling (word2vec, item2vec).

    The model is an embedding model like that of init-model. Tokens that are out of vocabulary are left out.

    \b
    Examples:
      tokemb train skipgram reviews.txt --vocab reviews.vocab --threads 8 -o words
      tokemb train skipgram views.csv --column item --group-by user --order-by time --vocab items.vocab -o items
    """
    rows = corpus.Corpus.from_options(arguments)
    if rows.is_table:
        raise click.UsageError("vectors are trained on one column: pass --column once")
    rows.check_distinct(output)
    from tokemb import Encoder
    from tokemb.training.fitting import check_output
    from tokemb.training.skipgram import SkipGram, train_skipgram

    check_output(output, force=force)
    settings = SkipGram(**arguments)
    encoder = Encoder.load(vocab)
    training.import_keras()
    with rows.open() as batches:
        trained = train_skipgram(batches, encoder, settings, on_epoch=training.on_epoch(rows.quiet))
    training.finish(trained, rows, output, force)
