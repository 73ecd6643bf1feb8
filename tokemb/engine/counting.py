"""Counting by the scanner: every piece that is met gets a number, and numbers are counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb import kernels
from tokemb._arrays import Int32, Int64
from tokemb.engine import reference
from tokemb.engine.char_table import CharTable
from tokemb.engine.pretoken_cache import PretokenCache, text_of
from tokemb.engine.scan import RowStatus, ScanResult, merge_results, scan
from tokemb.engine.tally import Tally
from tokemb.kernels.structs import NOTE_IN_PLACE
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows
from tokemb.sources.texts import slices
from tokemb.vocabulary.profiles import Profile


class Counter:
    """Counts the tokens of texts that come in batches."""

    def __init__(self, profile: Profile, code_points: CharTable) -> None:
        """``code_points``: the tables of ``profile``."""
        self._profile = profile
        self._code_points = code_points
        self._known = PretokenCache.none()
        self._rows = 0
        self._tokens = 0
        self._row_lengths: Int64 = np.zeros(0, np.int64)
        # For each thread, for each piece: occurrences, rows with it, the last of these + 1, tokens before its first.
        self._tallies: list[Int64] = []

    def add(self, texts: pa.LargeStringArray, threads: int) -> None:
        """Count ``texts``, ``large_string`` (rows,), too."""
        progress = RowStatus(len(texts))
        text = text_of(texts)
        walks: list[ScanResult] = []
        rows: Int64 = np.arange(len(texts))
        while len(rows):
            done = scan(self._code_points, self._known, NOTE_IN_PLACE, text, rows, progress, threads)
            progress.learn_pages(self._code_points)
            walks += [self._numbered(walked) for walked in done]
            rows = progress.to_do
        left = progress.left_to_reference
        start = 0
        for part in slices(texts.take(pa.array(left)), *reference.AT_ONCE):
            split, tokens = reference.split(part, self._profile, threads)
            numbered = Ragged(self._numbers(tokens)[split.values], split.row_splits)
            rows, start = left[start : start + len(part)], start + len(part)
            progress.lengths[rows] = numbered.lengths
            walks.append(ScanResult(rows, numbered, texts[:0]))
        self._count(merge_results(walks, progress.lengths), threads)

    @property
    def distinct(self) -> int:
        """How many distinct tokens were met."""
        return self._known.size

    def result(self) -> Tally:
        """All that was counted."""
        size = self._known.size
        counts, documents = np.zeros((2, size), np.int64)
        first_seen = np.full(size, np.iinfo(np.int64).max)
        for tally in self._tallies:
            counts += tally[:size, 0]
            documents += tally[:size, 1]
            met = np.flatnonzero(tally[:, 0])
            first_seen[met] = np.minimum(first_seen[met], tally[met, 3])
        seen = np.flatnonzero(counts)
        order = seen[np.argsort(first_seen[seen])]
        lengths = np.flatnonzero(self._row_lengths)
        return Tally(
            self._known.texts().take(pa.array(order)),
            counts[order],
            documents[order],
            dict(zip(lengths.tolist(), self._row_lengths[lengths].tolist(), strict=True)),
        )

    def _numbered(self, walked: ScanResult) -> ScanResult:
        """Replace what was noted in place of pieces that were not known by their numbers, now that they have one."""
        if len(walked.missing):
            missing = walked.missing.dictionary_encode()
            numbers = self._numbers(missing.dictionary)[missing.indices.to_numpy()]
            noted = np.flatnonzero(walked.ids.values < 0)
            walked.ids.values[noted] = numbers[-1 - walked.ids.values[noted]]
        return walked

    def _numbers(self, tokens: pa.LargeStringArray) -> Int32:
        """The numbers of ``tokens``, ``large_string`` (tokens,), each once; new ones get one."""
        numbers = self._known.find(tokens)
        new = np.flatnonzero(numbers < 0)
        numbers[new] = np.arange(self._known.size, self._known.size + len(new))
        identity = Ragged(numbers[new], np.arange(len(new) + 1))
        self._known = self._known.and_more(tokens.take(pa.array(new)), identity, in_place=True)
        return numbers

    def _count(self, rows: Ragged, threads: int) -> None:
        cuts = split_rows(rows.row_splits, threads)
        self._tallies += [np.zeros((0, 4), np.int64) for _ in cuts[len(self._tallies) :]]
        for index, tally in enumerate(self._tallies):
            if len(tally) < self._known.size:
                self._tallies[index] = np.zeros((2 * self._known.size, 4), np.int64)
                self._tallies[index][: len(tally)] = tally
        arguments = (rows.values, rows.row_splits, self._rows, self._tokens)
        parallel_map(
            kernels.tally, [(*arguments, *cut, tally) for cut, tally in zip(cuts, self._tallies, strict=False)]
        )
        self._rows += len(rows)
        self._tokens += len(rows.values)
        lengths = np.bincount(rows.lengths, minlength=len(self._row_lengths))
        lengths[: len(self._row_lengths)] += self._row_lengths
        self._row_lengths = lengths
