"""Rows of ids without padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int32, Int64
from tokemb._validation import check_count, check_optional_count, check_side
from tokemb.errors import ArgumentError
from tokemb.rows.pack_rows import check_splits, pack_rows, select_ids


def check_ids(ids: npt.ArrayLike) -> Int32:
    """Return ``ids`` as int32, of the same shape.

    Raises ``ArgumentError`` for anything that is not whole numbers within int32: nothing wraps around.
    """
    try:
        array = np.asarray(ids)
    except (ValueError, OverflowError) as error:
        raise ArgumentError(f"ids must be whole numbers in rows; {error}") from None
    if array.size == 0:
        return np.zeros(array.shape, np.int32)
    if array.dtype.kind not in "iu":
        raise ArgumentError(f"ids must be whole numbers that fit int32; received dtype {array.dtype}")
    if array.dtype != np.int32:
        lowest, highest = int(array.min()), int(array.max())
        if lowest < np.iinfo(np.int32).min or highest > np.iinfo(np.int32).max:
            raise ArgumentError(
                f"ids must fit int32; received {highest if highest > np.iinfo(np.int32).max else lowest}"
            )
    return array.astype(np.int32, copy=False)


def check_id_rows(ids: npt.ArrayLike) -> Int32:
    """Return ``ids``, whole numbers (rows, maxlen), as int32; raises ``ArgumentError`` for anything else."""
    array = check_ids(ids)
    if array.ndim != 2:
        raise ArgumentError(f"ids must be an integer array (rows, maxlen); received shape {array.shape}")
    return array


@dataclass(frozen=True, eq=False)
class Ragged:
    """Ids of many rows without padding, laid out as TensorFlow's ``RaggedTensor``.

    ``values``: int32 (total,), the ids of all rows, one row after the other.
    ``row_splits``: int64 (rows + 1,), row ``i`` is ``values[row_splits[i]:row_splits[i + 1]]``.

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

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[int] | npt.NDArray[Any]]) -> Ragged:
        """Lay out rows of whole numbers; raises ``ArgumentError`` if one is not, or does not fit int32."""
        try:
            rows = list(rows)
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        except TypeError:
            raise ArgumentError(f"ids must be rows of whole numbers, as [[1, 2], [3]]; received {rows!r:.80}") from None
        of_arrays = bool(rows) and all(isinstance(row, np.ndarray) for row in rows)
        values = check_ids(np.concatenate(rows) if of_arrays else list(chain.from_iterable(rows)))
        if values.ndim != 1:
            raise ArgumentError(f"ids must be rows of whole numbers, as [[1, 2], [3]]; received {rows!r:.80}")
        return cls.from_lengths(values, lengths)

    @classmethod
    def from_lengths(cls, values: Int32, lengths: Int64) -> Ragged:
        """``values`` int32 (total,) cut into rows of ``lengths`` int64 (rows,)."""
        row_splits = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=row_splits[1:])
        return cls(values, row_splits)

    @classmethod
    def concatenate(cls, parts: Sequence[Ragged]) -> Ragged:
        """The rows of all ``parts``, in order."""
        if len(parts) == 1:
            return parts[0]
        values = [np.zeros(0, np.int32), *(part.values for part in parts)]
        lengths = [np.zeros(0, np.int64), *(part.lengths for part in parts)]
        return cls.from_lengths(np.concatenate(values), np.concatenate(lengths))

    @property
    def lengths(self) -> Int64:
        """The number of ids in each row, int64 (rows,)."""
        return np.diff(self.row_splits)

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __getitem__(self, row: int) -> Int32:
        """One row, int32 (length,), a view."""
        row = range(len(self))[row]
        return self.values[self.row_splits[row] : self.row_splits[row + 1]]

    def __iter__(self) -> Iterator[Int32]:
        return (self[row] for row in range(len(self)))

    def slice(self, start: int, stop: int) -> Ragged:
        """The rows from ``start`` to before ``stop``; ``values`` is a view."""
        row_splits = self.row_splits[start : stop + 1]
        return Ragged(self.values[row_splits[0] : row_splits[-1]], row_splits - row_splits[0])

    def select(self, keep: npt.NDArray[np.bool_], threads: int | None = None) -> Ragged:
        """The same rows with only the ids where ``keep``, bool (total,), is true; ``threads`` as for ``embed``."""
        return Ragged(*select_ids(self.values, self.row_splits, keep, threads))

    def truncate(self, maxlen: int, truncating: str = "post") -> Ragged:
        """Rows of at most ``maxlen`` ids (0 empties them); ``truncating`` is the end that is cut, as in Keras.

        Raises ``ArgumentError`` for settings that cannot be.
        """
        check_side("truncating", truncating)
        maxlen = check_count("maxlen", maxlen, least=0)
        if int(self.lengths.max(initial=0)) <= maxlen:
            return self
        starts, lengths = self._cut(maxlen, truncating)
        cut = Ragged.from_lengths(np.empty(int(lengths.sum()), np.int32), lengths)
        pack_rows(self.values, starts, lengths, cut.row_splits, cut.values)
        return cut

    def _cut(self, maxlen: int, truncating: str) -> tuple[Int64, Int64]:
        """Where each row starts in ``values``, and how long it is, int64 (rows,) both, when it is truncated."""
        check_splits(self.values, self.row_splits)
        lengths = np.minimum(self.lengths, maxlen)
        return self.row_splits[:-1] if truncating == "post" else self.row_splits[1:] - lengths, lengths

    def pad(
        self, maxlen: int | None = None, *, padding: str = "post", truncating: str = "post", value: int = 0
    ) -> Int32:
        """Pad and truncate every row to the same length.

        ``maxlen``: the length, ``None`` for that of the longest row.
        ``padding``, ``truncating``: ``"pre"`` or ``"post"``, the end that is filled or cut, as in Keras'
        ``pad_sequences``.
        ``value``: the id that fills.

        Returns int32 (rows, maxlen). Raises ``ArgumentError`` for settings that cannot be.
        """
        check_side("padding", padding)
        check_side("truncating", truncating)
        maxlen = check_optional_count("maxlen", maxlen)
        fill = check_ids(value)
        if maxlen is None:
            maxlen = int(self.lengths.max(initial=0))
        padded = np.empty((len(self), maxlen), np.int32)
        starts, lengths = self._cut(maxlen, truncating)
        splits = np.arange(len(self) + 1, dtype=np.int64) * maxlen
        pack_rows(self.values, starts, lengths, splits, padded.reshape(-1), fill=int(fill), fill_first=padding == "pre")
        return padded


def pad(
    rows: Ragged | Iterable[Sequence[int] | npt.NDArray[Any]],
    maxlen: int | None = None,
    *,
    padding: str = "post",
    truncating: str = "post",
    value: int = 0,
) -> Int32:
    """Pad and truncate rows of ids to the same length.

    The settings are those of Keras' ``pad_sequences``, except that both ends default to ``"post"`` and that a
    number which does not fit int32 is an error.

    ``rows``: a ``Ragged`` or rows of whole numbers. Returns int32 (rows, maxlen).
    Raises ``ArgumentError`` for settings or ids that cannot be.

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
