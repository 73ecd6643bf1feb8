"""Fill rows with several texts, so that little of them is padding."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tokemb._arrays import Array, Int32, Int64
from tokemb.rows.ragged import Ragged, take

PACKED_COLUMNS = ("ids", "segment_ids", "positions")
"""The names of the arrays of packed rows."""

# Texts are packed in pools of about this number of ids, so that memory is bounded.
_POOL_SIZE = 1 << 22


@dataclass(frozen=True)
class PackedRows:
    """Rows of ids that consist of several texts, without padding.

    Attributes:
        rows: The ids of each row.
        lengths: The lengths of the texts of each row.
        texts: The number of each of these texts, row by row, int64 ``(packed,)``.
    """

    rows: Ragged
    lengths: Ragged
    texts: Int64

    def __len__(self) -> int:
        return len(self.rows)

    def slice(self, start: int, stop: int) -> PackedRows:
        """Return the rows from ``start`` up to, but not including, ``stop``. The arrays are views."""
        splits = self.lengths.row_splits
        texts = self.texts[splits[start] : splits[stop]]
        return PackedRows(self.rows.slice(start, stop), self.lengths.slice(start, stop), texts)

    def padded(self, maxlen: int, pad_id: int, padding: str) -> tuple[Int32, Int32, Int32]:
        """Return the arrays of ``PACKED_COLUMNS``, each int32 ``(rows, maxlen)``."""
        ids = self.rows.pad(maxlen, padding=padding, value=pad_id)
        return ids, *padded_segments(self.lengths, maxlen, padding)


class PackedTexts(NamedTuple):
    """Texts as rows of one length, each of which consists of several texts.

    Attributes:
        ids: int32 ``(rows, maxlen)``.
        segment_ids: The number of the text of each id in its row, from 1 on, int32 ``(rows, maxlen)``. 0 is padding.
        positions: The position of each id in its text, from 0 on, int32 ``(rows, maxlen)``. 0 at padding.
        text: The index of each text in the order of the rows, int64 ``(segments,)``. Texts without ids are left out.
    """

    ids: Int32
    segment_ids: Int32
    positions: Int32
    text: Int64

    @property
    def inputs(self) -> dict[str, Int32]:
        """The arrays with an axis of rows by name, for a model with inputs of these names."""
        return {name: getattr(self, name) for name in PACKED_COLUMNS}

    @property
    def padding_share(self) -> float:
        """The share of the ids that is padding, from 0 to 1."""
        return float(np.mean(self.segment_ids == 0)) if self.segment_ids.size else 0.0

    def unpack(self, values: Array) -> list[Array]:
        """Split an array that has a value for each id, such as the output of a model, into those of each text.

        Args:
            values: Array ``(rows, maxlen, ...)``.

        Returns:
            An array ``(length, ...)`` for each text, in the order of ``text``.
        """
        is_id = self.segment_ids > 0
        return np.split(values[is_id], np.flatnonzero(self.positions[is_id] == 0)[1:]) if len(self.text) else []


def best_fit(lengths: Int64, maxlen: int) -> tuple[Int64, Int64]:
    """Assign texts to rows: the longest text first, each to the row with the least room that it fits.

    Texts of the same length are placed together: a row takes as many of them as fit, since it is then the row with the
    least room. There are only a few steps for each different length, whatever the number of texts.

    Args:
        lengths: The lengths of the texts, int64 ``(texts,)``, at most ``maxlen``. Texts of length 0 are left out.
        maxlen: The length of the rows.

    Returns:
        The numbers of the texts, int64 ``(packed,)``, row by row, and the positions of the rows in them, int64
        ``(rows + 1,)``.
    """
    longest_first = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    sizes, firsts = np.unique(-lengths[longest_first], return_index=True)
    bounds = [*firsts.tolist(), len(longest_first)]
    rows = np.zeros(len(longest_first), np.int64)
    open_rows = _OpenRows(maxlen)
    for size, first, last in zip((-sizes).tolist(), bounds, bounds[1:], strict=False):
        while first < last:
            members = open_rows.place(size, last - first)
            rows[first : first + len(members)] = members
            first += len(members)
    texts_before = np.cumsum(np.bincount(rows, minlength=open_rows.count))
    return longest_first[np.argsort(rows, kind="stable")], np.append(np.int64(0), texts_before)


class _OpenRows:
    """Rows with room for further texts."""

    def __init__(self, maxlen: int) -> None:
        self.count = 0
        self._maxlen = maxlen
        self._rooms: list[int] = []  # ascending
        self._rows: dict[int, Int64] = {}  # of each room, those that have had it for the longest time first

    def place(self, size: int, texts: int) -> Int64:
        """Place some of ``texts`` texts of length ``size`` in the rows with the least room that they fit.

        Returns:
            The row of each text that was placed, int64 ``(placed,)``, at least one.
        """
        at = bisect_left(self._rooms, size)
        room = self._rooms[at] if at < len(self._rooms) else self._maxlen
        per_row = room // size
        needed = -(-texts // per_row)
        members = self._new(needed) if at == len(self._rooms) else self._take(at, needed)
        placed = min(texts, len(members) * per_row)
        full, rest = divmod(placed, per_row)
        self._add(room - per_row * size, members[:full])
        self._add(room - rest * size, members[full:])
        return np.repeat(members, per_row)[:placed]

    def _new(self, rows: int) -> Int64:
        self.count += rows
        return np.arange(self.count - rows, self.count)

    def _take(self, at: int, rows: int) -> Int64:
        room = self._rooms[at]
        members = self._rows[room]
        if rows < len(members):
            self._rows[room] = members[rows:]
        else:
            del self._rows[room], self._rooms[at]
        return members[:rows]

    def _add(self, room: int, members: Int64) -> None:
        if not (room and len(members)):
            return
        if room in self._rows:
            members = np.concatenate([self._rows[room], members])
        else:
            insort(self._rooms, room)
        self._rows[room] = members


def pack(texts: Ragged, maxlen: int, first_text: int = 0, threads: int | None = None) -> PackedRows:
    """Fill rows of at most ``maxlen`` ids with several ``texts``, which are not longer, as ``best_fit`` does.

    Args:
        texts: The ids of the texts.
        maxlen: The length of the rows.
        first_text: The number of the first text.
        threads: The number of threads. ``None`` uses all cores.
    """
    lengths = texts.lengths
    order, row_splits = best_fit(lengths, maxlen)
    packed = take(texts, order, threads)
    rows = Ragged(packed.values, packed.row_splits[row_splits])
    return PackedRows(rows, Ragged(lengths[order].astype(np.int32), row_splits), order + first_text)


def pack_pools(parts: Iterable[Ragged], maxlen: int, threads: int | None = None) -> Iterator[PackedRows]:
    """Pack the texts of all ``parts``, about four million ids at a time. The rows do not depend on the parts."""
    first_text = 0
    for pool in _pools(parts, _POOL_SIZE):
        yield pack(pool, maxlen, first_text, threads)
        first_text += len(pool)


def _pools(parts: Iterable[Ragged], size: int) -> Iterator[Ragged]:
    """Concatenate and split rows. A pool ends with the row that makes its ids and rows together at least ``size``."""
    pending: list[Ragged] = []
    held = 0
    for part in parts:
        sizes = part.row_splits + np.arange(len(part) + 1)
        start = 0
        while held + sizes[-1] - sizes[start] >= size:
            stop = int(np.searchsorted(sizes, sizes[start] + size - held))
            yield Ragged.concatenate([*pending, part.slice(start, stop)])
            pending, held, start = [], 0, stop
        pending.append(part.slice(start, len(part)))
        held += int(sizes[-1] - sizes[start])
    if held:
        yield Ragged.concatenate(pending)


def padded_segments(lengths: Ragged, maxlen: int, padding: str) -> tuple[Int32, Int32]:
    """Return the segment ids and the positions of packed rows, see ``PackedTexts``, both int32 ``(rows, maxlen)``.

    Args:
        lengths: The lengths of the texts of each row.
        maxlen: The length of the rows.
        padding: The side of padding.
    """
    ends = np.cumsum(lengths.values, dtype=np.int64)
    row_splits = np.append(np.int64(0), ends)[lengths.row_splits]
    segments = np.arange(len(ends)) - np.repeat(lengths.row_splits[:-1], lengths.lengths) + 1
    numbers = np.repeat(segments.astype(np.int32), lengths.values)
    starts = (ends - lengths.values).astype(np.int32)
    places = np.arange(len(numbers), dtype=np.int32) - np.repeat(starts, lengths.values)
    segment_ids, positions = (Ragged(values, row_splits).pad(maxlen, padding=padding) for values in (numbers, places))
    return segment_ids, positions
