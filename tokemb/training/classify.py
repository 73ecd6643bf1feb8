"""Classifiers of texts or of sequences of events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Int32, Int64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError, TextError
from tokemb.fit import fit_vocab
from tokemb.keras.datasets.labels import class_indices
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.ragged import Ragged, take_padded
from tokemb.sources.texts import tee_if_iterator
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.fitting import Batch, Feed, Schedule, Trained, fit, make_reproducible, predict_batches
from tokemb.training.heads import check_classes, classifier
from tokemb.training.metrics import roc_auc

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

Label = int | str
_INTEGER = re.compile(r"[+-]?[0-9]+")
# Spellings of a missing value, in lower case. They are missing only if all other labels are integers.
_MISSING = frozenset(("nan", "null", "none", "na", "n/a", "<na>", "#n/a"))
MAXLEN, MAX_SIZE = 256, 30_000


@dataclass(frozen=True)
class Labelled:
    """Texts and their labels.

    Attributes:
        texts: Texts, as for ``Encoder.encode``.
        labels: The label of each text.
    """

    texts: Any
    labels: Sequence[Label]


def train_classifier(
    rows: Labelled,
    *,
    encoder: Encoder | None = None,
    profile: str = "words",
    test: Labelled | None = None,
    head: str = "mean",
    maxlen: int | None = None,
    dim: int = 50,
    units: int = 64,
    dropout: float = 0.5,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a classifier of texts.

    Args:
        rows: The texts and their labels. Labels are integers or texts. Classes are sorted.
        encoder: The vocabulary. ``None`` fits one of at most 30,000 words to the texts.
        profile: How text is split if ``encoder`` is ``None``, as for ``tokemb.fit_vocab``.
        test: The test set. ``None`` computes the metrics on the validation split.
        head: The layers above the embedding, as for ``tokemb.training.heads.classifier``.
        maxlen: The length that rows are truncated to. ``None`` uses that of the vocabulary, or 256.
        dim: The embedding dimension.
        units: The number of units of the heads ``conv``, ``gru`` and ``lstm``.
        dropout: The dropout rate.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.

    Returns:
        The model and its metrics: ``accuracy``, ``loss`` (cross-entropy), ``roc_auc`` (for two classes), and
        ``most_frequent``, the accuracy of always predicting the most frequent label.

    Raises:
        TextError: If a label is missing or has the wrong type. ``NaN`` and similar spellings among integers are
            missing.
        ArgumentError: If an argument is invalid, or the numbers of texts and labels differ.
        TrainingError: If the training diverges.
    """
    schedule = schedule or Schedule()
    maxlen = check_count("maxlen", ((encoder and encoder.maxlen) or MAXLEN) if maxlen is None else maxlen)
    classes = classes_of(rows.labels)
    targets = _targets(rows.labels, classes)
    test_targets = None if test is None else _targets(test.labels, classes)
    if test_targets is not None and not len(test_targets):
        raise ArgumentError("the test set has no rows: pass one that has rows")
    texts = rows.texts
    if encoder is None:
        counted, texts = tee_if_iterator(texts)
        encoder = fit_vocab(counted, profile=profile, max_size=MAX_SIZE)
    data = _Data(encoder.encode_ragged(texts, maxlen=maxlen), targets, batch_length(head, maxlen))
    test_data = None
    if test is not None and test_targets is not None:
        test_data = _Data(encoder.encode_ragged(test.texts, maxlen=maxlen), test_targets, batch_length(head, maxlen))
    make_reproducible(schedule.seed)
    model = classifier(
        encoder, len(classes), head=head, maxlen=maxlen, dim=dim, units=units, dropout=dropout, seed=schedule.seed
    )
    _compile(model, schedule)
    training, validation = schedule.split(len(targets))
    schedule = schedule.for_rows(len(training))
    fitted = fit(
        model,
        data.feed(training, schedule.order()),
        data.feed(validation) if len(validation) else None,
        schedule,
        on_epoch,
    )
    metrics: dict[str, Any] = {}
    if test_data is not None:
        metrics = {"on": "test", **evaluate(model, test_data, np.arange(len(test_data.targets)))}
    elif len(validation):
        metrics = {"on": "validation", **evaluate(model, data, validation)}
    settings = {"head": head, "maxlen": maxlen, "dim": dim, "units": units, "dropout": dropout, **schedule.to_json()}
    return Trained("classify", model, encoder, settings, metrics, fitted, classes)


