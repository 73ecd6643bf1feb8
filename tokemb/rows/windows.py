"""Split long rows into windows of bounded length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tokemb._arrays import Int32, Int64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError
from tokemb.rows.pack_rows import check_splits, pack_rows
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

    @classmethod
    def concatenate(cls, parts: Sequence[Windows], maxlen: int) -> Windows:
        """Return the windows of all ``parts`` in order. ``maxlen`` is their length if there are no parts."""
        if len(parts) == 1:
            return parts[0]
        none = cls(np.zeros((0, maxlen), np.int32), *np.zeros((2, 0), np.int64))
        return cls(*map(np.concatenate, zip(none, *parts, strict=True)))


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
    check_splits(rows.values, rows.row_splits)
    step = size - overlap
    counts = window_counts(rows.lengths, size, overlap)
    row = np.repeat(np.arange(len(rows)), counts)
    start = (np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)) * step
    lengths = np.minimum(rows.lengths[row] - start, size)
    extended = lengths + len(before) + len(after)
    windows = Ragged.from_lengths(np.empty(int(extended.sum()), np.int32), extended)
    pack_rows(
        rows.values,
        rows.row_splits[row] + start,
        lengths,
        windows.row_splits,
        windows.values,
        before=before,
        after=after,
        threads=threads,
    )
    return windows, row, start
