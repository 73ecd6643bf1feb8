"""The schedule of a training, its course and its result, which is saved as a folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Int64
from tokemb._validation import check_count, check_optional_count
from tokemb.errors import ArgumentError, ModelError
from tokemb.files.atomic import atomic_folder, check_folder
from tokemb.files.folders import MODEL, REPORT, VOCABULARY
from tokemb.files.json_content import encode_json, parse_json
from tokemb.files.output_kind import Kind
from tokemb.keras.datasets.order import BatchOrder

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder
    from tokemb.tables import ColumnEncoder

FORMAT_VERSION = 1

# With batch_size=None, an epoch has at least so many steps, within the limits of the batch size.
_STEPS, _BATCH_SIZES = 256, (32, 256)


@dataclass(frozen=True)
class Schedule:
    """The duration and the optimizer settings of a training.

    Attributes:
        epochs: The maximum number of epochs. Early stopping usually ends a training before.
        batch_size: The batch size. ``None`` chooses a power of two from 32 to 256 by the number of training rows
            (``for_rows``): small data need small batches for enough steps.
        learning_rate: The learning rate of Adam.
        validation_split: The fraction of the rows in the validation split. 0 trains without validation and without
            early stopping.
        patience: The number of epochs without a lower validation loss after which training stops. The best weights are
            restored.
        seed: The random seed.
        refit: Whether to train again, on all rows and for the best number of epochs, after the validation split has
            decided it (``refit``).
        checkpoint: A folder to which the state of the training is written after each epoch. If it contains the state of
            the same training, which was stopped, the training is resumed. ``epochs`` and ``patience`` may differ. The
            state of a complete training is kept until the folder is deleted. The folder is locked during a training.
            ``None`` writes no state.

    Raises:
        ArgumentError: If a value is invalid.
    """

    epochs: int = 100
    batch_size: int | None = None
    learning_rate: float = 0.001
    validation_split: float = 0.1
    patience: int = 3
    seed: int = 0
    refit: bool = True
    checkpoint: Path | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "patience"):
            check_count(name, getattr(self, name))
        check_optional_count("batch_size", self.batch_size)
        check_count("seed", self.seed, least=0)
        if not 0 <= self.validation_split < 1:
            raise ArgumentError(
                f"validation_split must be at least 0 and less than 1; received {self.validation_split}"
            )
        if not 0 < self.learning_rate < math.inf:
            raise ArgumentError(f"learning_rate must be finite and greater than 0; received {self.learning_rate}")

    def to_json(self) -> dict[str, Any]:
        """Return the settings for ``training.json``."""
        return {name: value for name, value in asdict(self).items() if name != "checkpoint"}

    def part(self, name: str, **changes: Any) -> Schedule:  # noqa: ANN401 - any attribute
        """Return the schedule of one of several trainings, with ``changes``. Its checkpoints have a folder ``name``."""
        checkpoint = None if self.checkpoint is None else Path(self.checkpoint) / name
        return replace(self, checkpoint=checkpoint, **changes)

    def for_rows(self, rows: int) -> Schedule:
        """Return the schedule with the batch size for this number of training rows, if none was set."""
        if self.batch_size is not None:
            return self
        smallest, largest = _BATCH_SIZES
        size = min(max(rows // _STEPS, smallest), largest)
        return replace(self, batch_size=1 << (size.bit_length() - 1))

    def compile(self, model: keras.Model, loss: Any) -> None:  # noqa: ANN401 - any loss of Keras
        """Compile a model with Adam."""
        import keras

        model.compile(keras.optimizers.Adam(self.learning_rate), loss)

    def order(self, positions: int | None = None) -> BatchOrder:
        """Return the order of the training rows, with at most ``positions`` positions in a batch.

        Raises:
            ArgumentError: If the batch size is not set.
        """
        if self.batch_size is None:
            raise ArgumentError("batch_size must be set: choose it with Schedule.for_rows")
        return BatchOrder(self.batch_size, shuffle=True, seed=self.seed, positions=positions)

    def split(self, rows: int) -> tuple[Int64, Int64]:
        """Split rows into a training and a validation split.

        Args:
            rows: The number of rows.

        Returns:
            The row indices of the training and of the validation split, int64, each ascending.

        Raises:
            ArgumentError: If no row is left to train on.
        """
        validation_count = round(rows * self.validation_split) or int(self.validation_split > 0)
        if rows <= validation_count:
            raise ArgumentError(
                "the training split must have rows; "
                f"received {rows} rows: lower validation_split={self.validation_split:g}"
            )
        order = np.random.default_rng(self.seed).permutation(rows)
        return np.sort(order[validation_count:]), np.sort(order[:validation_count])


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return the settings of ``training.json`` as a text."""
    shown = {name: _setting_text(value) for name, value in settings.items() if value is not None and value != {}}
    return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in shown.items())


