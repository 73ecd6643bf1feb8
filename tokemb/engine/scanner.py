"""The scanner: one pass over the bytes of the texts, for pipelines that look at one character at a time.

The kernels normalize and pre-tokenize texts with tables of characters. Then each pre-token is looked up in the
vocabulary of a word-level model, or in a cache of pre-tokens that were encoded before. The kernels encode other
pre-tokens with a subword model. `tokenizers` encodes them if the kernels do not support the model. The reference
encodes the rows for which the tables are not sufficient.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int32, Int64
from tokemb.engine.padded import PaddedTarget
from tokemb.engine.pretoken_cache import PretokenCache, text_of
from tokemb.engine.scan import KnownPretokens, RowStatus, ScanResult, ScratchIds, Splitter, merge_results, scan
from tokemb.kernels.structs import RECORD_MISS
from tokemb.rows.ragged import Ragged

if TYPE_CHECKING:
    from tokemb.engine.subword_model import SubwordModel
    from tokemb.vocabulary.oov_buckets import OovBuckets

# The cache is cleared when it holds more pre-tokens or more bytes than this.
_MAX_PRETOKENS = 1 << 20
_MAX_BYTES = 1 << 26

# A function from texts, ``large_string`` (rows,), and a number of threads to ids.
Encode = Callable[[pa.LargeStringArray, int], Ragged]


class Scanner:
    """Encode with the kernels of ``scan``."""

    def __init__(
        self,
        splitter: Splitter,
        cache: PretokenCache,
        on_miss: int,
        reference: Encode,
        encode_pretokens: Encode | None,
        whole_rows: bool,
        buckets: OovBuckets | None = None,
        subwords: SubwordModel | None = None,
    ) -> None:
        """Initialize the scanner.

        Args:
            splitter: The tables of the pre-tokenizer.
            cache: The initial pre-tokens.
            on_miss: The id of all other pre-tokens, or ``MISS_TO_REFERENCE``. Not used with ``encode_pretokens``.
            reference: Encodes texts.
            encode_pretokens: Encodes pre-tokens that are not in the cache. They are then added to it.
            whole_rows: Whether rows must be read to their end. ``encode_padded``, which stops at a full row, must then
                not be used.
            buckets: The buckets of all other pre-tokens. The id of the first is ``on_miss``.
            subwords: Encodes all pre-tokens, with a cache of its own. ``cache`` and ``on_miss`` are then not used.
        """
        self._splitter = splitter
        self._cache = cache
        self._on_miss = RECORD_MISS if encode_pretokens else on_miss
        self._buckets = buckets
        self._subwords = subwords
        self._encode_pretokens = encode_pretokens
        self._reference = reference
        self.whole_rows = whole_rows
        self._lock = Lock()
        self._free_ids: list[Int32] = []

    def encode(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """Encode ``texts``, ``large_string`` (rows,). Return a ``Ragged`` with as many rows."""
        row_status = RowStatus(len(texts))
        scratch = ScratchIds(self._free_ids)
        results = self._scan(texts, row_status, threads, None, scratch)
        remaining = row_status.left_to_reference
        if len(remaining):
            encoded = self._reference(texts.take(pa.array(remaining)), threads)
            row_status.lengths[remaining] = encoded.lengths
            results.append(ScanResult(remaining, encoded, texts[:0]))
        merged = merge_results(results, row_status.lengths)
        scratch.release()
        return merged

    def encode_padded(self, texts: pa.LargeStringArray, target: PaddedTarget, threads: int) -> Int64:
        """Write the ids of ``texts``, ``large_string`` (rows,), to ``target``. Stop reading a row when it is full.

        Returns:
            The rows that the reference must encode, int64 (remaining,).
        """
        row_status = RowStatus(len(texts))
        self._scan(texts, row_status, threads, target)
        if target.lengths is not None:
            target.lengths[:] = row_status.lengths
        return row_status.left_to_reference

    def _scan(
        self,
        texts: pa.LargeStringArray,
        row_status: RowStatus,
        threads: int,
        target: PaddedTarget | None,
        scratch: ScratchIds | None = None,
    ) -> list[ScanResult]:
        cache = self._cache
        if self._encode_pretokens and (cache.size > _MAX_PRETOKENS or cache.text_size > _MAX_BYTES):
            self._cache = PretokenCache.empty()
        text, results = text_of(texts), []
        rows: Int64 = np.arange(len(texts))
        while len(rows):
            encoders = self._subwords or KnownPretokens(self._cache, self._on_miss, self._buckets)
            scanned = scan(self._splitter, encoders, text, rows, row_status, threads, target, scratch)
            with self._lock:
                row_status.query_requested_pages(self._splitter)
                self._cache_misses(scanned, threads)
            results += scanned
            rows = row_status.pending
        return results

    def _cache_misses(self, results: list[ScanResult], threads: int) -> None:
        if not self._encode_pretokens or not any(len(result.misses) for result in results):
            return
        import pyarrow.compute as pc  # a slow import that word vocabularies and subword models do not need

        misses = pc.unique(pa.chunked_array([result.misses for result in results], STRINGS))
        # Another thread may have added some in the meantime.
        misses = misses.filter(pa.array(self._cache.find(misses) < 0))
        self._cache = self._cache.with_pretokens(misses, self._encode_pretokens(misses, threads))
