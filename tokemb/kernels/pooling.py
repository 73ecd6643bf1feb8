"""Pooling of rows of a matrix, compiled: each vector is read once, and only the pooled vectors are written.

Sums are added in the order of ``numpy.add.reduceat`` along the first axis, so that they are bit for bit the same: the
first vector, plus the pairwise sum of the others (which is more exact than a sequential sum). The inner loops run over
the columns, so that the processor adds many numbers at once without changing the order within a column.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Float32, Int32, Int64
from tokemb.kernels.compiler import inlined
from tokemb.kernels.structs import LANES, Float32Matrix, Int64Matrix

# NumPy's limit: longer runs of vectors are halved.
_RUN = 128


def pool_sums(
    matrix: Float32Matrix,
    values: Int32,
    row_splits: Int64,
    pooled: Float32Matrix,
    mean: int,
    lanes: Float32Matrix,
    sums: Float32Matrix,
    halves: Int64Matrix,
    first: int,
    last: int,
) -> None:
    """Fill ``pooled`` (rows, dim), from row ``first`` to before ``last``, with sums or means.

    Args:
        matrix: (input_dim, dim).
        values: int32 (total,), row indices of ``matrix``.
        row_splits: int64 (rows + 1,).
        pooled: (rows, dim), the result.
        mean: 1 for means, 0 for sums.
        lanes: Work space (LANES, dim).
        sums: Work space (DEPTH, dim).
        halves: Work space, int64 (2, DEPTH).
        first: The first row.
        last: The row after the last.
    """
    for row in range(first, last):
        start, stop = row_splits[row], row_splits[row + 1]
        total = pooled[row]
        if start == stop:
            total[:] = 0
            continue
        _copy(matrix[values[start]], total)
        if stop - start > 1:
            _add_pairwise(matrix, values, start + 1, stop, lanes, sums, halves[0], halves[1])
            _add(total, sums[0])
        if mean:
            count = np.float32(stop - start)
            for i in range(len(total)):
                total[i] /= count


def pool_maxima(
    matrix: Float32Matrix,
    values: Int32,
    row_splits: Int64,
    pooled: Float32Matrix,
    first: int,
    last: int,
) -> None:
    """Fill ``pooled`` like ``pool_sums``, with maxima. They are NaN if a value is NaN, and never ``-0.0``."""
    for row in range(first, last):
        start, stop = row_splits[row], row_splits[row + 1]
        largest = pooled[row]
        if start == stop:
            largest[:] = 0
            continue
        _copy(matrix[values[start]], largest)
        at = start + 1
        # Four vectors at a time, so that the processor loads several vectors at once.
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


@inlined
def _add_pairwise(
    matrix: Float32, values: Int32, start: int, stop: int, lanes: Float32, sums: Float32, ends: Int64, is_right: Int64
) -> None:
    """Write the pairwise sum of the vectors of ``values[start:stop]``, at least one, to ``sums[0]``.

    The tree of halves is traversed without recursion, because an inlined function cannot call itself. ``ends`` and
    ``is_right`` hold, for the current half and all that contain it, its end and whether it is the second half.
    """
    depth = finished = 0
    ends[0], is_right[0] = stop, 0
    while True:
        while ends[depth] - start > _RUN:
            half = (ends[depth] - start) // 2
            depth += 1
            ends[depth], is_right[depth] = start + half - half % LANES, 0
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


@inlined
def _add_run(matrix: Float32, values: Int32, start: int, stop: int, lanes: Float32, total: Float32) -> None:
    """Write the sum of the vectors of ``values[start:stop]``, from 1 to ``_RUN`` of them, to ``total``."""
    rest = stop - (stop - start) % LANES
    if rest > start:
        for lane in range(LANES):
            _add_lane(matrix, values, start + lane, rest, lanes[lane])
        for i in range(len(total)):
            low = (lanes[0, i] + lanes[1, i]) + (lanes[2, i] + lanes[3, i])
            total[i] = low + ((lanes[4, i] + lanes[5, i]) + (lanes[6, i] + lanes[7, i]))
    else:
        _copy(matrix[values[start]], total)
        rest = start + 1
    for at in range(rest, stop):
        _add(total, matrix[values[at]])


@inlined
def _add_lane(matrix: Float32, values: Int32, start: int, stop: int, lane: Float32) -> None:
    """Write the sequential sum of the vectors of ``values[start:stop:LANES]`` to ``lane``."""
    _copy(matrix[values[start]], lane)
    at = start + LANES
    # Four vectors at a time, so that the partial sums are read and written less often. The order is unchanged.
    while at + 3 * LANES < stop:
        a = matrix[values[at]]
        b = matrix[values[at + LANES]]
        c = matrix[values[at + 2 * LANES]]
        d = matrix[values[at + 3 * LANES]]
        for i in range(len(lane)):
            lane[i] = (((lane[i] + a[i]) + b[i]) + c[i]) + d[i]
        at += 4 * LANES
    while at < stop:
        _add(lane, matrix[values[at]])
        at += LANES


@inlined
def _copy(vector: Float32, to: Float32) -> None:
    for i in range(len(to)):
        to[i] = vector[i]


@inlined
def _add(total: Float32, vector: Float32) -> None:
    for i in range(len(total)):
        total[i] += vector[i]


@inlined
def _larger(a: float, b: float) -> float:
    """Return the larger of two numbers, or NaN if one of them is NaN."""
    return b if b > a or b != b else a
