"""Token vectors to be compared, from a model and its vocabulary or from a file of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tokemb._arrays import Bool, Float32, Int64
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.models.embedder import MODEL_ENDINGS, Embedder, check_no_vocabulary

if TYPE_CHECKING:
    import keras

# Keras initializes an Embedding uniformly from minus this to this.
_NEW_RANGE = 0.05


@dataclass(frozen=True)
class TokenVectors:
    """Token vectors that are compared by cosine.

    Attributes:
        tokens: The token of each row.
        matrix: The vectors, float32 ``(rows, dim)``.
        real: Which rows are tokens that a text can contain, bool ``(rows,)``. Padding, ``[UNK]`` and unused ids are
            not.
        counts: The count of each token in the corpus, int64 ``(rows,)``. -1 if it is not known.
        encoder: The vocabulary whose ids the rows are. ``None`` for a file of vectors without one.
    """

    tokens: list[str]
    matrix: Float32
    real: Bool
    counts: Int64
    encoder: Encoder | None = None

    @classmethod
    def load(cls, model: keras.Model | Path | str | TokenVectors, encoder: Encoder | None = None) -> TokenVectors:
        """Load the vectors of a model or of a file.

        Args:
            model: A Keras model or the path of a saved one (``.keras``, ``.h5``), whose ``Embedding`` is read; or a
                file that ``tokemb.models.pretrained.load_vectors`` reads. ``TokenVectors`` are returned unchanged.
            encoder: The vocabulary of the model. For a file of vectors it selects the tokens to load; without it all
                tokens of the file are loaded.

        Raises:
            ModelError: If the model belongs to another vocabulary, has no single ``Embedding`` of ids, or contains NaN
                or infinity.
            VectorsError: If a file of vectors cannot be read.
            ArgumentError: If a model has no ``encoder``.
        """
        if isinstance(model, TokenVectors):
            return model
        if isinstance(model, (Path, str)) and not is_model(Path(model)):
            return _from_file(Path(model), encoder)
        if isinstance(model, (Path, str)):
            check_no_vocabulary(Path(model))
        if encoder is None:
            raise ArgumentError("a Keras model requires its vocabulary: pass encoder=...")
        matrix = Embedder(model, encoder).matrix[: encoder.input_dim]
        if not np.isfinite(matrix).all():
            raise ModelError(
                "the vectors of the model are NaN or infinite: train it again from good weights, with a smaller "
                "learning rate"
            )
        return cls.of_matrix(matrix, encoder)

    @classmethod
    def of_matrix(cls, matrix: Float32, encoder: Encoder) -> TokenVectors:
        """Return the vectors of the ids of a vocabulary, float32 ``(input_dim, dim)``."""
        from tokemb.models.pretrained import real_tokens

        counts = encoder.table["count"].fill_null(-1).to_numpy()
        return cls(encoder.vocabulary, matrix, real_tokens(encoder), counts, encoder)

    @property
    def untrained(self) -> bool:
        """Whether the vectors look like the initial ones of Keras: uniform from -0.05 to 0.05.

        Training soon moves some values out of this range, or makes them smaller on average.
        """
        values = self.matrix.astype(np.float64)
        if not values.size or np.abs(values).max() > _NEW_RANGE:
            return False
        # The mean square of n uniform values, times 3 / range², is 1 with a standard deviation of sqrt(0.8 / n).
        return abs((values**2).mean() * 3 / _NEW_RANGE**2 - 1) < 5 * np.sqrt(0.8 / values.size)

    @cached_property
    def unit(self) -> Float32:
        """The vectors scaled to length 1, float32 ``(rows, dim)``. Zero vectors are unchanged."""
        # In float64, the square of a float32 neither overflows nor underflows.
        norms = np.sqrt(np.einsum("ij,ij->i", self.matrix, self.matrix, dtype=np.float64, casting="same_kind"))
        norms[norms == 0] = 1
        unit = np.empty_like(self.matrix)
        np.divide(self.matrix, norms[:, None], out=unit, casting="same_kind")
        return unit

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each token, by its exact spelling."""
        return {token: row for row, token in enumerate(self.tokens) if token}

    @cached_property
    def has_direction(self) -> Bool:
        """Which rows can have and be neighbours, bool ``(rows,)``: the real tokens whose vector is not zero."""
        return self.real & self.matrix.any(axis=1)

    def count(self, row: int) -> int | None:
        """Return the count of the token of a row in the corpus, or ``None`` if it is not known."""
        return None if self.counts[row] < 0 else int(self.counts[row])


def is_model(path: Path) -> bool:
    """Return whether the name of a path is that of a Keras model and not of a file of vectors."""
    return path.suffix in MODEL_ENDINGS or path.is_dir()


def _from_file(path: Path, encoder: Encoder | None) -> TokenVectors:
    from tokemb.models.pretrained import load_vectors, tokens_of_vectors

    if encoder is not None:
        return TokenVectors.of_matrix(load_vectors(path, encoder.vocabulary).matrix, encoder)
    tokens = tokens_of_vectors(path)
    loaded = load_vectors(path, tokens)
    return TokenVectors(tokens, loaded.matrix, loaded.found, np.full(len(tokens), -1))
