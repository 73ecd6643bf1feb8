"""``tokemb train skipgram``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tokemb_cli import corpus, options, training, training_options, values


@click.command("skipgram", cls=corpus.FileCommand)
@corpus.tables
@options.vocab
@training_options.output
@click.option(
    "--cbow",
    is_flag=True,
    help="Predict the center word from the mean of its context words (CBOW), which is faster than skip-gram.",
)
@click.option(
    "--subwords",
    type=values.Integer(),
    nargs=2,
    metavar="LEAST MOST",
    help="Compute the vector of a word as the mean of its own vector and the vectors of its character n-grams of "
    "LEAST to MOST characters, as in fastText, for example 3 6. This improves the vectors of rare words.",
)
@click.option(
    "--similarities",
    multiple=True,
    type=values.FilePath(),
    metavar="FILE",
    help="Report the rank correlation with the similarities of word pairs in this file, such as WordSim-353.",
)
@click.option(
    "--analogies",
    multiple=True,
    type=values.FilePath(),
    metavar="FILE",
    help="Report the accuracy of the analogies in this file, such as questions-words.txt.",
)
@training_options.dim(100)
@options.integer("--window", 5, "Maximum distance between a token and its context tokens.")
@options.integer("--negatives", 5, "Number of negative samples for each pair.")
@click.option(
    "--sample",
    type=values.Number(least=0, below=1),
    default=0.001,
    show_default=True,
    help="Subsample tokens whose relative frequency is higher than this; 0 turns it off.",
)
@options.integer("--epochs", 5, "Number of epochs.")
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
@options.seed()
@options.integer("--threads", 1, "Number of threads. With more than one, runs give different vectors.")
@corpus.quiet
def command(vocab: Path, output: Path, force: bool, **arguments: Any) -> None:  # noqa: ANN401
    """Train vectors of words, or of items in sequences, with skip-gram and negative sampling (word2vec, item2vec).

    --cbow trains with CBOW instead, and --subwords with character n-grams (fastText).

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
    tests = {name: arguments.pop(name) for name in ("similarities", "analogies")}
    from tokemb import Encoder
    from tokemb.training.result import check_output
    from tokemb.training.skipgram import SkipGram, train_skipgram

    check_output(output, force=force)
    settings = SkipGram(**arguments)
    encoder = Encoder.load(vocab)
    training.import_keras()
    with rows.open() as batches:
        trained = train_skipgram(batches, encoder, settings, **tests, on_epoch=training.on_epoch(rows.quiet))
    training.finish(trained, rows, output, force)
