"""Labels of classifiers: check them, find the classes, and weigh the rows of rare ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32
from tokemb.errors import TextError
from tokemb.keras.datasets.labels import class_indices
from tokemb.training.heads import check_classes

Label = int | str
_INTEGER = re.compile(r"[+-]?[0-9]+")
# Spellings of a missing value, in lower case. They are missing only if all other labels are integers.
_MISSING = frozenset(("nan", "null", "none", "na", "n/a", "<na>", "#n/a"))


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


def targets_of(labels: Sequence[Label], classes: list[Label]) -> Int32:
    """Return the class index of each row, int32 ``(rows,)``.

    Raises:
        TextError: If a label is missing or is not one of ``classes``.
    """
    _check_labels(labels)
    message = "labels must occur in the training set; the label of row {}, {!r}, does not".format
    return class_indices(labels, classes, lambda row: TextError(message(row + 1, labels[row])))


def balanced_weights(targets: Int32, classes: int) -> npt.NDArray[np.float32]:
    """Return the weight of each class with which all classes have the same total weight, float32 ``(classes,)``.

    The weights are those of ``class_weight="balanced"`` in scikit-learn: the number of rows, divided by the number of
    classes and by the number of rows of the class. A class without rows has the weight 1.
    """
    counts = np.bincount(targets, minlength=classes)
    return np.where(counts > 0, len(targets) / (classes * np.maximum(counts, 1)), 1).astype(np.float32)
