"""Pooling of rows of a matrix, compiled: each vector is read once, and none is written but the pooled ones.

Sums are added in the order of ``numpy.add.reduceat`` along the first axis, so that they have its bits: the first
vector, plus the pairwise sum of the others (which is more exact than one after the other). The columns run innermost,
so that the processor adds many numbers at once without changing the order in any of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tokemb.compiled import kernel
from tokemb.ragged import Int32, Int64

Float32 = npt.NDArray[np.float32]

# Those of NumPy: runs of up to _RUN vectors are added in _LANES partial sums, longer ones are halved.
_LANES = 8
_RUN = 128
# More halvings than 2**31 vectors need.
_DEPTH = 32


@kernel
def pool_sums(
    matrix: Float32,
    values: Int32,
    row_splits: Int64,
    pooled: Float32,
    mean: bool,
    first: int,
    last: int,
) -> None:
    """Fill ``pooled`` (rows, dim), from row ``first`` to before ``last``, with sums or means.

    ``matrix``: (input_dim, dim). ``values``: int32 (total,), ids within it. ``row_splits``: int64 (rows + 1,).
    """
    width = matrix.shape[1]
    lanes = np.empty((_LANES, width), np.float32)
    sums = np.empty((_DEPTH, width), np.float32)
    ends, is_right = np.empty(_DEPTH, np.int64), np.empty(_DEPTH, np.int64)
    for row in range(first, last):
        start, stop = row_splits[row], row_splits[row + 1]
        total = pooled[row]
        if start == stop:
            total[:] = 0
            continue
        total[:] = matrix[values[start]]
        if stop - start > 1:
            _add_pairwise(matrix, values, start + 1, stop, lanes, sums, ends, is_right)
            _add(total, sums[0])
        if mean:
            count = np.float32(stop - start)
            for i in range(width):
                total[i] /= count


@kernel
def pool_maxima(
    matrix: Float32,
    values: Int32,
    row_splits: Int64,
    pooled: Float32,
    first: int,
    last: int,
) -> None:
    """``pool_sums`` for the maximum: NaN if there is one, and never ``-0.0``."""
    for row in range(first, last):
        start, stop = row_splits[row], row_splits[row + 1]
        largest = pooled[row]
        if start == stop:
            largest[:] = 0
            continue
        largest[:] = matrix[values[start]]
        at = start + 1
        # Four at a time, so that the processor waits for several vectors at once.
        while at + 3 < stop:
            a, b, c, d = matrix[values[at]], matrix[values[at + 1]], matrix[values[at + 2]], matrix[values[at + 3]]
            for i in range(len(largest)):
                largest[i] = _larger(largest[i], _larger(_larger(a[i], b[i]), _larger(c[i], d[i])))
            at += 4
        while at < stop:
            a = matrix[values[at]]
            for i in range(len(largest)):
                largest[i] = _larger(largest[i], a[i])
            at += 1
        for i in range(len(largest)):
            largest[i] += np.float32(0)  # -0.0 becomes 0.0


@kernel
def _add_pairwise(
    matrix: Float32, values: Int32, start: int, stop: int, lanes: Float32, sums: Float32, ends: Int64, is_right: Int64
) -> None:
    """Leave the pairwise sum of the vectors of ``values[start:stop]``, at least one, in ``sums[0]``.

    A walk through the tree of halves without recursion, which Numba cannot load from its cache. ``ends`` and
    ``is_right`` say, for the half at hand and all that it lies in, where it ends and whether it is the second.
    """
    depth = finished = 0
    ends[0], is_right[0] = stop, 0
    while True:
        while ends[depth] - start > _RUN:
            half = (ends[depth] - start) // 2
            depth += 1
            ends[depth], is_right[depth] = start + half - half % _LANES, 0
        _add_run(matrix, values, start, ends[depth], lanes, sums[finished])
        start = ends[depth]
        finished += 1
        while is_right[depth]:
            _add(sums[finished - 2], sums[finished - 1])
            finished -= 1
            depth -= 1
        if depth == 0:
            return
        ends[depth], is_right[depth] = ends[depth - 1], 1


@kernel
def _add_run(matrix: Float32, values: Int32, start: int, stop: int, lanes: Float32, total: Float32) -> None:
    """Leave the sum of the vectors of ``values[start:stop]``, from 1 to ``_RUN`` of them, in ``total``."""
    rest = stop - (stop - start) % _LANES
    if rest > start:
        for lane in range(_LANES):
            _add_lane(matrix, values, start + lane, rest, lanes[lane])
        for i in range(len(total)):
            low = (lanes[0, i] + lanes[1, i]) + (lanes[2, i] + lanes[3, i])
            total[i] = low + ((lanes[4, i] + lanes[5, i]) + (lanes[6, i] + lanes[7, i]))
    else:
        total[:] = matrix[values[start]]
        rest = start + 1
    for at in range(rest, stop):
        _add(total, matrix[values[at]])


@kernel
def _add_lane(matrix: Float32, values: Int32, start: int, stop: int, lane: Float32) -> None:
    """Leave the sum of the vectors of ``values[start:stop:_LANES]``, one after the other, in ``lane``."""
    lane[:] = matrix[values[start]]
    at = start + _LANES
    # Four at a time, so that the sums so far are read and written less often; the order stays.
    while at + 3 * _LANES < stop:
        a = matrix[values[at]]
        b = matrix[values[at + _LANES]]
        c = matrix[values[at + 2 * _LANES]]
        d = matrix[values[at + 3 * _LANES]]
        for i in range(len(lane)):
            lane[i] = (((lane[i] + a[i]) + b[i]) + c[i]) + d[i]
        at += 4 * _LANES
    while at < stop:
        _add(lane, matrix[values[at]])
        at += _LANES


@kernel
def _add(total: Float32, vector: Float32) -> None:
    for i in range(len(total)):
        total[i] += vector[i]


@kernel
def _larger(a: float, b: float) -> float:
    """The larger of two numbers, NaN if one is."""
    return b if b > a or b != b else a
