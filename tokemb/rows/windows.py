"""Split long rows into windows of bounded length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tokemb._arrays import Int32, Int64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError
from tokemb.rows.pack_rows import check_splits, pack_rows
from tokemb.rows.pairs import Part
from tokemb.rows.ragged import Ragged


class Windows(NamedTuple):
    """Texts as rows of one length, of which a long text has several.

    Attributes:
        ids: int32 ``(windows, maxlen)``.
        row: The text of each window, int64 ``(windows,)``.
        start: The position of the first token of each window in its text, int64 ``(windows,)``.
    """

    ids: Int32
    row: Int64
    start: Int64


@dataclass(frozen=True)
class SplitTexts:
    """Texts, and the places of their windows.

    Attributes:
        texts: The ids of the texts.
        row: The text of each window, int64 ``(windows,)``.
        start: The position of the first id of each window in its text, int64 ``(windows,)``.
        lengths: The number of ids of each window, int64 ``(windows,)``.
    """

    texts: Ragged
    row: Int64
    start: Int64
    lengths: Int64

    @classmethod
    def of(cls, texts: Ragged, size: int, overlap: int) -> SplitTexts:
        """Split texts into windows of at most ``size`` ids, of which neighbouring ones share ``overlap`` ids."""
        check_splits(texts.values, texts.row_splits)
        counts = window_counts(texts.lengths, size, overlap)
        row = np.repeat(np.arange(len(texts)), counts)
        start = (np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)) * (size - overlap)
        return cls(texts, row, start, np.minimum(texts.lengths[row] - start, size))

    def copy(
        self,
        splits: Int64,
        out: Int32,
        around: tuple[tuple[int, ...], tuple[int, ...]],
        *,
        fill: int = 0,
        fill_first: bool = False,
        threads: int | None = None,
    ) -> None:
        """Copy the windows to ``out``, with the ids ``around`` each. The other arguments are those of ``pack_rows``."""
        pack_rows(
            self.texts.values,
            self.texts.row_splits[self.row] + self.start,
            self.lengths,
            splits,
            out,
            before=around[0],
            after=around[1],
            fill=fill,
            fill_first=fill_first,
            threads=threads,
        )


def check_overlap(overlap: object, room: int) -> int:
    """Return ``overlap`` as an integer.

    Args:
        overlap: The number of tokens that two neighbouring windows share.
        room: The number of tokens in a window.

    Raises:
        ArgumentError: If it is not an integer from 0 to ``room - 1``.
    """
    count = check_count("overlap", overlap, least=0)
    if count >= room:
        raise ArgumentError(
            f"overlap must be smaller than the number of tokens in a row, maxlen without special tokens ({room}); "
            f"received {count}"
        )
    return count


def window_counts(lengths: Int64, sizes: Int64 | int, overlap: int) -> Int64:
    """Return the number of windows of texts of these lengths, each at least one, int64 ``(texts,)``.

    Args:
        lengths: The lengths of the texts, int64 ``(texts,)``.
        sizes: The length of a window, or of those of each text. It is larger than ``overlap`` if a text is longer.
        overlap: The number of ids that two neighbouring windows share.
    """
    steps = np.maximum(sizes - overlap, 1)
    return 1 + np.maximum(lengths - sizes + steps - 1, 0) // steps


def split_windows(
    rows: Ragged,
    size: int,
    overlap: int,
    threads: int | None = None,
    *,
    before: tuple[int, ...] = (),
    after: tuple[int, ...] = (),
) -> tuple[Ragged, Int64, Int64]:
    """Split rows into windows. The windows are those of the truncation of `tokenizers` with the stride ``overlap``.

    Args:
        rows: The rows.
        size: The maximum length of a window, without ``before`` and ``after``.
        overlap: The number of ids that two neighbouring windows of a row share, less than ``size``.
        threads: The number of threads. ``None`` uses all cores.
        before: Ids before each window.
        after: Ids after each window.

    Returns:
        The windows, at least one for each row; their rows, int64 ``(windows,)``; and the positions of their first ids
        in the rows, int64 ``(windows,)``.
    """
    windows = SplitTexts.of(rows, size, overlap)
    extended = windows.lengths + len(before) + len(after)
    copied = Ragged.from_lengths(np.empty(int(extended.sum()), np.int32), extended)
    windows.copy(copied.row_splits, copied.values, (before, after), threads=threads)
    return copied, windows.row, windows.start


def pad_windows(
    parts: Sequence[SplitTexts],
    maxlen: int,
    around: tuple[tuple[int, ...], tuple[int, ...]],
    *,
    fill: int,
    fill_first: bool,
    threads: int | None,
) -> Windows:
    """Copy the windows of all ``parts`` to rows of one length.

    Args:
        parts: Batches of texts.
        maxlen: The length of the rows.
        around: Ids before and after each window.
        fill: The id of padding.
        fill_first: Whether padding precedes the ids.
        threads: The number of threads. ``None`` uses all cores.
    """
    counts = [len(part.row) for part in parts]
    ids, at, first = np.empty((sum(counts), maxlen), np.int32), 0, 0
    rows, starts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for part, count in zip(parts, counts, strict=True):
        splits = np.arange(count + 1, dtype=np.int64) * maxlen
        block = ids[at : at + count].reshape(-1)
        part.copy(splits, block, around, fill=fill, fill_first=fill_first, threads=threads)
        rows.append(part.row + first)
        starts.append(part.start)
        at, first = at + count, first + len(part.texts)
    return Windows(ids, np.concatenate(rows), np.concatenate(starts))


def window_parts(rows: Ragged, row: Int64, number: Int64, size: Int64, overlap: int) -> tuple[Part, Int64]:
    """Return windows of rows without copying ids, and their starts, int64 ``(windows,)``.

    Args:
        rows: The rows.
        row: The row of each window, int64 ``(windows,)``.
        number: The number of each window in its row, int64 ``(windows,)``.
        size: The maximum length of each window, int64 ``(windows,)``.
        overlap: The number of ids that two neighbouring windows of a row share.
    """
    start = number * (size - overlap)
    return Part(rows.values, rows.row_splits[row] + start, np.minimum(rows.lengths[row] - start, size)), start
