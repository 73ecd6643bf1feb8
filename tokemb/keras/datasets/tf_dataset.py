"""Batches as a ``tf.data.Dataset``. Importing this module imports TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import count
from typing import Any

from tokemb._arrays import Array
from tokemb._validation import check_count
from tokemb.engine.text_encoder import TextEncoder
from tokemb.errors import ArgumentError, MissingPackageError
from tokemb.keras.datasets.batches import Batch, BatchMaker, check_not_empty
from tokemb.keras.datasets.examples import Examples
from tokemb.keras.datasets.files import StreamedExamples
from tokemb.keras.datasets.settings import FeedSettings
from tokemb.rows.packing import PACKED_COLUMNS
from tokemb.vocabulary.pair_template import PAIR_COLUMNS

try:
    import tensorflow as tf
except ImportError as error:
    raise MissingPackageError("dataset needs TensorFlow: pip install tensorflow, or use py_dataset") from error


def make_dataset(
    encoder: TextEncoder,
    texts: Any,  # noqa: ANN401
    labels: Any,  # noqa: ANN401
    settings: FeedSettings,
    buffer: int | None,
) -> tf.data.Dataset:
    """Make the dataset of ``Encoder.dataset``."""
    example_maker, maker = settings.makers(encoder)
    if buffer is not None:
        if settings.validation_split is not None or settings.subset is not None:
            raise ArgumentError("validation_split must be left out with buffer: pass other files for validation")
        rows = check_count("buffer", buffer)
        # A chunk is a multiple of the batch size, so that only the last chunk can have a smaller batch.
        rows = -(-rows // maker.order.batch_size) * maker.order.batch_size
        settings.check_labels(labels)
        streamed = StreamedExamples(example_maker, texts, labels, rows, settings.packed_length(example_maker))
        first = streamed.first()
        check_not_empty(len(first), len(first), maker.order)
        return _dataset(lambda epoch: _batches_of_chunks(streamed, maker, epoch, first.labels), first, maker, None)
    examples = settings.examples(example_maker, texts, labels)
    batches = len(maker.plan(examples, 0))
    check_not_empty(batches, len(examples), maker.order)
    return _dataset(lambda epoch: maker.batches(examples, epoch), examples, maker, batches)


def _batches_of_chunks(
    streamed: StreamedExamples, maker: BatchMaker, epoch: int, first_labels: Array | None
) -> Iterator[Batch]:
    with closing(streamed.chunks()) as chunks:
        for number, examples in enumerate(chunks):
            # TensorFlow would convert them to the type of the first labels, and 0.5 to 0.
            if first_labels is not None and examples.labels is not None and examples.labels.dtype != first_labels.dtype:
                raise ArgumentError(
                    f"labels must have one type in all record batches; the first are {first_labels.dtype}, and later "
                    f"ones {examples.labels.dtype}: cast the column"
                )
            yield from maker.batches(examples, epoch, number)


def _dataset(
    batches_of_epoch: Callable[[int], Iterator[Batch]], sample: Examples, maker: BatchMaker, batches: int | None
) -> tf.data.Dataset:
    """Make a dataset.

    Args:
        batches_of_epoch: A function from the number of an epoch, from 0, to its batches.
        sample: Examples with the dtype and shape of all labels.
        maker: The maker of the batches.
        batches: The number of batches in an epoch. ``None`` if it is not known.
    """
    signature: Any = tf.TensorSpec(maker.fixed_shape, tf.int32)
    if maker.pair_template is not None:
        signature = dict.fromkeys(PAIR_COLUMNS, signature)
        signature["attention_mask"] = tf.TensorSpec(maker.fixed_shape, tf.bool)
    if sample.segments is not None:
        signature = dict.fromkeys(PACKED_COLUMNS, signature)
    if maker.target_rows is not None:
        targets = maker.fixed_shape[0], maker.target_rows.maxlen
        inputs = {"ids": signature, "decoder_ids": tf.TensorSpec(targets, tf.int32)}
        signature = inputs, tf.TensorSpec(targets, tf.int32), tf.TensorSpec(targets, tf.float32)
        return dataset_of_epochs(batches_of_epoch, signature, batches)
    if sample.labels is not None:
        signature = signature, tf.TensorSpec((maker.fixed_shape[0], *sample.labels.shape[1:]), sample.labels.dtype)
        return dataset_of_epochs(batches_of_epoch, signature, batches)
    return dataset_of_epochs(lambda epoch: (ids for (ids,) in batches_of_epoch(epoch)), signature, batches)  # type: ignore[misc]


def dataset_of_epochs(
    batches_of_epoch: Callable[[int], Iterable[Any]],
    signature: Any,  # noqa: ANN401
    batches: int | None,
) -> tf.data.Dataset:
    """Make a dataset in which each pass is the next epoch.

    Args:
        batches_of_epoch: A function from the number of an epoch, from 0, to its batches.
        signature: The shapes and dtypes of all batches.
        batches: The number of batches in an epoch. ``None`` if it is not known.
    """
    epochs = count()
    dataset = tf.data.Dataset.from_generator(lambda: batches_of_epoch(next(epochs)), output_signature=signature)
    if batches is not None:
        # Keras warns if a dataset of unknown cardinality ends.
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches))
    # A thread makes the next batches while the model uses the current one.
    return dataset.prefetch(tf.data.AUTOTUNE)
