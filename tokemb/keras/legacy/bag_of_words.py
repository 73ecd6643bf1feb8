"""Rows of ids to a dense matrix, a column an id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tokemb.errors import ArgumentError

Float64 = npt.NDArray[np.float64]


def count_matrix(
    sequences: Sequence[Sequence[int]],
    columns: int,
    mode: str,
    documents: Mapping[int, int],
    document_count: int,
) -> Float64:
    """Float64 (rows, ``columns``); ids from ``columns`` up are left out. The modes are those of the ``Tokenizer``.

    ``documents``: for an id, the rows of the corpus that hold it; ``document_count``: all of them.
    Raises ``ArgumentError`` for another mode, once there is an id.
    """
    matrix = np.zeros((len(sequences), columns))
    for row, sequence in zip(matrix, sequences, strict=True):
        counts = Counter(index for index in sequence if index < columns)
        if counts:
            indices = list(counts)
            occurrences = np.array(list(counts.values()), np.float64)
            row[indices] = _weights(mode, occurrences, len(sequence), indices, documents, document_count)
    return matrix


def _weights(
    mode: str,
    occurrences: Float64,
    length: int,
    indices: list[int],
    documents: Mapping[int, int],
    document_count: int,
) -> Float64 | float:
    if mode == "binary":
        return 1.0
    if mode == "count":
        return occurrences
    if mode == "freq":
        return occurrences / length
    if mode == "tfidf":
        rows_with = np.array([documents.get(index, 0) for index in indices])
        return (1 + np.log(occurrences)) * np.log(1 + document_count / (1 + rows_with))
    raise ArgumentError(f"Unknown vectorization mode: it must be binary, count, tfidf or freq; received {mode!r}")
