"""The function ``pad_sequences`` for rows of any type."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Array, Int64
from tokemb._validation import check_side
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged

# The dtypes whose type character is the same in NumPy and `struct`.
_STRUCT_DTYPES = "bhilqBHILQfd"


def pad_sequences(
    sequences: Ragged | Iterable[Any],
    maxlen: int | None = None,
    dtype: npt.DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,  # noqa: ANN401 - any value of the dtype
) -> Array:
    """Pad and truncate rows to the same length.

    Args:
        sequences: Lists or arrays of numbers, strings or vectors, or a ``Ragged``.
        maxlen: The length of all rows. ``None`` pads to the longest row.
        dtype: The dtype of the result. Strings of different lengths need ``object``.
        padding: ``"pre"`` or ``"post"``.
        truncating: ``"pre"`` or ``"post"``.
        value: The value of padding.

    Returns:
        Array of ``dtype``, ``(rows, maxlen, ...)``. The axes of the elements are last.

    Raises:
        ArgumentError: If a row is not iterable, elements have different shapes, or a value does not fit ``dtype``.

    Example:
        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
        array([[0, 1],
               [2, 3],
               [5, 6]], dtype=int32)
        >>> pad_sequences([[1.0, 0.5]])
        Traceback (most recent call last):
        tokemb.errors.ArgumentError: sequences[0] must fit int32; received [1.0, 0.5]: set dtype, for example to \
int64, float32 or object
    """
    if not hasattr(sequences, "__len__"):
        raise ArgumentError(f"`sequences` must be iterable, and have a length; received {type(sequences).__name__}")
    rows = list(sequences)
    lengths = _lengths(rows)
    if maxlen is None:
        if not rows:
            raise ArgumentError("maxlen must be set if there are no sequences")
        maxlen = int(lengths.max())
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ArgumentError(f"`dtype` {dtype} is not compatible with `value`'s type: set dtype=object for strings")
    first: Any = next((row for row in rows if len(row)), ())
    if len(first):
        check_side("truncating", truncating)
        check_side("padding", padding)
    padded = np.empty((len(rows), maxlen, *np.shape(first)[1:]), dtype)
    if np.any(lengths < maxlen):
        padded[...] = _convert(value, padded.dtype, "value")
    _fill(rows, padded, padding, truncating)
    return padded


def _lengths(rows: list[Any]) -> Int64:
    try:
        return np.fromiter(map(len, rows), np.int64, len(rows))
    except TypeError:
        invalid = next(row for row in rows if not hasattr(row, "__len__"))
        raise ArgumentError(f"`sequences` must be a list of iterables; received a row {invalid!r:.80}") from None


def _fill(rows: list[Any], padded: Array, padding: str, truncating: str) -> None:
    """Truncate rows and copy them to ``padded``, ``(rows, maxlen, ...)``, or raise ``ArgumentError``."""
    # Rows are truncated one at a time. A list of them would be as large as the result and slow down garbage collection.
    truncate = partial(_truncate, maxlen=padded.shape[1], truncating=truncating)
    types = {*map(type, rows)}
    done = False
    if types <= {list, tuple} and padded.size:
        done = _fill_from_lists(map(truncate, rows), padded, padding)
    elif types == {np.ndarray} and padded.size:
        done = _fill_from_arrays([*map(truncate, rows)], padded, padding)
    if not done:
        _fill_from_rows(map(truncate, rows), padded, padding)


def _truncate(row: Any, maxlen: int, truncating: str) -> Any:  # noqa: ANN401
    if len(row) <= maxlen:
        return row
    return row[-maxlen:] if truncating == "pre" else row[:maxlen]


def _fill_from_lists(rows: Iterable[Any], padded: Array, padding: str) -> bool:
    """Copy lists to ``padded``, ``(rows, maxlen)``. Return false unless they contain numbers that fit its dtype."""
    dtype = padded.dtype
    if padded.ndim != 2 or dtype.char not in _STRUCT_DTYPES or not dtype.isnative:
        return False
    # Unlike NumPy, `struct` does not convert other types to integers, and refuses integers that do not fit.
    packers: dict[int, Callable[..., None]] = {}
    maxlen = padded.shape[1]
    offset = 0
    try:
        for row in rows:
            length = len(row)
            if length not in packers:
                packers[length] = struct.Struct(f"{length}{dtype.char}").pack_into
            start = offset if padding == "post" else offset + (maxlen - length) * dtype.itemsize
            packers[length](padded, start, *row)
            offset += maxlen * dtype.itemsize
    except (struct.error, OverflowError, TypeError):
        return False
    return True


def _fill_from_arrays(rows: list[Any], padded: Array, padding: str) -> bool:
    """Copy arrays to ``padded``, ``(rows, maxlen, ...)``. Return false unless all have one dtype, which fits."""
    not_empty = [row for row in rows if len(row)]
    if len({(row.dtype, row.shape[1:]) for row in not_empty}) != 1:
        return False
    lengths, columns = _lengths(rows)[:, None], np.arange(padded.shape[1])
    try:
        elements = _convert(np.concatenate(not_empty), padded.dtype, "sequences")
        padded[columns < lengths if padding == "post" else columns >= padded.shape[1] - lengths] = elements
    except ValueError:
        return False
    return True


def _fill_from_rows(rows: Iterable[Any], padded: Array, padding: str) -> None:
    """Copy rows of any type to ``padded``, ``(rows, maxlen, ...)``, or raise ``ArgumentError``."""
    for number, row in enumerate(rows):
        if not len(row):
            continue
        elements = _convert(row, padded.dtype, f"sequences[{number}]")
        if elements.shape[1:] != padded.shape[2:]:
            raise ArgumentError(
                f"the elements of all sequences must have the same shape, here {padded.shape[2:]}; "
                f"those of sequences[{number}] have {elements.shape[1:]}"
            )
        if padding == "post":
            padded[number, : len(elements)] = elements
        else:
            padded[number, padded.shape[1] - len(elements) :] = elements


def _convert(elements: Any, dtype: np.dtype[Any], name: str) -> Array:  # noqa: ANN401
    """Return ``elements`` as an array of ``dtype``, or raise ``ArgumentError`` if numbers or strings do not fit."""
    fits = True
    try:
        with np.errstate(invalid="ignore"):
            converted = np.asarray(elements, dtype)
        if dtype.kind in "US":
            fits = np.array_equal(converted, np.asarray(elements, dtype.kind))
        elif dtype.kind in "iu":
            original = np.asarray(elements)
            fits = original.dtype.kind in "SUMm" or np.array_equal(converted, original)
    except OverflowError:
        fits = False
    if not fits:
        raise ArgumentError(
            f"{name} must fit {dtype}; received {elements!r:.80}: set dtype, for example to int64, float32 or object"
        )
    return converted
