"""Labels of classifiers: check them, find the classes, and weigh the rows of rare ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Float32, Int32
from tokemb.errors import ArgumentError, TextError
from tokemb.keras.datasets.labels import class_indices
from tokemb.sources.cells import MISSING_NUMBERS
from tokemb.training.heads import check_classes

Label = int | str
_INTEGER = re.compile(r"[+-]?[0-9]+")


def as_list(values: Any) -> Any:  # noqa: ANN401 - any column
    """Return a column as a list. Other values, such as tables, are unchanged."""
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values.to_pylist()
    for method in ("tolist", "to_list"):  # the former of NumPy, pandas and PyTorch, the latter of Polars
        if hasattr(values, method):
            return getattr(values, method)()
    return values


def label_list(name: str, values: Any) -> Any:  # noqa: ANN401 - any column
    """Return labels or weights as a sequence with one value per row. ``None`` is unchanged. ``name`` is for messages.

    Raises:
        ArgumentError: If they are a table, a set, whose order is not that of the rows, or no sequence.
    """
    values = as_list(values)
    if hasattr(values, "__arrow_c_stream__") and not hasattr(values, "columns"):
        values = pa.chunked_array(values).to_pylist()
    if values is not None and (not isinstance(values, Sequence) or isinstance(values, (str, bytes))):
        kind = type(values).__name__
        raise ArgumentError(f"{name} must be a list or a column with one value per row; received {kind}")
    if values is not None and any(map(_is_number_of_numpy, values)):  # list(array)
        return [value.item() if _is_number_of_numpy(value) else value for value in values]
    return values


def _is_number_of_numpy(value: object) -> bool:
    return isinstance(value, np.generic) and value.dtype.kind in "biuf"


def classes_of(labels: Sequence[Label]) -> list[Label]:
    """Return the distinct labels, sorted.

    Raises:
        TextError: If a label is missing, or labels are not all integers or all texts.
        ArgumentError: If there are fewer than two classes.
    """
    _check_labels(labels)
    try:
        classes = sorted(set(_without_booleans(labels)))
    except TypeError:
        raise TextError("labels must be all integers or all texts; received both") from None
    _check_classes(classes)
    return classes


def _without_booleans(labels: Sequence[Label]) -> Sequence[Label]:
    """Return labels with 0 and 1 in place of Booleans, as ``Encoder.dataset`` reads them."""
    return [int(label) if isinstance(label, bool) else label for label in labels]


def _check_classes(classes: list[Label]) -> None:
    """Raise an error for classes that a training folder cannot hold, or fewer than two."""
    check_classes(len(classes))
    try:
        pa.array(classes)
    except (pa.ArrowException, ValueError, OverflowError):
        raise TextError(
            "labels must be integers of at most 64 bits, or texts that are valid Unicode; received others"
        ) from None


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
        label for label in different if isinstance(label, str) and label.strip().casefold() in MISSING_NUMBERS
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
    return class_indices(_without_booleans(labels), classes, lambda row: TextError(message(row + 1, labels[row])))


def balanced_weights(targets: Int32, classes: int) -> Float32:
    """Return the weight of each class with which all classes have the same total weight, float32 ``(classes,)``.

    The weights are those of ``class_weight="balanced"`` in scikit-learn: the number of rows, divided by the number of
    classes and by the number of rows of the class. A class without rows has the weight 1.
    """
    counts = np.bincount(targets, minlength=classes)
    return np.where(counts > 0, len(targets) / (classes * np.maximum(counts, 1)), 1).astype(np.float32)


def label_sets(labels: Sequence[Any], separator: str, first_row: int = 0) -> list[list[str]]:
    """Return the distinct labels of each row, in order.

    Args:
        labels: Texts with ``separator`` between labels, or lists of texts. An empty text or list has no labels.
        separator: The separator. White space around labels is removed.
        first_row: The number of rows before these, for messages.

    Raises:
        TextError: If the labels of a row are missing or are no texts.
    """
    return [_label_set(row, value, separator) for row, value in enumerate(labels, first_row + 1)]


def _label_set(row: int, value: Any, separator: str) -> list[str]:  # noqa: ANN401
    if value is None:
        raise TextError(f"row {row} has no labels, which are missing: fill it with an empty text if it has none")
    if isinstance(value, int):  # a column of single labels that are integers
        return [str(value)]
    parts = value.split(separator) if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        kind = type(value).__name__
        raise TextError(f"labels must be texts with {separator!r} between them; row {row} has {value!r:.80} ({kind})")
    return list(dict.fromkeys(stripped for part in parts if (stripped := part.strip())))


def labels_in(sets: Sequence[Sequence[str]]) -> list[Label]:
    """Return the distinct labels of all rows, sorted.

    Raises:
        ArgumentError: If there are fewer than two labels.
    """
    labels: list[Label] = sorted({label for found in sets for label in found})
    _check_classes(labels)
    return labels


def numbers_of(labels: Sequence[Any], first_row: int = 0) -> Float32:
    """Return labels that are numbers, float32 ``(rows,)``. Messages count rows from ``first_row``.

    Raises:
        TextError: If a label is missing or is no finite number.
    """
    numbers = _as_floats(labels)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise TextError(
            f"labels must be finite numbers for a regression; the label of row {first_row + wrong[0] + 1} is "
            f"{labels[int(wrong[0])]!r:.80}"
        )
    return numbers


def _as_floats(values: Sequence[Any]) -> Float32:
    """Return values as float32 ``(rows,)``, NaN where a value is no number."""
    numbers = np.full(len(values), np.nan, np.float32)
    for row, value in enumerate(values):
        if isinstance(value, str) and "_" in value:  # Python allows "1_000"
            continue
        try:
            numbers[row] = float(value)
        except (TypeError, ValueError, OverflowError):
            continue
    return numbers


def sample_weights_of(weights: Sequence[Any] | None, rows: int) -> Float32:
    """Return the weight of each row in the loss, float32 ``(rows,)``. ``None`` is 1 for all.

    Raises:
        TextError: If a weight is missing, is no finite number or is negative, or if all are 0.
        ArgumentError: If the number of weights is not ``rows``.
    """
    if weights is None:
        return np.ones(rows, np.float32)
    if len(weights) != rows:
        raise ArgumentError(f"every text must have a sample weight: received {rows} texts and {len(weights)} weights")
    numbers = _as_floats(weights)
    wrong = np.flatnonzero(~((numbers >= 0) & (numbers < np.inf)))
    if len(wrong):
        raise TextError(
            f"sample weights must be finite numbers of at least 0; that of row {wrong[0] + 1} is "
            f"{weights[int(wrong[0])]!r:.80}"
        )
    if rows and not numbers.any():
        raise TextError("sample weights must not all be 0")
    return numbers
