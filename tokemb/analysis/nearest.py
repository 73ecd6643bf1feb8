"""Nearest tokens by the cosine of their vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tokemb._arrays import Float32, Float64, Int64
from tokemb._validation import check_count
from tokemb.analysis.queries import row_of
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError

if TYPE_CHECKING:
    import keras

# The number of decimals that float32 vectors determine. Similarities that agree in them are ties.
_DECIMALS = 6


@dataclass(frozen=True)
class Neighbor:
    """A token near another one.

    Attributes:
        token: The token.
        id: Its id.
        similarity: The cosine, from -1 to 1.
        count: Its count in the corpus. ``None`` if it is not known.
    """

    token: str
    id: int
    similarity: float
    count: int | None


@dataclass(frozen=True)
class Neighbors:
    """The tokens nearest to a word.

    Attributes:
        word: The word of the query.
        token: Its token in the vocabulary.
        id: The id of the token.
        count: The count of the token in the corpus. ``None`` if it is not known.
        neighbors: The nearest tokens. There are none if the vector is zero.
    """

    word: str
    token: str
    id: int
    count: int | None
    neighbors: list[Neighbor]


def neighbors(
    model: keras.Model | Path | str | TokenVectors, encoder: Encoder | None, words: Iterable[str], k: int = 10
) -> list[Neighbors]:
    """Return the ``k`` tokens nearest to each of ``words`` by the cosine of their vectors, nearest first.

    Cosines are rounded to six decimals. Ties are ordered by id. Padding, ``[UNK]``, unused ids and zero vectors are
    never neighbours. A word with a zero vector has none.

    Args:
        model: A Keras model, the path of a model or of a file of vectors, or ``TokenVectors``, which are loaded once
            for many calls.
        encoder: The vocabulary of the model.
        words: Words. Each is normalized like a text and must then be one token.
        k: The maximum number of neighbours of each word.

    Raises:
        ArgumentError: If a word is not one token. The message names the closest spellings. Other errors are those of
            ``TokenVectors.load``.

    Example:
        >>> import tokemb
        >>> encoder = tokemb.fit_vocab(["good fine bad"])
        >>> model = tokemb.embedding_model(encoder, vectors=[[0, 0], [1, 1], [-1, 0], [3, 4], [4, 3]])
        >>> for near in tokemb.neighbors(model, encoder, ["Good"])[0].neighbors:
        ...     print(f"{near.token} {near.similarity:.2f} {near.count}")
        fine 0.96 1
        bad -0.80 1
    """
    if isinstance(words, str):
        raise ArgumentError(f"words must be a list of words, as [{words!r}]; received {words!r}")
    check_count("k", k)
    vectors = TokenVectors.load(model, encoder)
    words = list(words)
    rows = [row_of(vectors, word) for word in words]
    found = nearest(vectors, np.array(rows, np.int64), k)
    return [
        Neighbors(word, vectors.tokens[row], row, vectors.count(row), make_neighbors(vectors, near))
        for word, row, near in zip(words, rows, found, strict=True)
    ]


def nearest(vectors: TokenVectors, rows: Int64, k: int) -> Iterator[tuple[Int64, Float64]]:
    """Yield the nearest other rows of each row, at most ``k``, and their similarities, nearest first."""
    return nearest_to_directions(vectors, vectors.unit[rows], rows[:, None], k)


def nearest_to_directions(
    vectors: TokenVectors,
    directions: Float32,
    excluded: Int64,
    k: int,
    max_similarities: int = 1 << 25,
) -> Iterator[tuple[Int64, Float64]]:
    """Yield the rows nearest to each direction, and their similarities.

    Args:
        vectors: The vectors to search.
        directions: Vectors of length 1 or 0, float32 ``(queries, dim)``. A zero vector has no neighbours.
        excluded: Rows that are not neighbours of each query, ``(queries, n)``.
        k: The maximum number of rows for each query.
        max_similarities: The maximum number of similarities that are in memory at once, of some queries with all
            tokens.
    """
    candidates = np.flatnonzero(vectors.has_direction)
    unit = vectors.unit if len(candidates) == len(vectors.unit) else vectors.unit[candidates]
    block = max(1, max_similarities // max(1, len(candidates)))
    for start in range(0, len(directions), block):
        queries = directions[start : start + block]
        similarities = queries @ unit.T
        for query, row, excluded_rows in zip(queries, similarities, excluded[start : start + block], strict=True):
            row[np.searchsorted(candidates, excluded_rows[np.isin(excluded_rows, candidates)])] = -np.inf
            found, exact = _top_k(unit, query, row, k)
            yield candidates[found], exact


def _top_k(unit: Float32, query: Float32, similarities: Float32, k: int) -> tuple[Int64, Float64]:
    """Return the indices of the ``k`` highest similarities and their values.

    Ties are ordered by index. -inf is left out.
    """
    if not query.any():
        return np.zeros(0, np.int64), np.zeros(0)
    k = min(k, int(np.count_nonzero(similarities > -np.inf)))
    if k == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    threshold = np.partition(similarities, len(similarities) - k)[len(similarities) - k]
    # A matrix product may round equal rows differently. Rows that may be among the best are therefore computed again in
    # float64 and a fixed order, so that equal vectors are ties and the result does not depend on the other queries.
    finalists = np.flatnonzero(similarities >= threshold - 2 * len(query) * np.finfo(np.float32).eps)
    exact = (unit[finalists].astype(np.float64) * query).sum(axis=1).round(_DECIMALS)
    order = np.lexsort((finalists, -exact))[:k]
    return finalists[order], exact[order]


def make_neighbors(vectors: TokenVectors, near: tuple[Int64, Float64]) -> list[Neighbor]:
    """Return the rows and similarities of one result of ``nearest`` as ``Neighbor`` objects."""
    return [
        Neighbor(vectors.tokens[row], row, similarity, vectors.count(row))
        for row, similarity in zip(near[0].tolist(), near[1].tolist(), strict=True)
    ]
