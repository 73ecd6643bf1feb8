"""Form and count n-grams: the tokens of a batch are numbered, then the n-grams of the numbers."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int32, Int64
from tokemb.engine import is_small
from tokemb.engine.ngrams import SEPARATOR, NgramRows, runs_of
from tokemb.engine.reference import pre_tokenize
from tokemb.engine.tally import Tally, tally
from tokemb.errors import TextError
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.profiles import Profile
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of
from tokemb.vocabulary.tokenizers_library import Tokenizer

if TYPE_CHECKING:
    from tokemb.engine.counting import Counter

# With more distinct tokens, the numbers begin again, so that memory does not grow with the texts.
_MOST_NUMBERS = 1 << 20


class NgramCounter:
    """Count the n-grams of batches of texts. The counts of each batch are separate."""

    def __init__(self, profile: Profile, threads: int) -> None:
        """Initialize the counter. ``profile`` decides how texts are split and which n-grams are counted."""
        self._ngrams = NgramTexts(profile.tokenizer, profile.ngrams)
        self._threads = threads

    def count(self, batch: pa.Array) -> Tally:
        """Count the n-grams of a batch, ``large_string`` or ``large_list<large_string>`` (rows,)."""
        return tally(*self._ngrams.of(batch, self._threads))


class NgramTexts:
    """The n-grams of texts as strings."""

    def __init__(self, make_tokenizer: Callable[[], Tokenizer], lengths: tuple[int, ...]) -> None:
        """Initialize the object.

        Args:
            make_tokenizer: A function that returns a new tokenizer that splits texts.
            lengths: The lengths of the n-grams, in their order in a row.
        """
        self._make_tokenizer = make_tokenizer
        self._lengths = lengths
        self._pre_tokenizer = tokenizer_json_of(make_tokenizer())["pre_tokenizer"]
        self._numbering: Counter | None = None
        self._lock = Lock()

    def of(self, batch: pa.Array, threads: int) -> tuple[Ragged, pa.LargeStringArray]:
        """Return the n-grams of a batch.

        Args:
            batch: ``large_string`` or ``large_list<large_string>`` (rows,).
            threads: The number of threads.

        Returns:
            Rows of indices into the distinct n-grams, and these n-grams, ``large_string`` (distinct,).
        """
        return join_ngrams(*self.token_rows(batch, threads))

    def token_rows(self, batch: pa.Array, threads: int) -> tuple[NgramRows, pa.LargeStringArray]:
        """Return the tokens of a batch. The arguments are those of ``of``.

        Returns:
            Rows of indices into tokens, and these tokens, ``large_string`` (tokens,), which are distinct.
        """
        if batch.type == STRINGS:
            runs, first_runs = runs_of(batch, self._pre_tokenizer)
            numbers, tokens = self._number(runs, threads)
        else:
            first_runs = np.arange(len(batch) + 1)
            numbers, tokens = _number_tokens(batch)
        rows = NgramRows(numbers.values, numbers.row_splits[:-1], numbers.row_splits[1:], first_runs, self._lengths)
        return rows, tokens

    def _number(self, texts: pa.LargeStringArray, threads: int) -> tuple[Ragged, pa.LargeStringArray]:
        """Return texts as rows of numbers of tokens, and the tokens."""
        with self._lock:  # other threads may number texts at the same time
            if self._numbering is None or self._numbering.distinct > _MOST_NUMBERS:
                if is_small(texts):
                    return pre_tokenize(texts, self._make_tokenizer(), threads)
                from tokemb.engine.counting import Counter  # a slow import that small inputs do not need

                self._numbering = Counter.of(self._make_tokenizer)
            return self._numbering.number(texts, threads), self._numbering.tokens()


def _number_tokens(rows: pa.LargeListArray) -> tuple[Ragged, pa.LargeStringArray]:
    """Return rows of tokens as rows of numbers of tokens, and the tokens.

    Raises:
        TextError: If a token contains a space, so that its n-grams could not be told from those of other tokens.
    """
    import pyarrow.compute as pc  # only here, because texts do not need it

    encoded = rows.flatten().dictionary_encode()
    tokens = encoded.dictionary
    ambiguous = tokens.filter(pc.match_substring(tokens, SEPARATOR))
    if len(ambiguous):
        raise TextError(
            f"tokens must not contain a space, which joins the tokens of n-grams; received {ambiguous[0].as_py()!r:.80}"
        )
    return Ragged.from_lengths(encoded.indices.to_numpy(), rows.value_lengths().to_numpy().astype(np.int64)), tokens


def join_ngrams(rows: NgramRows, tokens: pa.LargeStringArray) -> tuple[Ragged, pa.LargeStringArray]:
    """Form the n-grams of rows of tokens.

    Args:
        rows: The tokens as indices into ``tokens``, and the lengths of the n-grams.
        tokens: ``large_string`` (distinct,).

    Returns:
        Rows of indices into the distinct n-grams, and these n-grams, ``large_string`` (distinct,).
    """
    import pyarrow.compute as pc

    values = np.empty(rows.row_splits[-1], np.int32)
    ngrams, found = pa.array([], STRINGS), []
    numbers: Int32 = np.zeros(len(rows.parts), np.int32)
    size, space = 0, pa.scalar(SEPARATOR, STRINGS)
    for length in range(1, max(rows.lengths) + 1):
        begins = rows.begins(length)
        last_parts = rows.parts[begins + length - 1]
        if length == 1:
            numbers[begins], distinct = _number_in_order(last_parts, len(tokens))
            ngrams = tokens.take(pa.array(distinct))
        else:
            encoded = pa.array(numbers[begins].astype(np.int64) << 32 | last_parts).dictionary_encode()
            edges = encoded.dictionary.to_numpy()
            before, last = ngrams.take(pa.array(edges >> 32)), tokens.take(pa.array(edges & 0xFFFFFFFF))
            ngrams = pc.binary_join_element_wise(before, last, space)
            numbers[begins] = encoded.indices.to_numpy()
        if length in rows.lengths:
            row, place = rows.places(length)
            values[rows.row_splits[row] + place] = numbers[begins] + size
            size += len(ngrams)
            found.append(ngrams)
    return Ragged(values, rows.row_splits), pa.chunked_array(found, STRINGS).combine_chunks()


def _number_in_order(parts: Int32, size: int) -> tuple[Int32, Int64]:
    """Give the distinct parts numbers in the order of their first occurrences.

    Args:
        parts: int32 (total,), each less than ``size``.
        size: The number of different parts that there can be.

    Returns:
        The number of each part, int32 (total,), and the distinct parts, int64 (distinct,).
    """
    first = np.full(size, -1)
    first[parts[::-1]] = np.arange(len(parts) - 1, -1, -1)  # of equal indices, the last value stays
    present = np.flatnonzero(first >= 0)
    distinct = present[np.argsort(first[present])]
    numbers = np.empty(size, np.int32)
    numbers[distinct] = np.arange(len(distinct))
    return numbers[parts], distinct
