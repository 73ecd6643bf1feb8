"""Which tokens a map shows, where, and what is near them in all dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tokemb._validation import check_choice, check_count
from tokemb.analysis.nearest import nearest
from tokemb.analysis.projection import LEAST_POINTS, METHODS, Positions, project
from tokemb.analysis.queries import find_row
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError

if TYPE_CHECKING:
    import keras

_NEIGHBORS = 10


@dataclass(frozen=True)
class WordMap:
    """Tokens on a plane.

    ``tokens``, ``counts``: of every point, the most frequent first; a count is ``None`` where it is not known.
    ``positions``: float64 (points, 2), from 0 to 1, y upwards.
    ``near``: for each point the points nearest to it, at most ten, by the cosine in all dimensions; ``similar``: these
    cosines. ``method``: how the positions were made, ``"t-SNE"`` or ``"PCA"``.
    ``left_out``: chosen words that are not on the map: no token of the vocabulary, or one whose vector is zeros.
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
    """A map of the ``top`` most frequent tokens, or of ``words``. Needs scikit-learn.

    ``model``, ``encoder``: as for ``TokenVectors.load``. ``method``: ``"tsne"`` or ``"pca"``.
    ``words``: as ``neighbors`` takes them; those that are no token are in ``left_out``.
    ``seed``: the same gives the same map on the same machine, whatever the number of cores.
    Raises ``ArgumentError`` for settings that cannot be and for fewer than four tokens, ``MissingPackageError`` without
    scikit-learn; else as ``TokenVectors.load``.
    """
    check_choice("method", method, METHODS)
    check_count("top", top)
    check_count("seed", seed, least=0)
    vectors = TokenVectors.load(model, encoder)
    rows, left_out = (_most_frequent(vectors, top), []) if words is None else _chosen(vectors, words)
    if len(rows) < LEAST_POINTS:
        raise ArgumentError(f"a map needs {LEAST_POINTS} or more tokens whose vectors are not zeros; found {len(rows)}")
    part = TokenVectors(
        [vectors.tokens[row] for row in rows], vectors.matrix[rows], np.ones(len(rows), np.bool_), vectors.counts[rows]
    )
    positions = project(part.unit, method, seed)
    found = list(nearest(part, np.arange(len(rows)), _NEIGHBORS))
    return WordMap(
        part.tokens,
        [part.count(row) for row in range(len(rows))],
        positions,
        [near.tolist() for near, _ in found],
        [similar.tolist() for _, similar in found],
        METHODS[method],
        left_out,
    )


def _by_count(vectors: TokenVectors, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The most frequent first, ties by id; where no counts are known in the order of ids."""
    return rows[np.lexsort((rows, -vectors.counts[rows]))]


def _most_frequent(vectors: TokenVectors, top: int) -> npt.NDArray[np.int64]:
    return _by_count(vectors, np.flatnonzero(vectors.directed))[:top]


def _chosen(vectors: TokenVectors, words: Iterable[str]) -> tuple[npt.NDArray[np.int64], list[str]]:
    if isinstance(words, str):
        raise ArgumentError(f"words must be a list of words, as [{words!r}]; received {words!r}")
    rows, left_out = set(), []
    for word in words:
        row = find_row(vectors, word)
        if row is None or not vectors.directed[row]:
            left_out.append(word)
        else:
            rows.add(row)
    return _by_count(vectors, np.array(sorted(rows), np.int64)), left_out
