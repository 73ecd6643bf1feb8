"""Convert rows of ids to a dense matrix with one column per id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from tokemb._arrays import Float64
from tokemb.errors import ArgumentError


def count_matrix(
    sequences: Sequence[Sequence[int]],
    columns: int,
    mode: str,
    documents: Mapping[int, int],
    document_count: int,
) -> Float64:
    """Make the bag-of-words matrix of rows of ids.

    Args:
        sequences: The rows of ids.
        columns: The number of columns. Higher ids are dropped.
        mode: A mode of ``Tokenizer.sequences_to_matrix``.
        documents: The number of rows of the corpus that contain each id.
        document_count: The number of rows of the corpus.

    Returns:
        float64 array ``(rows, columns)``.

    Raises:
        ArgumentError: If the mode is invalid and there is at least one id.
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
        frequencies = np.array([documents.get(index, 0) for index in indices])
        return (1 + np.log(occurrences)) * np.log(1 + document_count / (1 + frequencies))
    raise ArgumentError(f"mode must be one of binary, count, tfidf, freq; received {mode!r}")
