"""``maxlen`` against truncated rows, lost tokens and padding, computed from the number of rows of each length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Float64, Int64
from tokemb.rows.corpus_statistics import length_quantile

_SHARES = (0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class LengthPoint:
    """A possible ``maxlen``.

    Attributes:
        maxlen: The length.
        truncated_rows: The share of rows that are longer.
        lost_tokens: The share of tokens that truncation removes.
        fixed_padding: The share of padding if all rows have this length.
        batch_padding: The expected share of padding if rows are shuffled and each batch is padded to its longest row.
        bucket_padding: The share of padding if batches are made of rows sorted by length.
    """

    maxlen: int
    truncated_rows: float
    lost_tokens: float
    fixed_padding: float
    batch_padding: float
    bucket_padding: float


def length_curve(
    row_lengths: Mapping[int, int], maxlens: Iterable[int], batch_size: int, around: int = 0
) -> list[LengthPoint]:
    """Return the points of the curve.

    The padding of shuffled batches is the exact expectation over all orders of the rows.

    Args:
        row_lengths: For each number of tokens, the number of rows with it.
        maxlens: The lengths of rows of ids, each more than ``around``.
        batch_size: The number of rows in a batch.
        around: The number of start and end tokens that each row of ids has besides. Truncation keeps them.
    """
    lengths = np.array(sorted(row_lengths), np.int64)
    rows = np.array([row_lengths[length] for length in sorted(row_lengths)], np.int64)
    total_rows, total = int(rows.sum()), int(lengths @ rows)
    lengths += around
    if not total_rows:
        return []
    full, rest = divmod(total_rows, batch_size)
    # For each length, the share of batches whose longest row is not longer.
    shuffled = [(full * batch_size, _longest_row(rows, batch_size))] if full else []
    shuffled += [(rest, _longest_row(rows, rest))] if rest else []
    bucketed = _longest_in_buckets(rows, batch_size)
    points = []
    for maxlen in maxlens:
        limited = np.minimum(lengths, maxlen)
        filled = int(limited @ rows)
        lost = total - (filled - around * total_rows)
        batch_cells = sum(cells * _mean(shares, limited) for cells, shares in shuffled)
        points.append(
            LengthPoint(
                maxlen,
                int(rows[lengths > maxlen].sum()) / total_rows,
                lost / total if total else 0.0,
                1 - filled / (total_rows * maxlen),
                _padding(filled, batch_cells),
                _padding(filled, float(bucketed @ limited)),
            )
        )
    return points


def round_lengths(row_lengths: Mapping[int, int], around: int = 0) -> list[int]:
    """Return the powers of two up to the longest row, and the lengths of the rows at some quantiles.

    The arguments are those of ``length_curve``.
    """
    longest = max(row_lengths, default=0) + around
    powers = {1 << power for power in range(longest.bit_length())}
    lengths = powers | {length_quantile(row_lengths, share) + around for share in _SHARES}
    return sorted(length for length in lengths if length > around)


def _longest_row(rows: Int64, size: int) -> Float64:
    """Return the probability that none of ``size`` random rows is longer than each length, float64 ``(lengths,)``.

    Rows are drawn without replacement: the probability is that of a hypergeometric distribution.
    """
    up_to = np.cumsum(rows).tolist()
    total = up_to[-1]

    def log_choices(available: int) -> float:
        if available < size:
            return -math.inf
        return math.lgamma(available + 1) - math.lgamma(available - size + 1)

    return np.exp([log_choices(available) - log_choices(total) for available in up_to])


def _mean(shares: Float64, lengths: Int64) -> float:
    """Return the mean of a length with this cumulative distribution."""
    return float(np.diff(shares, prepend=0) @ lengths)


def _longest_in_buckets(rows: Int64, batch_size: int) -> Int64:
    """Return the sizes of the batches whose longest row has each length, int64 ``(lengths,)``, for sorted rows."""
    batches = np.diff(np.cumsum(rows) // batch_size, prepend=0) * batch_size
    batches[-1] += rows.sum() % batch_size
    return batches


def _padding(filled: int, cells: float) -> float:
    return max(1 - filled / cells, 0.0) if cells else 0.0
