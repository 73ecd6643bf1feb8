"""Who rated what: embeddings of users and items, and a model of the ratings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from tokemb._arrays import Int32, Int64
from tokemb.errors import ArgumentError, TextError
from tokemb.tables import ColumnEncoder
from tokemb.tables.tables import flat_names, table_batches
from tokemb.training.fitting import Batch, Feed, OnEpoch, Schedule, Trained, fit, outputs, repeatable
from tokemb.training.ratings_model import Scale, fill_unmet, rating_model, scale_of

if TYPE_CHECKING:
    import keras

Float32 = npt.NDArray[np.float32]

# Ratings are short rows: larger steps than texts have.
SCHEDULE = {"epochs": 50, "batch_size": 1024, "rate": 0.005}


def train_ratings(
    table: Any,  # noqa: ANN401 - anything a user may hold
    columns: Sequence[str | Sequence[str]],
    rating: str,
    *,
    test: Any = None,  # noqa: ANN401
    head: str = "dot",
    dim: int = 16,
    units: int = 64,
    between: Scale | None = None,
    weight_decay: float = 0.2,
    min_count: int = 1,
    schedule: Schedule | None = None,
    on_epoch: OnEpoch | None = None,
    **reading: Any,  # noqa: ANN401
) -> Trained:
    """Train a model of the column ``rating`` from the ids of ``columns``, users and items for instance.

    ``table``, ``reading``: as for ``ColumnEncoder.fit``. ``test``: a table like it, to report on; without it the report
    is about the rows held back for validation.
    ``head``, ``dim``, ``units``, ``between``: of the model, see ``tokemb.training.ratings_model.rating_model``.
    ``weight_decay``: by what share, times the learning rate, all weights shrink at each step. ``min_count``: values
    that occur less often have no id of their own.

    Ids that training does not meet, out-of-vocabulary among them, get the mean of those that it does.
    The metrics are ``rmse`` and ``mae`` in units of the ratings, and ``rmse_of_mean``, that of always giving the mean.
    Raises ``TextError`` for ratings that are missing or no numbers, ``ArgumentError`` for settings that cannot be.
    """
    schedule = schedule or Schedule(**SCHEDULE)  # type: ignore[arg-type]  # mypy sees floats alone
    if not 0 <= weight_decay < math.inf:
        raise ArgumentError(f"weight_decay must be a finite number of at least 0; received {weight_decay}")
    rows = _read(table, columns, rating, reading)
    encoder = ColumnEncoder.fit(rows, columns=columns, min_count=min_count)
    data = _Data.of(encoder, rows, rating)
    tested = None if test is None else _Data.of(encoder, _read(test, columns, rating, reading), rating)
    if tested is not None and not len(tested.ratings):
        raise ArgumentError("the test table has no rows: pass one that has rows")
    training, held = schedule.split(len(data.ratings))
    repeatable(schedule.seed)
    scale = scale_of(data.ratings[training])
    model = rating_model(encoder, scale, head=head, dim=dim, units=units, between=between, seed=schedule.seed)
    _compile(model, schedule, weight_decay)
    fitted = fit(model, data.shuffled(training, schedule), data.feed(held) if len(held) else None, schedule, on_epoch)
    fill_unmet(model, {name: ids[training] for name, ids in data.ids.items()})
    metrics: dict[str, Any] = {}
    if tested is not None:
        metrics = {"on": "test", **evaluate(model, tested, np.arange(len(tested.ratings)), scale[0])}
    elif len(held):
        metrics = {"on": "validation", **evaluate(model, data, held, scale[0])}
    settings = {"rating": rating, "head": head, "dim": dim, "units": units, "between": between}
    settings |= {"weight_decay": weight_decay, "min_count": min_count, **asdict(schedule)}
    return Trained("ratings", model, encoder, settings, metrics, fitted)


@dataclass(frozen=True)
class _Data:
    """Ids by column, int32 (rows,), and ratings, float32 (rows,)."""

    ids: Mapping[str, Int32]
    ratings: Float32

    @classmethod
    def of(cls, encoder: ColumnEncoder, rows: pa.Table, rating: str) -> _Data:
        return cls(encoder.encode(rows), _ratings(rows[rating], rating))

    def shuffled(self, rows: Int64, schedule: Schedule) -> Feed:
        """Batches of these rows, in another order every time."""
        size = schedule.batch_size

        def batches(number: int) -> Iterator[Batch]:
            order = np.random.default_rng((schedule.seed, number)).permutation(rows)
            return (self._batch(order[start : start + size]) for start in range(0, len(order), size))

        return Feed(-(-len(rows) // size), batches)

    def feed(self, rows: Int64, size: int = 8192) -> Feed:
        """Batches of these rows, in their order."""
        starts = range(0, len(rows), size)
        return Feed(len(starts), lambda _: (self._batch(rows[start : start + size]) for start in starts))

    def _batch(self, rows: Int64) -> Batch:
        return {name: ids[rows] for name, ids in self.ids.items()}, self.ratings[rows], np.ones(len(rows), np.float32)


def evaluate(model: keras.Model, data: _Data, rows: Int64, mean: float) -> dict[str, Any]:
    """How far predictions for these rows are off; ``mean``: the rating that knows nothing."""
    parts = [(batch[1], output[:, 0]) for batch, output in outputs(model, data.feed(rows))]
    ratings = np.concatenate([part for part, _ in parts]).astype(np.float64)
    off = np.concatenate([given for _, given in parts]) - ratings
    return {
        "rows": len(rows),
        "rmse": round(float(np.sqrt((off**2).mean())), 4),
        "mae": round(float(np.abs(off).mean()), 4),
        "rmse_of_mean": round(float(np.sqrt(((ratings - mean) ** 2).mean())), 4),
    }


def _read(table: Any, columns: Sequence[str | Sequence[str]], rating: str, reading: Mapping[str, Any]) -> pa.Table:  # noqa: ANN401
    names = flat_names(columns)
    if rating in names:
        raise ArgumentError(f"rating must not be one of the columns that predict it; received {rating!r}")
    return pa.Table.from_batches(list(table_batches(table, [*names, rating], typed=[rating], **reading)))


def _ratings(column: pa.ChunkedArray, name: str) -> Float32:
    """Ratings as float32 (rows,); raises ``TextError`` unless all are finite numbers."""
    if not (pt.is_integer(column.type) or pt.is_floating(column.type) or pt.is_boolean(column.type)):
        raise TextError(f"the ratings in the column {name!r} must be numbers{_first_other(column)}")
    ratings = column.cast(pa.float32(), safe=False).to_numpy().astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(ratings))
    if len(wrong):
        raise TextError(f"row {wrong[0] + 1} has no {name!r} that is a number: fill it, or drop the row")
    return ratings


def _first_other(column: pa.ChunkedArray) -> str:
    """What the message about ratings that are no numbers shows: the first text that is none, with its row."""
    if not (pt.is_string(column.type) or pt.is_large_string(column.type)):
        return f"; received the Arrow type {column.type}"
    for row, text in enumerate(column.to_pylist(), 1):
        try:
            float(text or "nan")
        except ValueError:
            return f"; row {row} holds {text!r:.80}"
    return "; received texts: convert them to numbers"


def _compile(model: keras.Model, schedule: Schedule, weight_decay: float) -> None:
    import keras

    model.compile(keras.optimizers.AdamW(schedule.rate, weight_decay=weight_decay), "mse")
