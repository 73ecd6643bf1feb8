"""Matrix factorization: embeddings of users and items that predict ratings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import Array, Float32, Int32, Int64
from tokemb.errors import ArgumentError, TextError
from tokemb.keras.datasets.order import BatchOrder
from tokemb.tables import ColumnEncoder
from tokemb.tables.tables import flat_names, joined_batches, table_batches
from tokemb.training.baselines import Biases, describe_unbeaten
from tokemb.training.checkpoint_lock import locks_checkpoints
from tokemb.training.early_stopping import OnEpoch
from tokemb.training.loop import Batch, Feed, fit, make_reproducible, predict_batches
from tokemb.training.ratings_model import (
    DIM,
    RatingRange,
    fill_unseen,
    penalized,
    rating_model,
    scale_of,
    training_model,
)
from tokemb.training.refitting import InitialState, refit
from tokemb.training.result import Trained
from tokemb.training.schedule import Schedule

if TYPE_CHECKING:
    import keras


# The rows of ratings are short, so batches and learning rate are larger than for texts.
SCHEDULE = {"epochs": 50, "batch_size": 1024, "learning_rate": 0.005}
L2 = 0.3


@locks_checkpoints
def train_ratings(
    table: Any,  # noqa: ANN401 - any table
    columns: Sequence[str | Sequence[str]],
    rating: str,
    *,
    test: Any = None,  # noqa: ANN401
    head: str = "dot",
    dim: int = DIM,
    units: int = 64,
    rating_range: RatingRange | None = None,
    l2: float = L2,
    min_count: int = 1,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
    **read_options: Any,  # noqa: ANN401
) -> Trained:
    """Train a model that predicts the column ``rating`` from the ids of ``columns``, such as users and items.

    Values out of vocabulary get the mean embedding. So do users and items that occur only in the validation split, if
    there is no refit.

    Args:
        table: A table, as for ``ColumnEncoder.fit``.
        columns: The columns to predict from.
        rating: The column of the ratings.
        test: The test table. ``None`` computes the metrics on the validation split.
        head: The layers above the embeddings, as for ``tokemb.training.ratings_model.rating_model``.
        dim: The embedding dimension.
        units: The number of units of the dense layer.
        rating_range: The lowest and the highest rating, which predictions are limited to.
        l2: The L2 penalty of the embeddings of each row, relative to the mean squared error.
        min_count: The minimum count of a value. Rarer values are out of vocabulary.
        schedule: The epochs, batch size and learning rate.
        on_epoch: A function that is called after each epoch.
        **read_options: Arguments of ``ColumnEncoder.fit`` for reading ``table``.

    Returns:
        The model and its metrics ``rmse`` and ``mae``, in units of the ratings. ``rmse_of_biases`` is the error of the
        mean rating plus a regularized bias of each user and item, and ``rmse_of_mean`` that of the mean rating.

    Raises:
        TextError: If a rating is missing or is not a number.
        ArgumentError: If an argument is invalid.
    """
    schedule = schedule or Schedule(**SCHEDULE)  # type: ignore[arg-type]  # the values of SCHEDULE are int and float
    if not 0 <= l2 < math.inf:
        raise ArgumentError(f"l2 must be a finite number of at least 0; received {l2}")
    rows = _read_table(table, columns, rating, read_options)
    encoder = ColumnEncoder.fit(rows, columns=columns, min_count=min_count)
    data = _Data.of(encoder, rows, rating)
    test_data = None if test is None else _Data.of(encoder, _read_table(test, columns, rating, read_options), rating)
    if test_data is not None and not len(test_data.ratings):
        raise ArgumentError("the test table has no rows: pass one that has rows")
    training, validation = schedule.split(len(data.ratings))
    schedule = schedule.for_rows(len(training))
    make_reproducible(schedule.seed)
    scale = scale_of(data.ratings[training])
    model = rating_model(encoder, scale, head=head, dim=dim, units=units, rating_range=rating_range, seed=schedule.seed)
    trained = training_model(model, l2)
    schedule.compile(trained, penalized)
    start = InitialState(trained)
    fitted = fit(
        trained,
        data.feed(training, schedule.order()),
        data.feed(validation) if len(validation) else None,
        schedule,
        on_epoch,
    )
    metrics: dict[str, Any] = {}
    if test_data is None and len(validation):
        fill_unseen(model, {name: ids[training] for name, ids in data.ids.items()})
        biases = Biases.fit(*data.take(training), encoder.input_dims)
        metrics = {"on": "validation", **evaluate(model, data, validation, biases)}
    everything = np.arange(len(data.ratings))
    fitted = refit(start, trained, data.feed(everything, schedule.order()), fitted, schedule, on_epoch)
    fill_unseen(model, {name: ids[everything if fitted.refitted else training] for name, ids in data.ids.items()})
    if test_data is not None:
        biases = Biases.fit(*data.take(everything), encoder.input_dims)
        metrics = {"on": "test", **evaluate(model, test_data, np.arange(len(test_data.ratings)), biases)}
    settings = {"rating": rating, "head": head, "dim": dim, "units": units, "between": rating_range}
    settings |= {"l2": l2, "min_count": min_count, **schedule.to_json()}
    return Trained("ratings", model, encoder, settings, metrics, fitted, notes=_notes(metrics))


def _notes(metrics: Mapping[str, Any]) -> list[str]:
    if not metrics:
        return []
    baselines = {"the biases of users and items": metrics["rmse_of_biases"], "the mean rating": metrics["rmse_of_mean"]}
    return describe_unbeaten(metrics["rmse"], baselines, higher_is_better=False, metric="RMSE")


@dataclass(frozen=True)
class _Data:
    """The ids by column, int32 ``(rows,)``, and the ratings, float32 ``(rows,)``."""

    ids: Mapping[str, Int32]
    ratings: Float32

    @classmethod
    def of(cls, encoder: ColumnEncoder, rows: pa.Table, rating: str) -> _Data:
        return cls(encoder.encode(rows), parse_ratings(rows[rating], rating))

    def feed(self, rows: Int64, order: BatchOrder = BatchOrder(8192)) -> Feed:  # noqa: B008 - immutable
        """Return batches of these rows, which all have the same length."""
        return Feed.of(lambda indices: self._batch(rows[indices]), np.ones(len(rows), np.int64), order)

    def take(self, rows: Int64) -> tuple[dict[str, Int32], Float32]:
        """Return the ids by column and the ratings of these rows."""
        return {name: ids[rows] for name, ids in self.ids.items()}, self.ratings[rows]

    def _batch(self, rows: Int64) -> Batch:
        return *self.take(rows), np.ones(len(rows), np.float32)


def evaluate(model: keras.Model, data: _Data, rows: Int64, biases: Biases) -> dict[str, Any]:
    """Return the errors of the model's predictions for these rows, and those of the baselines."""
    parts = [(batch[1], output[:, 0]) for batch, output in predict_batches(model, data.feed(rows))]
    ratings = np.concatenate([part for part, _ in parts]).astype(np.float64)
    predictions = np.concatenate([part for _, part in parts])
    return {
        "rows": len(rows),
        "rmse": _rmse(predictions, ratings),
        "mae": round(float(np.abs(predictions - ratings).mean()), 4),
        "rmse_of_biases": _rmse(biases.predict(data.take(rows)[0]), ratings),
        "rmse_of_mean": _rmse(np.full(len(ratings), biases.mean), ratings),
    }


