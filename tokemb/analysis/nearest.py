"""The tokens whose vectors point most nearly in the same direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tokemb._validation import check_count
from tokemb.analysis.queries import row_of
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.rows.pooling import Float32

if TYPE_CHECKING:
    import keras

# Similarities that are computed at a time, of some queries with all tokens.
_BLOCK = 1 << 25

# Decimals that float32 vectors bear: similarities that agree in them tie.
_DIGITS = 6


@dataclass(frozen=True)
class Neighbor:
    """A token near another: its ``similarity``, the cosine from -1 to 1, and its ``count`` in the corpus if known."""

    token: str
    id: int
    similarity: float
    count: int | None


@dataclass(frozen=True)
class Neighbors:
    """The tokens nearest to ``word``, which is ``token`` in the vocabulary; none if its vector is zeros."""

    word: str
    token: str
    id: int
    count: int | None
    neighbors: list[Neighbor]


def neighbors(
    model: keras.Model | Path | str | TokenVectors, encoder: Encoder | None, words: Iterable[str], k: int = 10
) -> list[Neighbors]:
    """The ``k`` tokens nearest to each of ``words`` by the cosine of their vectors, nearest first.

    Cosines have six decimals, as many as float32 vectors bear; among those that are equal the lower id is first.

    ``model``, ``encoder``: as for ``TokenVectors.load``, which also gives what to pass as ``model`` for many calls.
    ``words``: each is normalized as the encoder does texts, and must be one token then.
    Padding, ``[UNK]``, unused ids and vectors of zeros are nobody's neighbours; a word whose vector is zeros has none.
    Raises ``ArgumentError``, naming the closest spellings, for a word that is not one token; else as
    ``TokenVectors.load``.

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
        Neighbors(word, vectors.tokens[row], row, vectors.count(row), named(vectors, near))
        for word, row, near in zip(words, rows, found, strict=True)
    ]


def nearest(
    vectors: TokenVectors, rows: npt.NDArray[np.int64], k: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    """For each of ``rows`` (queries,) its nearest other rows, at most ``k``, and their similarities, nearest first."""
    return near_to(vectors, vectors.unit[rows], rows[:, None], k)


def near_to(
    vectors: TokenVectors, directions: Float32, left_out: npt.NDArray[np.int64], k: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    """The rows nearest to each of ``directions``, float32 (queries, dim) of length 1 or 0, and their similarities.

    ``left_out``: rows (queries, n) that are not to be found for each. A direction of zeros has no neighbours.
    """
    candidates = np.flatnonzero(vectors.directed)
    unit = vectors.unit if len(candidates) == len(vectors.unit) else vectors.unit[candidates]
    block = max(1, _BLOCK // max(1, len(candidates)))
    for start in range(0, len(directions), block):
        queries = directions[start : start + block]
        similarities = queries @ unit.T
        for query, row, out in zip(queries, similarities, left_out[start : start + block], strict=True):
            row[np.searchsorted(candidates, out[np.isin(out, candidates)])] = -np.inf
            found, exact = _best(unit, query, row, k)
            yield candidates[found], exact


def _best(
    unit: Float32, query: Float32, similarities: Float32, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The indices of the ``k`` highest and their values, ties by index; those that are -inf do not count."""
    if not query.any():
        return np.zeros(0, np.int64), np.zeros(0)
    k = min(k, int(np.count_nonzero(similarities > -np.inf)))
    if k == 0:
        return np.zeros(0, np.int64), np.zeros(0)
    least = np.partition(similarities, len(similarities) - k)[len(similarities) - k]
    # The product of matrices rounds equal rows differently here and there: what may be among the best is computed again
    # in float64, in one order, so that equal vectors tie and the answer does not depend on the other queries.
    close = np.flatnonzero(similarities >= least - 2 * len(query) * np.finfo(np.float32).eps)
    exact = (unit[close].astype(np.float64) * query).sum(axis=1).round(_DIGITS)
    order = np.lexsort((close, -exact))[:k]
    return close[order], exact[order]


def named(vectors: TokenVectors, near: tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]) -> list[Neighbor]:
    """Rows and similarities as ``nearest`` gives them, with their tokens."""
    return [
        Neighbor(vectors.tokens[row], row, similarity, vectors.count(row))
        for row, similarity in zip(near[0].tolist(), near[1].tolist(), strict=True)
    ]
