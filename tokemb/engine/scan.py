"""One scan of rows of text by the kernels, in threads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from tokemb import kernels
from tokemb._arrays import STRINGS, Int32, Int64, UInt8
from tokemb.engine.char_table import CharTable
from tokemb.engine.padded import PaddedTarget
from tokemb.engine.pretoken_cache import PretokenCache
from tokemb.engine.token_numbers import TokenNumbers
from tokemb.kernels.structs import (
    DONE,
    LEFT_TO_REFERENCE,
    MAX_PRETOKENS,
    NEEDS_PAGE,
    NEEDS_PRETOKEN,
    PAGES,
    RECORD_MISS,
    RECORD_MISS_IN_PLACE,
    SLACK,
    Out,
    PatternWorkspace,
    Report,
    Table,
    Text,
    Workspace,
)
from tokemb.kernels.subword_structs import BucketLookup, Lookup, SubwordEncoder
from tokemb.rows.ragged import Ragged
from tokemb.rows.threads import parallel_map, split_rows

if TYPE_CHECKING:
    from tokemb.engine.pattern_table import PatternTable
    from tokemb.vocabulary.oov_buckets import OovBuckets

# The maximum bytes and number of new pre-tokens that one thread records per scan. The rest waits for the next scan.
_MAX_MISS_BYTES = 1 << 20
_MAX_MISSES = 1 << 15

# The maximum size and number of the arrays that are kept for other texts, so that one long text does not take memory
# afterwards.
_MAX_SCRATCH_IDS, _MAX_SCRATCH = 1 << 24, 8

_NO_IDS = np.zeros(0, np.int32)
_UNLIMITED = np.iinfo(np.int32).max

# The tables of a pre-tokenizer.
Splitter: TypeAlias = "CharTable | PatternTable"
# The ids of pre-tokens, for one thread.
_Encoder: TypeAlias = Lookup | BucketLookup | SubwordEncoder
# A kernel without its tables: it encodes texts, of which the longest has this many bytes after normalization.
_Scan: TypeAlias = Callable[[_Encoder, Text, Int64, int, Out, Report], int]


@dataclass(frozen=True)
class ScanResult:
    """The ids and misses of one worker.

    Attributes:
        rows: The indices of the encoded rows, int64 (done,).
        ids: Their ids.
        misses: The pre-tokens that were not in the cache.
    """

    rows: Int64
    ids: Ragged
    misses: pa.LargeStringArray


class ScratchIds:
    """Arrays of ids that are used again for the next texts. New memory is slow, because the system clears it."""

    def __init__(self, free: list[Int32]) -> None:
        """Initialize without an array. ``free``, the arrays that are not in use, may be shared."""
        self._free = free
        self._lent: list[Int32] = []

    def take(self, size: int) -> Int32:
        """Return an array of at least ``size`` ids, of which nothing else has a part."""
        with suppress(IndexError):  # other threads take arrays at the same time
            ids = self._free.pop()
            if len(ids) >= size:
                self._lent.append(ids)
                return ids
        ids = np.empty(size + size // 4, np.int32)  # pages that are never written take no memory
        self._lent.append(ids)
        return ids

    def release(self) -> None:
        """Allow the use of the arrays for other texts. Call this once their ids were counted or copied."""
        for ids in self._lent:
            if len(ids) <= _MAX_SCRATCH_IDS and len(self._free) < _MAX_SCRATCH:
                self._free.append(ids)
        self._lent = []


class RowStatus:
    """The status of each row over several scans: ``lengths`` int64 (rows,), ``status`` uint8 (rows,)."""

    def __init__(self, rows: int) -> None:
        self.lengths = np.zeros(rows, np.int64)
        self.status = np.zeros(rows, np.uint8)
        self.requested_pages = np.zeros(PAGES, np.uint8)

    def query_requested_pages(self, splitter: Splitter) -> None:
        """Add the requested pages of characters to ``splitter``."""
        splitter.query_tokenizers(np.flatnonzero(self.requested_pages).tolist())
        self.requested_pages[:] = 0

    @property
    def pending(self) -> Int64:
        """The rows that need another scan."""
        return np.flatnonzero((self.status == NEEDS_PAGE) | (self.status == NEEDS_PRETOKEN))

    @property
    def left_to_reference(self) -> Int64:
        """The rows that only the reference can encode."""
        return np.flatnonzero(self.status == LEFT_TO_REFERENCE)


class Encoders(Protocol):
    """What the kernel needs to write the ids of pre-tokens."""

    @property
    def density(self) -> int:
        """The maximum number of ids per byte of a pre-token."""

    @property
    def records_misses(self) -> bool:
        """Whether pre-tokens may be recorded as missing."""

    def character_ids(self, table: Table) -> Int32:
        """Return one plus the ids of characters that are pre-tokens of their own, int32 (CODES,). 0 for others."""

    def encoder(self) -> AbstractContextManager[_Encoder]:
        """Return the tables for one thread. No other thread uses them in the context."""


@dataclass(frozen=True)
class KnownPretokens:
    """The pre-tokens of a cache.

    Attributes:
        cache: The pre-tokens and their ids.
        on_miss: The id of other pre-tokens, or a constant as for ``Lookup``.
        buckets: The buckets of other pre-tokens. The id of the first is ``on_miss``.
    """

    cache: PretokenCache | TokenNumbers
    on_miss: int
    buckets: OovBuckets | None = None

    @property
    def density(self) -> int:
        """The maximum number of ids per byte of a pre-token."""
        return self.cache.density

    @property
    def records_misses(self) -> bool:
        """Whether pre-tokens may be recorded as missing."""
        return self.on_miss in (RECORD_MISS, RECORD_MISS_IN_PLACE)

    def character_ids(self, table: Table) -> Int32:
        """Return one plus the ids of characters that are pre-tokens of their own, int32 (CODES,). 0 for others."""
        return self.cache.character_ids(table)

    def encoder(self) -> AbstractContextManager[Lookup | BucketLookup]:
        """Return the tables for one thread."""
        tables, buckets = (self.cache.pretokens, self.cache.ids, self.on_miss), self.buckets
        return nullcontext(Lookup(*tables) if buckets is None else BucketLookup(*tables, buckets.count, buckets.key))


def scan(
    splitter: Splitter,
    encoders: Encoders,
    text: Text,
    rows: Int64,
    row_status: RowStatus,
    threads: int,
    target: PaddedTarget | None = None,
    scratch: ScratchIds | None = None,
) -> list[ScanResult]:
    """Scan texts.

    Args:
        splitter: The tables of the pre-tokenizer.
        encoders: The ids of pre-tokens.
        text: All texts.
        rows: The indices of the texts to scan, int64 (scanned,), ascending.
        row_status: The status of all rows. It is updated.
        threads: The number of threads.
        target: Where to write the ids. By default they are returned.
        scratch: Memory for the ids that are returned. ``None`` is new memory.

    Returns:
        The results of the threads.
    """
    scan_texts, growth = _kernel_of(splitter, encoders), splitter.growth
    sizes = text.offsets[rows + 1] - text.offsets[rows]
    splits = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])

    def scan_rows(first: int, last: int) -> ScanResult:
        thread_rows = rows[first:last]
        longest = growth * int(sizes[first:last].max())
        max_ids = encoders.density * (growth * int(splits[last] - splits[first]) + last - first)
        # ``append_cached`` may write one id more, which is not part of a row.
        out = _kernel_output(target, max_ids + 1, scratch)
        misses = np.empty(max(longest, _MAX_MISS_BYTES) if encoders.records_misses else 0, np.uint8)
        miss_splits = np.zeros(_MAX_MISSES if encoders.records_misses else 1, np.int64)
        report = Report(row_status.lengths, row_status.status, row_status.requested_pages, misses, miss_splits)
        with encoders.encoder() as encoder:
            miss_count = scan_texts(encoder, text, thread_rows, longest, out, report)
        if target is None:
            thread_rows = thread_rows[row_status.status[thread_rows] == DONE]
            lengths = row_status.lengths[thread_rows]
            ids = Ragged.from_lengths(out.ids[: int(lengths.sum())], lengths)
        else:
            ids = Ragged.from_lengths(_NO_IDS, np.zeros(0, np.int64))
        return ScanResult(thread_rows, ids, _strings(miss_count, misses, miss_splits))

    return parallel_map(scan_rows, split_rows(splits, threads))


def _kernel_of(splitter: Splitter, encoders: Encoders) -> _Scan:
    """Return the kernel for ``splitter`` with its tables."""
    # Pages of these arrays that are never written take no memory.
    if splitter.by_automata is True:
        patterns = splitter.tables
        levels = len(patterns.automata.firsts) + 1

        def scan_patterns(encoder: _Encoder, text: Text, rows: Int64, longest: int, out: Out, report: Report) -> int:
            workspace = PatternWorkspace(
                np.empty(1 + longest + SLACK, np.uint8),
                np.empty((levels, MAX_PRETOKENS), np.int32),
                np.empty((levels, MAX_PRETOKENS), np.int32),
                np.empty((3, levels), np.int64),
                np.empty(2 * MAX_PRETOKENS, np.uint64),
                np.empty(MAX_PRETOKENS, np.uint64),
            )
            return kernels.scan_patterns(patterns, encoder, text, rows, workspace, out, report)

        return scan_patterns
    table = splitter.table
    characters = encoders.character_ids(table)

    def scan_characters(encoder: _Encoder, text: Text, rows: Int64, longest: int, out: Out, report: Report) -> int:
        workspace = Workspace(
            np.empty(longest + SLACK, np.uint8),
            np.empty(MAX_PRETOKENS, np.int32),
            np.empty(MAX_PRETOKENS, np.int32),
            np.empty(2 * MAX_PRETOKENS, np.uint64),
            np.empty(MAX_PRETOKENS, np.uint64),
        )
        return kernels.scan(table, characters, encoder, text, rows, workspace, out, report)

    return scan_characters


def are_in_order(results: list[ScanResult]) -> bool:
    """Return whether the rows of the results follow each other."""
    order = np.concatenate([np.zeros(0, np.int64), *(result.rows for result in results)])
    return bool(np.all(order[:-1] < order[1:]))


def merge_results(results: list[ScanResult], lengths: Int64) -> Ragged:
    """Return a copy of the ids of all rows in order. ``lengths`` is int64 (rows,)."""
    if are_in_order(results):
        return Ragged.from_lengths(np.concatenate([_NO_IDS, *(result.ids.values for result in results)]), lengths)
    merged = Ragged.from_lengths(np.empty(int(lengths.sum()), np.int32), lengths)
    for result in results:
        kernels.place(result.ids.values, result.ids.row_splits, result.rows, merged.values, merged.row_splits)
    return merged


def _kernel_output(target: PaddedTarget | None, max_ids: int, scratch: ScratchIds | None) -> Out:
    if target is None:
        ids = np.empty(max_ids, np.int32) if scratch is None else scratch.take(max_ids)
        return Out(ids, 0, _UNLIMITED, _NO_IDS, _NO_IDS, 0, -1)
    return Out(
        target.ids.reshape(-1),
        target.ids.shape[1],
        target.room,
        target.before,
        target.after,
        target.pad_id,
        target.dropped_id,
    )


def _strings(count: int, data: UInt8, splits: Int64) -> pa.LargeStringArray:
    return pa.Array.from_buffers(STRINGS, count, [None, pa.py_buffer(splits[: count + 1]), pa.py_buffer(data)])
