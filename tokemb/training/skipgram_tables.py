"""What skip-gram reads besides texts: lookup tables, and the character n-grams of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np

from tokemb._arrays import Float32, Int32, Int64, UInt32
from tokemb.kernels.structs import SIGMOID_POINTS, SIGMOID_REACH
from tokemb.rows.ragged import Ragged

# The exponent of the counts in the distribution of negatives (Mikolov et al. 2013).
_POWER = 0.75
# The mean number of entries per id.
_ENTRIES = 64


def keep_table(counts: Int64, sample: float) -> UInt32:
    """Return the probability that an occurrence of each id is kept, times 2**32, as uint32 ``(input_dim,)``.

    A token with the relative frequency ``f`` is kept with the probability ``sqrt(sample / f) + sample / f``, at most 1.
    With ``sample`` 0, all tokens are kept.

    Example:
        >>> (keep_table(np.array([90, 10]), 0.01) / 2**32).round(4).tolist()
        [0.1165, 0.4162]
    """
    share = np.where(counts > 0, counts / max(int(counts.sum()), 1), 1)
    probability = np.sqrt(sample / share) + sample / share if sample else np.ones(len(counts))
    return (np.minimum(probability, 1) * (2**32 - 1)).astype(np.uint32)


def negative_table(counts: Int64) -> Int32:
    """Return a table of ids to sample negatives from, int32 ``(64 * input_dim,)``.

    Ids occur in proportion to ``counts ** 0.75``.

    Example:
        >>> np.bincount(negative_table(np.array([0, 16, 1]))).tolist()
        [0, 171, 21]
    """
    shares = np.cumsum(counts**_POWER)
    entries = _ENTRIES * len(counts)
    positions = (np.arange(entries) + 0.5) / entries * shares[-1]
    return np.searchsorted(shares, positions, side="right").astype(np.int32)


def sigmoid_tables() -> tuple[Float32, Float32]:
    """Return the sigmoid at points from -SIGMOID_REACH to SIGMOID_REACH, and its negative logarithm, both float32."""
    scores = ((np.arange(SIGMOID_POINTS) + 0.5) / SIGMOID_POINTS * 2 - 1) * SIGMOID_REACH
    return (1 / (1 + np.exp(-scores))).astype(np.float32), np.log1p(np.exp(-scores)).astype(np.float32)


def parts_of(tokens: Sequence[str], least: int, most: int) -> Ragged:
    """Return the parts of each token: itself, and its character n-grams that other tokens have too.

    Args:
        tokens: The tokens. Their own parts are numbered in this order.
        least: The smallest number of characters of an n-gram, including ``<`` before and ``>`` after each token.
        most: The largest number.

    Returns:
        The numbers of the parts of each token. N-grams are numbered from ``len(tokens)``.

    Example:
        >>> [parts.tolist() for parts in parts_of(["", "cat", "cats"], 3, 3)]
        [[0], [1, 3, 4], [2, 3, 4]]
    """
    ngrams = [character_ngrams(token, least, most) for token in tokens]
    shared = [ngram for ngram, count in Counter(chain.from_iterable(ngrams)).items() if count > 1]
    number_of = {ngram: number for number, ngram in enumerate(shared, len(tokens))}
    return Ragged.from_rows(
        [[number, *(number_of[ngram] for ngram in found if ngram in number_of)] for number, found in enumerate(ngrams)]
    )


def character_ngrams(token: str, least: int, most: int) -> list[str]:
    """Return the distinct n-grams of ``<token>`` with ``least`` to ``most`` characters, except ``<token>`` itself.

    Example:
        >>> character_ngrams("cat", 3, 4)
        ['<ca', 'cat', 'at>', '<cat', 'cat>']
    """
    if not token:
        return []
    text = f"<{token}>"
    found = (text[i : i + length] for length in range(least, most + 1) for i in range(len(text) - length + 1))
    return [ngram for ngram in dict.fromkeys(found) if ngram != text]
