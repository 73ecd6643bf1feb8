"""``pad_sequences``: rows of any kind to one array."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int64
from tokemb._validation import check_side
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged

Array = npt.NDArray[Any]

# The numbers of which NumPy's character and that of `struct` are the same, C's.
_PACKED = "bhilqBHILQfd"


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
    if np.any(lengths < maxlen):
        padded[...] = _converted(value, padded.dtype, "value")
    _put(rows, padded, padding, truncating)
    return padded


def _lengths(rows: list[Any]) -> Int64:
    """Int64 (rows,)."""
    try:
        return np.fromiter(map(len, rows), np.int64, len(rows))
    except TypeError:
        wrong = next(row for row in rows if not hasattr(row, "__len__"))
        raise ArgumentError(f"`sequences` must be a list of iterables; received a row {wrong!r:.80}") from None


def _put(rows: list[Any], padded: Array, padding: str, truncating: str) -> None:
    """Put ``rows``, truncated, into ``padded``, (rows, maxlen, ...); raises ``ArgumentError`` if they do not fit."""
    # One at a time: a list of them would be as large as the result, and the garbage collector would go through it.
    cut = partial(_cut, maxlen=padded.shape[1], truncating=truncating)
    kinds = {*map(type, rows)}
    done = False
    if kinds <= {list, tuple} and padded.size:
        done = _put_lists(map(cut, rows), padded, padding)
    elif kinds == {np.ndarray} and padded.size:
        done = _put_arrays([*map(cut, rows)], padded, padding)
    if not done:
        _put_rows(map(cut, rows), padded, padding)


def _cut(row: Any, maxlen: int, truncating: str) -> Any:  # noqa: ANN401
    if len(row) <= maxlen:
        return row
    return row[-maxlen:] if truncating == "pre" else row[:maxlen]


def _put_lists(rows: Iterable[Any], padded: Array, padding: str) -> bool:
    """Put lists into ``padded``, (rows, maxlen), if they hold numbers that fit; otherwise return false."""
    dtype = padded.dtype
    if padded.ndim != 2 or dtype.char not in _PACKED or not dtype.isnative:
        return False
    # Unlike NumPy, `struct` packs nothing but whole numbers as such, and none that does not fit.
    packers: dict[int, Callable[..., None]] = {}
    room = padded.shape[1]
    at = 0
    try:
        for row in rows:
            length = len(row)
            if length not in packers:
                packers[length] = struct.Struct(f"{length}{dtype.char}").pack_into
            packers[length](padded, at if padding == "post" else at + (room - length) * dtype.itemsize, *row)
            at += room * dtype.itemsize
    except (struct.error, OverflowError, TypeError):
        return False
    return True


def _put_arrays(rows: list[Any], padded: Array, padding: str) -> bool:
    """Put arrays into ``padded``, (rows, maxlen, ...), if all are of one dtype that fits; otherwise return false."""
    full = [row for row in rows if len(row)]
    if len({(row.dtype, row.shape[1:]) for row in full}) != 1:
        return False
    lengths, places = _lengths(rows)[:, None], np.arange(padded.shape[1])
    try:
        elements = _converted(np.concatenate(full), padded.dtype, "sequences")
        padded[places < lengths if padding == "post" else places >= padded.shape[1] - lengths] = elements
    except ValueError:
        return False
    return True


def _put_rows(rows: Iterable[Any], padded: Array, padding: str) -> None:
    """Put ``rows`` into ``padded``, (rows, maxlen, ...); raises ``ArgumentError`` for those that do not fit."""
    for number, row in enumerate(rows):
        if not len(row):
            continue
        elements = _converted(row, padded.dtype, f"sequences[{number}]")
        if elements.shape[1:] != padded.shape[2:]:
            raise ArgumentError(
                f"the elements of all sequences must have one shape, here {padded.shape[2:]}; "
                f"those of sequences[{number}] have {elements.shape[1:]}"
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
