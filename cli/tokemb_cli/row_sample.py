"""A sample of the rows that a command reads. Their lengths are known after a vocabulary is fitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from tokemb import Encoder


class RowSample:
    """Every n-th row of a corpus. n doubles whenever the sample has more than ``largest`` rows."""

    def __init__(self, largest: int = 1 << 15) -> None:
        self.rows = 0
        self._largest = largest
        self._step = 1
        self._texts: list[pa.Array] = []
        self._size = 0

    def tee(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield ``batches`` unchanged and store a part of the texts of their first column."""
        for batch in batches:
            self._add(batch.column(0))
            yield batch

    def lengths(self, encoder: Encoder) -> dict[int, int]:
        """Return the number of sampled rows for each number of ids, not truncated and without special tokens."""
        import numpy as np
        import pyarrow as pa

        from tokemb._arrays import STRINGS
        from tokemb.vocabulary.pad_truncate import PadTruncate

        texts = pa.chunked_array(self._texts).combine_chunks().cast(STRINGS)
        rows = encoder.encode_column(texts, PadTruncate()).rows
        around = (encoder.start_id is not None) + (encoder.end_id is not None)
        lengths, counts = np.unique(rows.lengths - around, return_counts=True)
        return dict(zip(lengths.tolist(), counts.tolist(), strict=True))

    @property
    def is_complete(self) -> bool:
        """Whether the sample contains all rows."""
        return self._step == 1

    def _add(self, texts: pa.Array) -> None:
        import numpy as np
        import pyarrow as pa

        indices = np.arange(-self.rows % self._step, len(texts), self._step)
        self.rows += len(texts)
        self._texts.append(texts.take(pa.array(indices)))  # a copy, so that the batch is freed
        self._size += len(indices)
        while self._size > self._largest:
            whole = pa.chunked_array(self._texts).combine_chunks()
            half = whole.take(pa.array(np.arange(0, len(whole), 2)))
            self._texts, self._size, self._step = [half], len(half), self._step * 2
