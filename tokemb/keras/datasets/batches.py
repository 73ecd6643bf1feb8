"""Make padded batches from rows of ids and their labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tokemb._arrays import Array, Int32, Int64
from tokemb.errors import ArgumentError
from tokemb.keras.datasets.examples import Examples
from tokemb.keras.datasets.order import BatchOrder
from tokemb.keras.datasets.targets import TargetRows
from tokemb.rows.packing import PACKED_COLUMNS, padded_segments
from tokemb.rows.ragged import take, take_padded
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.pair_template import PairArrays, PairTemplate

# Ids int32 (batch, maxlen), or arrays by name: for pairs those of encode_pairs, for packed rows PACKED_COLUMNS.
Inputs = Int32 | PairArrays
# Inputs, and labels (batch, ...) if there are any.
# With targets, their weights (batch, maxlen) are third.
Batch = tuple[Inputs] | tuple[Inputs, Array] | tuple[Inputs, Array, Array]


@dataclass(frozen=True)
class BatchMaker:
    """Make padded batches.

    Attributes:
        order: The assignment of rows to batches.
        shape: The padding and truncation.
        pad_id: The id of padding.
        pair_template: The type ids of pairs. ``None`` for single texts.
        target_rows: The rows of target texts. ``None`` if there are none.
    """

    order: BatchOrder
    shape: PadTruncate
    pad_id: int
    pair_template: PairTemplate | None = None
    target_rows: TargetRows | None = None

    @classmethod
    def of(
        cls,
        order: BatchOrder,
        shape: PadTruncate,
        pad_id: int,
        pair_template: PairTemplate | None = None,
        target_rows: TargetRows | None = None,
    ) -> BatchMaker:
        """Make a batch maker. If rows are grouped by length, they are truncated to ``shape`` but not padded to it."""
        shape = replace(shape, pad_to=None) if order.by_length else shape
        return cls(order, shape, pad_id, pair_template, target_rows)

    @property
    def fixed_shape(self) -> tuple[int | None, int | None]:
        """The shape of the ids of every batch. ``None`` for an axis whose size varies."""
        return (self.order.batch_size if self.order.drop_remainder else None), self.shape.fixed_length

    def plan(self, examples: Examples, *epoch: int) -> list[Int64]:
        """Assign rows to batches.

        Args:
            examples: The rows.
            *epoch: The number of the epoch, and of the chunk within it if the rows come in chunks.

        Returns:
            The row numbers of each batch.

        Raises:
            ArgumentError: If a row is longer than all buckets.
        """
        lengths = examples.rows.lengths
        self.order.check_lengths(lengths)
        return self.order.batches(lengths, epoch)

    def batches(self, examples: Examples, *epoch: int) -> Iterator[Batch]:
        """Return an iterator over the batches of ``plan``."""
        return (self.make_batch(examples, rows) for rows in self.plan(examples, *epoch))

    def make_batch(self, examples: Examples, rows: Int64, least_lengths: tuple[int, int] = (1, 1)) -> Batch:
        """Make the batch of the rows with these numbers, int64 ``(batch,)``.

        The ids and the inputs of the decoder are padded to at least ``least_lengths``, unless they have a fixed length.
        """
        splits = examples.rows.row_splits
        lengths, fill_first = splits[rows + 1] - splits[rows], self.shape.padding == "pre"
        maxlen = max(self._padded_length(int(lengths.max())), least_lengths[0])
        ids = take_padded(examples.rows, rows, maxlen, fill=self.pad_id, fill_first=fill_first)
        inputs: Inputs = ids
        if self.pair_template is not None and examples.first_lengths is not None:
            first_lengths = examples.first_lengths[rows]
            masks = self.pair_template.padded_masks(first_lengths, lengths, maxlen, fill_first=fill_first)
            inputs = {"ids": ids, **masks._asdict()}
        if examples.segments is not None:
            segments = padded_segments(take(examples.segments, rows), maxlen, self.shape.padding)
            inputs = dict(zip(PACKED_COLUMNS, (ids, *segments), strict=True))
        if self.target_rows is not None and examples.targets is not None:
            decoder_ids, targets, weights = self.target_rows.shifted(examples.targets, rows, least_lengths[1])
            return {"ids": ids, "decoder_ids": decoder_ids}, targets, weights
        return (inputs,) if examples.labels is None else (inputs, examples.labels[rows])

    def lengths(self, examples: Examples, rows: Int64) -> tuple[int, int]:
        """Return the lengths of the ids and of the inputs of the decoder in a batch. 0 if all batches have the same."""
        splits, decoder_length = examples.rows.row_splits, 0
        if self.target_rows is not None and self.target_rows.maxlen is None and examples.targets is not None:
            decoder_length = self.target_rows.length(examples.targets, rows)
        if self.fixed_shape[1] is not None:
            return 0, decoder_length
        return self._padded_length(int((splits[rows + 1] - splits[rows]).max())), decoder_length

    def _padded_length(self, longest: int) -> int:
        bucket = self.order.bucket_length(longest)
        # Models divide by the length, so it must not be 0, even if no text of the batch has tokens.
        return max(self.shape.padded_length(longest) if bucket is None else bucket, 1)


def check_not_empty(batches: int, rows: int, order: BatchOrder) -> None:
    """Raise ``ArgumentError`` if there is no batch. The message of Keras is hard to understand."""
    if not batches:
        remedy = f", fewer than a batch of {order.batch_size}: pass drop_remainder=False" if rows else ""
        raise ArgumentError(f"a dataset must have at least one batch; received {rows} rows{remedy}")
