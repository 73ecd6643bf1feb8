"""Batches as a ``tf.data.Dataset``. Importing this imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from typing import Any

from tokemb._validation import check_count
from tokemb.errors import MissingPackageError
from tokemb.keras.datasets.batches import Batch, BatchMaker, check_some
from tokemb.keras.datasets.examples import Examples, RowEncoder
from tokemb.keras.datasets.files import Streamed
from tokemb.keras.datasets.settings import FeedSettings

try:
    import tensorflow as tf
except ImportError as error:
    raise MissingPackageError("dataset needs TensorFlow: pip install tensorflow, or use py_dataset") from error


def make_dataset(
    encoder: RowEncoder,
    texts: Any,  # noqa: ANN401
    labels: Any,  # noqa: ANN401
    settings: FeedSettings,
    buffer: int | None,
) -> tf.data.Dataset:
    """``Encoder.dataset``."""
    examples_of, maker = settings.makers(encoder)
    if buffer is not None:
        rows = check_count("buffer", buffer)
        # In whole batches, so that only the last part has one that is not.
        rows = -(-rows // maker.order.batch_size) * maker.order.batch_size
        streamed = Streamed(examples_of, texts, labels, rows)
        first = streamed.first()
        check_some(len(first), len(first), maker.order)
        return _dataset(lambda number: _of_parts(streamed, maker, number), first, maker, None)
    examples = examples_of.in_memory(texts, labels)
    batches = len(maker.plan(examples, 0))
    check_some(batches, len(examples), maker.order)
    return _dataset(lambda number: maker.batches(examples, number), examples, maker, batches)


def _of_parts(streamed: Streamed, maker: BatchMaker, number: int) -> Iterator[Batch]:
    with closing(streamed.parts()) as parts:
        for part, examples in enumerate(parts):
            yield from maker.batches(examples, number, part)


def _dataset(
    of_pass: Callable[[int], Iterator[Batch]], some: Examples, maker: BatchMaker, batches: int | None
) -> tf.data.Dataset:
    """A dataset of the batches of each pass: ``of_pass`` gets its number, from 0.

    ``some``: examples, which tell the dtype and shape of labels. ``batches``: how many there are, if that is known.
    """
    signature: Any = tf.TensorSpec(maker.fixed_shape, tf.int32)
    if some.labels is not None:
        signature = signature, tf.TensorSpec((maker.fixed_shape[0], *some.labels.shape[1:]), some.labels.dtype)
    numbers = count()

    def batches_of_next() -> Iterator[Any]:
        of_next = of_pass(next(numbers))
        return of_next if some.labels is not None else (ids for (ids,) in of_next)  # type: ignore[misc]

    dataset = tf.data.Dataset.from_generator(batches_of_next, output_signature=signature)
    if batches is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches))
    # Made in a thread while the model works on those before.
    return dataset.prefetch(tf.data.AUTOTUNE)
