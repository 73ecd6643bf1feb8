"""Skip-gram and CBOW with negative sampling, compiled.

The vector of each context word is moved towards the output vector of the center word and away from the output vectors
of negatives. Negatives are sampled for each pair. Sharing them between the pairs of a center word would be faster, but
gives worse vectors.
"""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Float32, Float64, Int32, Int64, UInt32, UInt64
from tokemb.kernels.compiler import inlined, inlined_fastmath
from tokemb.kernels.simd import prefetch_to_write
from tokemb.kernels.structs import SIGMOID_POINTS, SIGMOID_REACH, Float32Matrix

_POINTS_PER_UNIT = np.float32(SIGMOID_POINTS / (2 * SIGMOID_REACH))
_FACTOR, _STEP = np.uint64(6364136223846793005), np.uint64(1442695040888963407)
_HALF = np.uint64(32)
_LINE = 16  # float32 values per cache line


def train_skipgram(
    values: Int32,
    row_splits: Int64,
    keep_thresholds: UInt32,
    negative_table: Int32,
    sigmoid: Float32,
    loss: Float32,
    vectors: Float32Matrix,
    outputs: Float32Matrix,
    learning_rate: Float32,
    random_state: UInt64,
    sampled: Int32,
    targets: Int32,
    negative_ids: Int32,
    gradient: Float32,
    sums: Float64,
    window: int,
    first: int,
    last: int,
) -> None:
    """Train on the rows from ``first`` to before ``last``.

    Args:
        values: int32 (total,), ids.
        row_splits: int64 (rows + 1,).
        keep_thresholds: uint32 (input_dim,), the probability of keeping an occurrence, times 2**32.
        negative_table: int32 (any,), ids in proportion to their probability of being a negative.
        sigmoid: float32 (SIGMOID_POINTS,).
        loss: The negative logarithm of ``sigmoid``.
        vectors: float32 (input_dim, dim), trained. Other threads may write to it at the same time.
        outputs: float32 (input_dim, dim), like ``vectors``.
        learning_rate: float32 (1,).
        random_state: uint64 (1,), the state of the generator.
        sampled: Work space, as long as the longest row.
        targets: Work space, int32 (negatives + 1,).
        negative_ids: Work space, int32 (2 * window * negatives,).
        gradient: Work space (dim,).
        sums: float64 (2,), to which the loss and the number of pairs are added.
        window: The maximum distance of a context word.
        first: The first row.
        last: The row after the last.
    """
    negatives = len(targets) - 1
    for row in range(first, last):
        length = _sample(values, row_splits[row], row_splits[row + 1], keep_thresholds, random_state, sampled)
        for center in range(length):
            reach = window - np.int64((_next_random(random_state) >> _HALF) % np.uint64(window))
            start, stop = max(center - reach, 0), min(center + reach + 1, length)
            for k in range((stop - start - 1) * negatives):
                negative_ids[k] = negative_table[
                    ((_next_random(random_state) >> _HALF) * np.uint64(len(negative_table))) >> _HALF
                ]
            targets[0] = sampled[center]
            pair = 0
            for context in range(start, stop):
                if context != center:
                    for k in range(negatives):
                        targets[k + 1] = negative_ids[pair * negatives + k]
                    pair += 1
                    # Prefetch the vectors of the next pair during the computation of this one.
                    for k in range(pair * negatives, min((pair + 1) * negatives, (stop - start - 1) * negatives)):
                        _prefetch_row(outputs, negative_ids[k])
                    if context + 1 < stop:
                        _prefetch_row(vectors, sampled[context + 1])
                    sums[0] += _train_pair(
                        vectors[sampled[context]], outputs, targets, sigmoid, loss, learning_rate[0], gradient
                    )
                    sums[1] += 1


