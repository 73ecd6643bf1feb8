"""The scanner: one walk over the bytes of the texts, for pipelines that look at one character at a time.

The first step of a tokenizer, from a text to pieces, is done by kernels with tables of characters. The second, from a
piece to ids, is a look-up: in the vocabulary of a word-level model, or among the pieces that the model of `tokenizers`
was asked about before. Rows for which the tables do not say enough go to the reference, one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import STRINGS, Int64
from tokemb.engine.char_table import CharTable
from tokemb.engine.padded import PaddedTarget
from tokemb.engine.pretoken_cache import PretokenCache, text_of
from tokemb.engine.scan import RowStatus, ScanResult, merge_results, scan
from tokemb.kernels.structs import RECORD_MISS
from tokemb.rows.ragged import Ragged

# The cache is cleared when it holds more pre-tokens or more bytes than this.
_MAX_PRETOKENS = 1 << 20
_MAX_BYTES = 1 << 26

# A function from texts, ``large_string`` (rows,), and a number of threads to ids.
Encode = Callable[[pa.LargeStringArray, int], Ragged]


class Scanner:
    """Encode with the kernels of ``scan``."""

    def __init__(
        self,
        char_table: CharTable,
        cache: PretokenCache,
        on_miss: int,
        reference: Encode,
        encode_pretokens: Encode | None,
        whole_rows: bool,
    ) -> None:
        """``known``: the pieces to begin with. ``unknown``: the id of all others, or ``UNKNOWN_TO_REFERENCE``.

        ``reference``: gives the ids of texts. ``ask``: gives the ids of pieces that are not known, which are then
        remembered; ``unknown`` is not needed. ``whole_rows``: rows must be read to their end, so ``encode_padded``,
        which does not, is not to be used.
        """
        self._char_table = char_table
        self._cache = cache
        self._on_miss = RECORD_MISS if encode_pretokens else on_miss
        self._encode_pretokens = encode_pretokens
        self._reference = reference
        self.whole_rows = whole_rows
        self._lock = Lock()

    def encode(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """The ids of ``texts``, ``large_string`` (rows,), as a ``Ragged`` of as many rows."""
        row_status = RowStatus(len(texts))
        results = self._scan(texts, row_status, threads, None)
        remaining = row_status.left_to_reference
        if len(remaining):
            encoded = self._reference(texts.take(pa.array(remaining)), threads)
            row_status.lengths[remaining] = encoded.lengths
            results.append(ScanResult(remaining, encoded, texts[:0]))
        return merge_results(results, row_status.lengths)

    def encode_padded(self, texts: pa.LargeStringArray, target: PaddedTarget, threads: int) -> Int64:
        """Put the ids of ``texts``, ``large_string`` (rows,), where ``padded`` says; return the rows that it left out.

        Those are for the reference, int64 (left,). A row is not read further than it is needed.
        """
        row_status = RowStatus(len(texts))
        self._scan(texts, row_status, threads, target)
        return row_status.left_to_reference

    def _scan(
        self, texts: pa.LargeStringArray, row_status: RowStatus, threads: int, target: PaddedTarget | None
    ) -> list[ScanResult]:
        cache = self._cache
        if self._encode_pretokens and (cache.size > _MAX_PRETOKENS or cache.text_size > _MAX_BYTES):
            self._cache = PretokenCache.empty()
        text, results = text_of(texts), []
        rows: Int64 = np.arange(len(texts))
        while len(rows):
            scanned = scan(self._char_table, self._cache, self._on_miss, text, rows, row_status, threads, target)
            with self._lock:
                row_status.query_requested_pages(self._char_table)
                self._cache_misses(scanned, threads)
            results += scanned
            rows = row_status.pending
        return results

    def _cache_misses(self, results: list[ScanResult], threads: int) -> None:
        if not self._encode_pretokens or not any(len(result.misses) for result in results):
            return
        misses = pc.unique(pa.chunked_array([result.misses for result in results], STRINGS))
        # Another thread may have added some in the meantime.
        misses = misses.filter(pa.array(self._cache.find(misses) < 0))
        self._cache = self._cache.with_pretokens(misses, self._encode_pretokens(misses, threads))
