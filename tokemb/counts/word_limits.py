"""Which words a vocabulary may contain: stop words, words to keep, and limits of document frequency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Bool
from tokemb._validation import check_count
from tokemb.counts.token_counts import TokenCounts
from tokemb.engine import reference
from tokemb.errors import ArgumentError
from tokemb.rows.threads import thread_count
from tokemb.sources.corpus import read_corpus
from tokemb.vocabulary.profiles import Profile

# White space includes the ideographic space U+3000. Files that were joined have marks of byte order inside.
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class WordLimits:
    """Which words may be selected.

    Attributes:
        stop_words: Tokens that are not selected.
        keep_words: Tokens that are selected if they occur, whatever their counts are.
        min_documents: The minimum number of rows with a token, or their share if it is a float.
        max_documents: The maximum number of rows with a token, or their share if it is a float. ``None`` for no limit.
    """

    stop_words: tuple[str, ...] = ()
    keep_words: tuple[str, ...] = ()
    min_documents: int | float = 1
    max_documents: int | float | None = None

    @classmethod
    def from_arguments(
        cls, splitting: Profile, stop_words: object, keep_words: object, min_documents: object, max_documents: object
    ) -> WordLimits:
        """Check the arguments of ``fit_vocab`` and read the words, as ``splitting`` normalizes texts.

        Raises:
            ArgumentError: If an argument is invalid, or a word is to be left out and kept.
            TextError: If a file is not UTF-8.
        """
        minimum = check_documents("min_documents", min_documents)
        maximum = None if max_documents is None else check_documents("max_documents", max_documents)
        stop = _tokens(splitting, read_words("stop_words", stop_words))
        keep = _tokens(splitting, read_words("keep_words", keep_words))
        if both := sorted(set(stop) & set(keep)):
            raise ArgumentError(f"keep_words must not contain stop words; received {both[0]!r} in both")
        return cls(stop, keep, minimum, maximum)

    def kept(self, counts: TokenCounts) -> Bool:
        """Return which tokens of ``counts`` must be selected, bool ``(distinct,)``."""
        return _is_in(counts, self.keep_words)

    def allowed(self, counts: TokenCounts) -> Bool:
        """Return which tokens of ``counts`` may be selected, bool ``(distinct,)``.

        Raises:
            ArgumentError: If the limits allow no number of rows.
        """
        least = _rows(self.min_documents, counts.rows)
        most = np.inf if self.max_documents is None else _rows(self.max_documents, counts.rows)
        if least > most:
            raise ArgumentError(
                f"max_documents must not be less than min_documents; received {most:g} and {least:g} of "
                f"{counts.rows} rows"
            )
        within = (counts.documents >= least) & (counts.documents <= most)
        return within & ~_is_in(counts, self.stop_words)

    def to_json(self) -> dict[str, Any]:
        """Return the attributes that do not have their defaults."""
        default = WordLimits()
        settings = {name: value for name, value in vars(self).items() if value != getattr(default, name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def check_documents(name: str, value: object) -> int | float:
    """Return ``value`` if it is a number of rows, or a float from 0 to 1. Otherwise raise ``ArgumentError``."""
    if isinstance(value, float):
        if not 0 <= value <= 1:
            raise ArgumentError(f"{name} must be a number of rows, or a share from 0.0 to 1.0; received {value!r}")
        return value
    return check_count(name, value)


def read_words(name: str, words: object) -> list[str]:
    """Return the words of an argument: ``None``, strings, or a text file with one word per line.

    White space around a word, also U+3000, and marks of byte order are stripped. Empty lines are skipped.
    """
    if words is None:
        return []
    if isinstance(words, Path):
        batches = read_corpus(words, format="text")
        words = [text for batch in batches for text in batch.column(0).to_pylist()]
    elif isinstance(words, str) or not isinstance(words, Iterable):
        raise ArgumentError(f"{name} must be a list of words, or a file as pathlib.Path; received {words!r:.80}")
    words = list(words)
    if wrong := [word for word in words if not isinstance(word, str)]:
        raise ArgumentError(f"{name} must contain words; received {wrong[0]!r:.80}")
    stripped = (word.strip().strip(_BYTE_ORDER_MARK).strip() for word in words)
    return [word for word in stripped if word]


def _tokens(splitting: Profile, words: list[str]) -> tuple[str, ...]:
    """Return the words, and their tokens where a word is one token, sorted."""
    if not words:
        return ()
    rows, tokens = reference.pre_tokenize(pa.array(words, STRINGS), splitting.tokenizer(), thread_count())
    single = rows.values[rows.row_splits[:-1][rows.lengths == 1]]
    return tuple(sorted({*words, *tokens.take(pa.array(single)).to_pylist()}))


def _is_in(counts: TokenCounts, words: tuple[str, ...]) -> Bool:
    import pyarrow.compute as pc  # only here, because encoding does not need it

    result: Bool = pc.is_in(counts.tokens, pa.array(words, STRINGS)).to_numpy(zero_copy_only=False)
    return result


def _rows(limit: int | float, rows: int) -> float:
    return limit * rows if isinstance(limit, float) else limit
