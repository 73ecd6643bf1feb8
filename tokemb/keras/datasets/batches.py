"""Batches, cut from rows of ids and their labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tokemb._arrays import Int32, Int64
from tokemb.errors import ArgumentError
from tokemb.keras.datasets.examples import Examples
from tokemb.keras.datasets.labels import Numbers
from tokemb.keras.datasets.order import BatchOrder
from tokemb.rows.pack_rows import pack_rows
from tokemb.vocabulary.pad_truncate import PadTruncate

# Ids int32 (batch, maxlen), and the labels (batch, ...) if there are some.
Batch = tuple[Int32] | tuple[Int32, Numbers]


@dataclass(frozen=True)
class BatchMaker:
    """Cuts batches: ``order`` says of which rows, ``shape`` and ``pad_id`` how they are padded."""

    order: BatchOrder
    shape: PadTruncate
    pad_id: int

    @classmethod
    def of(cls, order: BatchOrder, shape: PadTruncate, pad_id: int) -> BatchMaker:
        """Grouped by length, rows are cut to the length that they all have otherwise, but not padded to it."""
        return cls(order, replace(shape, pad_to=None) if order.by_length else shape, pad_id)

    @property
    def fixed_shape(self) -> tuple[int | None, int | None]:
        """The shape of the ids of every batch, ``None`` where batches differ."""
        return (self.order.batch_size if self.order.drop_remainder else None), self.shape.fixed_length

    def plan(self, examples: Examples, *number: int) -> list[Int64]:
        """The rows of each batch in the pass of this ``number``, or with a second one in this part of the pass.

        Raises ``ArgumentError`` if a row is longer than all buckets.
        """
        lengths = examples.rows.lengths
        self.order.check_lengths(lengths)
        return self.order.batches(lengths, number)

    def batches(self, examples: Examples, *number: int) -> Iterator[Batch]:
        """The batches of ``plan``."""
        return (self.cut(examples, rows) for rows in self.plan(examples, *number))

    def cut(self, examples: Examples, rows: Int64) -> Batch:
        """The batch of the rows of these numbers, int64 (batch,)."""
        splits = examples.rows.row_splits
        starts = splits[rows]
        lengths = splits[rows + 1] - starts
        length = self._padded_length(int(lengths.max()))
        ids = np.empty((len(rows), length), np.int32)
        places = np.arange(len(rows) + 1, dtype=np.int64) * length
        fill_first = self.shape.padding == "pre"
        pack_rows(
            examples.rows.values, starts, lengths, places, ids.reshape(-1), fill=self.pad_id, fill_first=fill_first
        )
        return (ids,) if examples.labels is None else (ids, examples.labels[rows])

    def _padded_length(self, longest: int) -> int:
        bucket = self.order.bucket_length(longest)
        # Models divide by the length, so that texts without any tokens have one too.
        return max(self.shape.padded_length(longest) if bucket is None else bucket, 1)


def check_some(batches: int, rows: int, order: BatchOrder) -> None:
    """Raise ``ArgumentError`` if there is no batch: what Keras says of that is hard to understand."""
    if not batches:
        rest = f", which is not one whole batch of {order.batch_size}: leave drop_remainder out" if rows else ""
        raise ArgumentError(f"a dataset must have at least one batch; received {rows} rows{rest}")
