"""``tokemb train classify``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    help="Make tokens of up to N neighbouring words, or of the lengths in a list (1,3).  [default: 1; for the heads "
    "mean, tfidf and attention without --vectors 2, or 3 if the texts have at most 32 words on average]",
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
    help="Number of units of the heads conv, attention, gru and lstm.",
)
@training.dropout
@training.folds
@training.fold_groups
@training.schedule
@corpus.quiet
def command(label: str, sample_weight: str | None, **arguments: Any) -> None:  # noqa: ANN401
    """Train a classifier of texts, or of sequences of events that --group-by makes.

    With --label-separator, each row has any number of labels. With --regression, a number is predicted.

    Without --vocab, a vocabulary is fitted to the texts. For the heads mean, tfidf and attention, it has at most
    100,000 words, pairs of words and, if the texts are short, sequences of three words. For the other heads, it has at
    most 30,000 words. Without --test, the metrics are computed on the validation split. With --folds, they are also
    computed by cross-validation; each fold has the same shares of labels.

    \b
    Examples:
      tokemb train classify reviews.csv --label label -o classifier
      tokemb train classify reviews.csv --label label --folds 10 -o classifier
      tokemb train classify reviews.csv --label label --search dim=50,100 --search head=mean,conv -o classifier
      tokemb train classify train.csv --test test.csv --label label --head gru -o classifier
      tokemb train classify reviews/pos reviews/neg --format documents --label label -o classifier
    """
    check_segmenter(arguments)
    arguments["keep"] = (label,) if sample_weight is None else (label, sample_weight)
    rows = corpus.Corpus.from_options(arguments)
    arguments["profile"] = rows.default_profile if arguments["segmenter"] is None else None
    has_classes = arguments["label_separator"] is None and not arguments["regression"]
    read = partial(_read, label=label, sample_weight=sample_weight)
    training.train_text_model(rows, arguments, read, _load, _labels if has_classes else None)


def _read(rows: corpus.Corpus, label: str, sample_weight: str | None) -> Labelled:
    from tokemb.training.classify import Labelled

    table = rows.read()

    def column(name: str) -> list[Any]:
        # The column of the texts can hold the labels too, and is then read once.
        return table.column(name if name in table.column_names else 0).to_pylist()

    return Labelled(table.column(0), column(label), None if sample_weight is None else column(sample_weight))


def _load() -> Callable[..., Trained]:
    from tokemb.training.classify import train_classifier

    return train_classifier


def _labels(rows: Labelled) -> Sequence[Any]:
    return rows.labels
