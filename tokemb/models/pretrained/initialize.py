"""Initialize an embedding matrix from pre-trained vectors, and measure their coverage of a vocabulary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Bool, Float32
from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, VectorsError
from tokemb.models.pretrained.pretrained_vectors import Pretrained

INITIALIZERS = ("random", "zeros", "mean")
"""The ways to initialize tokens without a vector."""


@dataclass(frozen=True)
class Coverage:
    """How many tokens of a vocabulary, without padding and ``[UNK]``, have a vector.

    Attributes:
        tokens: The number of tokens.
        tokens_found: The number of tokens with a vector.
        occurrences: The number of occurrences of the tokens in the corpus that the vocabulary was fitted to. ``None``
            if it is not known.
        occurrences_found: The number of occurrences of tokens with a vector.
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


def coverage(encoder: Encoder, found: Bool) -> Coverage:
    """Count the tokens with a vector, and their occurrences.

    Args:
        encoder: The vocabulary.
        found: Whether a vector was found for each id, bool ``(input_dim,)``.
    """
    real = real_tokens(encoder)
    counts = encoder.table["count"].fill_null(0).to_numpy()
    known = encoder.table["count"].null_count < len(encoder.table)
    return Coverage(
        int(real.sum()),
        int((real & found).sum()),
        int(counts[real].sum()) if known else None,
        int(counts[real & found].sum()) if known else None,
    )


def real_tokens(encoder: Encoder) -> Bool:
    """Return which ids, bool ``(input_dim,)``, are tokens of texts: not padding, ``[UNK]`` or unused."""
    real = np.array([token != "" for token in encoder.vocabulary])
    for index in (encoder.pad_id, *encoder.oov_ids):
        if index is not None:
            real[index] = False
    return real


def starting_matrix(
    encoder: Encoder, pretrained: Pretrained, *, initializer: str = "random", seed: int | None = None
) -> Float32:
    """Make the initial embedding matrix of a vocabulary from pre-trained vectors.

    Args:
        encoder: The vocabulary.
        pretrained: The vectors of its tokens.
        initializer: How to initialize tokens without a vector. ``"random"`` samples each row from a normal distribution
            with the mean and standard deviation of the found rows in each dimension, and uses the mean for ``[UNK]``
            unless it has several ids.
            ``"zeros"`` and ``"mean"`` use zeros or the mean for all of them, also for ``[UNK]``.
        seed: Seed of the random rows.

    Returns:
        float32 array ``(input_dim, dim)``. The row of padding is zero.

    Raises:
        ArgumentError: If an argument is invalid.
        VectorsError: If no token of the vocabulary has a vector.
    """
    check_choice("initializer", initializer, INITIALIZERS)
    if len(pretrained.found) != encoder.input_dim:
        raise ArgumentError(
            f"vectors must be loaded for the vocabulary of the encoder, {encoder.input_dim} tokens; "
            f"received {len(pretrained.found)}"
        )
    matrix, found = pretrained.matrix.copy(), pretrained.found & real_tokens(encoder)
    if not found.any():
        raise VectorsError(
            f"{pretrained.source} holds none of the vocabulary's {int(real_tokens(encoder).sum()):,} tokens: use "
            "vectors of the same language, or load_vectors(..., ignore_case=True) if only the case differs"
        )
    not_found = np.flatnonzero(~pretrained.found)
    mean, deviation = (
        getattr(matrix[found], name)(axis=0, dtype=np.float64).astype(np.float32) for name in ("mean", "std")
    )
    if initializer == "random":
        noise = np.random.default_rng(seed).standard_normal((len(not_found), pretrained.dim), np.float32)
        matrix[not_found] = mean + deviation * noise
    else:
        matrix[not_found] = mean if initializer == "mean" else 0
    if initializer == "random" and len(encoder.oov_ids) == 1 and not pretrained.found[encoder.oov_ids.start]:
        matrix[encoder.oov_ids.start] = mean
    if encoder.pad_id is not None:
        matrix[encoder.pad_id] = 0
    return matrix
