"""``a`` is to ``b`` as ``c`` is to what? Answered by adding and taking away vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tokemb._validation import check_count
from tokemb.analysis.nearest import Neighbor, named, near_to
from tokemb.analysis.queries import row_of
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder

if TYPE_CHECKING:
    import keras


def analogy(
    model: keras.Model | Path | str | TokenVectors, encoder: Encoder | None, a: str, b: str, c: str, k: int = 10
) -> list[Neighbor]:
    """The ``k`` likeliest answers to "``a`` is to ``b`` as ``c`` is to ?", likeliest first, ties by id.

    They are the tokens nearest to b - a + c, each vector at length 1, without the three themselves: the method of
    Mikolov, Yih and Zweig, "Linguistic Regularities in Continuous Space Word Representations" (2013), which Levy and
    Goldberg, "Linguistic Regularities in Sparse and Explicit Word Representations" (2014), call 3CosAdd.
    The arguments and errors are those of ``neighbors``; none are found if b - a + c is zeros.

    >>> import tokemb
    >>> encoder = tokemb.fit_vocab(["king man queen woman"])
    >>> model = tokemb.embedding_model(encoder, vectors=[[0, 0], [0, 0], [9, 1], [1, 1], [9, 8], [1, 8]])
    >>> tokemb.analysis.analogy(model, encoder, "man", "king", "woman")[0].token
    'queen'
    """
    check_count("k", k)
    vectors = TokenVectors.load(model, encoder)
    rows = np.array([[row_of(vectors, word) for word in (a, b, c)]])
    return named(vectors, next(answers(vectors, rows, k)))


def answers(
    vectors: TokenVectors, questions: npt.NDArray[np.int64], k: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    """For ``questions``, rows (questions, 3) of a, b and c, the likeliest rows and their similarities."""
    a, b, c = (vectors.unit[questions[:, place]].astype(np.float64) for place in range(3))
    sums = b - a + c
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    directions = np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 0)
    return near_to(vectors, directions.astype(np.float32), questions, k)
