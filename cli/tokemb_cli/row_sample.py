"""A sample of the rows that a command reads, for lengths that are known only after a vocabulary is fitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from tokemb import Encoder

_LARGEST = 1 << 15


class RowSample:
    """Every n-th row of a corpus, where n doubles whenever the sample becomes too large to keep."""

    def __init__(self) -> None:
        self.rows = 0
        self._step = 1
        self._kept: list[pa.Array] = []
        self._size = 0

    def through(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield ``batches`` unchanged and keep some of the texts in their first column."""
        for batch in batches:
            self._add(batch.column(0))
            yield batch

    def lengths(self, encoder: Encoder) -> dict[int, int]:
        """Count the rows of the sample by how many ids each has."""
        import numpy as np
        import pyarrow as pa

        lengths, rows = np.unique(encoder.encode_ragged(pa.chunked_array(self._kept)).lengths, return_counts=True)
        return dict(zip(lengths.tolist(), rows.tolist(), strict=True))

    @property
    def is_whole(self) -> bool:
        """Whether the sample is all rows."""
        return self._step == 1

    def _add(self, texts: pa.Array) -> None:
        import numpy as np
        import pyarrow as pa

        chosen = np.arange(-self.rows % self._step, len(texts), self._step)
        self.rows += len(texts)
        self._kept.append(texts.take(pa.array(chosen)))  # a copy, so that the batch itself is not kept
        self._size += len(chosen)
        while self._size > _LARGEST:
            whole = pa.chunked_array(self._kept).combine_chunks()
            half = whole.take(pa.array(np.arange(0, len(whole), 2)))
            self._kept, self._size, self._step = [half], len(half), self._step * 2
