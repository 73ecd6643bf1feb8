"""Exact, mergeable counts of tokens, from which any vocabulary is cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64
from tokemb.engine import TokenCounter
from tokemb.engine.tally import Tally, tally
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount
from tokemb.rows.threads import thread_count
from tokemb.sources.text_source import text_batches
from tokemb.vocabulary.profiles import Profile, get_profile

_MERGE_TOKENS = 1 << 20


@dataclass(frozen=True, eq=False)
class TokenCounts:
    """How often each token occurs, in how many rows, and how long the rows are.

    ``profile``: the name of the profile that split the text.
    ``tokens``: the distinct tokens in the order in which they were first seen, Arrow ``large_string`` (distinct,).
    ``counts``: occurrences, int64 (distinct,). ``documents``: rows with at least one, int64 (distinct,).
    ``row_lengths``: for each length in tokens, the number of rows that have it.
    ``left_out``: how many distinct tokens of the texts are not among ``tokens``, because whoever counted asked for the
    frequent ones alone (``tokemb.integrations.spark``); such counts make a vocabulary, but cannot be added or saved.

    Counts of the same profile can be added, also with ``sum``: the sum is that of the texts one after the other.

    >>> counts = TokenCounts.from_texts(["to be or", "not to be be"])
    >>> dict(zip(counts.tokens.to_pylist(), counts.counts.tolist()))
    {'to': 2, 'be': 3, 'or': 1, 'not': 1}
    >>> counts.documents
    array([2, 2, 1, 1])
    """

    profile: str
    tokens: pa.LargeStringArray
    counts: Int64
    documents: Int64
    row_lengths: Mapping[int, int]
    left_out: int = 0

    @classmethod
    def from_texts(
        cls, texts: Path | Iterable[Any], *, profile: str = "words", threads: int | None = None
    ) -> TokenCounts:
        """Count texts: an iterable of ``str`` or of lists of tokens (counted as they are), a column, or files.

        ``threads``: how many, ``None`` for as many as there are cores; the counts do not depend on it.
        """
        return cls.of_splitting(texts, get_profile(profile), threads)

    @classmethod
    def of_splitting(cls, texts: Path | Iterable[Any], splitting: Profile, threads: int | None) -> TokenCounts:
        """Count texts as ``from_texts`` does, split as ``splitting`` says, which need not be a known profile."""
        counter = TokenCounter(splitting, thread_count(threads))
        of_tokens = RunningCounts(splitting.name)
        count = RowCount()
        for batch in count.reading(text_batches(texts)):
            if batch.type == STRINGS:
                counter.add(batch)
            else:
                of_tokens.add(tally_tokens(batch))
        counts = of_tokens.result() or cls.of_tally(splitting.name, counter.result())
        count.check(counts.rows, "counted")
        return counts

    @classmethod
    def of_tally(cls, profile: str, tally: Tally) -> TokenCounts:
        """What was counted in some rows."""
        return cls(profile, tally.tokens, tally.counts, tally.documents, tally.row_lengths)

    @classmethod
    def merge(cls, parts: Sequence[TokenCounts], profile: str) -> TokenCounts:
        """The sum of all ``parts``; raises ``ArgumentError`` if one was split by another profile."""
        for part in parts:
            if part.profile != profile:
                raise ArgumentError(f"counts of different profiles cannot be added: {part.profile} and {profile}")
            part.require_all_tokens("added")
        tokens = pa.chunked_array([part.tokens for part in parts], STRINGS).combine_chunks()
        encoded = tokens.dictionary_encode()  # the dictionary is in order of first appearance
        position = encoded.indices.to_numpy()
        counts = np.zeros(len(encoded.dictionary), np.int64)
        documents = np.zeros_like(counts)
        row_lengths: dict[int, int] = {}
        start = 0
        for part in parts:
            # Within one part every token occurs once, so plain indexing adds each.
            here = position[start : start + len(part.tokens)]
            counts[here] += part.counts
            documents[here] += part.documents
            start += len(part.tokens)
            for length, rows in part.row_lengths.items():
                row_lengths[length] = row_lengths.get(length, 0) + rows
        return cls(profile, encoded.dictionary, counts, documents, dict(sorted(row_lengths.items())))

    def __add__(self, other: TokenCounts) -> TokenCounts:
        if not isinstance(other, TokenCounts):
            return NotImplemented
        return self.merge([self, other], self.profile)

    def __radd__(self, other: int) -> TokenCounts:
        # sum() starts from 0.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    @classmethod
    def load(cls, path: Path | str) -> TokenCounts:
        """Load what ``save`` wrote, exactly as it was.

        Raises ``CountsError``, naming what is wrong, if it is missing, newer than this library, broken, or no counts.
        """
        from tokemb.counts.counts_file import read_counts  # here, so that encoding does not wait for Parquet

        return cls(*read_counts(Path(path)))

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write one Parquet file (docs/format.md), whole or not at all; name it ``something.counts.parquet``.

        ``force``: replace a file that holds no counts.
        Raises ``OutputExistsError`` for such a file otherwise, ``OSError`` if it cannot be written, ``ArgumentError``
        if tokens were left out.
        """
        self.require_all_tokens("saved")
        from tokemb.counts.counts_file import CountsContent, write_counts

        content = CountsContent(self.profile, self.tokens, self.counts, self.documents, self.row_lengths)
        write_counts(content, Path(path), force=force)

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.row_lengths.values())

    @cached_property
    def total(self) -> int:
        """The number of tokens, repeats included."""
        return sum(length * rows for length, rows in self.row_lengths.items())

    @property
    def distinct(self) -> int:
        """The number of tokens that differ."""
        return len(self.tokens) + self.left_out

    def require_all_tokens(self, use: str) -> None:
        """Raise ``ArgumentError`` if tokens were left out; ``use`` says what needs them all: "added", "saved"."""
        if self.left_out:
            raise ArgumentError(
                f"counts from which tokens were left out ({self.left_out} here) cannot be {use}: "
                "count without min_count and max_size"
            )


class RunningCounts:
    """The sum of tallies that come one after the other."""

    def __init__(self, profile: str) -> None:
        self._profile = profile
        self._parts: list[TokenCounts] = []

    def add(self, tally: Tally) -> None:
        """Add one more."""
        self._parts.append(TokenCounts.of_tally(self._profile, tally))
        # Merge when the new has outgrown the old: memory follows the distinct tokens, and each token is merged
        # only a logarithmic number of times.
        if sum(len(part.tokens) for part in self._parts[1:]) > max(len(self._parts[0].tokens), _MERGE_TOKENS):
            self._parts = [TokenCounts.merge(self._parts, self._profile)]

    def result(self) -> TokenCounts | None:
        """The sum; ``None`` if there was nothing to add."""
        return TokenCounts.merge(self._parts, self._profile) if self._parts else None


def tally_tokens(batch: pa.LargeListArray) -> Tally:
    """Count rows that are tokens already, ``large_list<large_string>`` (rows,)."""
    encoded = batch.flatten().dictionary_encode()
    lengths = batch.value_lengths().to_numpy().astype(np.int64)
    return tally(Ragged.from_lengths(encoded.indices.to_numpy(), lengths), encoded.dictionary)
