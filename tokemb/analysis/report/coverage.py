"""The size of a vocabulary against what it covers and the memory of its embedding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Int64
from tokemb.analysis.report.frequencies import Frequencies

RESERVED = 2
"""The number of ids before those of the tokens: padding and out of vocabulary."""

_BYTES_PER_WEIGHT = 4
_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class SizePoint:
    """A possible size of the vocabulary.

    Attributes:
        size: The number of tokens, ``max_size`` of ``fit_vocab``.
        min_count: The count of the rarest of these tokens.
        coverage: The share of all tokens of the text that are in the vocabulary.
        document_coverage: The share of the pairs of a row and one of its distinct tokens whose token is in the
            vocabulary. ``None`` if it is not known, because the counts of some tokens are missing.
        complete_rows: The share of rows all of whose tokens are in the vocabulary. ``None`` without the texts.
        embedding_mb: The size of a float32 ``Embedding`` with the dimension of the report, in megabytes.
    """

    size: int
    min_count: int
    coverage: float
    document_coverage: float | None
    complete_rows: float | None
    embedding_mb: float


def size_curve(
    frequencies: Frequencies, sizes: Iterable[int], dim: int, complete_rows: Int64 | None = None
) -> list[SizePoint]:
    """Return the points of the curve for ``sizes``, each from 1 to the number of ranked tokens.

    Args:
        frequencies: The frequencies.
        sizes: The sizes.
        dim: The dimension of the embedding.
        complete_rows: The number of rows whose tokens all have at most each rank, int64 ``(ranked + 1,)``.
    """
    covered, total = frequencies.occurrences(), max(frequencies.total, 1)
    documents, pairs = frequencies.documents, frequencies.pairs
    covered_pairs = None if documents is None or pairs is None else np.cumsum(documents) / max(pairs, 1)
    return [
        SizePoint(
            size,
            int(frequencies.counts[size - 1]),
            int(covered[size - 1]) / total,
            None if covered_pairs is None else float(covered_pairs[size - 1]),
            None if complete_rows is None else int(complete_rows[size]) / max(frequencies.rows, 1),
            embedding_mb(size, dim),
        )
        for size in sizes
    ]


def embedding_mb(size: int, dim: int) -> float:
    """Return the megabytes of a float32 ``Embedding`` of ``size`` tokens and the ids of padding and OOV."""
    return (size + RESERVED) * dim * _BYTES_PER_WEIGHT / 1e6


def round_sizes(ranked: int) -> list[int]:
    """Return 1, 2, 5, 10, 20, 50, ... below ``ranked``, and ``ranked``."""
    powers = range(len(str(ranked)))
    sizes = [step * 10**power for power in powers for step in _STEPS if step * 10**power < ranked]
    return [*sizes, ranked] if ranked else []