def _setting_text(value: Any) -> str:  # noqa: ANN401
    """Return the value of a setting as a text, for the settings of columns with their names."""
    if isinstance(value, Mapping):
        return f"({', '.join(f'{name}: {setting}' for name, setting in value.items())})"
    return str(value)


@dataclass(frozen=True)
class Fitted:
    """The course of a training.

    Attributes:
        epochs: The number of epochs.
        best_epoch: The epoch whose weights were kept.
        loss: The training loss of that epoch.
        validation_loss: The validation loss of that epoch. ``None`` without a validation split.
        seconds: The duration of the training.
        rows_per_second: The number of training rows per second. A row counts once per epoch.
        input_share: The fraction of the time in which batches were made, an upper bound of the time spent waiting for
            input.
        history: The losses of each epoch: ``loss``, and with a validation split ``val_loss``.
        still_improving: Whether the last epoch that the schedule allows was the best one.
        interrupted: Whether Ctrl-C ended the training.
        refitted: Whether the model was trained again on all rows, for ``best_epoch`` epochs.
        validation_score: The score that selected the best epoch. ``None`` if the validation loss did.
    """

    epochs: int
    best_epoch: int
    loss: float
    validation_loss: float | None
    seconds: float
    rows_per_second: float
    input_share: float
    history: Mapping[str, list[float]] = field(default_factory=dict)
    still_improving: bool = False
    interrupted: bool = False
    refitted: bool = False
    validation_score: float | None = None


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Attributes:
        task: The name of the task.
        model: A plain Keras model.
        vocabulary: The vocabulary of its ids.
        settings: The settings of the training. They can be written as JSON.
        metrics: The metrics of the model. They can be written as JSON.
        fitted: The course of the training.
        classes: The labels in the order of the model's outputs. ``None`` if the task has none.
        notes: Sentences for the user about the settings that were chosen and about the result.
        trials: The results of a search over settings, the best one first.
    """

    task: str
    model: keras.Model
    vocabulary: Encoder | ColumnEncoder
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    fitted: Fitted
    classes: list[Any] | None = None
    notes: Sequence[str] = ()
    trials: Sequence[Mapping[str, Any]] = ()

    def report(self) -> dict[str, Any]:
        """Return the content of ``training.json``: everything except the model and the vocabulary."""
        return {
            "format_version": FORMAT_VERSION,
            "task": self.task,
            "fingerprint": self.vocabulary.fingerprint,
            "settings": dict(self.settings),
            **({} if self.classes is None else {"classes": self.classes}),
            "metrics": dict(self.metrics),
            "training": asdict(self.fitted),
            **({"notes": list(self.notes)} if self.notes else {}),
            **({"trials": list(self.trials)} if self.trials else {}),
        }

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write a folder with the model (without its optimizer), the vocabulary and the report.

        It appears complete or not at all.

        Args:
            path: The folder.
            force: Whether to replace an existing training folder.

        Raises:
            OutputExistsError: If a training folder is there and ``force`` is false.
            OSError: If something else is there, or the folder cannot be written.
        """
        with atomic_folder(Path(path), _KIND, force=force) as folder:
            _save_model(self.model, folder / MODEL)
            self.vocabulary.save(folder / VOCABULARY)
            (folder / REPORT).write_bytes(encode_json(self.report(), indent=2))


def _save_model(model: keras.Model, path: Path) -> None:
    """Save a model. Keras cannot load a loss that is a function, so a model with one is saved without a loss."""
    loss = getattr(model, "loss", None)
    if not callable(loss):
        model.save(path, include_optimizer=False)
        return
    model.compile(model.optimizer)
    try:
        model.save(path, include_optimizer=False)
    finally:
        model.compile(model.optimizer, loss)


def read_report(path: Path) -> dict[str, Any]:
    """Read the report of a training folder.

    Raises:
        ModelError: If the folder has no report.
    """
    try:
        report = parse_json((path / REPORT).read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not the folder of a training: {REPORT} cannot be read: {error}") from None
    if not isinstance(report, dict) or "format_version" not in report or "task" not in report:
        raise ModelError(f"{path} is not the folder of a training: {REPORT} has no format_version or no task")
    return report


def check_output(path: Path, *, force: bool = False) -> None:
    """Raise the errors of ``Trained.save`` for an existing output before a long training."""
    check_folder(path, _KIND, force=force)


def _may_replace(path: Path) -> bool:
    try:
        read_report(path)
    except ModelError:
        return False
    return {item.name for item in path.iterdir()} <= {MODEL, VOCABULARY, REPORT}


_KIND = Kind("a trained model", _may_replace, trained=True)
