"""The options and the report of the commands of ``tokemb train``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tokemb_cli import options, values
from tokemb_cli.console import note, note_stopped, quiet_tensorflow
from tokemb_cli.messages import for_running_command

if TYPE_CHECKING:
    from tokemb import ColumnEncoder
    from tokemb.training.early_stopping import OnEpoch
    from tokemb.training.fitting import Schedule, Trained
    from tokemb.training.trained import TrainedFolder
    from tokemb_cli.corpus import Corpus

_SHOWN_CLASSES = 10

# The rows that metrics were computed on, by their names in a report.
_ROWS_OF_METRICS = {
    "validation": "validation split",
    "test": "test file",
    "last events": "last event of each sequence",
    "last events of validation": "last events of the validation split",
    "last events of test": "last events of the test file",
}

_EMBEDDING = (
    click.option(
        "--vectors",
        metavar="FILE",
        help="Pre-trained vectors to start from: a GloVe, word2vec or fastText file, which may be compressed.",
    ),
    click.option("--frozen", is_flag=True, help="Do not train the vectors of the tokens. Requires --vectors."),
    click.option("--dim", type=values.Integer(), help="Embedding dimension.  [default: that of the vectors, or 50]"),
)

_SCHEDULE = (
    click.option("--epochs", type=values.Integer(), default=100, show_default=True, help="Maximum number of epochs."),
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
    click.option(
        "--patience",
        type=values.Integer(),
        default=3,
        show_default=True,
        help="Stop after this many epochs without improvement.",
    ),
    click.option(
        "--refit/--no-refit",
        default=True,
        show_default=True,
        help="After early stopping, train again on all rows for the best number of epochs.",
    ),
    click.option("--seed", type=values.Integer(0), default=0, show_default=True, help="Random seed."),
    click.option(
        "--seeds",
        type=values.Integer(),
        default=1,
        show_default=True,
        help="Number of models to train, with consecutive random seeds. The first model is written. The metrics of all "
        "are reported as mean and standard deviation.",
    ),
    click.option(
        "--tensorboard",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Write the losses of each epoch to this folder, for TensorBoard.",
    ),
)

vocab = click.option(
    "--vocab",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Vocabulary to encode with.  [default: one that is fitted to the input]",
)
test = click.option("--test", metavar="FILE", help="Test file, in the format of FILE..., to compute the metrics on.")
validation_file = click.option(
    "--validation-file",
    metavar="FILE",
    help="File, in the format of FILE..., whose rows decide when training stops, instead of --validation-split.",
)
dropout = click.option(
    "--dropout", type=values.Number(least=0, below=1), default=0.5, show_default=True, help="Dropout rate."
)
tags = click.option(
    "--tags",
    default="tags",
    show_default=True,
    metavar="NAME",
    help="Column that holds the tags, one for each token. In CoNLL files, the last column is called tags.",
)
output = options.output("FOLDER", "Folder to write.")


folder = click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))


def embedding(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the vectors of tokens to a command."""
    return reduce(lambda decorated, option: option(decorated), reversed(_EMBEDDING), command)


def schedule(
    command: Callable[..., Any], batch_size: str = "from 32 to 256, by the number of rows"
) -> Callable[..., Any]:
    """Add the options of the training loop to a command whose default of --batch-size is ``batch_size``."""
    size = click.option("--batch-size", type=values.Integer(), help=f"Batch size.  [default: {batch_size}]")
    first, *others = _SCHEDULE
    return reduce(lambda decorated, option: option(decorated), (*reversed(others), size, first), command)


def schedule_from_options(arguments: dict[str, Any], output: Path, force: bool) -> Schedule:
    """Make a schedule from the options of ``schedule``, which are removed from ``arguments``.

    Raises:
        OSError: If the output must not be replaced.
    """
    from tokemb.training.fitting import Schedule, check_output

    check_output(output, force=force)
    names = ("epochs", "batch_size", "learning_rate", "validation_split", "patience", "refit", "seed")
    return Schedule(**{name: arguments.pop(name) for name in names})


def check_one_column(rows: Corpus) -> None:
    """Raise ``click.UsageError`` unless the rows are texts or sequences of events."""
    if rows.is_table:
        raise click.UsageError("--column must name one column; NAME,NAME requires --group-by")


def check_no_column(rows: Corpus, folder: TrainedFolder) -> None:
    """Raise ``click.UsageError`` if options name columns, although the folder of a classifier does."""
    if folder.task == "classify" and (rows.columns or rows.group_by):
        option = "--column" if rows.columns else "--group-by"
        raise click.UsageError(f"{folder.path} determines the columns: leave out {option}")


def check_distinct(rows: Corpus, others: Sequence[str | None], output: Path) -> None:
    """Raise ``click.UsageError`` if ``output`` would replace a training, validation or test file."""
    replace(rows, files=(*rows.files, *filter(None, others))).check_distinct(output)


def import_keras() -> None:
    """Import Keras without its messages."""
    with quiet_tensorflow():
        import keras  # noqa: F401 - the library uses it


def on_epoch(quiet: bool) -> OnEpoch | None:
    """Return a function that shows each epoch, or ``None`` with ``quiet``."""
    return None if quiet else _show


