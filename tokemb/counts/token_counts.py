"""Exact, mergeable token counts, from which vocabularies of any size are selected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64
from tokemb._validation import UNIGRAMS, check_ngrams
from tokemb.counts.spilled_counts import Frequent, SpilledCounts
from tokemb.engine import TokenCounter
from tokemb.engine.ngram_counting import NgramCounter
from tokemb.engine.tally import Tally, tally
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount
from tokemb.rows.threads import prefetch_each, thread_count
from tokemb.sources.text_source import text_batches
from tokemb.vocabulary.profiles import Profile, segmented_profile
from tokemb.vocabulary.segmenters.segmenter import Segmenter

_MERGE_TOKENS = 1 << 20
# With more distinct tokens than this, counts are written to disk. They take about 50 bytes each.
_MEMORY_TOKENS = 1_000_000


@dataclass(frozen=True, eq=False)
class TokenCounts:
    """Token counts, document counts and row lengths of a corpus.

    Counts of the same profile can be added, also with ``sum``. The sum equals the counts of the concatenated texts.

    Attributes:
        profile: The name of the profile that split the text.
        tokens: The distinct tokens in the order of their first occurrence, Arrow ``large_string`` ``(distinct,)``.
        counts: The number of occurrences of each token, int64 ``(distinct,)``.
        documents: The number of rows that contain each token, int64 ``(distinct,)``.
        row_lengths: For each length in tokens, the number of rows with this length.
        left_out: The number of distinct tokens that ``tokens`` does not contain, because only frequent tokens were
            requested (``tokemb.integrations.spark``). A word vocabulary can be fitted to such counts, but they cannot
            be added or saved.
        ngrams: The lengths of the n-grams that ``tokens`` contains. ``(1,)`` if every token stands for itself.
        segmenter: What put spaces between the words of the texts before they were split, or ``None``.
        left_out_counts: The highest count of the tokens that were left out in each of the buckets of a vocabulary,
            int64 ``(buckets,)``. ``None`` if it is not known.

    Example:
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
    ngrams: tuple[int, ...] = UNIGRAMS
    segmenter: Segmenter | None = None
    left_out_counts: Int64 | None = None

    @classmethod
    def from_texts(
        cls,
        texts: Path | Iterable[Any],
        *,
        profile: str | None = None,
        segmenter: str | None = None,
        user_dictionary: Path | None = None,
        ngrams: int | Sequence[int] | None = None,
        threads: int | None = None,
    ) -> TokenCounts:
        """Count the tokens of texts.

        Args:
            texts: An iterable of ``str`` or of lists of tokens (counted unchanged), a column of strings, or files as
                ``pathlib.Path``.
            profile: How text is split, as for ``tokemb.fit_vocab``.
            segmenter: What finds the words in languages without spaces, as for ``tokemb.fit_vocab``.
            user_dictionary: Words that the segmenter should find, as for ``tokemb.fit_vocab``.
            ngrams: Which n-grams are counted, as for ``tokemb.fit_vocab``.
            threads: The number of threads. ``None`` uses all cores. The counts do not depend on it.

        Raises:
            TextTypeError: If ``texts`` has the wrong type.
            TextError: If a row is not text.
            ArgumentError: If another argument is invalid.
        """
        splitting = segmented_profile(profile, segmenter, user_dictionary)
        return cls.of_splitting(texts, replace(splitting, ngrams=check_ngrams(ngrams)), threads)

    @classmethod
    def of_splitting(
        cls,
        texts: Path | Iterable[Any],
        splitting: Profile,
        threads: int | None,
        frequent: Frequent = Frequent(),  # noqa: B008 - immutable
    ) -> TokenCounts:
        """Count the tokens of texts split by ``splitting``, which need not be one of the named profiles.

        If the counts exceed memory, tokens that are not ``frequent`` are left out.
        """
        counter, count = TextCounter(splitting, threads), RowCount()
        batches = text_batches(texts)
        if splitting.segmenter is not None:
            batches = splitting.segmenter.batches(batches, threads)
        prefetch_each(counter.add, count.reading(batches), thread_count(threads))
        counts = counter.result(frequent)
        count.check(counts.rows, "counted")
        return replace(counts, segmenter=splitting.segmenter)

    @classmethod
    def of_tally(cls, profile: str, tally: Tally, ngrams: tuple[int, ...] = UNIGRAMS) -> TokenCounts:
        """Return a tally as counts of ``profile`` and ``ngrams``."""
        return cls(profile, tally.tokens, tally.counts, tally.documents, tally.row_lengths, ngrams=ngrams)

    @classmethod
    def merge(cls, parts: Sequence[TokenCounts], profile: str) -> TokenCounts:
        """Return the sum of all ``parts``.

        Raises:
            ArgumentError: If a profile differs, tokens were left out, or the sum does not fit int64.
        """
        for part in parts:
            if part.profile != profile:
                raise ArgumentError(f"counts to add must have the same profile; received {profile} and {part.profile}")
            if part.segmenter != parts[0].segmenter:
                received = f"{parts[0].segmenter or 'none'} and {part.segmenter or 'none'}"
                raise ArgumentError(f"counts to add must have the same segmenter; received {received}")
            if part.ngrams != parts[0].ngrams:
                received = " and ".join(str(lengths) for lengths in (parts[0].ngrams, part.ngrams))
                raise ArgumentError(f"counts to add must have the same n-grams; received the lengths {received}")
            part.require_all_tokens("added")
        if (total := sum(part.total for part in parts)) > np.iinfo(np.int64).max:
            raise ArgumentError(f"the sum of counts must fit int64; received counts of {total} tokens")
        tokens = pa.chunked_array([part.tokens for part in parts], STRINGS).combine_chunks()
        encoded = tokens.dictionary_encode()  # the dictionary is in the order of first occurrence
        position = encoded.indices.to_numpy()
        counts = np.zeros(len(encoded.dictionary), np.int64)
        documents = np.zeros_like(counts)
        row_lengths: dict[int, int] = {}
        start = 0
        for part in parts:
            # The tokens of one part are distinct, so that indexing adds every count.
            indices = position[start : start + len(part.tokens)]
            counts[indices] += part.counts
            documents[indices] += part.documents
            start += len(part.tokens)
            for length, rows in part.row_lengths.items():
                row_lengths[length] = row_lengths.get(length, 0) + rows
        segmenter = parts[0].segmenter if parts else None
        row_lengths = dict(sorted(row_lengths.items()))
        ngrams = parts[0].ngrams if parts else UNIGRAMS
        return cls(profile, encoded.dictionary, counts, documents, row_lengths, ngrams=ngrams, segmenter=segmenter)

    def __add__(self, other: TokenCounts) -> TokenCounts:
        if not isinstance(other, TokenCounts):
            return NotImplemented
        return self.merge([self, other], self.profile)

    def __radd__(self, other: int) -> TokenCounts:
        # sum() starts from 0.
        return self if isinstance(other, int) and other == 0 else NotImplemented

    @classmethod
    def load(cls, path: Path | str) -> TokenCounts:
        """Load counts that ``save`` wrote.

        Raises:
            CountsError: If the file is missing, newer than this library, corrupt, or not a file of token counts.
        """
        from tokemb.counts.counts_file import read_counts  # only here, because encoding does not need Parquet

        content = read_counts(Path(path))
        return cls(*content[:-2], ngrams=content.ngrams, segmenter=content.segmenter)

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write the counts to one Parquet file (docs/format.md). It appears complete or not at all.

        Args:
            path: The file, by convention ``NAME.counts.parquet``.
            force: Whether to replace a file that does not contain counts.

        Raises:
            OutputExistsError: If such a file exists and ``force`` is false.
            OSError: If the file cannot be written.
            ArgumentError: If tokens were left out.
        """
        self.require_all_tokens("saved")
        from tokemb.counts.counts_file import CountsContent, write_counts

        content = CountsContent(
            self.profile, self.tokens, self.counts, self.documents, self.row_lengths, self.ngrams, self.segmenter
        )
        write_counts(content, Path(path), force=force)

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.row_lengths.values())

    @cached_property
    def total(self) -> int:
        """The number of tokens, including repetitions."""
        return sum(length * rows for length, rows in self.row_lengths.items())

    @property
    def distinct(self) -> int:
        """The number of distinct tokens."""
        return len(self.tokens) + self.left_out

    def require_all_tokens(self, use: str) -> None:
        """Raise ``ArgumentError`` if tokens were left out.

        Args:
            use: What requires all tokens, as a participle, for example "added".
        """
        if self.left_out:
            raise ArgumentError(
                f"counts from which tokens were left out ({self.left_out} here) cannot be {use}: "
                "count without min_count and max_size"
            )


class RunningCounts:
    """The running sum of tallies."""

    def __init__(self, profile: str, ngrams: tuple[int, ...] = UNIGRAMS) -> None:
        self._profile = profile
        self._ngrams = ngrams
        self._parts: list[TokenCounts] = []
        self._spilled: SpilledCounts | None = None
        self._row_lengths: Counter[int] = Counter()  # of the parts on disk

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added."""
        return not self._parts and self._spilled is None

    @property
    def distinct(self) -> int:
        """The number of distinct tokens that are in memory, except those of the last batches."""
        return len(self._parts[0].tokens) if self._parts else 0

    def add(self, tally: Tally) -> None:
        """Add a tally."""
        self._parts.append(TokenCounts.of_tally(self._profile, tally, self._ngrams))
        # Merge when the new parts exceed the merged one: memory follows the distinct tokens, and each token is merged
        # a logarithmic number of times.
        new = sum(len(part.tokens) for part in self._parts[1:])
        if new > max(len(self._parts[0].tokens), _MERGE_TOKENS) or len(tally.tokens) > _MEMORY_TOKENS:
            self._merge()
            if len(self._parts[0].tokens) > _MEMORY_TOKENS:
                self._spill()

    def result(self, frequent: Frequent = Frequent()) -> TokenCounts:  # noqa: B008 - immutable
        """Return the sum.

        If counts were written to disk, tokens that are not ``frequent`` are left out.
        """
        if self._spilled is None:
            return TokenCounts.merge(self._parts, self._profile)
        if self._parts:
            self._merge()
            self._spill()
        table, left_out = self._spilled.merge(frequent)
        tokens, counts, documents = (column.chunk(0) for column in table.columns)
        return TokenCounts(
            self._profile,
            tokens,
            counts.to_numpy(),
            documents.to_numpy(),
            dict(sorted(self._row_lengths.items())),
            left_out.tokens,
            self._ngrams,
            left_out_counts=left_out.most_frequent,
        )

    def _merge(self) -> None:
        if len(self._parts) > 1:
            self._parts = [TokenCounts.merge(self._parts, self._profile)]

    def _spill(self) -> None:
        """Write the merged counts to disk."""
        self._spilled = self._spilled or SpilledCounts()
        [counts], self._parts = self._parts, []
        self._spilled.add(counts.tokens, counts.counts, counts.documents)
        self._row_lengths.update(counts.row_lengths)


