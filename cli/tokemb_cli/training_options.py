"""The options of the commands of ``tokemb train``, and of the commands that read its folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tokemb_cli import options, search, values

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def dim(default: int) -> _Decorator:
    """Return the option for the embedding dimension."""
    return options.integer("--dim", default, "Embedding dimension.")


def maxlen(text: str) -> _Decorator:
    """Return the option for the length of rows, for which ``text`` states the default."""
    return click.option("--maxlen", type=values.Integer(), help=text)


def dropout(default: float | None = 0.5, note: str = "") -> _Decorator:
    """Return the option for the dropout rate. If there is no ``default``, ``note`` states how it is chosen."""
    rate = values.Number(least=0, below=1)
    return click.option(
        "--dropout", type=rate, default=default, show_default=default is not None, help=f"Dropout rate.{note}"
    )


embedding = options.group(
    click.option(
        "--vectors",
        metavar="FILE",
        help="Pre-trained vectors to start from: a GloVe, word2vec or fastText file, which may be compressed.",
    ),
    click.option("--frozen", is_flag=True, help="Do not train the vectors of the tokens. Requires --vectors."),
    click.option("--dim", type=values.Integer(), help="Embedding dimension.  [default: that of the vectors, or 50]"),
)

_SCHEDULE = (
    options.integer("--epochs", 100, "Maximum number of epochs."),
    click.option(
        "--learning-rate", type=values.Number(above=0), default=0.001, show_default=True, help="Learning rate."
    ),
    click.option(
        "--validation-split",
        type=values.Number(least=0, below=1),
        default=0.1,
        show_default=True,
        help="Fraction of the rows in the validation split.",
    ),
    options.integer("--patience", 3, "Stop after this many epochs without improvement."),
    click.option(
        "--refit/--no-refit",
        default=True,
        show_default=True,
        help="After early stopping, train again on all rows for the best number of epochs.",
    ),
    options.seed(),
    options.integer(
        "--seeds",
        1,
        "Number of models to train, with consecutive random seeds. The first model is written. The metrics of all "
        "are reported as mean and standard deviation.",
    ),
    *search.options,
    click.option(
        "--checkpoint",
        type=values.FilePath(file_okay=False),
        metavar="FOLDER",
        help="Write the state of the training to this folder after each epoch. If the folder contains the state of the "
        "same training, which was stopped, the training is resumed.",
    ),
    click.option(
        "--tensorboard",
        type=values.FilePath(file_okay=False),
        metavar="FOLDER",
        help="Write the losses of each epoch to this folder, for TensorBoard.",
    ),
)

vocab = click.option(
    "--vocab",
    type=values.FilePath(),
    metavar="FOLDER",
    help="Vocabulary to encode with.  [default: one that is fitted to the input]",
)
test = click.option("--test", metavar="FILE", help="Test file, in the format of FILE..., to compute the metrics on.")
validation_file = click.option(
    "--validation-file",
    metavar="FILE",
    help="File, in the format of FILE..., whose rows decide when training stops, instead of --validation-split.",
)
tags = click.option(
    "--tags",
    default="tags",
    show_default=True,
    metavar="NAME",
    help="Column that holds the tags, one for each token. In CoNLL files, the last column is called tags.",
)
folds = click.option(
    "--folds",
    type=values.Integer(2),
    metavar="K",
    help="Compute the metrics by cross-validation too: divide the rows into K folds, and train a model for each fold "
    "on the other folds. The model that is written is then trained on all rows.",
)
fold_groups = click.option(
    "--fold-groups",
    metavar="NAME",
    help="Column of the groups, for example the author. All rows of a group are in the same fold. Requires --folds.",
)
output = options.output("FOLDER", "Folder to write.")
folder = click.argument("folder", metavar="FOLDER", type=values.FilePath())


def schedule(
    command: Callable[..., Any], batch_size: str = "from 32 to 256, by the number of rows"
) -> Callable[..., Any]:
    """Add the options of the training loop to a command whose default of --batch-size is ``batch_size``."""
    size = click.option("--batch-size", type=values.Integer(), help=f"Batch size.  [default: {batch_size}]")
    first, *others = _SCHEDULE
    return options.group(first, size, *others)(command)
