"""Maps: the tokens to show, their positions, and their nearest tokens in all dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tokemb._arrays import Int64
from tokemb._validation import check_choice, check_count
from tokemb.analysis.nearest import nearest
from tokemb.analysis.projection import LEAST_POINTS, METHODS, Positions, project
from tokemb.analysis.queries import find_row
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.files.output_kind import Kind

if TYPE_CHECKING:
    import keras


MAKER = "made with tokemb"
MAP = Kind.of_marker("a map by tokemb", MAKER)


_NEIGHBORS = 10


@dataclass(frozen=True)
class WordMap:
    """Tokens in two dimensions.

    Attributes:
        tokens: The token of each point, by descending count.
        counts: The count of each token. ``None`` if it is not known.
        positions: float64 ``(points, 2)`` from 0 to 1. The y axis points upwards.
        near: For each point, the indices of at most ten nearest points by the cosine in all dimensions.
        similar: The cosines of ``near``.
        method: The dimensionality reduction method, ``"t-SNE"`` or ``"PCA"``.
        left_out: The selected words that are not on the map because they are out of vocabulary or have a zero vector.
    """

    tokens: list[str]
    counts: list[int | None]
    positions: Positions
    near: list[list[int]]
    similar: list[list[float]]
    method: str
    left_out: list[str]


def word_map(
    model: keras.Model | Path | str | TokenVectors,
    encoder: Encoder | None = None,
    *,
    method: str = "tsne",
    top: int = 1000,
    words: Iterable[str] | None = None,
    seed: int = 0,
) -> WordMap:
    """Make a map of the ``top`` most frequent tokens, or of ``words``. This function requires scikit-learn.

    Args:
        model: A Keras model or vectors, as for ``TokenVectors.load``.
        encoder: The vocabulary of the model.
        method: ``"tsne"`` or ``"pca"``.
        top: The number of tokens.
        words: The words to show instead of the most frequent tokens, as for ``neighbors``.
        seed: The random seed. A seed reproduces the map on the same machine. The number of cores does not matter.

    Raises:
        ArgumentError: If an argument is invalid, or there are fewer than four tokens.
        MissingPackageError: If scikit-learn is not installed. Other errors are those of ``TokenVectors.load``.
    """
    check_choice("method", method, METHODS)
    check_count("top", top)
    check_count("seed", seed, least=0)
    vectors = TokenVectors.load(model, encoder)
    rows, left_out = (_most_frequent(vectors, top), []) if words is None else _rows_of_words(vectors, words)
    if len(rows) < LEAST_POINTS:
        raise ArgumentError(
            f"a map requires at least {LEAST_POINTS} tokens whose vectors are not zeros; received {len(rows)}"
        )
    subset = TokenVectors(
        [vectors.tokens[row] for row in rows], vectors.matrix[rows], np.ones(len(rows), np.bool_), vectors.counts[rows]
    )
    positions = project(subset.unit, method, seed)
    neighborhoods = list(nearest(subset, np.arange(len(rows)), _NEIGHBORS))
    return WordMap(
        subset.tokens,
        [subset.count(row) for row in range(len(rows))],
        positions,
        [near.tolist() for near, _ in neighborhoods],
        [similar.tolist() for _, similar in neighborhoods],
        METHODS[method],
        left_out,
    )


def _sort_by_count(vectors: TokenVectors, rows: Int64) -> Int64:
    """Sort rows by descending count. Ties, and rows without known counts, are ordered by id."""
    return rows[np.lexsort((rows, -vectors.counts[rows]))]


def _most_frequent(vectors: TokenVectors, top: int) -> Int64:
    return _sort_by_count(vectors, np.flatnonzero(vectors.has_direction))[:top]


def _rows_of_words(vectors: TokenVectors, words: Iterable[str]) -> tuple[Int64, list[str]]:
    if isinstance(words, str):
        raise ArgumentError(f"words must be a list of words, as [{words!r}]; received {words!r}")
    rows, left_out = set(), []
    for word in words:
        row = find_row(vectors, word)
        if row is None or not vectors.has_direction[row]:
            left_out.append(word)
        else:
            rows.add(row)
    return _sort_by_count(vectors, np.array(sorted(rows), np.int64)), left_out
