"""The settings of datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokemb.keras.datasets.batches import BatchMaker
from tokemb.keras.datasets.examples import ExampleMaker, RowEncoder
from tokemb.keras.datasets.labels import check_classes
from tokemb.keras.datasets.order import BatchOrder


@dataclass(frozen=True)
class FeedSettings:
    """The arguments of ``Encoder.dataset`` and ``Encoder.py_dataset``, which document them."""

    column: str | None
    classes: Sequence[str] | None
    batch_size: int
    shuffle: bool
    seed: int | None
    bucket: bool | Sequence[int]
    maxlen: int | None
    padding: str | None
    truncating: str | None
    drop_remainder: bool
    threads: int | None

    def makers(self, encoder: RowEncoder) -> tuple[ExampleMaker, BatchMaker]:
        """Return the makers of examples and of batches, or raise ``ArgumentError`` if a setting is invalid."""
        order = BatchOrder.from_settings(self.batch_size, self.shuffle, self.seed, self.bucket, self.drop_remainder)
        shape = encoder.pad_truncate(self.maxlen, self.padding, self.truncating)
        classes = check_classes(self.classes)
        examples = ExampleMaker(encoder, self.column, classes, self.maxlen, self.truncating, self.threads)
        return examples, BatchMaker.of(order, shape, encoder.require_pad_id())
