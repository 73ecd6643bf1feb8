"""Texts, or sequences of events, and their labels: a classifier."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Int64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError, TextError
from tokemb.fit import fit_vocab
from tokemb.rows.ragged import Ragged
from tokemb.sources.texts import tee_if_iterator
from tokemb.training.batching import Buckets, padded
from tokemb.training.fitting import Batch, Feed, OnEpoch, Schedule, Trained, fit, outputs, repeatable
from tokemb.training.heads import check_classes, classifier
from tokemb.training.metrics import roc_auc
from tokemb.training.sequences import shuffled, unshuffled

if TYPE_CHECKING:
    import keras

    from tokemb.encoder import Encoder

Label = int | str
_INTEGER = re.compile(r"[+-]?[0-9]+")
# Spellings of a missing value, in lower case; as names of classes they are fine.
_MISSING = frozenset(("nan", "null", "none", "na", "n/a", "<na>", "#n/a"))
MAXLEN, MAX_SIZE = 256, 30_000


@dataclass(frozen=True)
class Labelled:
    """Texts, as ``Encoder.encode`` takes them, and the label of each."""

    texts: Any
    labels: Sequence[Label]


def train_classifier(
    rows: Labelled,
    *,
    encoder: Encoder | None = None,
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

    ``encoder``: the vocabulary; ``None`` fits one of 30,000 words to the texts. ``test``: rows to report on; without
    them the report is about the rows held back for validation.
    ``head``, ``dim``, ``units``, ``dropout``: of the model, see ``tokemb.training.heads.classifier``. ``maxlen``: rows
    are cut to it; ``None`` for the vocabulary's, or 256.

    The metrics are ``accuracy``, ``loss`` (cross-entropy), with two classes ``roc_auc``, and ``most_frequent``, the
    accuracy of always giving the most frequent label. Labels are integers or texts, classes in their order. ``NaN`` and
    the like among integers is a missing label.
    Raises ``TextError`` for labels that are missing or are no labels, ``ArgumentError`` for settings that cannot be and
    for more or fewer labels than texts, ``TrainingError`` if the training diverges.
    """
    schedule = schedule or Schedule()
    maxlen = check_count("maxlen", ((encoder and encoder.maxlen) or MAXLEN) if maxlen is None else maxlen)
    classes = classes_of(rows.labels)
    targets = _targets(rows.labels, classes)
    tested = None if test is None else _targets(test.labels, classes)
    if tested is not None and not len(tested):
        raise ArgumentError("the test set has no rows: pass one that has rows")
    texts = rows.texts
    if encoder is None:
        counted, texts = tee_if_iterator(texts)
        encoder = fit_vocab(counted, max_size=MAX_SIZE)
    data = _Data(encoder.encode_ragged(texts, maxlen=maxlen), targets, _length(head, maxlen))
    test_data = None
    if test is not None and tested is not None:
        test_data = _Data(encoder.encode_ragged(test.texts, maxlen=maxlen), tested, _length(head, maxlen))
    repeatable(schedule.seed)
    model = classifier(
        encoder, len(classes), head=head, maxlen=maxlen, dim=dim, units=units, dropout=dropout, seed=schedule.seed
    )
    _compile(model, schedule)
    training, held = schedule.split(len(targets))
    fitted = fit(
        model,
        data.shuffled(training, schedule),
        data.sorted(held) if len(held) else None,
        schedule,
        on_epoch,
    )
    metrics: dict[str, Any] = {}
    if test_data is not None:
        metrics = {"on": "test", **evaluate(model, test_data, np.arange(len(test_data.targets)))}
    elif len(held):
        metrics = {"on": "validation", **evaluate(model, data, held)}
    settings = {"head": head, "maxlen": maxlen, "dim": dim, "units": units, "dropout": dropout, **asdict(schedule)}
    return Trained("classify", model, encoder, settings, metrics, fitted, classes)


