"""What a model of texts predicts: one class of each row, several labels, or a number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tokemb._arrays import Array, Int64
from tokemb.errors import ArgumentError, TextError
from tokemb.training.baselines import describe_unbeaten
from tokemb.training.labels import Label, classes_of, label_sets, labels_in, numbers_of, targets_of
from tokemb.training.metrics import confusion_matrix, f1_scores, label_f1_scores, roc_auc


class Target(ABC):
    """The targets of a training, the last layer of its model, and the metrics.

    Attributes:
        classes: The labels in the order of the outputs. ``None`` for numbers.
        settings: What ``training.json`` records of the kind of target.
    """

    classes: list[Label] | None = None
    settings: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def encode(self, labels: Sequence[Any]) -> Array:
        """Return the targets of rows, with the rows as the first axis.

        Raises:
            TextError: If a label is missing, is invalid, or did not occur in training.
        """

    @abstractmethod
    def memberships(self, targets: Array) -> tuple[Int64, Int64] | None:
        """Return the row and the class of each pair of a row and one of its classes. ``None`` for numbers."""

    @abstractmethod
    def output(self, features: Any) -> Any:  # noqa: ANN401 - Keras' tensors
        """Return the output of a model from the features of its head."""

    @property
    @abstractmethod
    def loss(self) -> str | Callable[[Any, Any], Any]:
        """The loss, for ``compile``."""

    @abstractmethod
    def metrics(self, targets: Array, outputs: Array) -> dict[str, Any]:
        """Return the metrics of outputs ``(rows, ...)``, and of a simple baseline."""

    @abstractmethod
    def unbeaten(self, metrics: Mapping[str, Any]) -> list[str]:
        """Return a sentence if the model is not better than the baseline."""


class OneClass(Target):
    """One class for each row."""

    def __init__(self, labels: Sequence[Label]) -> None:
        """Find the classes of ``labels``."""
        self.classes: list[Label] = classes_of(labels)

    def encode(self, labels: Sequence[Label]) -> Array:
        """Return the class index of each row, int32 ``(rows,)``."""
        return targets_of(labels, self.classes)

    def memberships(self, targets: Array) -> tuple[Int64, Int64]:
        """Return the row and the class of each pair, int64 ``(rows,)``."""
        return np.arange(len(targets)), targets.astype(np.int64)

    def output(self, features: Any) -> Any:  # noqa: ANN401
        """Return probabilities: ``(batch, 1)`` for two classes and ``(batch, classes)`` for more."""
        import keras

        units, activation = (1, "sigmoid") if len(self.classes) == 2 else (len(self.classes), "softmax")
        return keras.layers.Dense(units, activation, name="probabilities")(features)

    @property
    def loss(self) -> str:
        """The cross-entropy."""
        return "binary_crossentropy" if len(self.classes) == 2 else "sparse_categorical_crossentropy"

    def metrics(self, targets: Array, outputs: Array) -> dict[str, Any]:
        """Return ``accuracy``, ``macro_f1``, ``loss``, ``roc_auc`` of two classes, and ``most_frequent``."""
        binary = outputs.shape[1] == 1
        probabilities = np.hstack([1 - outputs, outputs]) if binary else outputs
        predictions = probabilities.argmax(axis=1)
        target_probabilities = np.clip(probabilities[np.arange(len(targets)), targets], 1e-7, 1)
        confusion = confusion_matrix(targets, predictions, probabilities.shape[1])
        metrics: dict[str, Any] = {
            "rows": len(targets),
            "accuracy": round(float((predictions == targets).mean()), 4),
            "macro_f1": round(float(np.nanmean(f1_scores(confusion))), 4),
            "loss": round(float(-np.log(target_probabilities).mean()), 4),
        }
        if binary:
            area = roc_auc(targets, outputs[:, 0])
            metrics["roc_auc"] = area if area is None else round(area, 4)
        metrics["most_frequent"] = round(float(np.bincount(targets).max() / len(targets)), 4)
        return metrics

    def unbeaten(self, metrics: Mapping[str, Any]) -> list[str]:
        """Return a sentence if the accuracy does not exceed that of the most frequent class."""
        if metrics["accuracy"] > metrics["most_frequent"]:
            return []
        return [
            f"the accuracy, {metrics['accuracy']}, does not exceed {metrics['most_frequent']}, the accuracy of always "
            "predicting the most frequent label"
        ]


class SeveralLabels(Target):
    """Any number of labels for each row (multi-label)."""

    def __init__(self, classes: Sequence[Label], separator: str) -> None:
        """Initialize the target.

        Args:
            classes: All labels.
            separator: The text between the labels of a row.
        """
        self._separator = separator
        self.classes: list[Label] = list(classes)
        self.settings = {"label_separator": separator}  # type: ignore[misc]

    @classmethod
    def of(cls, labels: Sequence[Any], separator: str) -> SeveralLabels:
        """Find the labels of rows: texts in which ``separator`` is between labels, or lists of texts."""
        if not separator.strip():
            raise ArgumentError(f"label_separator must not be empty or white space; received {separator!r}")
        return cls(labels_in(label_sets(labels, separator)), separator)

    def encode(self, labels: Sequence[Any], first_row: int = 0) -> Array:
        """Return 1 for each label of a row and 0 for the others, float32 ``(rows, labels)``."""
        index = {label: number for number, label in enumerate(self.classes)}
        targets = np.zeros((len(labels), len(index)), np.float32)
        for row, found in enumerate(label_sets(labels, self._separator, first_row)):
            for label in found:
                if label not in index:
                    raise TextError(
                        "labels must occur in the training set; the label "
                        f"{label!r:.80} of row {first_row + row + 1} does not"
                    )
                targets[row, index[label]] = 1
        return targets

    def memberships(self, targets: Array) -> tuple[Int64, Int64]:
        """Return the row and the class of each pair, int64 ``(pairs,)``."""
        rows, classes = np.nonzero(targets)
        return rows, classes

    def output(self, features: Any) -> Any:  # noqa: ANN401
        """Return the probability of each label, ``(batch, labels)``."""
        import keras

        return keras.layers.Dense(len(self.classes), "sigmoid", name="probabilities")(features)

    @property
    def loss(self) -> str:
        """The mean cross-entropy of the labels."""
        return "binary_crossentropy"

    def metrics(self, targets: Array, outputs: Array) -> dict[str, Any]:
        """Return ``micro_f1``, ``macro_f1``, ``exact_match``, ``loss``, and the baseline ``most_frequent``."""
        return label_metrics(targets, outputs)

    def unbeaten(self, metrics: Mapping[str, Any]) -> list[str]:
        """Return a sentence if the micro F1 does not exceed that of the most frequent labels."""
        baseline = {"the most frequent labels": metrics["most_frequent"]}
        return describe_unbeaten(metrics["micro_f1"], baseline, higher_is_better=True, metric="micro F1")


def label_metrics(targets: Array, outputs: Array) -> dict[str, Any]:
    """Return the metrics of several labels for each row.

    Labels with a probability above 0.5 are predicted. ``most_frequent`` is the micro F1 of always predicting the most
    frequent label, and the others that most rows have.

    Args:
        targets: 0 or 1, ``(rows, labels)``.
        outputs: Probabilities, ``(rows, labels)``.
    """
    predictions = outputs > 0.5
    micro, macro = label_f1_scores(targets, predictions)
    shares = targets.mean(axis=0)
    baseline = np.broadcast_to((shares > 0.5) | (shares == shares.max()), targets.shape)
    clipped = np.clip(outputs.astype(np.float64), 1e-7, 1 - 1e-7)
    return {
        "rows": len(targets),
        "micro_f1": round(micro, 4),
        "macro_f1": round(macro, 4),
        "exact_match": round(float((predictions == (targets == 1)).all(axis=1).mean()), 4),
        "loss": round(float(-np.log(np.where(targets == 1, clipped, 1 - clipped)).mean()), 4),
        "most_frequent": round(label_f1_scores(targets, baseline)[0], 4),
    }


class Number(Target):
    """A number for each row (regression)."""

    settings: ClassVar[Mapping[str, Any]] = {"regression": True}

    def __init__(self, labels: Sequence[Any]) -> None:
        """Compute the scale of the numbers."""
        numbers = numbers_of(labels)
        self._mean = float(numbers.mean(dtype=np.float64))
        self._deviation = float(numbers.std(dtype=np.float64)) or 1.0

    def encode(self, labels: Sequence[Any]) -> Array:
        """Return the numbers, float32 ``(rows,)``."""
        return numbers_of(labels)

    def memberships(self, targets: Array) -> None:  # noqa: ARG002
        """Return ``None``: numbers have no classes."""

    def output(self, features: Any) -> Any:  # noqa: ANN401
        """Return a number, ``(batch, 1)``. The last layer scales outputs near 0 to the scale of the training set."""
        import keras

        score = keras.layers.Dense(1, name="score")(features)
        return keras.layers.Rescaling(self._deviation, offset=self._mean, name="number")(score)

    @property
    def loss(self) -> Callable[[Any, Any], Any]:
        """The squared error in units of the variance of the training set."""
        variance = self._deviation**2

        def squared_error(targets: Any, outputs: Any) -> Any:  # noqa: ANN401
            import keras

            errors = keras.ops.reshape(outputs, (-1,)) - keras.ops.reshape(targets, (-1,))
            return keras.ops.square(errors) / variance

        return squared_error

    def metrics(self, targets: Array, outputs: Array) -> dict[str, Any]:
        """Return ``rmse``, ``mae``, ``r2``, and ``rmse_of_mean``, the error of the mean of the training set."""
        return number_metrics(targets, outputs[:, 0], self._mean)

    def unbeaten(self, metrics: Mapping[str, Any]) -> list[str]:
        """Return a sentence if the error is not below that of the mean."""
        baseline = {"the mean of the training set": metrics["rmse_of_mean"]}
        return describe_unbeaten(metrics["rmse"], baseline, higher_is_better=False, metric="RMSE")


def number_metrics(targets: Array, predictions: Array, mean: float | None = None) -> dict[str, Any]:
    """Return the metrics of predicted numbers ``(rows,)``.

    Args:
        targets: The numbers, ``(rows,)``.
        predictions: The predictions, ``(rows,)``.
        mean: The prediction of the baseline. ``None`` leaves its error out.
    """
    errors = predictions.astype(np.float64) - targets
    variance = float(targets.astype(np.float64).var())
    metrics = {
        "rows": len(targets),
        "rmse": round(float(np.sqrt((errors**2).mean())), 4),
        "mae": round(float(np.abs(errors).mean()), 4),
        "r2": round(1 - float((errors**2).mean()) / variance, 4) if variance else None,
    }
    if mean is not None:
        metrics["rmse_of_mean"] = round(float(np.sqrt(((mean - targets.astype(np.float64)) ** 2).mean())), 4)
    return metrics


def target_of(labels: Sequence[Any], label_separator: str | None, *, regression: bool) -> Target:
    """Return the target of a training for these labels.

    Raises:
        ArgumentError: If both arguments are given.
        TextError: If a label is missing or invalid.
    """
    if regression and label_separator is not None:
        raise ArgumentError("regression must be left out with label_separator, which is for several labels")
    if regression:
        return Number(labels)
    return OneClass(labels) if label_separator is None else SeveralLabels.of(labels, label_separator)
