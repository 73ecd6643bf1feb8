"""Labels: whatever column of numbers a user has, as a NumPy array that Keras takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.sources.texts import decode_dictionary

Numbers = npt.NDArray[Any]


def check_classes(classes: Sequence[str] | None) -> list[str] | None:
    """The names of classes as a list; raises ``ArgumentError`` unless they are different strings."""
    if classes is None:
        return None
    names = [] if isinstance(classes, str) else list(classes)
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ArgumentError(f"classes must be a list of different strings; received {classes!r:.80}")
    return names


def numbers_of(labels: Any, classes: list[str] | None = None, first: int = 0) -> Numbers:  # noqa: ANN401 - any column
    """Labels as numbers (rows,), or (rows, ...) if each is several.

    ``labels``: a list, a NumPy array, an Arrow array or what gives one (a pandas or Polars Series). Floats become
    float32, booleans int32, whole numbers keep their dtype; strings become their place in ``classes``, int32.
    ``first``: the number of the first of them, for messages.
    Raises ``ArgumentError`` for anything else, and for one that is missing.
    """
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf":
        numbers = labels
    else:
        numbers = _of_arrow(_as_arrow(labels), classes, first)
        classes = None
    if not numbers.ndim:
        raise ArgumentError(f"labels must be a column, one a row; received {labels!r:.80}")
    if classes is not None:
        raise ArgumentError(f"classes name labels that are strings; these are {numbers.dtype}: leave classes out")
    if numbers.dtype.kind == "f":
        missing = np.flatnonzero(np.isnan(numbers).reshape(len(numbers), -1).any(axis=1))
        if len(missing):
            raise ArgumentError(f"labels[{first + missing[0]}] is missing (nan): fill it, or leave its row out")
        return numbers.astype(np.float32, copy=False)
    return numbers.astype(np.int32) if numbers.dtype.kind == "b" else numbers


def _as_arrow(labels: Any) -> pa.Array:  # noqa: ANN401
    if isinstance(labels, (pa.Array, pa.ChunkedArray)):
        column = labels
    elif isinstance(labels, str):
        raise ArgumentError(f"labels must be a column of numbers; the name of one, {labels!r}, is for files")
    else:
        try:
            if hasattr(labels, "__arrow_c_stream__"):
                column = pa.chunked_array(labels)
            else:
                column = pa.array(labels if isinstance(labels, (list, tuple, np.ndarray)) else list(labels))
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise ArgumentError(f"labels must be a column of numbers: {str(error).strip():.200}") from None
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return decode_dictionary(column)


def _of_arrow(column: pa.Array, classes: list[str] | None, first: int) -> Numbers:
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise ArgumentError(f"labels[{first + row}] is missing: fill it, or leave its row out")
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _places(column.cast(pa.large_string()), classes, first)
    if classes is not None:
        raise ArgumentError(f"classes name labels that are strings; these are {kind}: leave classes out")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        if column.flatten().null_count:
            row = next(i for i, label in enumerate(column) if label.values.null_count)
            raise ArgumentError(f"labels[{first + row}] holds a missing number: fill it, or leave its row out")
        inner = _of_arrow(column.flatten(), None, first)
        sizes = set(column.value_lengths().to_pylist()) if len(column) else {0}
        if len(sizes) > 1:
            raise ArgumentError(f"all labels must have the same shape; received lists of {min(sizes)} to {max(sizes)}")
        return inner.reshape(len(column), sizes.pop(), *inner.shape[1:])
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ArgumentError(f"labels must be numbers; received {kind}: convert them, for example to int or float")
    return column.to_numpy(zero_copy_only=False)


def _places(column: pa.Array, classes: list[str] | None, first: int) -> Numbers:
    """The place of each string in ``classes``, int32 (rows,)."""
    import pyarrow.compute as pc  # here, so that numbers do not wait for it

    if classes is None:
        found = sorted(pc.unique(column).to_pylist())
        listed = ", ".join(map(repr, found[:3])) + (", ..." if len(found) > 3 else "")
        raise ArgumentError(f"labels must be numbers; received strings: number them in an order, classes=[{listed}]")
    places = pc.index_in(column, value_set=pa.array(classes, column.type))
    if places.null_count:
        row = int(np.flatnonzero(places.is_null().to_numpy(zero_copy_only=False))[0])
        raise ArgumentError(f"labels[{first + row}] is {column[row].as_py()!r:.80}, which is none of the classes")
    return places.to_numpy(zero_copy_only=False)