@dataclass(frozen=True)
class _Data:
    """The ids and targets of all rows.

    Attributes:
        ids: The ids of each row.
        targets: The class index of each row, int32 ``(rows,)``.
        length: The length of all batches. ``None`` pads each batch to its longest row.
    """

    ids: Ragged
    targets: Int32
    length: int | None

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.targets):
            raise ArgumentError(
                f"every text must have a label: received {len(self.ids)} texts and {len(self.targets)} labels"
            )

    def feed(self, rows: Int64, order: BatchOrder = BatchOrder(512)) -> Feed:  # noqa: B008 - immutable
        """Return batches of these rows."""
        return Feed.of(lambda indices: self._batch(rows[indices]), self.ids.lengths[rows], order)

    def _batch(self, rows: Int64) -> Batch:
        return take_padded(self.ids, rows, self.length), self.targets[rows], np.ones(len(rows), np.float32)


def batch_length(head: str, maxlen: int) -> int | None:
    """Return the length of all batches of a head. ``None`` if each batch is padded to its longest row."""
    return maxlen if head == "flatten" else None


def classes_of(labels: Sequence[Label]) -> list[Label]:
    """Return the distinct labels, sorted.

    Raises:
        TextError: If a label is missing, or labels are not all integers or all texts.
        ArgumentError: If there are fewer than two classes.
    """
    _check_labels(labels)
    try:
        classes = sorted(set(labels))
    except TypeError:
        raise TextError("labels must be all integers or all texts; received both") from None
    check_classes(len(classes))
    return classes


def _check_labels(labels: Sequence[Label]) -> None:
    for row, label in enumerate(labels, 1):
        is_nan = isinstance(label, float) and label != label
        if label is None or is_nan or (isinstance(label, str) and not label.strip()):
            raise TextError(f"row {row} has no label: fill it, or drop the row")
        if not isinstance(label, (int, str)):
            kind = type(label).__name__
            raise TextError(f"labels must be integers or texts; the label of row {row} is {label} of type {kind}")
    missing = _missing_spellings(labels)
    for row, label in enumerate(labels, 1):
        if label in missing:
            raise TextError(
                f"row {row} has no label: all others are integers and it is {label!r}: fill it, or drop the row"
            )


def _missing_spellings(labels: Sequence[Label]) -> set[Label]:
    """Return the labels that spell a missing value, if all others are integers.

    One such value turns a column of integers into a column of texts when a file is read.
    """
    different = set(labels)
    missing: set[Label] = {
        label for label in different if isinstance(label, str) and label.strip().casefold() in _MISSING
    }
    others = [str(label) for label in different - missing]
    return missing if others and all(map(_INTEGER.fullmatch, others)) else set()


def _targets(labels: Sequence[Label], classes: list[Label]) -> Int32:
    """Return the class index of each row, int32 ``(rows,)``.

    Raises:
        TextError: If a label is missing or is not one of ``classes``.
    """
    _check_labels(labels)
    message = "labels must occur in the training set; the label of row {}, {!r}, does not".format
    return class_indices(labels, classes, lambda row: TextError(message(row + 1, labels[row])))


def _compile(model: keras.Model, schedule: Schedule) -> None:
    import keras

    binary = model.output_shape[-1] == 1
    loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(schedule.learning_rate), loss)


def evaluate(model: keras.Model, data: _Data, rows: Int64) -> dict[str, Any]:
    """Return the metrics of the model's predictions for these rows."""
    parts = [(batch[1], output) for batch, output in predict_batches(model, data.feed(rows))]
    targets = np.concatenate([target for target, _ in parts])
    predictions = np.concatenate([output for _, output in parts]).astype(np.float64)
    binary = predictions.shape[1] == 1
    probabilities = np.hstack([1 - predictions, predictions]) if binary else predictions
    target_probabilities = np.clip(probabilities[np.arange(len(targets)), targets], 1e-7, 1)
    metrics: dict[str, Any] = {
        "rows": len(targets),
        "accuracy": round(float((probabilities.argmax(axis=1) == targets).mean()), 4),
        "loss": round(float(-np.log(target_probabilities).mean()), 4),
    }
    if binary:
        area = roc_auc(targets, predictions[:, 0])
        metrics["roc_auc"] = area if area is None else round(area, 4)
    metrics["most_frequent"] = round(float(np.bincount(targets).max() / len(targets)), 4)
    return metrics
