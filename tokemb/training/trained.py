"""Training folders, loaded to predict."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import pyarrow as pa

from tokemb.encoder import Encoder
from tokemb.errors import ModelError
from tokemb.files.folders import MODEL, REPORT, VOCABULARY, is_columns_folder
from tokemb.models.embedder import load_model
from tokemb.models.embedding_model import fingerprint_in_name
from tokemb.tables import ColumnEncoder
from tokemb.training.divergence import are_finite
from tokemb.training.result import FORMAT_VERSION, read_report

if TYPE_CHECKING:
    import keras

# What each task trains, for messages.
TASKS = {
    "classify": "a classifier",
    "tag": "a tagger",
    "next": "a model of the next event",
    "tracing": "a model of knowledge tracing",
    "ratings": "a model of ratings",
    "skipgram": "skip-gram vectors",
}
_TABLE_TASKS = ("tracing", "ratings")
_LEAST_CLASSES = 2

# The settings that predictions need, by task.
_SETTINGS: dict[str, dict[str, type]] = {
    "classify": {"head": str, "maxlen": int},
    "tag": {"tag_without_ids": str},
    "next": {"maxlen": int},
    "ratings": {"rating": str},
}


@dataclass(frozen=True)
class TrainedFolder:
    """The content of a training folder.

    Attributes:
        path: The path of the folder.
        report: The content of ``training.json``.
        model: The Keras model.
        vocabulary: The vocabulary of its ids.
        digest: A digest of the file of the model and of ``training.json``, 16 hexadecimal digits.
    """

    path: Path
    report: Mapping[str, Any]
    model: keras.Model
    vocabulary: Encoder | ColumnEncoder
    digest: str

    @property
    def task(self) -> str:
        """The name of the task."""
        return str(self.report["task"])

    @property
    def description(self) -> str:
        """What was trained, for messages."""
        if self.settings.get("regression"):
            return "a regression"
        return TASKS[self.task] if self.settings.get("label_separator") is None else "a classifier of several labels"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the training."""
        settings: Mapping[str, Any] = self.report["settings"]
        return settings

    @property
    def classes(self) -> list[Any]:
        """The labels or tags in the order of the outputs of a classifier or tagger."""
        return list(self.report["classes"])

    @property
    def encoder(self) -> Encoder:
        """The vocabulary of texts or events."""
        return cast("Encoder", self.vocabulary)

    @property
    def columns(self) -> ColumnEncoder:
        """The vocabulary of the columns of a table."""
        return cast("ColumnEncoder", self.vocabulary)


def load_folder(path: Path | str) -> TrainedFolder:
    """Load a folder that ``Trained.save`` wrote.

    Raises:
        ModelError: If the folder is not that of a training, is newer than this library, its parts do not belong
            together, weights of the model are not finite, or another training replaces the folder meanwhile.
        VocabularyError: If the vocabulary was changed.
    """
    path = Path(path)
    opened = path.stat() if path.is_dir() else None
    report = read_report(path)
    _check_report(path, report)
    file = path / VOCABULARY
    vocabulary = ColumnEncoder.load(file) if is_columns_folder(file) else Encoder.load(file)
    if isinstance(vocabulary, ColumnEncoder) != (report["task"] in _TABLE_TASKS or "inputs" in report["settings"]):
        raise ModelError(f"{path} holds a vocabulary of another task than {report['task']!r}: train it again")
    model = load_model(path / MODEL)
    trained_with = {report["fingerprint"], fingerprint_in_name(model.name) or vocabulary.fingerprint[:12]}
    if any(not vocabulary.fingerprint.startswith(fingerprint) for fingerprint in trained_with):
        raise ModelError(f"{path} holds a model that was not trained with the vocabulary beside it: train it again")
    _check_model(path, report, model)
    if not are_finite(model.get_weights()):
        raise ModelError(f"weights of the model in {path} are NaN or infinite: train it again")
    digest = hashlib.sha256((path / MODEL).read_bytes() + (path / REPORT).read_bytes()).hexdigest()[:16]
    if opened is None or not os.path.samestat(opened, path.stat()):  # labels and model may be of two trainings
        raise ModelError(f"{path} was replaced while it was loaded: load it again when no training writes it")
    return TrainedFolder(path, report, model, vocabulary, digest)


def _check_report(path: Path, report: Mapping[str, Any]) -> None:
    if report["format_version"] != FORMAT_VERSION:
        raise ModelError(
            f"{path} has the format version {report['format_version']!r}, and this tokemb reads {FORMAT_VERSION}: "
            "use the tokemb that wrote it"
        )
    for name in _invalid_entries(report):
        raise ModelError(f"{path} is damaged: {REPORT} has no valid {name}: train it again")
    if report["task"] not in TASKS:
        raise ModelError(f"{path} is the folder of a training that this tokemb does not know: {report['task']!r}")


def _invalid_entries(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of entries that are missing or have a wrong type."""
    yield from _wrong_types(report, {"task": str, "fingerprint": str, "settings": dict})
    task, settings = report["task"], report["settings"]
    required = _SETTINGS.get(task, {})
    if task == "classify" and "inputs" in settings:  # the columns of a table have their own lengths
        required = {"head": str}
    yield from (f"setting {name}" for name in _wrong_types(settings, required))
    optional = {"regression": bool, "label_separator": str, "inputs": dict}
    given = {name: kind for name, kind in optional.items() if settings.get(name) is not None}
    yield from (f"setting {name}" for name in _wrong_types(settings, given))
    training = report.get("training", {})
    if not isinstance(training, dict) or not isinstance(training.get("history", {}), dict):
        yield "training"
    if task == "tag" or (task == "classify" and not settings.get("regression")):
        classes = report.get("classes")
        is_text = task == "tag" or settings.get("label_separator") is not None
        if not _are_classes(classes, is_text=is_text) or settings.get("tag_without_ids", classes[0]) not in classes:
            yield "classes"


def _wrong_types(values: Mapping[str, Any], kinds: Mapping[str, type]) -> Iterator[str]:
    return (name for name, kind in kinds.items() if type(values.get(name)) is not kind)


def _are_classes(classes: Any, *, is_text: bool) -> TypeGuard[list[Any]]:  # noqa: ANN401 - a part of a file
    """Return whether ``classes`` are at least two distinct texts, or integers unless ``is_text``."""
    if not isinstance(classes, list) or {type(label) for label in classes} not in (
        [{str}] if is_text else [{str}, {int}]
    ):
        return False
    try:
        pa.array(classes)
    except (pa.ArrowException, ValueError, OverflowError):  # half of a surrogate pair, or more than 64 bits
        return False
    return len(set(classes)) == len(classes) >= _LEAST_CLASSES


def _check_model(path: Path, report: Mapping[str, Any], model: keras.Model) -> None:
    """Raise ``ModelError`` if an input is missing, or there is not one output for each class or for a regression."""
    if report["task"] == "tracing" and "history" not in [tensor.name for tensor in model.inputs]:
        raise ModelError(f"{path} holds a model of an earlier tokemb, without the input 'history': train it again")
    if report["task"] not in ("classify", "tag"):
        return
    settings, outputs = report["settings"], model.output_shape[-1]
    expected = 1 if settings.get("regression") else len(report["classes"])
    if report["task"] == "classify" and settings.get("label_separator") is None and expected == _LEAST_CLASSES:
        expected = 1  # the probability of the second class
    if outputs != expected:
        raise ModelError(
            f"{path} is damaged: its model has {outputs} outputs, and {REPORT} describes {expected}: train it again"
        )
