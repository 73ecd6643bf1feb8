"""Choices and checks of arguments. Each message states the rule and the value received."""

from __future__ import annotations

import operator
from collections.abc import Iterable

from tokemb.errors import ArgumentError

# Choices of arguments and of options. The help of a command imports no other module of the library.
PROFILES = ("words", "keras", "text-vectorization", "whitespace", "chars", "bert")
ALGORITHMS = ("word", "bpe", "wordpiece", "unigram")
INPUT_FORMATS = ("text", "csv", "tsv", "jsonl", "parquet", "arrow")
QUOTINGS = ("minimal", "none")
OUTPUT_FORMATS = (".npy", ".npz", ".parquet", ".tfrecord", ".jsonl")
PREDICTION_FORMATS = (".parquet", ".jsonl", ".csv")
LINE_KINDS = ("bert", "gensim", "words")
VECTOR_FORMATS = ("glove", "word2vec", "word2vec-binary", "fasttext", "npz")
SERVED_OUTPUTS = ("ids", "vectors", "predictions")
CELLS = ("gru", "lstm")
HEADS = ("mean", "flatten", "conv", *CELLS)
UNKNOWN = ("missing", "average")
NEXT_HEADS = (*CELLS, "attention")
RATING_HEADS = ("dot", "dense")
PROJECTIONS = ("tsne", "pca")

# Ids, lengths and sizes are int32.
_LARGEST = 2**31 - 1


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


def check_optional_count(name: str, value: object) -> int | None:
    """Return ``None`` for ``None``, and otherwise the result of ``check_count``."""
    return None if value is None else check_count(name, value)
