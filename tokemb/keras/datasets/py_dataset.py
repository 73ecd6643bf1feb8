"""Batches as a ``keras.utils.PyDataset`` for any Keras backend. Importing this module imports Keras."""

from __future__ import annotations

from typing import Any

import keras

from tokemb.keras.datasets.batches import Batch, BatchMaker, check_not_empty
from tokemb.keras.datasets.examples import Examples
from tokemb.keras.datasets.row_encoder import RowEncoder
from tokemb.keras.datasets.settings import FeedSettings


class EncodedBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is untyped
    """The batches of an epoch. ``on_epoch_end`` starts the next epoch.

    An item is ``(ids,)`` or ``(ids, labels)``: int32 ``(batch, maxlen)``, and numbers ``(batch, ...)``. For pairs of
    texts and for packed rows, arrays by name are in place of the ids.
    """

    def __init__(self, examples: Examples, maker: BatchMaker) -> None:
        super().__init__()
        self._examples = examples
        self._maker = maker
        self._epoch = 0
        self._in_epoch = False
        self._plan = maker.plan(examples, 0)
        check_not_empty(len(self._plan), len(examples), maker.order)

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, index: int) -> Batch:
        return self._maker.make_batch(self._examples, self._plan[index], self._least_length(index))

    def _least_length(self, index: int) -> int:
        """Return 1, or for the second batch before an epoch a length that is not that of the first.

        With TensorFlow, Keras takes the shape of all batches from the first two. If these were equally long, it would
        refuse all others.
        """
        if index != 1 or self._in_epoch or self._maker.fixed_shape[1] is not None:
            return 1
        first, second = (self._maker.length(self._examples, rows) for rows in self._plan[:2])
        return second + 1 if first == second else 1

    def on_epoch_begin(self) -> None:
        """Begin an epoch."""
        self._in_epoch = True

    def on_epoch_end(self) -> None:
        """Start the next epoch."""
        self._epoch += 1
        self._in_epoch = False
        if self._maker.order.shuffle:
            self._plan = self._maker.plan(self._examples, self._epoch)


def make_py_dataset(encoder: RowEncoder, texts: Any, labels: Any, settings: FeedSettings) -> EncodedBatches:  # noqa: ANN401
    """Make the dataset of ``Encoder.py_dataset``."""
    example_maker, batch_maker = settings.makers(encoder)
    return EncodedBatches(settings.examples(example_maker, texts, labels), batch_maker)
