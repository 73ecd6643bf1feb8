"""The vectors of tokens, ready to be compared: from a model and its vocabulary, or from a file of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.models.embedder import MODEL_ENDINGS, Embedder, check_no_vocabulary
from tokemb.rows.pooling import Float32

if TYPE_CHECKING:
    import keras

# Keras draws the rows of a new Embedding evenly from minus this to this.
_NEW_RANGE = 0.05


@dataclass(frozen=True)
class TokenVectors:
    """The vectors of tokens, compared by the cosine of the angle between them.

    ``tokens``: of every row. ``matrix``: their vectors, float32 (rows, dim).
    ``real``: bool (rows,), which rows are tokens that a text can hold: not padding, ``[UNK]``, or an unused id.
    ``counts``: int64 (rows,), how often each occurs in the corpus, -1 where that is not known.
    ``encoder``: the vocabulary whose ids the rows are; ``None`` for a file of vectors without one.
    """

    tokens: list[str]
    matrix: Float32
    real: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.int64]
    encoder: Encoder | None = None

    @classmethod
    def load(cls, model: keras.Model | Path | str | TokenVectors, encoder: Encoder | None = None) -> TokenVectors:
        """The vectors in ``model``.

        ``model``: a Keras model, or the path of a saved one (``.keras``, ``.h5``), with its ``encoder``: the weights of
        the ``Embedding`` that ids go to; or a file that ``tokemb.models.pretrained.load_vectors`` reads: with an
        ``encoder`` the vectors of its tokens, without one all that the file holds. Loaded vectors are returned.
        Raises ``ModelError`` for a model that is of another vocabulary, has not one such ``Embedding``, or holds NaN or
        infinity; ``VectorsError`` for a file that cannot be used; ``ArgumentError`` for a model without ``encoder``.
        """
        if isinstance(model, TokenVectors):
            return model
        if isinstance(model, (Path, str)) and not is_model(Path(model)):
            return _of_file(Path(model), encoder)
        if isinstance(model, (Path, str)):
            check_no_vocabulary(Path(model))
        if encoder is None:
            raise ArgumentError("a Keras model requires the vocabulary that it was made for: pass encoder=...")
        matrix = Embedder(model, encoder).matrix[: encoder.input_dim]
        if not np.isfinite(matrix).all():
            raise ModelError(
                "the vectors of the model are NaN or infinite: train it again from good weights, with a smaller "
                "learning rate"
            )
        return _of_vocabulary(matrix, encoder)

    @property
    def untrained(self) -> bool:
        """Whether the vectors look like those of a new model: drawn evenly from -0.05 to 0.05, as Keras does.

        Training soon takes some numbers out of this range, or makes them smaller on average.
        """
        numbers = self.matrix.astype(np.float64)
        if not numbers.size or np.abs(numbers).max() > _NEW_RANGE:
            return False
        # The mean square of n such numbers, times 3 / range², is 1 with a standard deviation of sqrt(0.8 / n).
        return abs((numbers**2).mean() * 3 / _NEW_RANGE**2 - 1) < 5 * np.sqrt(0.8 / numbers.size)

    @cached_property
    def unit(self) -> Float32:
        """The vectors at length 1, float32 (rows, dim); a vector of zeros, which has no direction, stays as it is."""
        # In float64, where the square of no float32 is too large or too small.
        norms = np.sqrt(np.einsum("ij,ij->i", self.matrix, self.matrix, dtype=np.float64, casting="same_kind"))
        norms[norms == 0] = 1
        unit = np.empty_like(self.matrix)
        np.divide(self.matrix, norms[:, None], out=unit, casting="same_kind")
        return unit

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each token, spelled exactly so."""
        return {token: row for row, token in enumerate(self.tokens) if token}

    @cached_property
    def directed(self) -> npt.NDArray[np.bool_]:
        """Which rows (rows,) have neighbours and can be neighbours: the real ones whose vector is not zeros."""
        return self.real & self.matrix.any(axis=1)

    def count(self, row: int) -> int | None:
        """How often the token of a row occurs in the corpus, ``None`` where that is not known."""
        return None if self.counts[row] < 0 else int(self.counts[row])


def is_model(path: Path) -> bool:
    """Whether a path is by its name that of a Keras model, not of a file of vectors."""
    return path.suffix in MODEL_ENDINGS or path.is_dir()


def _of_vocabulary(matrix: Float32, encoder: Encoder) -> TokenVectors:
    from tokemb.models.pretrained import real_tokens

    counts = encoder.table["count"].fill_null(-1).to_numpy()
    return TokenVectors(encoder.vocabulary, matrix, real_tokens(encoder), counts, encoder)


def _of_file(path: Path, encoder: Encoder | None) -> TokenVectors:
    from tokemb.models.pretrained import load_vectors, tokens_of_vectors

    if encoder is not None:
        return _of_vocabulary(load_vectors(path, encoder.vocabulary).matrix, encoder)
    tokens = tokens_of_vectors(path)
    loaded = load_vectors(path, tokens)
    return TokenVectors(tokens, loaded.matrix, loaded.found, np.full(len(tokens), -1))
