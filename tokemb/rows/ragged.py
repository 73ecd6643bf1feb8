"""Rows of ids without padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Array, Bool, Int32, Int64
from tokemb._validation import check_count, check_optional_count, check_side
from tokemb.errors import ArgumentError
from tokemb.rows.pack_rows import check_splits, pack_rows, select_ids, wrong_splits


def check_ids(ids: npt.ArrayLike) -> Int32:
    """Return ``ids`` as an int32 array of the same shape.

    Raises:
        ArgumentError: If ``ids`` are not integers, or do not fit int32. Nothing wraps around.
    """
    try:
        array = np.asarray(ids)
    except (ValueError, OverflowError) as error:
        raise ArgumentError(f"ids must be integers that fit int32: {error}") from None
    if array.size == 0:
        return np.zeros(array.shape, np.int32)
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"ids must be integers that fit int32; received dtype {array.dtype}")
    if array.dtype != np.int32:
        lowest, highest = int(array.min()), int(array.max())
        if lowest < np.iinfo(np.int32).min or highest > np.iinfo(np.int32).max:
            raise ArgumentError(
                f"ids must fit int32; received {highest if highest > np.iinfo(np.int32).max else lowest}"
            )
    return array.astype(np.int32, copy=False)


def _check_int64(row_splits: npt.ArrayLike) -> Int64:
    """Return ``row_splits`` as an int64 array of the same shape, in the byte order of the machine."""
    array = np.asarray(row_splits)
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"row_splits must be integers; received dtype {array.dtype}")
    if array.dtype.itemsize == 8 and array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise ArgumentError(f"row_splits must fit int64; received {array.max()}")
    return array.astype(np.int64, copy=False)


def check_id_rows(ids: npt.ArrayLike) -> Int32:
    """Return ``ids`` as an int32 array ``(rows, maxlen)``.

    Raises:
        ArgumentError: If ``ids`` are not integers that fit int32, or not two-dimensional.
    """
    array = check_ids(ids)
    if array.ndim != 2:
        raise ArgumentError(f"ids must be an integer array (rows, maxlen); received shape {array.shape}")
    return array


@dataclass(frozen=True, eq=False)
class Ragged:
    """Ids of many rows without padding, with the same layout as TensorFlow's ``RaggedTensor``.

    Attributes:
        values: int32 array ``(total,)`` with the ids of all rows, one row after the other.
        row_splits: int64 array ``(rows + 1,)``. Row ``i`` is ``values[row_splits[i]:row_splits[i + 1]]``.

    Raises:
        ArgumentError: If ``values`` are not integers that fit int32, or ``row_splits`` do not ascend from 0 to their
            number. Other integer dtypes are converted.

    Example:
        >>> ragged = Ragged.from_rows([[1, 2, 3], [], [4]])
        >>> ragged.row_splits
        array([0, 3, 3, 4])
        >>> ragged.pad(maxlen=2)
        array([[1, 2],
               [0, 0],
               [4, 0]], dtype=int32)
    """

    values: Int32
    row_splits: Int64

    def __post_init__(self) -> None:
        values, row_splits = check_ids(self.values), _check_int64(self.row_splits)
        if values.ndim != 1 or row_splits.ndim != 1:
            raise ArgumentError(
                f"values and row_splits must have one axis; received shapes {values.shape} and {row_splits.shape}"
            )
        check_splits(values, row_splits)
        if row_splits[0] != 0 or row_splits[-1] != len(values):
            raise wrong_splits(len(values))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "row_splits", row_splits)

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[int] | Array]) -> Ragged:
        """Concatenate rows of integers.

        Raises:
            ArgumentError: If an id is not an integer, or does not fit int32.
        """
        try:
            rows = list(rows)
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        except TypeError:
            raise ArgumentError(f"ids must be rows of integers, such as [[1, 2], [3]]; received {rows!r:.80}") from None
        are_arrays = bool(rows) and all(isinstance(row, np.ndarray) for row in rows)
        values = check_ids(np.concatenate(rows) if are_arrays else list(chain.from_iterable(rows)))
        if values.ndim != 1:
            raise ArgumentError(f"ids must be rows of integers, such as [[1, 2], [3]]; received {rows!r:.80}")
        return cls.from_lengths(values, lengths)

    @classmethod
    def from_lengths(cls, values: Int32, lengths: Int64) -> Ragged:
        """Split ``values``, int32 ``(total,)``, into rows of ``lengths``, int64 ``(rows,)``."""
        row_splits = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=row_splits[1:])
        return cls(values, row_splits)

    @classmethod
    def concatenate(cls, parts: Sequence[Ragged]) -> Ragged:
        """Concatenate the rows of all ``parts``."""
        if len(parts) == 1:
            return parts[0]
        values = [np.zeros(0, np.int32), *(part.values for part in parts)]
        lengths = [np.zeros(0, np.int64), *(part.lengths for part in parts)]
        return cls.from_lengths(np.concatenate(values), np.concatenate(lengths))

    @property
    def lengths(self) -> Int64:
        """The number of ids in each row, int64 ``(rows,)``."""
        return np.diff(self.row_splits)

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, row: int) -> Int32:
        """Return a view of one row, int32 ``(length,)``."""
        row = range(len(self))[row]
        return self.values[self.row_splits[row] : self.row_splits[row + 1]]

    def __iter__(self) -> Iterator[Int32]:
        return (self[row] for row in range(len(self)))

    def slice(self, start: int, stop: int) -> Ragged:
        """Return the rows from ``start`` up to, but not including, ``stop``. ``values`` is a view."""
        row_splits = self.row_splits[start : stop + 1]
        return Ragged(self.values[row_splits[0] : row_splits[-1]], row_splits - row_splits[0])

    def select(self, keep: Bool, threads: int | None = None) -> Ragged:
        """Return the rows with only the ids where ``keep``, bool ``(total,)``, is true."""
        return Ragged(*select_ids(self.values, self.row_splits, keep, threads))

    def before(self, token_id: int) -> Ragged:
        """Return the ids of each row before its first ``token_id``. Rows without it are unchanged."""
        found = np.append(np.int64(0), np.cumsum(self.values == token_id))
        in_earlier_rows = np.repeat(found[self.row_splits[:-1]], self.lengths)
        return self.select(found[1:] == in_earlier_rows)

    def truncate(self, maxlen: int, truncating: str = "post") -> Ragged:
        """Truncate every row to at most ``maxlen`` ids.

        Args:
            maxlen: The maximum length. 0 makes all rows empty.
            truncating: ``"pre"`` or ``"post"``: the end at which ids are removed, as in Keras.

        Returns:
            A new ``Ragged``, or this one if no row is longer.

        Raises:
            ArgumentError: If an argument is invalid.
        """
        check_side("truncating", truncating)
        maxlen = check_count("maxlen", maxlen, least=0)
        if int(self.lengths.max(initial=0)) <= maxlen:
            return self
        return _copy(self.values, *self._truncated_bounds(maxlen, truncating))

    def _truncated_bounds(self, maxlen: int, truncating: str) -> tuple[Int64, Int64]:
        """Return the start in ``values`` and the length of each truncated row, both int64 ``(rows,)``."""
        check_splits(self.values, self.row_splits)
        lengths = np.minimum(self.lengths, maxlen)
        return self.row_splits[:-1] if truncating == "post" else self.row_splits[1:] - lengths, lengths

    def pad(
        self, maxlen: int | None = None, *, padding: str = "post", truncating: str = "post", value: int = 0
    ) -> Int32:
        """Pad and truncate every row to the same length.

        Args:
            maxlen: The length of all rows. ``None`` uses that of the longest row.
            padding: ``"pre"`` or ``"post"``: the end that is padded, as in Keras' ``pad_sequences``.
            truncating: ``"pre"`` or ``"post"``: the end at which ids are removed.
            value: The id of padding.

        Returns:
            int32 array ``(rows, maxlen)``.

        Raises:
            ArgumentError: If an argument is invalid.
        """
        check_side("padding", padding)
        check_side("truncating", truncating)
        maxlen = check_optional_count("maxlen", maxlen)
        fill = check_ids(value)
        if maxlen is None:
            maxlen = int(self.lengths.max(initial=0))
        starts, lengths = self._truncated_bounds(maxlen, truncating)
        return _copy_padded(self.values, starts, lengths, maxlen, int(fill), padding == "pre")


def take(rows: Ragged, indices: Int64, threads: int | None = None) -> Ragged:
    """Return the rows at ``indices``, which are not negative, int64 ``(taken,)``."""
    starts = rows.row_splits[indices]
    return _copy(rows.values, starts, rows.row_splits[indices + 1] - starts, threads)


def take_padded(
    rows: Ragged, indices: Int64, maxlen: int | None = None, *, fill: int = 0, fill_first: bool = False
) -> Int32:
    """Return the rows at ``indices`` with the same length, int32 ``(taken, maxlen)``.

    Args:
        rows: All rows.
        indices: Row indices that are not negative, int64 ``(taken,)``.
        maxlen: The length, at least that of the longest of these rows. ``None`` uses that length, but at least 1, which
            layers require.
        fill: The id of padding.
        fill_first: Whether padding precedes the ids.
    """
    starts = rows.row_splits[indices]
    lengths = rows.row_splits[indices + 1] - starts
    return _copy_padded(rows.values, starts, lengths, maxlen or int(lengths.max(initial=1)), fill, fill_first)


def _copy(values: Int32, starts: Int64, lengths: Int64, threads: int | None = None) -> Ragged:
    copied = Ragged.from_lengths(np.empty(int(lengths.sum()), np.int32), lengths)
    pack_rows(values, starts, lengths, copied.row_splits, copied.values, threads=threads)
    return copied


def _copy_padded(values: Int32, starts: Int64, lengths: Int64, maxlen: int, fill: int, fill_first: bool) -> Int32:
    padded = np.empty((len(lengths), maxlen), np.int32)
    splits = np.arange(len(lengths) + 1, dtype=np.int64) * maxlen
    pack_rows(values, starts, lengths, splits, padded.reshape(-1), fill=fill, fill_first=fill_first)
    return padded


def pad(
    rows: Ragged | Iterable[Sequence[int] | Array],
    maxlen: int | None = None,
    *,
    padding: str = "post",
    truncating: str = "post",
    value: int = 0,
) -> Int32:
    """Pad and truncate rows of ids to the same length.

    The arguments are those of Keras' ``pad_sequences``, except that ``padding`` and ``truncating`` default to
    ``"post"`` and that an id which does not fit int32 is an error.

    Args:
        rows: A ``Ragged`` or rows of integers.
        maxlen: The length of all rows. ``None`` uses that of the longest row.
        padding: ``"pre"`` or ``"post"``.
        truncating: ``"pre"`` or ``"post"``.
        value: The id of padding.

    Returns:
        int32 array ``(rows, maxlen)``.

    Raises:
        ArgumentError: If an argument or an id is invalid.

    Example:
        >>> pad([[1, 2, 3], [4]])
        array([[1, 2, 3],
               [4, 0, 0]], dtype=int32)
        >>> pad([[1, 2, 3], [4]], maxlen=2, padding="pre", truncating="pre")
        array([[2, 3],
               [0, 4]], dtype=int32)
        >>> pad([[2**40]])
        Traceback (most recent call last):
        tokemb.errors.ArgumentError: ids must fit int32; received 1099511627776
    """
    ragged = rows if isinstance(rows, Ragged) else Ragged.from_rows(rows)
    return ragged.pad(maxlen, padding=padding, truncating=truncating, value=value)