@dataclass(frozen=True)
class _Data:
    """Ids and targets, int64 (rows,), of all rows; ``length``: that of every batch, ``None`` for its longest row."""

    ids: Ragged
    targets: Int64
    length: int | None

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.targets):
            raise ArgumentError(
                f"every text must have a label: received {len(self.ids)} texts and {len(self.targets)} labels"
            )

    def shuffled(self, rows: Int64, schedule: Schedule) -> Feed:
        """Batches of these rows, in another order every time."""
        buckets = Buckets(self.ids.lengths[rows], schedule.batch_size)
        return shuffled(lambda chosen: self._batch(rows[chosen]), buckets, schedule.seed)

    def sorted(self, rows: Int64, batch_size: int = 512) -> Feed:
        """Batches of these rows, always the same."""
        buckets = Buckets(self.ids.lengths[rows], batch_size)
        return unshuffled(lambda chosen: self._batch(rows[chosen]), buckets)

    def _batch(self, rows: Int64) -> Batch:
        return padded(self.ids, rows, self.length), self.targets[rows], np.ones(len(rows), np.float32)


def _length(head: str, maxlen: int) -> int | None:
    return maxlen if head == "flatten" else None


def classes_of(labels: Sequence[Label]) -> list[Label]:
    """The different labels, in their order.

    Raises ``TextError`` unless all are whole numbers, or all texts, and ``ArgumentError`` if all are the same.
    """
    _check_labels(labels)
    try:
        classes = sorted(set(labels))
    except TypeError:
        raise TextError("labels must be all whole numbers, or all texts; these are both") from None
    check_classes(len(classes))
    return classes


def _check_labels(labels: Sequence[Label]) -> None:
    missing = _missing_spellings(labels)
    for row, label in enumerate(labels, 1):
        if label is None or label != label or (isinstance(label, str) and not label.strip()):
            raise TextError(f"row {row} has no label: fill it, or drop the row")
        if label in missing:
            raise TextError(
                f"row {row} has no label, as all others are integers and it is {label!r}: fill it, or drop the row"
            )
        if not isinstance(label, (int, str)):
            raise TextError(f"labels must be integers or texts; that of row {row} is {label!r}")


def _missing_spellings(labels: Sequence[Label]) -> set[Label]:
    """Return the labels that spell a missing value, if all others are integers.

    One such value makes a column of integers a column of texts when it is read.
    """
    different = set(labels)
    missing: set[Label] = {
        label for label in different if isinstance(label, str) and label.strip().casefold() in _MISSING
    }
    others = [str(label) for label in different - missing]
    return missing if others and all(map(_INTEGER.fullmatch, others)) else set()


def _targets(labels: Sequence[Label], classes: list[Label]) -> Int64:
    """The number of each row's class, int64 (rows,); raises ``TextError`` for a label that is none."""
    _check_labels(labels)
    numbers: Mapping[Label, int] = {label: number for number, label in enumerate(classes)}
    for row, label in enumerate(labels, 1):
        if label not in numbers:
            raise TextError(f"the label of row {row}, {label!r}, is none of those that were trained")
    return np.array([numbers[label] for label in labels], np.int64)


def _compile(model: keras.Model, schedule: Schedule) -> None:
    import keras

    binary = model.output_shape[-1] == 1
    loss = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(schedule.rate), loss)


def evaluate(model: keras.Model, data: _Data, rows: Int64) -> dict[str, Any]:
    """How good the model's predictions for these rows are."""
    parts = [(batch[1], output) for batch, output in outputs(model, data.sorted(rows))]
    targets = np.concatenate([target for target, _ in parts])
    given = np.concatenate([output for _, output in parts]).astype(np.float64)
    binary = given.shape[1] == 1
    probabilities = np.hstack([1 - given, given]) if binary else given
    of_target = np.clip(probabilities[np.arange(len(targets)), targets], 1e-7, 1)
    metrics: dict[str, Any] = {
        "rows": len(targets),
        "accuracy": round(float((probabilities.argmax(axis=1) == targets).mean()), 4),
        "loss": round(float(-np.log(of_target).mean()), 4),
    }
    if binary:
        area = roc_auc(targets, given[:, 0])
        metrics["roc_auc"] = area if area is None else round(area, 4)
    metrics["most_frequent"] = round(float(np.bincount(targets).max() / len(targets)), 4)
    return metrics
