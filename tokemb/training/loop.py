"""The training loop: seeds, batches for Keras, early stopping and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from tokemb._arrays import Array, Int64
from tokemb.keras.datasets.order import BatchOrder
from tokemb.training.checkpoint import Checkpoint, digest_of
from tokemb.training.divergence import check_weights
from tokemb.training.early_stopping import EarlyStopping, OnEpoch, Score
from tokemb.training.forward import forward
from tokemb.training.result import Fitted
from tokemb.training.schedule import Schedule

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


# The arrays of one batch: inputs (one array, or one per name of the model's inputs), targets and sample weights. The
# first axis of each is the batch.
Batch = tuple[Array | dict[str, Array], Array, Array]

# A function that makes the batch of the rows at some indices.
MakeBatch = Callable[[Int64], Batch]


@dataclass(frozen=True)
class Feed:
    """Rows in batches.

    Attributes:
        count: The number of batches of an epoch. It is the same for all epochs.
        batches: A function that returns the batches of an epoch. Its argument, the number of the epoch, decides their
            order.
    """

    count: int
    batches: Callable[[int], Iterable[Batch]]

    @classmethod
    def of(cls, make: MakeBatch, lengths: Int64, order: BatchOrder) -> Feed:
        """Return the batches that ``make`` makes of rows of these lengths, int64 ``(rows,)``."""
        return cls(len(order.batches(lengths, [0])), lambda epoch: map(make, order.batches(lengths, [epoch])))


def make_reproducible(seed: int) -> None:
    """Seed all random number generators of the process and make TensorFlow's operations deterministic.

    Call it before a model is made.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def fit(
    model: keras.Model,
    training: Feed,
    validation: Feed | None,
    schedule: Schedule,
    on_epoch: OnEpoch | None = None,
    score: Score | None = None,
) -> Fitted:
    """Train a compiled model with early stopping and restore its best weights.

    Ctrl-C ends the training after the first epoch. The best weights so far are then restored too. A training whose
    checkpoint is in ``schedule.checkpoint`` is resumed after its last epoch.

    Args:
        model: The model.
        training: The batches to train on.
        validation: The validation batches. ``None`` runs all epochs and keeps the last weights.
        schedule: The settings.
        on_epoch: A function that is called after each epoch.
        score: The score on the validation rows that decides which epoch is the best. ``None`` is the validation loss.

    Raises:
        TrainingError: If the training diverges. It is raised after the first epoch with a loss that is not finite.
        ArgumentError: If the checkpoint cannot be read, or belongs to another training.
        KeyboardInterrupt: If Ctrl-C is pressed in the first epoch.
    """
    import keras

    timed = _TimedBatches(training.batches)
    stopping = EarlyStopping(model, schedule.patience, schedule.learning_rate, on_epoch, score)
    checkpoint = _checkpoint(model, training, validation, schedule)
    seconds_before = timed.resume(checkpoint.restore(stopping)) if checkpoint else 0.0
    epochs_before = stopping.epochs
    start = time.perf_counter()

    def end_epoch(epoch: int, losses: Mapping[str, float]) -> None:
        stopping.end_epoch(epoch, losses)
        if checkpoint:
            checkpoint.save(stopping, timed.to_json(seconds_before + time.perf_counter() - start))

    interrupted = False
    try:
        if not stopping.is_complete(schedule.epochs):
            model.fit(
                _dataset(Feed(training.count, lambda epoch: timed(epochs_before + epoch)), model),
                validation_data=None if validation is None else _dataset(validation, model),
                epochs=schedule.epochs,
                initial_epoch=epochs_before,
                callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)],
                shuffle=False,
                verbose=0,
            )
    except KeyboardInterrupt:
        if not stopping.epochs:
            raise
        interrupted = True
    seconds = seconds_before + time.perf_counter() - start
    stopping.restore_best_weights()
    check_weights(model.get_weights(), schedule.learning_rate)
    best, history = stopping.best_epoch, stopping.history
    return Fitted(
        epochs=stopping.epochs,
        best_epoch=best,
        loss=history["loss"][best - 1],
        validation_loss=history["val_loss"][best - 1] if "val_loss" in history else None,
        seconds=round(seconds, 2),
        rows_per_second=round(timed.rows / seconds, 1),
        input_share=round(timed.seconds / seconds, 4),
        history={name: [round(loss, 6) for loss in losses] for name, losses in history.items()},
        still_improving="val_loss" in history and best == schedule.epochs,
        interrupted=interrupted,
        validation_score=stopping.best_score,
    )


def predict_batches(model: keras.Model, feed: Feed) -> Iterator[tuple[Batch, Array]]:
    """Yield each batch of a feed with the model's output for it, float32 ``(rows, ...)``."""
    run = forward(model)
    for batch in feed.batches(0):
        yield batch, run(batch[0])


def _checkpoint(model: keras.Model, training: Feed, validation: Feed | None, schedule: Schedule) -> Checkpoint | None:
    """Return the checkpoint of a training, if the schedule has one. A training without validation is a refit."""
    if schedule.checkpoint is None:
        return None
    settings = {name: value for name, value in schedule.to_json().items() if name not in ("epochs", "patience")}
    feeds = [training] if validation is None else [training, validation]
    batches = chain.from_iterable(feed.batches(0) for feed in feeds)
    name = "all-rows" if validation is None else "training-rows"
    return Checkpoint(schedule.checkpoint, name, model, digest_of(model, batches, settings))


class _TimedBatches:
    """The batches of a feed, with the time that making them took."""

    def __init__(self, batches: Callable[[int], Iterable[Batch]]) -> None:
        self._batches = batches
        self.rows, self.seconds = 0, 0.0

    def to_json(self, seconds: float) -> dict[str, float]:
        """Return the state for a checkpoint after ``seconds`` of training."""
        return {"rows": self.rows, "input_seconds": self.seconds, "seconds": seconds}

    def resume(self, state: Mapping[str, float]) -> float:
        """Continue from the state of a checkpoint, which may be empty, and return the seconds of training before."""
        self.rows, self.seconds = int(state.get("rows", 0)), state.get("input_seconds", 0.0)
        return state.get("seconds", 0.0)

    def __call__(self, number: int) -> Iterator[Batch]:
        start = time.perf_counter()
        for batch in self._batches(number):
            self.rows += len(batch[2])
            self.seconds += time.perf_counter() - start
            yield batch
            start = time.perf_counter()


def _dataset(feed: Feed, model: keras.Model) -> tf.data.Dataset:
    """Return the batches of a feed as a dataset that prefetches them."""
    from tokemb.keras.datasets.tf_dataset import dataset_of_epochs

    return dataset_of_epochs(feed.batches, _signature(model, next(iter(feed.batches(0)))), feed.count)


def _signature(model: keras.Model, batch: Batch) -> tuple[Any, tf.TensorSpec, tf.TensorSpec]:
    """Return the shapes and dtypes of all batches like ``batch``.

    The shapes of the inputs are those of the model's inputs.
    """
    import tensorflow as tf

    def spec(array: Array, shape: tuple[int | None, ...] | None = None) -> tf.TensorSpec:
        return tf.TensorSpec((None,) * array.ndim if shape is None else shape, array.dtype)

    inputs, targets, weights = batch
    if isinstance(inputs, dict):
        shapes = {tensor.name: tuple(tensor.shape) for tensor in model.inputs}
        return {name: spec(array, shapes[name]) for name, array in inputs.items()}, spec(targets), spec(weights)
    return spec(inputs, tuple(model.inputs[0].shape)), spec(targets), spec(weights)
