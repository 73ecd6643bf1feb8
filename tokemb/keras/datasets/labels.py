"""Convert a column of labels to a NumPy array for Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array, Int32
from tokemb.errors import ArgumentError
from tokemb.sources.numpy_strings import from_numpy
from tokemb.sources.texts import decode_dictionary


def check_classes(classes: Sequence[str] | None) -> list[str] | None:
    """Return the names of classes as a list, or raise ``ArgumentError`` if they are not distinct strings."""
    if classes is None:
        return None
    names = [] if isinstance(classes, str) else list(classes)
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ArgumentError(f"classes must be a list of distinct strings; received {classes!r:.80}")
    return names


def encode_labels(
    labels: Any,  # noqa: ANN401 - any column
    classes: list[str] | None = None,
    first_row: int = 0,
) -> Array:
    """Convert labels to an array of numbers.

    Args:
        labels: A list, a NumPy array, an Arrow array, or a pandas or Polars Series.
        classes: The classes in order, if the labels are strings.
        first_row: The number of the first row, for messages.

    Returns:
        Array ``(rows,)``, or ``(rows, ...)`` if each row has several labels. Floats become float32, Booleans int32, and
        integers keep their dtype. Strings become their index in ``classes``, int32.

    Raises:
        ArgumentError: If the labels have another type, or one is missing.
    """
    if isinstance(labels, np.ma.MaskedArray):
        labels = _unmasked(labels, first_row)
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf":
        numbers = labels
    else:
        numbers = _arrow_to_numpy(_to_arrow(labels), classes, first_row)
        classes = None
    if not numbers.ndim:
        raise ArgumentError(f"labels must be a column with one label per row; received {labels!r:.80}")
    if classes is not None:
        raise ArgumentError(f"classes are for labels that are strings; received {numbers.dtype}: pass classes=None")
    if numbers.dtype.kind == "f":
        missing = np.flatnonzero(np.isnan(numbers).reshape(len(numbers), -1).any(axis=1))
        if len(missing):
            raise ArgumentError(f"labels[{first_row + missing[0]}] is missing (nan): fill it, or remove the row")
        with np.errstate(over="ignore"):  # an error says so
            rounded = numbers.astype(np.float32, copy=False)
        large = np.flatnonzero((np.isinf(rounded) & np.isfinite(numbers)).reshape(len(numbers), -1).any(axis=1))
        if len(large):
            row = large[0]
            raise ArgumentError(
                f"labels[{first_row + row}] must fit float32; received {numbers[row]}: scale the labels"
            )
        return rounded
    return numbers.astype(np.int32) if numbers.dtype.kind == "b" else numbers


def _unmasked(labels: np.ma.MaskedArray[Any, Any], first_row: int) -> Array:
    """Return the data of a masked array, or raise ``ArgumentError`` if a label is masked."""
    mask = np.atleast_1d(np.ma.getmaskarray(labels))
    masked = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1))
    if len(masked):
        raise ArgumentError(f"labels[{first_row + masked[0]}] is missing (masked): fill it, or remove the row")
    return np.asarray(labels)


def _to_arrow(labels: Any) -> pa.Array:  # noqa: ANN401
    if isinstance(labels, (pa.Array, pa.ChunkedArray)):
        column = labels
    elif isinstance(labels, str):
        raise ArgumentError(f"labels must be a column of numbers; received {labels!r}: column names are for files")
    else:
        try:
            if hasattr(labels, "__arrow_c_stream__"):
                column = pa.chunked_array(labels)
            elif isinstance(labels, np.ndarray):
                column = from_numpy(labels)
            else:
                column = pa.array(labels if isinstance(labels, (list, tuple)) else list(labels))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise ArgumentError(f"labels must be a column of numbers: {str(error).strip():.200}") from None
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return decode_dictionary(column)


def _arrow_to_numpy(column: pa.Array, classes: list[str] | None, first_row: int) -> Array:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise ArgumentError(f"labels[{first_row + row}] is missing: fill it, or remove the row")
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _class_indices(column.cast(pa.large_string()), classes, first_row)
    if classes is not None:
        raise ArgumentError(f"classes are for labels that are strings; received {kind}: pass classes=None")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        if column.flatten().null_count:
            row = next(i for i, label in enumerate(column) if label.values.null_count)
            raise ArgumentError(f"labels[{first_row + row}] contains a missing number: fill it, or remove the row")
        inner = _arrow_to_numpy(column.flatten(), None, first_row)
        sizes = set(column.value_lengths().to_pylist()) if len(column) else {0}
        if len(sizes) > 1:
            raise ArgumentError(f"all labels must have the same shape; received lists of {min(sizes)} to {max(sizes)}")
        return inner.reshape(len(column), sizes.pop(), *inner.shape[1:])
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ArgumentError(f"labels must be numbers; received {kind}: convert them, for example to int or float")
    return column.to_numpy(zero_copy_only=False)


def _class_indices(column: pa.Array, classes: list[str] | None, first_row: int) -> Array:
    """Return the index of each string in ``classes``, int32 ``(rows,)``."""
    encoded = column.dictionary_encode()
    distinct = encoded.dictionary.to_pylist()
    if classes is None:
        found = sorted(distinct)
        listed = ", ".join(map(repr, found[:3])) + (", ..." if len(found) > 3 else "")
        raise ArgumentError(f"labels must be numbers; received strings: pass their order, classes=[{listed}]")
    rows = encoded.indices.to_numpy()
    message = "labels[{}] must be one of the classes; received {!r:.80}: add it to classes".format

    def unknown(number: int) -> ArgumentError:
        return ArgumentError(message(first_row + int((rows == number).argmax()), distinct[number]))

    return class_indices(distinct, classes, unknown)[rows]


def class_indices(labels: Sequence[Any], classes: Sequence[Any], unknown: Callable[[int], Exception]) -> Int32:
    """Return the index of each label in ``classes``, int32 ``(labels,)``.

    Args:
        labels: The labels.
        classes: The classes in order.
        unknown: A function that makes the error for the first label that is not one of the classes, from its index.

    Raises:
        Exception: The error that ``unknown`` returns.
    """
    indices = {label: index for index, label in enumerate(classes)}
    found = np.fromiter((indices.get(label, -1) for label in labels), np.int32, len(labels))
    if found.min(initial=0) < 0:
        raise unknown(int(found.argmin()))
    return found
