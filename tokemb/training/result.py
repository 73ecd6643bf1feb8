"""The course of a training and its result, which is saved as a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokemb.errors import ModelError
from tokemb.files.atomic import atomic_folder, check_folder
from tokemb.files.folders import MODEL, REPORT, VOCABULARY
from tokemb.files.json_content import encode_json, parse_json
from tokemb.files.output_kind import Kind

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder
    from tokemb.tables import ColumnEncoder

FORMAT_VERSION = 1


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
