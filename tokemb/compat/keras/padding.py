"""``pad_sequences``: rows of any kind to one array."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb.arguments import check_side
from tokemb.errors import ArgumentError
from tokemb.ragged import Int64, Ragged

Array = npt.NDArray[Any]

# Rows that are put in at a time: their numbers stay in the processor's cache.
_AT_ONCE = 256


def pad_sequences(
    sequences: Ragged | Iterable[Any],
    maxlen: int | None = None,
    dtype: npt.DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,  # noqa: ANN401 - whatever the dtype takes
) -> Array:
    """Pad and truncate rows to the same length.

    ``sequences``: lists or arrays of numbers, strings or vectors, or a ``Ragged``.
    ``maxlen``: the length, ``None`` for that of the longest row.
    ``dtype``: that of the result; strings of different lengths need ``object``.
    ``padding``, ``truncating``: ``"pre"`` or ``"post"``, the end that is filled or cut. ``value``: what fills.

    Returns ``dtype`` (rows, maxlen, ...), with the axes of the rows' elements at the end.
    Raises ``ArgumentError`` for rows that are none or of different shapes, and for what ``dtype`` cannot hold.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    >>> pad_sequences([[1.0, 0.5]])
    Traceback (most recent call last):
    tokemb.errors.ArgumentError: sequences[0] must fit int32; received [1.0, 0.5]: set dtype, for example to int64, \
float32 or object
    """
    if not hasattr(sequences, "__len__"):
        raise ArgumentError(f"`sequences` must be iterable, and have a length; received {type(sequences).__name__}")
    rows = list(sequences)
    lengths = _lengths(rows)
    if maxlen is None:
        if not rows:
            raise ArgumentError("maxlen must be set where there are no sequences to take it from")
        maxlen = int(lengths.max())
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ArgumentError(f"`dtype` {dtype} is not compatible with `value`'s type: set dtype=object for strings")
    first: Any = next((row for row in rows if len(row)), ())
    if len(first):
        check_side("truncating", truncating)
        check_side("padding", padding)
    padded = np.empty((len(rows), maxlen, *np.shape(first)[1:]), dtype)
    padded[...] = _converted(value, padded.dtype, "value")
    for start in range(0, len(rows), _AT_ONCE):
        at_once = slice(start, start + _AT_ONCE)
        cut = [_cut(row, maxlen, truncating) for row in rows[at_once]]
        flat = _flat(cut, padded.dtype, padded.shape[2:]) if maxlen > 0 else None
        if flat is None:
            _put_rows(cut, padded[at_once], padding, start)
        else:
            padded[at_once][_filled(np.minimum(lengths[at_once], maxlen), maxlen, padding)] = flat
    return padded


def _lengths(rows: list[Any]) -> Int64:
    """Int64 (rows,)."""
    try:
        return np.fromiter(map(len, rows), np.int64, len(rows))
    except TypeError:
        wrong = next(row for row in rows if not hasattr(row, "__len__"))
        raise ArgumentError(f"`sequences` must be a list of iterables; received a row {wrong!r:.80}") from None


def _cut(row: Any, maxlen: int, truncating: str) -> Any:  # noqa: ANN401
    if len(row) <= maxlen:
        return row
    return row[-maxlen:] if truncating == "pre" else row[:maxlen]


def _filled(lengths: Int64, maxlen: int, padding: str) -> npt.NDArray[np.bool_]:
    """Bool (rows, maxlen), true where rows of ``lengths``, int64 (rows,), have their own elements."""
    places = np.arange(maxlen)
    return places < lengths[:, None] if padding == "post" else places >= maxlen - lengths[:, None]


def _flat(rows: list[Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array | None:
    """The elements of all ``rows``, ``dtype`` (total, ...), where that is simple; ``None`` where it is not.

    That is for lists of numbers, and for arrays of one dtype whose elements have ``shape``.
    """
    kinds = {*map(type, rows)}
    try:
        if kinds <= {list, tuple} and not shape and dtype.kind in "iuf":
            # An array takes whole numbers and nothing else for integers, where NumPy would cut off fractions.
            flat = np.asarray(array("d" if dtype.kind == "f" else "q", list(chain.from_iterable(rows))))
        elif kinds == {np.ndarray} and len({row.dtype for row in rows}) == 1:
            flat = np.concatenate([row for row in rows if len(row)] or [np.empty((0, *shape), dtype)])
        else:
            return None
        return _converted(flat, dtype, "sequences") if flat.shape[1:] == shape else None
    except (TypeError, ValueError, OverflowError):
        return None  # the one row that it is about will be found


def _put_rows(rows: list[Any], padded: Array, padding: str, start: int) -> None:
    """Put ``rows``, of which the first is ``sequences[start]``, into ``padded``, (rows, maxlen, ...)."""
    for number, row in enumerate(rows):
        if not len(row):
            continue
        elements = _converted(row, padded.dtype, f"sequences[{start + number}]")
        if elements.shape[1:] != padded.shape[2:]:
            raise ArgumentError(
                f"the elements of all sequences must have one shape, here {padded.shape[2:]}; "
                f"those of sequences[{start + number}] have {elements.shape[1:]}"
            )
        if padding == "post":
            padded[number, : len(elements)] = elements
        else:
            padded[number, padded.shape[1] - len(elements) :] = elements


def _converted(elements: Any, dtype: np.dtype[Any], name: str) -> Array:  # noqa: ANN401
    """``elements`` as an array of ``dtype``; raises ``ArgumentError`` if they are numbers or strings that it cuts."""
    fits = True
    try:
        with np.errstate(invalid="ignore"):
            converted = np.asarray(elements, dtype)
        if dtype.kind in "US":
            fits = np.array_equal(converted, np.asarray(elements, dtype.kind))
        elif dtype.kind in "iu":
            given = np.asarray(elements)
            fits = given.dtype.kind in "SUMm" or np.array_equal(converted, given)
    except OverflowError:
        fits = False
    if not fits:
        raise ArgumentError(
            f"{name} must fit {dtype}; received {elements!r:.80}: set dtype, for example to int64, float32 or object"
        )
    return converted
