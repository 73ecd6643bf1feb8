"""Batches as a ``keras.utils.PyDataset``, which every backend of Keras takes. Importing this imports Keras."""

from __future__ import annotations

from typing import Any

import keras

from tokemb.keras.datasets.batches import Batch, BatchMaker, check_some
from tokemb.keras.datasets.examples import Examples, RowEncoder
from tokemb.keras.datasets.settings import FeedSettings


class EncodedBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is untyped
    """The batches of one pass after the other: ``on_epoch_end`` begins the next, in its order.

    An item is ``(ids,)`` or ``(ids, labels)``: int32 (batch, maxlen), and numbers (batch, ...).
    """

    def __init__(self, examples: Examples, maker: BatchMaker) -> None:
        super().__init__()
        self._examples = examples
        self._maker = maker
        self._number = 0
        self._plan = maker.plan(examples, 0)
        check_some(len(self._plan), len(examples), maker.order)

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, index: int) -> Batch:
        return self._maker.cut(self._examples, self._plan[index])

    def on_epoch_end(self) -> None:
        """Begin the next pass."""
        self._number += 1
        if self._maker.order.shuffle:
            self._plan = self._maker.plan(self._examples, self._number)


def make_py_dataset(encoder: RowEncoder, texts: Any, labels: Any, settings: FeedSettings) -> EncodedBatches:  # noqa: ANN401
    """``Encoder.py_dataset``."""
    examples_of, maker = settings.makers(encoder)
    return EncodedBatches(examples_of.in_memory(texts, labels), maker)