class TextCounter:
    """Count the tokens of texts that come in batches."""

    def __init__(self, splitting: Profile, threads: int | None = None) -> None:
        """Initialize the counter of texts that ``splitting`` splits, without its segmenter."""
        self._splitting, self._threads = splitting, thread_count(threads)
        self._counter = TokenCounter(splitting, self._threads)
        self._ngrams = None if splitting.ngrams == UNIGRAMS else NgramCounter(splitting, self._threads)
        self._tallies = RunningCounts(splitting.name, splitting.ngrams)

    def add(self, batch: pa.Array) -> None:
        """Count a batch as ``text_batches`` yields it."""
        if self._ngrams is not None:
            self._tallies.add(self._ngrams.count(batch))
        elif batch.type == STRINGS:
            self._counter.add(batch)
            if self._counter.distinct > _MEMORY_TOKENS:
                self._tallies.add(self._counter.take())
        else:
            self._tallies.add(tally_tokens(batch))

    @property
    def distinct(self) -> int:
        """The number of distinct tokens that are in memory, except those of the last batches."""
        return self._counter.distinct + self._tallies.distinct

    def result(self, frequent: Frequent = Frequent()) -> TokenCounts:  # noqa: B008 - immutable
        """Return the counts. If they exceed memory, tokens that are not ``frequent`` are left out."""
        last = self._counter.result()
        if self._tallies.is_empty:
            return TokenCounts.of_tally(self._splitting.name, last, self._splitting.ngrams)
        self._tallies.add(last)
        return self._tallies.result(frequent)


def tally_tokens(batch: pa.LargeListArray) -> Tally:
    """Count rows of tokens, Arrow ``large_list<large_string>`` ``(rows,)``."""
    encoded = batch.flatten().dictionary_encode()
    lengths = batch.value_lengths().to_numpy().astype(np.int64)
    return tally(Ragged.from_lengths(encoded.indices.to_numpy(), lengths), encoded.dictionary)