def _rmse(predictions: Array, ratings: Array) -> float:
    return round(float(np.sqrt(((predictions - ratings) ** 2).mean())), 4)


def _read_table(
    table: Any,  # noqa: ANN401
    columns: Sequence[str | Sequence[str]],
    rating: str,
    read_options: Mapping[str, Any],
) -> pa.Table:
    names = flat_names(columns)
    if rating in names:
        raise ArgumentError(f"rating must not be one of the columns that predict it; received {rating!r}")
    return joined_batches(table_batches(table, [*names, rating], **read_options))


def parse_ratings(column: pa.ChunkedArray, name: str) -> Float32:
    """Return ratings as float32 ``(rows,)``.

    Args:
        column: Numbers, or the texts of a CSV file.
        name: The name of the column, for messages.

    Raises:
        TextError: If a rating is not a finite number.
    """
    if pt.is_string(column.type) or pt.is_large_string(column.type):
        with suppress(pa.ArrowInvalid):
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column).cast(pa.float64())
    if not (pt.is_integer(column.type) or pt.is_floating(column.type) or pt.is_boolean(column.type)):
        raise TextError(f"the ratings in the column {name!r} must be numbers{_describe_non_numbers(column)}")
    ratings = column.cast(pa.float32(), safe=False).to_numpy().astype(np.float32)
    not_finite = np.flatnonzero(~np.isfinite(ratings))
    if len(not_finite):
        raise TextError(f"row {not_finite[0] + 1} has no number in the column {name!r}: fill it, or drop the row")
    return ratings


def _describe_non_numbers(column: pa.ChunkedArray) -> str:
    """Describe a column that is not numeric for an error message: its type, or the first text that is not a number."""
    if not (pt.is_string(column.type) or pt.is_large_string(column.type)):
        return f"; received the Arrow type {column.type}"
    for row, text in enumerate(column.to_pylist(), 1):
        try:
            float(text or "nan")
        except ValueError:
            return f"; row {row} holds {text!r:.80}"
    return "; received texts: convert them to numbers"
