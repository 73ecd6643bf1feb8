"""Character n-grams of words, whose vectors are parts of the vectors of the words (fastText)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from tokemb.rows.ragged import Ragged


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
