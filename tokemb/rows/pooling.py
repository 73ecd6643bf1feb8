"""Pool the vectors of the tokens of each row to one vector: mean, sum or maximum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tokemb._arrays import Float32, Int64
from tokemb.rows.pack_rows import check_splits
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows, thread_count, worth_kernel

POOLINGS = ("mean", "sum", "max")

# The vectors that are gathered at a time, in bytes, fit the cache of the processor.
_GATHER_BYTES = 1 << 20


def pool_lookup(matrix: Float32, rows: Ragged, pooling: str, threads: int | None = None) -> Float32:
    """Pool the vectors of each row of ids, without an array of the vectors of all tokens.

    Args:
        matrix: float32 array ``(input_dim, dim)``.
        rows: Ids below ``input_dim``.
        pooling: ``"mean"``, ``"sum"`` or ``"max"``.
        threads: The number of threads. ``None`` uses all cores.

    Returns:
        float32 array ``(rows, dim)``. A row without ids gives zeros. The bits of a row depend neither on the number of
        threads nor on the other rows.
    """
    check_splits(rows.values, rows.row_splits)
    # NumPy adds about four numbers in the time that it takes to move one id.
    if not worth_kernel(len(rows.values) * matrix.shape[1] // 4):
        return _pool_in_numpy(matrix, rows, pooling)
    from tokemb import kernels  # only here, because small inputs do not need them
    from tokemb.kernels.structs import DEPTH, LANES

    width = matrix.shape[1]
    pooled = np.empty((len(rows), width), np.float32)
    source = [np.ascontiguousarray(array) for array in (matrix, rows.values, rows.row_splits)]

    def pool_range(first: int, last: int) -> None:
        if pooling == "max":
            kernels.pool_maxima(*source, pooled, first, last)
        else:
            scratch = np.empty((LANES, width), np.float32), np.empty((DEPTH, width), np.float32)
            halves = np.empty((2, DEPTH), np.int64)
            kernels.pool_sums(*source, pooled, pooling == "mean", *scratch, halves, first, last)

    parallel_map(pool_range, split_rows(rows.row_splits, thread_count(threads)))
    return pooled


def _pool_in_numpy(matrix: Float32, rows: Ragged, pooling: str) -> Float32:
    pooled = np.zeros((len(rows), matrix.shape[1]), np.float32)
    filled = np.flatnonzero(rows.lengths)
    starts = rows.row_splits[filled]
    ends = rows.row_splits[filled + 1]
    tokens = max(_GATHER_BYTES // max(4 * matrix.shape[1], 1), 1)
    first = 0
    while first < len(filled):
        last = max(int(np.searchsorted(ends, starts[first] + tokens, side="right")), first + 1)
        vectors = matrix[rows.values[starts[first] : ends[last - 1]]]
        pooled[filled[first:last]] = reduce_segments(vectors, starts[first:last] - starts[first], pooling)
        first = last
    return pooled


def pool_windows(vectors: Float32, lengths: Int64, texts: Int64, pooling: str) -> Float32:
    """Pool the vectors of the windows of each text to one vector, over the tokens of all its windows.

    Args:
        vectors: The pooled vectors of the windows, float32 ``(windows, dim)``.
        lengths: The number of tokens of each window, int64 ``(windows,)``. A mean is weighted with it.
        texts: The text of each window, ascending from 0 without gaps, int64 ``(windows,)``.
        pooling: The pooling of the tokens: ``"mean"``, ``"sum"`` or ``"max"``.

    Returns:
        float32 array ``(texts, dim)``. The vector of a text of one window is unchanged.
    """
    if not len(texts):
        return vectors
    starts = np.flatnonzero(np.diff(texts, prepend=-1))
    if pooling == "mean":
        totals = np.maximum(np.add.reduceat(lengths, starts), 1)
        weights = (lengths / totals[texts]).astype(np.float32)
        return reduce_segments(vectors * weights[:, None], starts, "sum")
    return reduce_segments(vectors, starts, pooling)


def reduce_segments(vectors: Float32, starts: Int64, pooling: str) -> Float32:
    """Pool consecutive segments of vectors.

    Args:
        vectors: float32 array ``(total, dim)``.
        starts: The start of each segment, ascending. Each segment has at least one vector.
        pooling: ``"mean"``, ``"sum"`` or ``"max"``.

    Returns:
        float32 array ``(segments, dim)``. A maximum of zeros is ``0.0``: the sign of NumPy's result depends on the
        processor.
    """
    reduce: Callable[..., Any] = np.maximum.reduceat if pooling == "max" else np.add.reduceat
    reduced: Float32 = reduce(vectors, starts, axis=0)
    if pooling == "mean":
        reduced /= np.diff(np.append(starts, len(vectors))).astype(np.float32)[:, None]
    elif pooling == "max":
        reduced += 0.0
    return reduced
