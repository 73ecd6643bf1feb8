"""The settings of datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokemb._validation import check_choice, check_count
from tokemb.errors import ArgumentError
from tokemb.keras.datasets.batches import BatchMaker
from tokemb.keras.datasets.examples import ExampleMaker, Examples
from tokemb.keras.datasets.labels import check_classes
from tokemb.keras.datasets.order import BatchOrder
from tokemb.keras.datasets.row_encoder import RowEncoder


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
    second: Any = None
    pair_truncation: str | None = None
    overlap: int | None = None
    validation_split: float | None = None
    subset: str | None = None

    def makers(self, encoder: RowEncoder) -> tuple[ExampleMaker, BatchMaker]:
        """Return the makers of examples and of batches, or raise ``ArgumentError`` if a setting is invalid."""
        order = BatchOrder.from_settings(self.batch_size, self.shuffle, self.seed, self.bucket, self.drop_remainder)
        pairs = self.second is not None
        shape = encoder.row_shape(
            self.maxlen,
            self.padding,
            self.truncating,
            overlap=self.overlap,
            is_pair=pairs,
            pair_truncation=self.pair_truncation,
            pairs_by="second=...",
        )
        examples = ExampleMaker(
            encoder,
            self.column,
            check_classes(self.classes),
            shape,
            self.maxlen,
            self.truncating,
            self.threads,
            self.second,
            self.overlap,
        )
        template = encoder.pair_template if pairs else None
        return examples, BatchMaker.of(order, shape, encoder.require_pad_id(), template)

    def select(self, examples: Examples) -> Examples:
        """Return the examples of ``subset``. All windows of a text are in the same one.

        Raises:
            ArgumentError: If a setting is invalid, or the subset would have no texts.
        """
        if self.validation_split is None and self.subset is None:
            return examples
        if self.validation_split is None or self.subset is None or self.seed is None:
            raise ArgumentError("validation_split, subset and seed must be passed together, so that two calls agree")
        check_choice("subset", self.subset, ("training", "validation"))
        if not 0 < self.validation_split < 1:
            raise ArgumentError(f"validation_split must be between 0 and 1; received {self.validation_split!r}")
        texts = examples.text_count
        order = np.random.default_rng(check_count("seed", self.seed, least=0)).permutation(texts)
        is_validation = order < round(self.validation_split * texts)
        return examples.of_texts(is_validation if self.subset == "validation" else ~is_validation)
