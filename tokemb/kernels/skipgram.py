"""Skip-gram with negative sampling, compiled.

The vector of each word near another is moved towards the output vector of that one, and away from those of negatives,
words drawn at random for each pair: shared by all words near one they would be faster, and the vectors less good.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tokemb.kernels.compiler import inlined, inlined_in_any_order
from tokemb.kernels.simd import prefetch_to_write
from tokemb.kernels.structs import SIGMOID_POINTS, SIGMOID_REACH, Float32, Int32, Int64, UInt64

_PER_UNIT = np.float32(SIGMOID_POINTS / (2 * SIGMOID_REACH))
_FACTOR, _STEP = np.uint64(6364136223846793005), np.uint64(1442695040888963407)
_HALF = np.uint64(32)
_LINE = 16  # numbers that come from memory at once


def train_skipgram(
    values: Int32,
    row_splits: Int64,
    keep: npt.NDArray[np.uint32],
    table: Int32,
    sigmoid: Float32,
    loss: Float32,
    vectors: Float32,
    outputs: Float32,
    rate: Float32,
    random: UInt64,
    kept: Int32,
    targets: Int32,
    drawn: Int32,
    change: Float32,
    sums: npt.NDArray[np.float64],
    window: int,
    first: int,
    last: int,
) -> None:
    """Train on the rows from ``first`` to before ``last``.

    ``values``: int32 (total,), ids. ``row_splits``: int64 (rows + 1,). ``keep``: uint32 (input_dim,), by how many of
    2**32 an occurrence is kept. ``table``: int32 (any,), ids as often as they are to be negatives.
    ``sigmoid``: float32 (SIGMOID_POINTS,); ``loss``: its negative logarithm. ``vectors``, ``outputs``: float32
    (input_dim, dim), which change; other threads may be at work on them. ``rate``: float32 (1,), the learning rate.
    ``random``: uint64 (1,), the state of the generator.
    ``kept``: as long as the longest row, ``targets``: int32 (negatives + 1,), ``drawn``: int32
    (2 * window * negatives,) and ``change``: (dim,), room to work in.
    ``sums``: float64 (2,), to which the loss and the number of pairs are added.
    """
    negatives = len(targets) - 1
    for row in range(first, last):
        length = _sample(values, row_splits[row], row_splits[row + 1], keep, random, kept)
        for at in range(length):
            reach = window - np.int64((_next(random) >> _HALF) % np.uint64(window))
            start, stop = max(at - reach, 0), min(at + reach + 1, length)
            for k in range((stop - start - 1) * negatives):
                drawn[k] = table[((_next(random) >> _HALF) * np.uint64(len(table))) >> _HALF]
            targets[0] = kept[at]
            pair = 0
            for near in range(start, stop):
                if near != at:
                    for k in range(negatives):
                        targets[k + 1] = drawn[pair * negatives + k]
                    pair += 1
                    # While this pair is computed, what the next one needs comes from memory.
                    for k in range(pair * negatives, min((pair + 1) * negatives, (stop - start - 1) * negatives)):
                        _fetch(outputs, drawn[k])
                    if near + 1 < stop:
                        _fetch(vectors, kept[near + 1])
                    sums[0] += _train_pair(vectors[kept[near]], outputs, targets, sigmoid, loss, rate[0], change)
                    sums[1] += 1


@inlined
def _fetch(rows: Float32, row: int) -> None:
    """Have the processor fetch a row that is needed soon."""
    for column in range(0, rows.shape[1], _LINE):
        prefetch_to_write(rows, row, column)


@inlined
def _sample(values: Int32, start: int, stop: int, keep: npt.NDArray[np.uint32], random: UInt64, kept: Int32) -> int:
    """Leave the ids of a row that are kept in ``kept``, and return how many."""
    length = 0
    for position in range(start, stop):
        if _next(random) >> _HALF <= keep[values[position]]:
            kept[length] = values[position]
            length += 1
    return length


@inlined
def _train_pair(
    vector: Float32, outputs: Float32, targets: Int32, sigmoid: Float32, loss: Float32, rate: float, change: Float32
) -> float:
    """Move ``vector`` and the outputs of ``targets``, the first of which is right; returns the loss before."""
    total = np.float32(0)
    change[:] = 0
    for k in range(len(targets)):
        if k and targets[k] == targets[0]:
            continue
        output = outputs[targets[k]]
        score = _dot(vector, output)
        point = min(max(np.int64((score + np.float32(SIGMOID_REACH)) * _PER_UNIT), 0), SIGMOID_POINTS - 1)
        total += loss[point] if k == 0 else loss[SIGMOID_POINTS - 1 - point]
        step = (np.float32(k == 0) - sigmoid[point]) * rate
        _add(step, output, change)
        _add(step, vector, output)
    _add(np.float32(1), change, vector)
    return total


@inlined
def _next(random: UInt64) -> int:
    """The next state of a linear congruential generator, whose higher half is as good as random."""
    random[0] = random[0] * _FACTOR + _STEP
    return random[0]


@inlined_in_any_order
def _dot(one: Float32, other: Float32) -> float:
    total = np.float32(0)
    for i in range(len(one)):
        total += one[i] * other[i]
    return total


@inlined_in_any_order
def _add(factor: float, vector: Float32, to: Float32) -> None:
    for i in range(len(to)):
        to[i] += factor * vector[i]
