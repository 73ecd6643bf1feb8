"""What all trainings share: seeds, batches fed to Keras, early stopping, and the folder that a training leaves."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from tokemb._arrays import Int64
from tokemb._validation import check_count
from tokemb.errors import ArgumentError, ModelError
from tokemb.files.atomic import atomic_folder, check_folder
from tokemb.files.json_content import parse_json
from tokemb.files.output_kind import Kind
from tokemb.training.divergence import check_losses, check_weights

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

MODEL, VOCABULARY, REPORT = "model.keras", "vocabulary", "training.json"
FORMAT_VERSION = 1

# Arrays of one batch: inputs (an array, or several by the names of the model's inputs), targets, weights; the first
# axis of each is the rows.
Array = npt.NDArray[Any]
Batch = tuple[Array | dict[str, Array], Array, Array]

# Told the number of the epoch, from 1, and its losses.
OnEpoch = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Feed:
    """Rows in batches.

    ``count``: how many batches a pass over the rows has, always as many.
    ``batches``: gives those of a pass; called with the number of the pass, which decides their order.
    """

    count: int
    batches: Callable[[int], Iterable[Batch]]


class Saved(Protocol):
    """A vocabulary, or those of columns: ``Encoder`` and ``ColumnEncoder``."""

    @property
    def fingerprint(self) -> str:
        """Of what decides the ids."""

    def save(self, path: Path | str) -> None:
        """Write its folder."""


@dataclass(frozen=True)
class Schedule:
    """How long to train, and on what.

    ``epochs``: passes over the rows, at most. ``batch_size``: rows of a step. ``rate``: Adam's learning rate.
    ``validation``: the share of the rows that is kept apart; 0 for none, and then no early stopping.
    ``patience``: so many epochs without a smaller validation loss end the training, and the best weights are taken.
    ``seed``: of everything that is random.

    Raises ``ArgumentError`` for values that cannot be.
    """

    epochs: int = 10
    batch_size: int = 128
    rate: float = 0.001
    validation: float = 0.1
    patience: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            check_count(name, getattr(self, name))
        check_count("seed", self.seed, least=0)
        if not 0 <= self.validation < 1:
            raise ArgumentError(f"validation must be at least 0 and less than 1; received {self.validation}")
        if not 0 < self.rate < math.inf:
            raise ArgumentError(f"rate must be finite and greater than 0; received {self.rate}")

    def split(self, rows: int) -> tuple[Int64, Int64]:
        """Numbers of the rows to train on and of those for validation, int64, each ascending.

        Raises ``ArgumentError`` if there are too few rows for both.
        """
        held = round(rows * self.validation) or int(self.validation > 0)
        if rows <= held:
            raise ArgumentError(
                f"the training split must have rows: lower validation={self.validation:g}; received {rows} rows"
            )
        order = np.random.default_rng(self.seed).permutation(rows)
        return np.sort(order[held:]), np.sort(order[:held])


@dataclass(frozen=True)
class Fitted:
    """How a training went.

    ``epochs``: how many were run; ``best_epoch``: the one whose weights were taken. ``loss``: of that epoch, on the
    training rows; ``validation_loss``: on those held back, ``None`` without any.
    ``seconds``: of the whole training; ``rows_per_second``: rows trained on in it, a row counted in each epoch.
    ``input_share``: the time in which batches were made, of all: training waits for its input at most so long.
    """

    epochs: int
    best_epoch: int
    loss: float
    validation_loss: float | None
    seconds: float
    rows_per_second: float
    input_share: float


def repeatable(seed: int) -> None:
    """Have all that is random follow from ``seed``, and TensorFlow's operations give the same bits every time.

    For the whole process: call it before a model is made.
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
) -> Fitted:
    """Train a compiled model, until its validation loss stops to become smaller; it has the best weights then.

    Without ``validation`` all epochs are run and the last weights stay.

    Raises:
        TrainingError: If the training diverges, after the first epoch in which a loss is NaN or infinite.
    """
    import keras

    def check_epoch(epoch: int, losses: Mapping[str, float]) -> None:
        check_losses(epoch + 1, losses, schedule.rate)

    timed = _Timed(training.batches)
    callbacks: list[Any] = [keras.callbacks.LambdaCallback(on_epoch_end=check_epoch)]
    if on_epoch is not None:
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, losses: on_epoch(epoch + 1, losses)))
    if validation is not None:
        callbacks.append(keras.callbacks.EarlyStopping(patience=schedule.patience, restore_best_weights=True))
    start = time.perf_counter()
    history = model.fit(
        _dataset(Feed(training.count, timed), model),
        validation_data=None if validation is None else _dataset(validation, model),
        epochs=schedule.epochs,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    ).history
    seconds = time.perf_counter() - start
    check_weights(model.get_weights(), schedule.rate)
    losses = history.get("val_loss")
    best = int(np.argmin(losses)) if losses else len(history["loss"]) - 1
    return Fitted(
        epochs=len(history["loss"]),
        best_epoch=best + 1,
        loss=float(history["loss"][best]),
        validation_loss=float(losses[best]) if losses else None,
        seconds=round(seconds, 2),
        rows_per_second=round(timed.rows / seconds, 1),
        input_share=round(timed.seconds / seconds, 4),
    )


