"""Split long pairs of texts into rows of bounded length."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tokemb._arrays import Bool, Int32, Int64
from tokemb.errors import ArgumentError


class PairWindowPlaces(NamedTuple):
    """Where the windows of pairs of texts begin, each int64 ``(windows,)``.

    Attributes:
        row: The pair of each row.
        start: The position of the first token of its first text.
        second_start: The position of the first token of its second text.
    """

    row: Int64
    start: Int64
    second_start: Int64


class PairWindows(NamedTuple):
    """Pairs of texts as rows of one length, of which a long pair has several.

    Attributes:
        inputs: The arrays of ``Encoder.encode_pairs`` by name, each ``(windows, maxlen)``.
        row: The pair of each row, int64 ``(windows,)``.
        start: The position of the first token of each row in its first text, int64 ``(windows,)``.
        second_start: The same for the second text, int64 ``(windows,)``.
    """

    inputs: dict[str, Int32 | Bool]
    row: Int64
    start: Int64
    second_start: Int64


def check_pair_overlap(lengths: tuple[Int64, Int64], sizes: tuple[Int64, Int64], overlap: int, first_row: int) -> None:
    """Check that the windows of each text that is too long have more tokens than they share.

    Args:
        lengths: The lengths of the first and of the second texts, each int64 ``(pairs,)``.
        sizes: The lengths of their windows.
        overlap: The number of tokens that neighbouring windows share.
        first_row: The number of the first pair, for messages.

    Raises:
        ArgumentError: If a window has at most ``overlap`` tokens.
    """
    for length, size, text in zip(lengths, sizes, ("first", "second"), strict=True):
        is_wrong = (size < length) & (size <= overlap)
        if is_wrong.any():
            row = int(is_wrong.argmax())
            raise ArgumentError(
                f"overlap must be smaller than the number of tokens of each text in a row; the {text} text of pair "
                f"number {first_row + row + 1} gets {size[row]} tokens in a row, and overlap is {overlap}: pass a "
                'larger maxlen, or pair_truncation="only_first" or "only_second" for the text that is long'
            )


def pair_windows(counts: Int64, other_counts: Int64) -> tuple[Int64, Int64, Int64]:
    """Combine the windows of two texts, in the order of the overflow of `tokenizers` for pairs.

    The first windows of both come first. The other windows of the first text follow, each with all windows of the
    second text, and then its first window with the other windows of the second text.

    Args:
        counts: The number of windows of each first text, int64 ``(pairs,)``.
        other_counts: The number of windows of each second text, int64 ``(pairs,)``.

    Returns:
        For each row its pair, and the number of the window of its first and of its second text, all int64 ``(rows,)``.
    """
    rows = counts * other_counts
    pair = np.repeat(np.arange(len(rows)), rows)
    number = np.arange(len(pair)) - np.repeat(np.cumsum(rows) - rows, rows)
    width = other_counts[pair]
    with_other_windows = (counts[pair] - 1) * width  # of the first text
    is_last = number > with_other_windows
    first = np.where(is_last | (number == 0), 0, 1 + (number - 1) // width)
    second = np.where(is_last, number - with_other_windows, (number - 1) % width)
    return pair, first, np.where(number == 0, 0, second)
