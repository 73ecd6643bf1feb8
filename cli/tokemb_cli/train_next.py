"""``tokemb train next``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tokemb._validation import NEXT_HEADS
from tokemb_cli import corpus, options, training, training_options


@click.command("next", cls=corpus.FileCommand, context_settings={"default_map": {"learning_rate": 0.002}})
@training_options.output
@corpus.tables
@training_options.vocab
@training_options.test
@options.choice(
    "--head", NEXT_HEADS, "gru", "Layer that reads the previous events: recurrent, or self-attention (SASRec)."
)
@click.option(
    "--marks",
    is_flag=True,
    help="Mark the beginning and the end of each sequence, so that the first event and the end are predicted too.",
)
@click.option(
    "--train-last",
    is_flag=True,
    help="Train on the last event of each sequence too, and compute the metrics on the validation split.",
)
@options.integer("--maxlen", 50, "Number of previous events that a prediction uses.")
@training_options.dim(64)
@options.integer("--units", 64, "Number of units of the head.")
@training_options.dropout(None, "  [default: 0.5 for more than 2,048 different events, otherwise 0.2]")
@training_options.schedule
@corpus.quiet
def command(vocab: Path | None, test: str | None, **arguments: Any) -> None:  # noqa: ANN401
    """Train a model that predicts the next event of a sequence.

    A sequence is a line of events, or with --group-by the events of a group.

    By default, the last event of each sequence is left out of training, and the metrics are computed on it. With
    --test, the metrics are computed on the last events of that file. With --train-last or --marks, they are computed on
    the last events of the validation split. Without --vocab, a vocabulary is fitted to the events, which are split at
    white space.

    The probabilities are combined with counts of which event followed which. markov_ metrics are those of these counts
    alone, and popular_ metrics those of the most frequent events.

    \b
    Examples:
      tokemb train next sessions.txt -o next
      tokemb train next u.data --format tsv --no-header --column 1 --group-by 0 --order-by 3 -o next
    """
    rows = corpus.Corpus.from_options(arguments)
    training.check_one_column(rows)
    training.check_distinct(rows, [test], arguments["output"])
    run = training.TrainingRun.from_options(rows, arguments)
    from tokemb import Encoder
    from tokemb.training.next_event import train_next

    sequences = rows.read().column(0)
    test_sequences = None if test is None else replace(rows, files=(test,)).read().column(0)
    arguments["encoder"] = None if vocab is None else Encoder.load(vocab)
    training.import_keras()
    run.train(train_next, sequences, arguments, test=test_sequences)
