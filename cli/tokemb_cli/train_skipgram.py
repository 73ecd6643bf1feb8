"""``tokemb train skipgram``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tokemb_cli import corpus, options, training


@click.command("skipgram")
@corpus.tables
@options.vocab
@training.output
@click.option("--dim", type=int, default=100, show_default=True, help="Latent factors of each token.")
@click.option("--window", type=int, default=5, show_default=True, help="How far off a token may be that is near.")
@click.option("--negatives", type=int, default=5, show_default=True, help="Tokens drawn at random for each.")
@click.option(
    "--sample",
    type=float,
    default=0.001,
    show_default=True,
    help="Leave out tokens of a larger share than this now and then; 0 for never.",
)
@click.option("--epochs", type=int, default=5, show_default=True, help="Passes over the rows.")
@click.option("--rate", type=float, default=0.025, show_default=True, help="Learning rate at the start.")
@click.option("--last-rate", type=float, default=0.0001, show_default=True, help="Learning rate at the end.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all that is random.")
@click.option(
    "--threads",
    type=int,
    default=1,
    show_default=True,
    help="Threads to use; with several, no two runs give the same vectors.",
)
@corpus.quiet
def command(vocab: Path, output: Path, **told: Any) -> None:  # noqa: ANN401
    """Train vectors of words, or of items in sequences, by what is near them (word2vec, item2vec).

    The model looks the vectors up, as that of init-model. What is out of vocabulary is left out.

    \b
    Examples:
      tokemb train skipgram reviews.txt --vocab reviews.vocab --threads 8 -o words
      tokemb train skipgram views.csv --column item --group-by user --order-by time --vocab items.vocab -o items
    """
    rows = corpus.Corpus.take(told)
    if rows.is_table:
        raise click.UsageError("vectors are trained on one column: pass one --column")
    from tokemb import Encoder
    from tokemb.training.fitting import check_output
    from tokemb.training.skipgram import SkipGram, train_skipgram

    check_output(output)
    settings = SkipGram(**told)
    encoder = Encoder.load(vocab)
    training.import_keras()
    with rows.open() as batches:
        trained = train_skipgram(batches, encoder, settings, on_epoch=training.on_epoch(rows.quiet))
    trained.save(output)
    if not rows.quiet:
        training.report(trained, output)
