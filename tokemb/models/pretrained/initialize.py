"""From the vectors that were found to the matrix that training starts from, and how much of the text they cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VectorsError
from tokemb.models.pretrained.pretrained_vectors import Pretrained
from tokemb.rows.pooling import Float32

MISSING = ("random", "zeros", "mean")
"""How the rows of tokens without a vector are made."""


@dataclass(frozen=True)
class Coverage:
    """How many tokens of a vocabulary, padding and ``[UNK]`` apart, have a vector.

    ``occurrences``, ``occurrences_found``: the same, each token counted as often as it occurs in the corpus that the
    vocabulary was fitted to; ``None`` where that is not known.
    """

    tokens: int
    tokens_found: int
    occurrences: int | None
    occurrences_found: int | None

    def __str__(self) -> str:
        text = f"{self.tokens_found:,} of {self.tokens:,} tokens"
        if not self.occurrences or self.occurrences_found is None:
            return text
        return f"{text}, {self.occurrences_found / self.occurrences:.2%} of their occurrences"


def coverage(encoder: Encoder, found: npt.NDArray[np.bool_]) -> Coverage:
    """How much of the vocabulary, and of its corpus, ``found`` bool (input_dim,) covers."""
    real = real_tokens(encoder)
    counts = encoder.table["count"].fill_null(0).to_numpy()
    known = encoder.table["count"].null_count < len(encoder.table)
    return Coverage(
        int(real.sum()),
        int((real & found).sum()),
        int(counts[real].sum()) if known else None,
        int(counts[real & found].sum()) if known else None,
    )


def real_tokens(encoder: Encoder) -> npt.NDArray[np.bool_]:
    """Which ids (input_dim,) are tokens that a text can hold: not padding, ``[UNK]``, or unused."""
    real = np.array([token != "" for token in encoder.vocabulary])
    for index in (encoder.pad_id, encoder.unk_id):
        if index is not None:
            real[index] = False
    return real


def starting_matrix(
    encoder: Encoder, pretrained: Pretrained, *, missing: str = "random", seed: int | None = None
) -> Float32:
    """The matrix to start from, float32 (input_dim, dim).

    The row of padding is zeros. ``missing``: ``"random"`` draws each row without a vector from a normal distribution,
    with the mean and standard deviation that the found rows have in each dimension, and gives ``[UNK]`` the mean;
    ``"zeros"`` and ``"mean"`` make all of them, ``[UNK]`` too, zeros or the mean of the found rows.
    ``seed``: makes the random rows repeatable.
    Raises ``ArgumentError`` for settings that cannot be, ``VectorsError`` if no token of the vocabulary has a vector.
    """
    check_choice("missing", missing, MISSING)
    if len(pretrained.found) != encoder.input_dim:
        raise ArgumentError(
            f"vectors must be loaded for the vocabulary of the encoder, {encoder.input_dim} tokens; "
            f"received {len(pretrained.found)}"
        )
    matrix, found = pretrained.matrix.copy(), pretrained.found & real_tokens(encoder)
    if not found.any():
        raise VectorsError(
            f"{pretrained.source} holds none of the vocabulary's {int(real_tokens(encoder).sum()):,} tokens: is it of "
            "the same language, and are words split and cased alike?"
        )
    lacking = np.flatnonzero(~pretrained.found)
    mean, deviation = (
        getattr(matrix[found], name)(axis=0, dtype=np.float64).astype(np.float32) for name in ("mean", "std")
    )
    if missing == "random":
        noise = np.random.default_rng(seed).standard_normal((len(lacking), pretrained.dim), np.float32)
        matrix[lacking] = mean + deviation * noise
    else:
        matrix[lacking] = mean if missing == "mean" else 0
    if missing == "random" and encoder.unk_id is not None and not pretrained.found[encoder.unk_id]:
        matrix[encoder.unk_id] = mean
    if encoder.pad_id is not None:
        matrix[encoder.pad_id] = 0
    return matrix
