"""Analogies: ``a`` is to ``b`` as ``c`` is to which token? They are solved by vector arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tokemb._arrays import Float64, Int64
from tokemb._validation import check_count
from tokemb.analysis.nearest import Neighbor, make_neighbors, nearest_to_directions
from tokemb.analysis.queries import row_of
from tokemb.analysis.token_vectors import TokenVectors
from tokemb.encoder import Encoder

if TYPE_CHECKING:
    import keras


def analogy(
    model: keras.Model | Path | str | TokenVectors, encoder: Encoder | None, a: str, b: str, c: str, k: int = 10
) -> list[Neighbor]:
    """Return the ``k`` most similar answers to "``a`` is to ``b`` as ``c`` is to ?", best first.

    Ties are ordered by id.

    The answers are the tokens nearest to b - a + c, where each vector has length 1, without the three tokens
    themselves. The method is that of Mikolov, Yih and Zweig, "Linguistic Regularities in Continuous Space Word
    Representations" (2013). Levy and Goldberg, "Linguistic Regularities in Sparse and Explicit Word Representations"
    (2014), call it 3CosAdd. There are no answers if b - a + c is zero.

    Args:
        model: A Keras model or vectors, as for ``neighbors``.
        encoder: The vocabulary of the model.
        a: The first word of the known pair.
        b: The second word of the known pair.
        c: The first word of the other pair.
        k: The maximum number of answers.

    Raises:
        ArgumentError: If a word is not one token. Other errors are those of ``neighbors``.

    Example:
        >>> import tokemb
        >>> encoder = tokemb.fit_vocab(["king man queen woman"])
        >>> model = tokemb.embedding_model(encoder, vectors=[[0, 0], [0, 0], [9, 1], [1, 1], [9, 8], [1, 8]])
        >>> tokemb.analysis.analogy(model, encoder, "man", "king", "woman")[0].token
        'queen'
    """
    check_count("k", k)
    vectors = TokenVectors.load(model, encoder)
    rows = np.array([[row_of(vectors, word) for word in (a, b, c)]])
    return make_neighbors(vectors, next(solve_analogies(vectors, rows, k)))


def solve_analogies(vectors: TokenVectors, questions: Int64, k: int) -> Iterator[tuple[Int64, Float64]]:
    """Yield the best rows and their similarities for each question. A question is a row (a, b, c) of ``questions``."""
    a, b, c = (vectors.unit[questions[:, place]].astype(np.float64) for place in range(3))
    sums = b - a + c
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    directions = np.divide(sums, norms, out=np.zeros_like(sums), where=norms > 0)
    return nearest_to_directions(vectors, directions.astype(np.float32), questions, k)