@dataclass(frozen=True)
class Trained:
    """What a training made.

    ``task``: what was trained. ``model``: a plain Keras model. ``vocabulary``: of its ids. ``settings``: how it was
    trained, ``metrics``: what it reached; both turn into JSON. ``fitted``: how the training went. ``classes``: the
    labels in the order of the model's outputs, where it has such.
    """

    task: str
    model: keras.Model
    vocabulary: Saved
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    fitted: Fitted
    classes: list[Any] | None = None

    def report(self) -> dict[str, Any]:
        """All but the model and the vocabulary, as JSON has it."""
        return {
            "format_version": FORMAT_VERSION,
            "task": self.task,
            "fingerprint": self.vocabulary.fingerprint,
            "settings": dict(self.settings),
            **({} if self.classes is None else {"classes": self.classes}),
            "metrics": dict(self.metrics),
            "training": asdict(self.fitted),
        }

    def save(self, path: Path | str, *, force: bool = False) -> None:
        """Write a folder of the model, without its optimizer, the vocabulary and the report, whole or not at all.

        ``force``: replace the folder of another training that is there.
        Raises ``OutputExistsError`` for such a folder otherwise, ``OSError`` if something else is there.
        """
        with atomic_folder(Path(path), _KIND, force=force) as folder:
            self.model.save(folder / MODEL, include_optimizer=False)
            self.vocabulary.save(folder / VOCABULARY)
            # JSON has no NaN: a report with one would be read by Python alone.
            report = json.dumps(self.report(), ensure_ascii=False, indent=2, allow_nan=False)
            (folder / REPORT).write_text(report + "\n", "utf-8")


def read_report(path: Path) -> dict[str, Any]:
    """The report in the folder that a training wrote; raises ``ModelError`` if there is none."""
    try:
        report = parse_json((path / REPORT).read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is not the folder of a training: {REPORT} cannot be read: {error}") from None
    if not isinstance(report, dict) or "format_version" not in report or "task" not in report:
        raise ModelError(f"{path} is not the folder of a training: {REPORT} tells of none")
    return report


def check_output(path: Path, *, force: bool = False) -> None:
    """Raise at once what ``Trained.save`` would raise after a long training."""
    check_folder(path, _KIND, force=force)


def _is_training(path: Path) -> bool:
    try:
        read_report(path)
    except ModelError:
        return False
    return {item.name for item in path.iterdir()} <= {MODEL, VOCABULARY, REPORT}


_KIND = Kind("a trained model", _is_training, trained=True)


def outputs(model: keras.Model, feed: Feed) -> Iterator[tuple[Batch, Array]]:
    """What a model gives for each batch of a feed, float32 (rows, ...), beside the batch."""
    import tensorflow as tf

    run: Any = None
    for batch in feed.batches(0):
        # With the shapes told, one graph does for batches of all lengths.
        run = run or tf.function(
            lambda inputs: model(inputs, training=False), input_signature=[_signature(model, batch)[0]]
        )
        yield batch, run(batch[0]).numpy()


class _Timed:
    """The batches of a feed, and how long making them took."""

    def __init__(self, batches: Callable[[int], Iterable[Batch]]) -> None:
        self._batches = batches
        self.rows, self.seconds = 0, 0.0

    def __call__(self, number: int) -> Iterator[Batch]:
        start = time.perf_counter()
        for batch in self._batches(number):
            self.rows += len(batch[2])
            self.seconds += time.perf_counter() - start
            yield batch
            start = time.perf_counter()


def _dataset(feed: Feed, model: keras.Model) -> tf.data.Dataset:
    """The batches of a feed as TensorFlow takes them, made while it computes."""
    import tensorflow as tf

    passes = iter(range(1 << 62))
    signature = _signature(model, next(iter(feed.batches(0))))
    dataset = tf.data.Dataset.from_generator(lambda: feed.batches(next(passes)), output_signature=signature)
    # Keras warns of an end that it did not see coming.
    return dataset.apply(tf.data.experimental.assert_cardinality(feed.count)).prefetch(4)


def _signature(model: keras.Model, batch: Batch) -> tuple[Any, tf.TensorSpec, tf.TensorSpec]:
    """Shapes and types of all batches of which ``batch`` is one: inputs as the model says, else of any length."""
    import tensorflow as tf

    def spec(array: Array, shape: tuple[int | None, ...] | None = None) -> tf.TensorSpec:
        return tf.TensorSpec((None,) * array.ndim if shape is None else shape, array.dtype)

    inputs, targets, weights = batch
    if isinstance(inputs, dict):
        shapes = {tensor.name: tuple(tensor.shape) for tensor in model.inputs}
        return {name: spec(array, shapes[name]) for name, array in inputs.items()}, spec(targets), spec(weights)
    return spec(inputs, tuple(model.inputs[0].shape)), spec(targets), spec(weights)