def train(function: Callable[..., Trained], rows: Corpus, schedule: Schedule, arguments: dict[str, Any]) -> Trained:
    """Train with one or several seeds.

    Args:
        function: The training, without ``schedule`` and ``on_epoch``.
        rows: The input.
        schedule: The schedule.
        arguments: The options of the command. Those that are not used here are passed to ``function``.
    """
    from tokemb.training.repeat import repeat

    seeds, folder = arguments.pop("seeds"), arguments.pop("tensorboard")

    def train_once(schedule: Schedule) -> Trained:
        if seeds > 1 and not rows.quiet:
            note(f"seed       {schedule.seed}")
        show = on_epoch(rows.quiet)
        if folder is not None:
            from tokemb.training.tensorboard import log_epochs

            show = log_epochs(folder if seeds == 1 else folder / f"seed-{schedule.seed}", show)
        return function(schedule=schedule, on_epoch=show, **arguments)

    return repeat(train_once, schedule, seeds)


def train_text_model(
    rows: Corpus,
    arguments: dict[str, Any],
    read: Callable[[Corpus], Any],
    function: Callable[..., Trained],
    load: Callable[[Path], ColumnEncoder] | None = None,
) -> None:
    """Train a classifier or a tagger, and write its folder.

    Args:
        rows: The training rows.
        arguments: The options of the command.
        read: A function that reads rows and their labels.
        function: The training, for the result of ``read``.
        load: A function that loads a vocabulary of another kind than ``Encoder``.
    """
    vocab, output, force = (arguments.pop(name) for name in ("vocab", "output", "force"))
    files = {"validation": arguments.pop("validation_file"), "test": arguments.pop("test")}
    vectors, frozen = arguments.pop("vectors"), arguments.pop("frozen")
    if frozen and vectors is None:
        raise click.UsageError("--frozen requires --vectors FILE")
    source = click.get_current_context().get_parameter_source("validation_split")
    if files["validation"] is not None and source is not ParameterSource.DEFAULT:
        raise click.UsageError(
            "--validation-split must be left out with --validation-file, whose rows are the validation rows"
        )
    check_one_column(rows)
    check_distinct(rows, [*files.values(), vectors], output)
    schedule = schedule_from_options(arguments, output, force)
    from tokemb import Encoder

    training_rows = read(rows)
    sets = {name: None if file is None else read(replace(rows, files=(file,))) for name, file in files.items()}
    encoder = None if vocab is None else load(vocab) if load is not None else Encoder.load(vocab)
    import_keras()
    run = partial(
        function,
        training_rows,
        encoder=encoder,
        **sets,
        vectors=None if vectors is None else Path(vectors),
        trainable=not frozen,
    )
    finish(train(run, rows, schedule, arguments), rows, output, force)


def _show(epoch: int, losses: Mapping[str, float]) -> None:
    text = ", ".join(f"{name.replace('val_', 'validation ')} {loss:.4f}" for name, loss in losses.items())
    note(f"epoch {epoch:<4} {text}")


def _class_list(classes: Sequence[Any]) -> str:
    """Return the number of the classes and the names of the first ones."""
    from tokemb.analysis.escape_token import escape_token

    names = ", ".join(escape_token(str(name)) for name in classes[:_SHOWN_CLASSES])
    return f"{len(classes):,}: {names}{', ...' if len(classes) > _SHOWN_CLASSES else ''}"


def finish(trained: Trained, rows: Corpus, output: Path, force: bool) -> None:
    """Save a training, and write its settings, its metrics and its folder.

    Raises:
        click.exceptions.Exit: With the exit code of the signal, if Ctrl-C ended the training.
    """
    trained.save(output, force=force)
    if not rows.quiet:
        _describe(trained, rows)
        note(f"wrote      {output}")
    if trained.fitted.interrupted:
        raise note_stopped(f"{output} has the weights of epoch {trained.fitted.best_epoch}")


def _describe(trained: Trained, rows: Corpus) -> None:
    from tokemb.training.fitting import settings_text

    fitted = trained.fitted
    note(f"read       {rows.rows_read:,} rows")
    note(f"settings   {settings_text(trained.settings)}")
    note(
        f"trained    {fitted.epochs} epochs in {fitted.seconds:,.0f} s ({fitted.rows_per_second:,.0f} rows/s, at most "
        f"{fitted.input_share:.1%} of the time for input); best epoch {fitted.best_epoch}"
    )
    if fitted.refitted:
        note(f"refitted   on all rows, for {fitted.best_epoch} epochs: --no-refit leaves this out")
    if fitted.still_improving:
        advice = f"still improving at epoch {fitted.epochs}: pass epochs={2 * fitted.epochs}"
        note(f"note       {for_running_command(advice)}")
    if trained.classes is not None:
        note(f"classes    {_class_list(trained.classes)}")
    width = max([10, *map(len, trained.metrics)])
    for name, value in trained.metrics.items():
        if name == "seeds":
            continue
        note(f"metrics    on the {_ROWS_OF_METRICS.get(value, value)}:" if name == "on" else f"{name:<{width}} {value}")
    for name, spread in trained.metrics.get("seeds", {}).items():
        count = len(spread["values"])
        note(f"{name:<{width}} mean {spread['mean']}, standard deviation {spread['std']} of {count} seeds")
    for sentence in trained.notes:
        note(f"note       {for_running_command(sentence)}")