def train_composed(
    values: Int32,
    row_splits: Int64,
    keep_thresholds: UInt32,
    negative_table: Int32,
    sigmoid: Float32,
    loss: Float32,
    parts: Int32,
    part_splits: Int64,
    vectors: Float32Matrix,
    outputs: Float32Matrix,
    learning_rate: Float32,
    random_state: UInt64,
    sampled: Int32,
    targets: Int32,
    hidden: Float32,
    gradient: Float32,
    sums: Float64,
    is_cbow: int,
    window: int,
    first: int,
    last: int,
) -> None:
    """Train on the rows from ``first`` to before ``last`` with vectors that are means of other vectors.

    The vector of a word is the mean of its parts, such as its character n-grams. With CBOW, the center word is
    predicted from the mean of the parts of all context words, and otherwise from each context word.

    Args:
        values: As for ``train_skipgram``, like all other arguments that are not described here.
        row_splits: As above.
        keep_thresholds: As above.
        negative_table: As above.
        sigmoid: As above.
        loss: As above.
        parts: int32 (any,), the rows of ``vectors`` that each id consists of.
        part_splits: int64 (input_dim + 1,), where the parts of each id begin.
        vectors: float32 (rows, dim), trained.
        outputs: As above.
        learning_rate: As above.
        random_state: As above.
        sampled: As above.
        targets: As above.
        hidden: Work space (dim,).
        gradient: Work space (dim,).
        sums: float64 (2,), to which the loss and the number of predictions are added.
        is_cbow: 1 for CBOW, and otherwise 0.
        window: As above.
        first: As above.
        last: As above.
    """
    for row in range(first, last):
        length = _sample(values, row_splits[row], row_splits[row + 1], keep_thresholds, random_state, sampled)
        for center in range(length):
            reach = window - np.int64((_next_random(random_state) >> _HALF) % np.uint64(window))
            start, stop = max(center - reach, 0), min(center + reach + 1, length)
            targets[0] = sampled[center]
            step = stop - start if is_cbow else 1
            for begin in range(start, stop, step):
                end = begin + step
                count = _mean_of_parts(sampled, begin, end, center, parts, part_splits, vectors, hidden)
                if count:  # there is a context word
                    for k in range(1, len(targets)):
                        targets[k] = negative_table[
                            ((_next_random(random_state) >> _HALF) * np.uint64(len(negative_table))) >> _HALF
                        ]
                    sums[0] += _train_pair(hidden, outputs, targets, sigmoid, loss, learning_rate[0], gradient)
                    sums[1] += 1
                    _add_to_parts(sampled, begin, end, center, parts, part_splits, gradient, vectors)


@inlined
def _mean_of_parts(
    sampled: Int32,
    begin: int,
    end: int,
    center: int,
    parts: Int32,
    part_splits: Int64,
    vectors: Float32,
    hidden: Float32,
) -> int:
    """Write the mean of the parts of the words from ``begin`` to ``end`` but ``center``, and return their number."""
    hidden[:] = 0
    count = 0
    for context in range(begin, end):
        if context != center:
            for part in range(part_splits[sampled[context]], part_splits[sampled[context] + 1]):
                _add(np.float32(1), vectors[parts[part]], hidden)
                count += 1
    for i in range(len(hidden)):
        hidden[i] /= np.float32(max(count, 1))
    return count


@inlined
def _add_to_parts(
    sampled: Int32,
    begin: int,
    end: int,
    center: int,
    parts: Int32,
    part_splits: Int64,
    gradient: Float32,
    vectors: Float32,
) -> None:
    """Add the gradient to the parts of the words from ``begin`` to ``end`` but ``center``."""
    for context in range(begin, end):
        if context != center:
            for part in range(part_splits[sampled[context]], part_splits[sampled[context] + 1]):
                _add(np.float32(1), gradient, vectors[parts[part]])


@inlined
def _prefetch_row(rows: Float32, row: int) -> None:
    """Prefetch a row that is needed soon."""
    for column in range(0, rows.shape[1], _LINE):
        prefetch_to_write(rows, row, column)


@inlined
def _sample(values: Int32, start: int, stop: int, keep_thresholds: UInt32, random_state: UInt64, sampled: Int32) -> int:
    """Write the ids of a row that are kept by subsampling to ``sampled``, and return their number."""
    length = 0
    for position in range(start, stop):
        if _next_random(random_state) >> _HALF <= keep_thresholds[values[position]]:
            sampled[length] = values[position]
            length += 1
    return length


@inlined
def _train_pair(
    vector: Float32,
    outputs: Float32,
    targets: Int32,
    sigmoid: Float32,
    loss: Float32,
    learning_rate: float,
    gradient: Float32,
) -> float:
    """Update ``vector`` and the outputs of ``targets``, the first of which is positive. Return the loss before."""
    total = np.float32(0)
    gradient[:] = 0
    for k in range(len(targets)):
        if k and targets[k] == targets[0]:
            continue
        output = outputs[targets[k]]
        score = _dot(vector, output)
        point = min(max(np.int64((score + np.float32(SIGMOID_REACH)) * _POINTS_PER_UNIT), 0), SIGMOID_POINTS - 1)
        total += loss[point] if k == 0 else loss[SIGMOID_POINTS - 1 - point]
        step = (np.float32(k == 0) - sigmoid[point]) * learning_rate
        _add(step, output, gradient)
        _add(step, vector, output)
    _add(np.float32(1), gradient, vector)
    return total


@inlined
def _next_random(random_state: UInt64) -> int:
    """Return the next state of a linear congruential generator. Its upper half is sufficiently random."""
    random_state[0] = random_state[0] * _FACTOR + _STEP
    return random_state[0]


@inlined_fastmath
def _dot(one: Float32, other: Float32) -> float:
    total = np.float32(0)
    for i in range(len(one)):
        total += one[i] * other[i]
    return total


@inlined_fastmath
def _add(factor: float, vector: Float32, to: Float32) -> None:
    for i in range(len(to)):
        to[i] += factor * vector[i]
