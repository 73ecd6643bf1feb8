"""Count tokens with the scanner: every new pre-token gets a number, and the numbers are counted."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from tokemb import kernels
from tokemb._arrays import Int64
from tokemb.engine import reference
from tokemb.engine.char_table import CharTable
from tokemb.engine.pretoken_cache import text_of
from tokemb.engine.scan import KnownPretokens, RowStatus, ScanResult, ScratchIds, are_in_order, merge_results, scan
from tokemb.engine.scan_plan import char_table_of
from tokemb.engine.tally import Tally
from tokemb.engine.token_numbers import TokenNumbers
from tokemb.kernels.structs import RECORD_MISS_IN_PLACE
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows
from tokemb.sources.texts import slices
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of
from tokemb.vocabulary.tokenizers_library import Tokenizer


class Counter:
    """Count the tokens of batches of texts."""

    def __init__(self, make_tokenizer: Callable[[], Tokenizer], char_table: CharTable) -> None:
        """Initialize the counter.

        Args:
            make_tokenizer: A function that returns a new tokenizer that splits texts.
            char_table: Its tables.
        """
        self._make_tokenizer = make_tokenizer
        self._char_table = char_table
        self._numbers = TokenNumbers()
        self._rows = 0
        self._tokens = 0
        self._row_lengths: Int64 = np.zeros(0, np.int64)
        # One array per thread, int64 (pre-tokens, 4): occurrences, rows with the pre-token, the last of these rows + 1,
        # and the number of tokens before the first occurrence.
        self._tallies: list[Int64] = []
        self._scratch = ScratchIds([])

    @classmethod
    def of(cls, make_tokenizer: Callable[[], Tokenizer]) -> Counter:
        """Make a counter of the tokens of ``make_tokenizer``, for example of the method of a profile."""
        specification = tokenizer_json_of(make_tokenizer())
        components = (json.dumps(specification[key]) for key in ("normalizer", "pre_tokenizer"))
        return cls(make_tokenizer, char_table_of(*components))

    def add(self, texts: pa.LargeStringArray, threads: int) -> None:
        """Count the tokens of ``texts``, ``large_string`` (rows,)."""
        results, lengths = self._scan(texts, threads, self._scratch)
        if len(results) <= threads and are_in_order(results):  # as with almost all texts
            self._count([result.ids for result in results], threads)
        else:
            self._count([merge_results(results, lengths)], threads)
        self._scratch.release()

    def clear(self) -> None:
        """Forget all texts, and keep the memory of their tokens for further texts."""
        self._numbers.clear()
        self._rows = self._tokens = 0
        self._row_lengths = np.zeros(0, np.int64)
        self._tallies = []  # only half of the pages were written to

    def number(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """Return the numbers of the tokens of ``texts``, ``large_string`` (rows,). New tokens get new numbers."""
        return merge_results(*self._scan(texts, threads))

    def _scan(
        self, texts: pa.LargeStringArray, threads: int, scratch: ScratchIds | None = None
    ) -> tuple[list[ScanResult], Int64]:
        """Return the numbers of the tokens of ``texts`` in parts, and the length of each row, int64 (rows,)."""
        row_status = RowStatus(len(texts))
        text = text_of(texts)
        results: list[ScanResult] = []
        rows: Int64 = np.arange(len(texts))
        while len(rows):
            known = KnownPretokens(self._numbers, RECORD_MISS_IN_PLACE)
            scanned = scan(self._char_table, known, text, rows, row_status, threads, scratch=scratch)
            row_status.query_requested_pages(self._char_table)
            results += [self._number_misses(result) for result in scanned]
            rows = row_status.pending
        remaining = row_status.left_to_reference
        start = 0
        for batch in slices(texts.take(pa.array(remaining)), *reference.BATCH_LIMITS):
            rows_of_batch, tokens = reference.pre_tokenize(batch, self._make_tokenizer(), threads)
            numbered = Ragged(self._numbers.add(tokens)[rows_of_batch.values], rows_of_batch.row_splits)
            rows, start = remaining[start : start + len(batch)], start + len(batch)
            row_status.lengths[rows] = numbered.lengths
            results.append(ScanResult(rows, numbered, texts[:0]))
        return results, row_status.lengths

    def tokens(self) -> pa.LargeStringArray:
        """Return the tokens in the order of their numbers, ``large_string`` (distinct,)."""
        return self._numbers.texts()

    @property
    def distinct(self) -> int:
        """The number of distinct tokens."""
        return self._numbers.size

    def result(self) -> Tally:
        """Return the counts of all texts so far."""
        size = self._numbers.size
        counts, documents = np.zeros((2, size), np.int64)
        first_seen = np.full(size, np.iinfo(np.int64).max)
        for tally in self._tallies:
            counts += tally[:size, 0]
            documents += tally[:size, 1]
            counted = np.flatnonzero(tally[:, 0])
            first_seen[counted] = np.minimum(first_seen[counted], tally[counted, 3])
        seen = np.flatnonzero(counts)
        order = seen[np.argsort(first_seen[seen])]
        lengths = np.flatnonzero(self._row_lengths)
        return Tally(
            self.tokens().take(pa.array(order)),
            counts[order],
            documents[order],
            dict(zip(lengths.tolist(), self._row_lengths[lengths].tolist(), strict=True)),
        )

    def _number_misses(self, result: ScanResult) -> ScanResult:
        """Replace the placeholders of pre-tokens that were not in the cache by their new numbers."""
        if len(result.misses):
            numbers = self._numbers.add(result.misses)
            positions = np.flatnonzero(result.ids.values < 0)
            result.ids.values[positions] = numbers[-1 - result.ids.values[positions]]
        return result

    def _count(self, parts: list[Ragged], threads: int) -> None:
        """Count the numbers in rows, which are in at most ``threads`` parts."""
        ranges = []
        for rows in parts:
            arguments = (rows.values, rows.row_splits, self._rows, self._tokens)
            ranges += [(*arguments, *range_) for range_ in split_rows(rows.row_splits, threads // len(parts))]
            self._rows += len(rows)
            self._tokens += len(rows.values)
        self._tallies += [np.zeros((0, 4), np.int64) for _ in ranges[len(self._tallies) :]]
        for index, tally in enumerate(self._tallies):
            if len(tally) < self._numbers.size:
                self._tallies[index] = np.zeros((2 * self._numbers.size, 4), np.int64)
                self._tallies[index][: len(tally)] = tally
        parallel_map(kernels.tally, [(*part, tally) for part, tally in zip(ranges, self._tallies, strict=False)])
        for rows in parts:
            lengths = np.bincount(rows.lengths, minlength=len(self._row_lengths))
            lengths[: len(self._row_lengths)] += self._row_lengths
            self._row_lengths = lengths
