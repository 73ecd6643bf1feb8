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
from tokemb.engine.padded import Padded
from tokemb.engine.pretoken_cache import PretokenCache, text_of
from tokemb.engine.scan import RowStatus, ScanResult, merge_results, scan
from tokemb.kernels.structs import NOTE
from tokemb.rows.ragged import Ragged

# When more pieces than this are known, or more bytes of them, all are forgotten.
_MOST_PIECES = 1 << 20
_MOST_BYTES = 1 << 26

# Texts, and a number of threads, to ids.
Encode = Callable[[pa.LargeStringArray, int], Ragged]


class Scanner:
    """Encode with the kernels of ``scan``."""

    def __init__(
        self,
        code_points: CharTable,
        known: PretokenCache,
        unknown: int,
        reference: Encode,
        ask: Encode | None,
        whole_rows: bool,
    ) -> None:
        """``known``: the pieces to begin with. ``unknown``: the id of all others, or ``UNKNOWN_TO_REFERENCE``.

        ``reference``: gives the ids of texts. ``ask``: gives the ids of pieces that are not known, which are then
        remembered; ``unknown`` is not needed. ``whole_rows``: rows must be read to their end, so ``encode_padded``,
        which does not, is not to be used.
        """
        self._code_points = code_points
        self._known = known
        self._unknown = NOTE if ask else unknown
        self._ask = ask
        self._reference = reference
        self.whole_rows = whole_rows
        self._lock = Lock()

    def encode(self, texts: pa.LargeStringArray, threads: int) -> Ragged:
        """The ids of ``texts``, ``large_string`` (rows,), as a ``Ragged`` of as many rows."""
        progress = RowStatus(len(texts))
        walks = self._walks(texts, progress, threads, None)
        left = progress.left_to_reference
        if len(left):
            of_reference = self._reference(texts.take(pa.array(left)), threads)
            progress.lengths[left] = of_reference.lengths
            walks.append(ScanResult(left, of_reference, texts[:0]))
        return merge_results(walks, progress.lengths)

    def encode_padded(self, texts: pa.LargeStringArray, padded: Padded, threads: int) -> Int64:
        """Put the ids of ``texts``, ``large_string`` (rows,), where ``padded`` says; return the rows that it left out.

        Those are for the reference, int64 (left,). A row is not read further than it is needed.
        """
        progress = RowStatus(len(texts))
        self._walks(texts, progress, threads, padded)
        return progress.left_to_reference

    def _walks(
        self, texts: pa.LargeStringArray, progress: RowStatus, threads: int, padded: Padded | None
    ) -> list[ScanResult]:
        known = self._known
        if self._ask and (known.size > _MOST_PIECES or known.text_size > _MOST_BYTES):
            self._known = PretokenCache.none()
        text, walks = text_of(texts), []
        rows: Int64 = np.arange(len(texts))
        while len(rows):
            done = scan(self._code_points, self._known, self._unknown, text, rows, progress, threads, padded)
            with self._lock:
                progress.learn_pages(self._code_points)
                self._learn_pieces(done, threads)
            walks += done
            rows = progress.to_do
        return walks

    def _learn_pieces(self, walks: list[ScanResult], threads: int) -> None:
        if not self._ask or not any(len(walked.missing) for walked in walks):
            return
        missing = pc.unique(pa.chunked_array([walked.missing for walked in walks], STRINGS))
        # Another thread may have learnt some meanwhile.
        missing = missing.filter(pa.array(self._known.find(missing) < 0))
        self._known = self._known.and_more(missing, self._ask(missing, threads))
