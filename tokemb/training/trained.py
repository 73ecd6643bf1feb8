"""Training folders, loaded to predict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tokemb.encoder import Encoder
from tokemb.errors import ModelError
from tokemb.files.folders import is_columns_folder
from tokemb.models.embedder import load_model
from tokemb.models.embedding_model import fingerprint_in_name
from tokemb.tables import ColumnEncoder
from tokemb.training.divergence import are_finite
from tokemb.training.fitting import FORMAT_VERSION, MODEL, REPORT, VOCABULARY, read_report

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
            together, or weights of the model are not finite.
        VocabularyError: If the vocabulary was changed.
    """
    path = Path(path)
    report = read_report(path)
    _check_report(path, report)
    file = path / VOCABULARY
    vocabulary = ColumnEncoder.load(file) if is_columns_folder(file) else Encoder.load(file)
    if isinstance(vocabulary, ColumnEncoder) != (report["task"] in _TABLE_TASKS):
        raise ModelError(f"{path} holds a vocabulary of another task than {report['task']!r}: train it again")
    model = load_model(path / MODEL)
    trained_with = {report["fingerprint"], fingerprint_in_name(model.name) or vocabulary.fingerprint[:12]}
    if any(not vocabulary.fingerprint.startswith(fingerprint) for fingerprint in trained_with):
        raise ModelError(f"{path} holds a model that was not trained with the vocabulary beside it: train it again")
    if not are_finite(model.get_weights()):
        raise ModelError(f"weights of the model in {path} are NaN or infinite: train it again")
    digest = hashlib.sha256((path / MODEL).read_bytes() + (path / REPORT).read_bytes()).hexdigest()[:16]
    return TrainedFolder(path, report, model, vocabulary, digest)


def _check_report(path: Path, report: Mapping[str, Any]) -> None:
    if report["format_version"] != FORMAT_VERSION:
        raise ModelError(
            f"{path} has the format version {report['format_version']!r}, and this tokemb reads {FORMAT_VERSION}: "
            "use the tokemb that wrote it"
        )
    kinds = {"task": str, "fingerprint": str, "settings": dict}
    settings = report.get("settings")
    is_regression = isinstance(settings, dict) and bool(settings.get("regression"))
    if report["task"] == "tag" or (report["task"] == "classify" and not is_regression):
        kinds["classes"] = list
    for name, kind in kinds.items():
        if not isinstance(report.get(name), kind):
            raise ModelError(f"{path} is damaged: {REPORT} has no valid {name}: train it again")
    if report["task"] not in TASKS:
        raise ModelError(f"{path} is the folder of a training that this tokemb does not know: {report['task']!r}")
