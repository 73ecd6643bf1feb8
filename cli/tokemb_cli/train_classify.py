"""``tokemb train classify``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import CLASS_WEIGHTS, HEADS
from tokemb_cli import corpus, training, values
from tokemb_cli.segmenter import check_segmenter, segmenter_options

if TYPE_CHECKING:
    from tokemb.training.classify import Labelled
    from tokemb.training.fitting import Trained


@click.command("classify", cls=corpus.FileCommand)
@click.option(
    "--label",
    required=True,
    metavar="NAME",
    help="Column that holds the labels: integers or texts. With --format documents, its name is label.",
)
@click.option(
    "--label-separator",
    metavar="TEXT",
    help="Text between the labels of a row, for example '|'. A row then has any number of labels.",
)
@click.option("--regression", is_flag=True, help="Predict a number: --label names a column of numbers.")
@click.option("--sample-weight", metavar="NAME", help="Column that holds the weight of each row in the loss.")
@training.output
@corpus.tables
@training.vocab
@training.validation_file
@training.test
@click.option(
    "--class-weights",
    type=values.Choice(CLASS_WEIGHTS),
    help="balanced: all classes have the same total weight in the loss.  [default: all rows have the same weight]",
)
@click.option(
    "--head",
    type=values.Choice(HEADS),
    default="mean",
    show_default=True,
    help="Layers that reduce the vectors of a row to one vector.",
)
@segmenter_options
@click.option(
    "--ngrams",
    type=values.Ngrams(),
    metavar="N",
    help="Make tokens of up to N neighbouring words, or of the lengths in a list (1,3).  [default: 1; for the head "
    "mean without --vectors 2]",
)
@click.option(
    "--maxlen",
    type=values.Integer(),
    help="Length that rows are truncated to.  [default: that of the vocabulary, or one that 99 % of the rows do not "
    "exceed]",
)
@training.embedding
@click.option(
    "--units",
    type=values.Integer(),
    default=64,
    show_default=True,
    help="Number of units of the heads conv, gru and lstm.",
)
@training.dropout
@training.schedule
@corpus.quiet
def command(label: str, sample_weight: str | None, **arguments: Any) -> None:  # noqa: ANN401
    """Train a classifier of texts, or of sequences of events that --group-by makes.

    With --label-separator, each row has any number of labels. With --regression, a number is predicted.

    Without --vocab, a vocabulary is fitted to the texts. For the head mean, it has at most 100,000 words and pairs of
    words. For the other heads, it has at most 30,000 words. Without --test, the metrics are computed on the validation
    split.

    \b
    Examples:
      tokemb train classify reviews.csv --label label -o classifier
      tokemb train classify train.csv --test test.csv --label label --head gru -o classifier
      tokemb train classify reviews/pos reviews/neg --format documents --label label -o classifier
    """
    check_segmenter(arguments)
    arguments["keep"] = (label,) if sample_weight is None else (label, sample_weight)
    # The first rows do not decide the type of columns that are parsed here.
    is_class = arguments["label_separator"] is None and not arguments["regression"]
    as_text = arguments["keep"][is_class:]
    rows = replace(corpus.Corpus.from_options(arguments), as_text=as_text)
    arguments["profile"] = rows.default_profile if arguments["segmenter"] is None else None
    training.train_text_model(rows, arguments, partial(_read, label=label, sample_weight=sample_weight), _train)


def _read(rows: corpus.Corpus, label: str, sample_weight: str | None) -> Labelled:
    from tokemb.training.classify import Labelled

    table = rows.read()

    def column(name: str) -> list[Any]:
        # The column of the texts can hold the labels too, and is then read once.
        return table.column(name if name in table.column_names else 0).to_pylist()

    return Labelled(table.column(0), column(label), None if sample_weight is None else column(sample_weight))


def _train(rows: Labelled, **options: Any) -> Trained:  # noqa: ANN401
    from tokemb.training.classify import train_classifier

    return train_classifier(rows, **options)
