"""Run trainings with the options of a command of ``tokemb train``, and report their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tokemb_cli import search
from tokemb_cli.console import note, note_stopped, quiet_tensorflow
from tokemb_cli.messages import for_running_command

if TYPE_CHECKING:
    from tokemb import ColumnEncoder
    from tokemb.training.early_stopping import OnEpoch
    from tokemb.training.result import Trained
    from tokemb.training.schedule import Schedule
    from tokemb.training.search import Check
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


def check_one_column(rows: Corpus) -> None:
    """Raise ``click.UsageError`` unless the rows are texts or sequences of events."""
    if rows.is_table:
        raise click.UsageError("--column must name one column; NAME,NAME requires --group-by")


def check_no_column(rows: Corpus, folder: TrainedFolder) -> None:
    """Raise ``click.UsageError`` if options name columns, although the folder of a classifier does."""
    if folder.task == "classify" and (rows.columns or rows.group_by):
        option = "--column" if rows.columns else "--group-by"
        raise click.UsageError(f"{folder.path} determines the columns: leave out {option}")


def check_no_input(kept: Mapping[str, str | None], names: Sequence[str]) -> None:
    """Raise ``click.UsageError`` if an option names one of the columns ``names`` that a model predicts from."""
    for option, name in kept.items():
        if name in names:
            raise click.UsageError(f"--{option} must not name a column that the model predicts from; received {name}")


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


@dataclass(frozen=True)
class TrainingRun:
    """The options of a training command that are no settings of its model.

    Attributes:
        rows: The training rows.
        output: The folder to write.
        force: Whether it may be replaced.
        schedule: The schedule.
        seeds: The number of random seeds.
        folds: The number of folds of cross-validation. ``None`` for none.
        fold_groups: The column of the groups of the folds. ``None`` for none.
        grid: The values of the settings to search over, by their names.
        trials: The number of combinations of them. ``None`` for all.
        tensorboard: The folder for TensorBoard. ``None`` for none.
    """

    rows: Corpus
    output: Path
    force: bool
    schedule: Schedule
    seeds: int
    folds: int | None
    fold_groups: str | None
    grid: Mapping[str, Sequence[Any]]
    trials: int | None
    tensorboard: Path | None

    @classmethod
    def from_options(cls, rows: Corpus, arguments: dict[str, Any]) -> TrainingRun:
        """Take the options of ``schedule``, ``output`` and ``folds`` from ``arguments``.

        Raises:
            click.UsageError: If options contradict each other.
            OSError: If the output must not be replaced.
        """
        from tokemb.training.result import check_output
        from tokemb.training.schedule import Schedule

        output, force, checkpoint = (arguments.pop(name) for name in ("output", "force", "checkpoint"))
        if checkpoint is not None and output.resolve() in (checkpoint.resolve(), *checkpoint.resolve().parents):
            raise click.UsageError(f"--checkpoint must be a folder outside of the output; received {checkpoint}")
        # A training that is resumed replaces the folder that it wrote when it was interrupted.
        force = force or (checkpoint is not None and _has_checkpoint(checkpoint) and _is_interrupted(output))
        check_output(output, force=force)
        names = ("epochs", "batch_size", "learning_rate", "validation_split", "patience", "refit", "seed")
        schedule = Schedule(**{name: arguments.pop(name) for name in names}, checkpoint=checkpoint)
        seeds, trials, tensorboard = (arguments.pop(name) for name in ("seeds", "trials", "tensorboard"))
        folds, fold_groups = (arguments.pop(name, None) for name in ("folds", "fold_groups"))
        grid = search.take_grid(arguments, trials)
        if sum((seeds > 1, folds is not None, bool(grid))) > 1:
            raise click.UsageError("only one of --seeds, --folds and --search can be used at a time")
        if fold_groups is not None and (folds is None or rows.group_by):
            raise click.UsageError("--fold-groups requires --folds, and rows that are not grouped by --group-by")
        return cls(rows, output, force, schedule, seeds, folds, fold_groups, grid, trials, tensorboard)

    def train(
        self,
        function: Callable[..., Trained],
        data: Any,  # noqa: ANN401 - the rows of any training
        settings: dict[str, Any],
        *,
        test: Any = None,  # noqa: ANN401
        stratify: Sequence[Any] | None = None,
        check: Check | None = None,
    ) -> None:
        """Train, once or as often as the options ask for, and write the folder.

        Args:
            function: The training. Its first argument are the rows, and its other arguments have names.
            data: The training rows.
            settings: The other arguments.
            test: The test set.
            stratify: The labels that all folds should have the same shares of.
            check: A function that checks the settings of all trials of a search.
        """
        from tokemb.training.checkpoint_lock import locked_checkpoints

        checkpoint = self.schedule.checkpoint
        with locked_checkpoints(checkpoint):
            if checkpoint is not None and _has_checkpoint(checkpoint) and not self.rows.quiet:
                note(f"resuming   the training in {checkpoint}")
            trained = self._trained(function, data, settings, test, stratify, check)
            finish(trained, self.rows, self.output, self.force, checkpoint)

    def _trained(
        self,
        function: Callable[..., Trained],
        data: Any,  # noqa: ANN401
        settings: dict[str, Any],
        test: Any,  # noqa: ANN401
        stratify: Sequence[Any] | None,
        check: Check | None,
    ) -> Trained:
        """Train as ``train`` does."""
        from tokemb.training.cross_validation import cross_validate
        from tokemb.training.repeat import repeat
        from tokemb.training.search import search as search_settings

        common = {"schedule": self.schedule, "watch": self._watch, "test": test, **settings}
        if self.folds is not None:
            return cross_validate(
                function, data, folds=self.folds, stratify=stratify, groups=self._read_groups(), **common
            )
        if self.grid:
            return search_settings(partial(function, data), self.grid, trials=self.trials, check=check, **common)
        return repeat(partial(function, data), seeds=self.seeds, **common)

    def _watch(self, name: str, settings: str) -> OnEpoch | None:
        if name and not self.rows.quiet:
            note(f"training   {name.replace('-', ' ')}{settings and f': {settings}'}")
        show = on_epoch(self.rows.quiet)
        if self.tensorboard is None:
            return show
        from tokemb.training.tensorboard import log_epochs

        return log_epochs(self.tensorboard / name, show)

    def _read_groups(self) -> list[Any] | None:
        if self.fold_groups is None:
            return None
        if self.rows.identity() is None:
            raise click.UsageError("--fold-groups requires files, which are read twice")
        column = replace(self.rows, keep=(), quiet=True, _read=Counter())  # the rows are counted once
        groups: list[Any] = column.read_table([(self.fold_groups,)]).column(0).to_pylist()
        return groups


def _is_interrupted(folder: Path) -> bool:
    from tokemb.errors import ModelError
    from tokemb.training.result import read_report

    try:
        return bool(read_report(folder)["training"]["interrupted"])
    except (ModelError, KeyError, TypeError):
        return False


def _has_checkpoint(folder: Path) -> bool:
    from tokemb.training.checkpoint import has_checkpoint

    return has_checkpoint(folder)


def train_text_model(
    rows: Corpus,
    arguments: dict[str, Any],
    read: Callable[[Corpus], Any],
    load: Callable[[], Callable[..., Trained]],
    stratify: Callable[[Any], Sequence[Any]] | None = None,
    load_vocabulary: Callable[[Path], ColumnEncoder] | None = None,
    check: Check | None = None,
) -> None:
    """Train a classifier or a tagger, and write its folder.

    Args:
        rows: The training rows.
        arguments: The options of the command.
        read: A function that reads rows and their labels.
        load: A function that imports the training, for the result of ``read``.
        stratify: A function that returns the labels for ``TrainingRun.train``.
        load_vocabulary: A function that loads a vocabulary of another kind than ``Encoder``.
        check: A function that checks the settings of all trials of a search.
    """
    vocab, files = arguments.pop("vocab"), _take_files(arguments)
    vectors, frozen = arguments.pop("vectors"), arguments.pop("frozen")
    if frozen and vectors is None:
        raise click.UsageError("--frozen requires --vectors FILE")
    check_one_column(rows)
    check_distinct(rows, [*files.values(), vectors], arguments["output"])
    run = TrainingRun.from_options(rows, arguments)
    from tokemb import Encoder

    data = read(rows)
    sets = {name: None if file is None else read(replace(rows, files=(file,))) for name, file in files.items()}
    arguments |= {
        "encoder": None if vocab is None else (load_vocabulary or Encoder.load)(vocab),
        "validation": sets["validation"],
        "vectors": None if vectors is None else Path(vectors),
        "trainable": not frozen,
    }
    import_keras()
    labels = None if stratify is None else stratify(data)
    run.train(load(), data, arguments, test=sets["test"], stratify=labels, check=check)


def _take_files(arguments: dict[str, Any]) -> dict[str, str | None]:
    """Return the files of ``--validation-file`` and ``--test``, which are removed from ``arguments``."""
    files = {"validation": arguments.pop("validation_file"), "test": arguments.pop("test")}
    source = click.get_current_context().get_parameter_source("validation_split")
    if files["validation"] is not None and source is not ParameterSource.DEFAULT:
        raise click.UsageError(
            "--validation-split must be left out with --validation-file, whose rows are the validation rows"
        )
    return files


def _show(epoch: int, losses: Mapping[str, float]) -> None:
    text = ", ".join(f"{name.replace('val_', 'validation ')} {loss:.4f}" for name, loss in losses.items())
    note(f"epoch {epoch:<4} {text}")


def _class_list(classes: Sequence[Any]) -> str:
    """Return the number of the classes and the names of the first ones."""
    from tokemb.vocabulary.escape_token import escape_token

    names = ", ".join(escape_token(str(name)) for name in classes[:_SHOWN_CLASSES])
    return f"{len(classes):,}: {names}{', ...' if len(classes) > _SHOWN_CLASSES else ''}"


def finish(trained: Trained, rows: Corpus, output: Path, force: bool, checkpoint: Path | None = None) -> None:
    """Save a training, and write its settings, its metrics and its folder. Remove its checkpoint if it is complete.

    Raises:
        click.exceptions.Exit: With the exit code of the signal, if Ctrl-C ended the training.
    """
    trained.save(output, force=force)
    if not rows.quiet:
        _describe(trained, rows)
        note(f"wrote      {output}")
    if trained.fitted.interrupted:
        resume = "" if checkpoint is None else "; repeat the command to resume the training"
        raise note_stopped(f"{output} has the weights of epoch {trained.fitted.best_epoch}{resume}")
    if checkpoint is not None:
        from tokemb.training.checkpoint import remove_checkpoints

        remove_checkpoints(checkpoint)


def _describe(trained: Trained, rows: Corpus) -> None:
    from tokemb.training.result import settings_text

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
    search.show_trials(trained.trials)
    _show_metrics(trained.metrics)
    for sentence in trained.notes:
        note(f"note       {for_running_command(sentence)}")


def _show_metrics(metrics: Mapping[str, Any]) -> None:
    width = max([10, *map(len, metrics)])
    several = {name: metrics[name] for name in ("seeds", "folds") if name in metrics}
    for name, value in metrics.items():
        if name not in several:
            shown = _ROWS_OF_METRICS.get(value, value) if name == "on" else value
            note(f"metrics    on the {shown}:" if name == "on" else f"{name:<{width}} {shown}")
    for runs, spreads in several.items():
        for name, spread in spreads.items():
            count = len(spread["values"])
            note(f"{name:<{width}} mean {spread['mean']}, standard deviation {spread['std']} of {count} {runs}")
