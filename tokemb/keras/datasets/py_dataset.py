"""Batches as a ``keras.utils.PyDataset`` for any Keras backend. Importing this module imports Keras."""

from __future__ import annotations

from typing import Any

import keras

from tokemb.engine.text_encoder import TextEncoder
from tokemb.keras.datasets.batches import Batch, BatchMaker, check_not_empty
from tokemb.keras.datasets.examples import Examples
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
        self._is_sampled = False
        self._plan = maker.plan(examples, 0)
        check_not_empty(len(self._plan), len(examples), maker.order)

    def __len__(self) -> int:
        return len(self._plan)

    def __getitem__(self, index: int) -> Batch:
        return self._maker.make_batch(self._examples, self._plan[index], self._least_lengths(index))

    @property
    def num_batches(self) -> int:
        """The number of batches. Keras reads it before it takes the shape of all batches from the first two."""
        self._is_sampled = True
        return len(self._plan)

    def _least_lengths(self, index: int) -> tuple[int, int]:
        """Return the lengths that the ids and the decoder ids of a batch are padded to at least.

        If Keras takes the shape of all batches from the first two, the second one is longer than the first. If both had
        the same length, Keras would refuse batches of another length with TensorFlow.
        """
        if index != 1 or not self._is_sampled:
            return 1, 1
        self._is_sampled = False
        firsts, seconds = (self._maker.lengths(self._examples, rows) for rows in self._plan[:2])
        ids, decoder_ids = (
            second + 1 if first == second > 0 else 1 for first, second in zip(firsts, seconds, strict=True)
        )
        return ids, decoder_ids

    def on_epoch_begin(self) -> None:
        """Begin an epoch."""
        self._is_sampled = False

    def on_epoch_end(self) -> None:
        """Start the next epoch."""
        self._epoch += 1
        if self._maker.order.shuffle:
            self._plan = self._maker.plan(self._examples, self._epoch)


def make_py_dataset(encoder: TextEncoder, texts: Any, labels: Any, settings: FeedSettings) -> EncodedBatches:  # noqa: ANN401
    """Make the dataset of ``Encoder.py_dataset``."""
    example_maker, batch_maker = settings.makers(encoder)
    return EncodedBatches(settings.examples(example_maker, texts, labels), batch_maker)
