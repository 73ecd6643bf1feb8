"""Choices and checks of arguments. Each message states the rule and the value received."""

from __future__ import annotations

import numbers
import operator
from collections.abc import Iterable

from tokemb.errors import ArgumentError

# Choices of arguments and of options. The help of a command imports no other module of the library.
PROFILES = ("words", "words-and-punctuation", "keras", "text-vectorization", "whitespace", "chars", "bert")
ALGORITHMS = ("word", "bpe", "wordpiece", "unigram")
INPUT_FORMATS = ("text", "csv", "tsv", "jsonl", "parquet", "arrow", "conll", "documents")
QUOTINGS = ("minimal", "none")
OUTPUT_FORMATS = (".npy", ".npz", ".parquet", ".tfrecord", ".array_record", ".jsonl")
PREDICTION_FORMATS = (".parquet", ".jsonl", ".csv")
LINE_KINDS = ("bert", "gensim", "words")
# GloVe text, word2vec text (also fastText's .vec), word2vec binary, fastText's .bin and NumPy's .npz.
VECTOR_FORMATS = ("glove", "word2vec", "word2vec-binary", "fasttext", "npz")
SERVED_OUTPUTS = ("ids", "vectors", "predictions")
CELLS = ("gru", "lstm")
# Heads that ignore the order of tokens, and use n-grams instead.
BAG_HEADS = ("mean", "tfidf", "attention")
HEADS = (*BAG_HEADS, "flatten", "conv", *CELLS)
CLASS_WEIGHTS = ("balanced",)
UNKNOWN = ("missing", "average")
NEXT_HEADS = (*CELLS, "attention")
RATING_HEADS = ("dot", "dense")
PROJECTIONS = ("tsne", "pca")
PAIR_TRUNCATIONS = ("longest_first", "only_first", "only_second", "round_robin", "waterfall")

# Ids, lengths and sizes are int32.
_LARGEST = 2**31 - 1

UNIGRAMS = (1,)
"""The lengths of n-grams where every token stands for itself."""

# The n-grams of a row are as many as its tokens for each length.
_LONGEST_NGRAM = 100


def check_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``choices``. Otherwise raise ``ArgumentError``."""
    allowed = tuple(choices)
    if not isinstance(value, str) or value not in allowed:
        raise ArgumentError(f"{name} must be one of {', '.join(allowed)}; received {value!r}")
    return value


def check_side(name: str, value: str) -> str:
    """Return ``value`` if it is ``"pre"`` or ``"post"``. Otherwise raise ``ArgumentError``."""
    return check_choice(name, value, ("pre", "post"))


def check_count(name: str, value: object, least: int = 1) -> int:
    """Return ``value`` if it is an int32 integer of at least ``least``. Otherwise raise ``ArgumentError``."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # any value
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ArgumentError(f"{name} must be an integer of at least {least}; received {value!r}")
    if number > _LARGEST:
        raise ArgumentError(f"{name} must be at most {_LARGEST}; received {number}")
    return number


def check_fraction(name: str, value: float) -> None:
    """Raise ``ArgumentError`` unless ``value`` is a number of at least 0 and less than 1."""
    if not isinstance(value, numbers.Real) or not 0 <= value < 1:
        raise ArgumentError(f"{name} must be at least 0 and less than 1; received {value!r}")


def check_left_out(why: str, **arguments: object) -> None:
    """Raise ``ArgumentError`` for the first argument that was passed: not ``None``, ``False`` or an empty tuple.

    Args:
        why: What follows the name and "must be left out" in the message.
        **arguments: The values by their names.
    """
    for name, value in arguments.items():
        if value is not None and value is not False and not (isinstance(value, tuple) and not value):
            raise ArgumentError(f"{name} must be left out {why}")


def check_optional_count(name: str, value: object) -> int | None:
    """Return ``None`` for ``None``, and otherwise the result of ``check_count``."""
    return None if value is None else check_count(name, value)


def check_ngrams(ngrams: object) -> tuple[int, ...]:
    """Return the lengths of n-grams in the order of the ids.

    Args:
        ngrams: ``None`` for no n-grams, the maximum length as an integer, or the lengths.

    Raises:
        ArgumentError: If a length is no integer from 1 to 100, or is repeated.
    """
    if ngrams is None:
        return UNIGRAMS
    try:
        lengths = tuple(map(operator.index, ngrams if isinstance(ngrams, Iterable) else [ngrams]))
    except TypeError:
        lengths = ()
    invalid = isinstance(ngrams, bool) or not lengths or not all(1 <= length <= _LONGEST_NGRAM for length in lengths)
    if invalid or len(set(lengths)) < len(lengths):
        raise ArgumentError(
            f"ngrams must be an integer from 1 to {_LONGEST_NGRAM}, such as 2 for words and pairs of words, or "
            f"different lengths, such as (1, 3); received {ngrams!r:.80}"
        )
    return lengths if isinstance(ngrams, Iterable) else tuple(range(1, lengths[0] + 1))
