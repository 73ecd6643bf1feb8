"""``tokemb train classify``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import CLASS_WEIGHTS, HEADS
from tokemb_cli import corpus, inputs, options, training, training_options, values
from tokemb_cli.segmenter import check_segmenter, segmenter_options

if TYPE_CHECKING:
    from pathlib import Path

    from tokemb import ColumnEncoder
    from tokemb.sources.cells import CellParser
    from tokemb.training.classify import Labelled
    from tokemb.training.result import Trained


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
@training_options.output
@corpus.tables
@inputs.columns
@training_options.vocab
@training_options.validation_file
@training_options.test
@click.option(
    "--class-weights",
    type=values.Choice(CLASS_WEIGHTS),
    help="balanced: all classes have the same total weight in the loss.  [default: all rows have the same weight]",
)
@options.choice("--head", HEADS, "mean", "Layers that reduce the vectors of a row to one vector.")
@segmenter_options
@click.option(
    "--ngrams",
    type=values.Ngrams(),
    metavar="N",
    help="Make tokens of up to N neighbouring words, or of the lengths in a list (1,3).  [default: 2 for the heads "
    "mean, tfidf and attention without --vectors, else 1]",
)
@training_options.maxlen(
    "Length that rows are truncated to.  [default: that of the vocabulary, or one that 99 % of the rows do not exceed]"
)
@training_options.embedding
@options.integer(
    "--units",
    64,
    "Number of units of the heads conv, attention, gru and lstm, and of the hidden layer over several columns.",
)
@training_options.dropout()
@training_options.folds
@training_options.fold_groups
@training_options.schedule
@corpus.quiet
def command(label: str, sample_weight: str | None, **arguments: Any) -> None:  # noqa: ANN401
    """Train a classifier of texts, of sequences of events that --group-by makes, or of the rows of a table.

    With --label-separator, each row has any number of labels. With --regression, a number is predicted.

    Without --vocab, a vocabulary is fitted to the texts. For the heads mean, tfidf and attention, it has at most
    100,000 words and pairs of words. For the other heads, and with --ngrams 1 or --vectors, it has at most 30,000
    words. Without --test, the metrics are computed on the validation split. With --folds, they are also computed by
    cross-validation, in which each fold has the same shares of labels.

    With --text, --category, --multi and --number, a label is predicted from several columns: texts beside categories,
    lists and numbers. A folder of columns as --vocab has the same effect. Texts are encoded as above. Categories that
    occur once are out of vocabulary, and share one embedding with new categories. --vectors and the head tfidf are not
    possible.

    \b
    Examples:
      tokemb train classify reviews.csv --label label -o classifier
      tokemb train classify reviews.csv --label label --folds 10 -o classifier
      tokemb train classify reviews.csv --label label --search dim=50,100 --search head=mean,conv -o classifier
      tokemb train classify train.csv --test test.csv --label label --head gru -o classifier
      tokemb train classify books.csv --text title --multi genres="|" --number price --label sold -o sold
      tokemb train classify reviews/pos reviews/neg --format documents --label label -o classifier
    """
    check_segmenter(arguments)
    arguments["keep"] = (label,) if sample_weight is None else (label, sample_weight)
    # The first rows do not decide the type of columns that are parsed here.
    has_classes = arguments["label_separator"] is None and not arguments["regression"]
    as_text = arguments["keep"][has_classes:]
    rows = replace(corpus.Corpus.from_options(arguments), as_text=as_text)
    labels = attrgetter("labels") if has_classes else None
    columns = inputs.Inputs.from_options(arguments, rows)
    if columns is not None or _is_of_columns(arguments["vocab"]):
        from tokemb import ColumnEncoder

        _check_table_options(rows, columns, arguments)
        names, cells = _selection(columns, arguments["vocab"])
        training.check_no_input({"label": label, "sample-weight": sample_weight}, names)
        read = partial(_read_table, label=label, sample_weight=sample_weight, names=names, cells=cells)
        train = partial(_train_table, columns=columns)
        training.train_text_model(rows, arguments, read, lambda: train, labels, ColumnEncoder.load, _check_head)
        return
    # Values of events are looked up unchanged. The default for texts depends on their lengths.
    arguments["profile"] = rows.default_profile if rows.group_by and arguments["segmenter"] is None else None
    read = partial(_read, label=label, sample_weight=sample_weight)
    training.train_text_model(rows, arguments, read, _load, labels)


def _is_of_columns(vocab: Path | None) -> bool:
    from tokemb.files.folders import is_columns_folder

    return vocab is not None and is_columns_folder(vocab)


def _check_table_options(rows: corpus.Corpus, columns: inputs.Inputs | None, arguments: dict[str, Any]) -> None:
    """Raise ``click.UsageError`` for options that do not apply to several columns."""
    vocab = arguments["vocab"]
    if vocab is not None and (columns is not None or rows.columns or rows.group_by):
        raise click.UsageError(
            f"{vocab} determines the columns: leave out --column, --group-by, --text, --category, --multi and --number"
            if _is_of_columns(vocab)
            else "--vocab must be a folder of columns beside --text, --category, --multi and --number, or left out"
        )
    if arguments["vectors"] is not None:
        raise click.UsageError("--vectors is for one column of texts: leave it out with several columns")


def _check_head(settings: Mapping[str, Any]) -> None:
    """Raise ``ArgumentError`` if the settings of a trial have a head that is not possible for a table."""
    from tokemb.training.column_model import check_head

    if "head" in settings:
        check_head(settings["head"])


def _selection(columns: inputs.Inputs | None, vocab: Path | None) -> tuple[list[str], dict[str, CellParser]]:
    """Return the columns to read, and the parsers of their cells."""
    if columns is not None:
        return columns.selection.parts or [], columns.selection.cells
    from tokemb import ColumnEncoder

    encoder = ColumnEncoder.load(vocab or "")
    return encoder.parts, encoder.cells


def _read_table(
    rows: corpus.Corpus, label: str, sample_weight: str | None, names: list[str], cells: dict[str, CellParser]
) -> Labelled:
    from tokemb.training.classify import Labelled

    table = rows.read_table([(name,) for name in names], cells)
    weights = None if sample_weight is None else table.column(sample_weight).to_pylist()
    return Labelled(table.select(names), table.column(label).to_pylist(), weights)


def _train_table(
    rows: Labelled,
    *,
    columns: inputs.Inputs | None,
    encoder: ColumnEncoder | None,
    **options: Any,  # noqa: ANN401
) -> Trained:
    from tokemb.training.classify import fit_inputs, train_classifier

    if columns is not None:
        splitting = {name: options.pop(name) for name in ("segmenter", "user_dictionary", "ngrams")}
        encoder = fit_inputs(rows.texts, **columns.arguments, **splitting, head=options["head"])
    return train_classifier(rows, encoder=encoder, **options)


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
