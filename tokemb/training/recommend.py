"""Recommendations: the best items for users, and similar items."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Float32, Int32, Int64
from tokemb._validation import check_count, check_left_out
from tokemb.errors import ArgumentError, ModelError
from tokemb.rows.ragged import Ragged
from tokemb.tables.tables import table_batches
from tokemb.tables.values import MISSING
from tokemb.training.forward import forward
from tokemb.training.labels import as_list
from tokemb.training.predict_ratings import MISSING_ID, OOV_ID, rate
from tokemb.training.predictor import NUMBERS, TEXTS, TablePredictor, lists, reasons, top_columns
from tokemb.training.ratings_model import item_scores, layers_of_columns
from tokemb.training.trained import TASKS, TrainedFolder

TOP = 10
# The number of scores that are in memory at once.
_MAX_SCORES = 1 << 24
# The maximum number of recommended items of a batch.
_MAX_ITEMS = 1 << 22


class _ItemLists(TablePredictor):
    """The best items for each value of one column of a model of ratings."""

    def __init__(self, folder: TrainedFolder, column: int, top: int, **options: Any) -> None:  # noqa: ANN401
        if folder.task != "ratings":
            raise ModelError(f"items are recommended by a model of ratings; {folder.path} holds {TASKS[folder.task]}")
        if len(folder.columns.names) != 2:
            raise ModelError(
                "items are recommended by a model of two columns, users and items; "
                f"{folder.path} has {', '.join(folder.columns.names)}"
            )
        super().__init__(folder, top=check_count("top", top), **options)
        self._top, self._column = top, folder.columns.columns[column]
        self.table_columns = list(self._column.parts)
        self._user, self._item = folder.columns.names
        tokens = folder.columns.vocabularies[self._item].vocabulary
        self._first = tokens.index(MISSING) + 1
        self._items = pa.array(tokens, pa.string())
        self.max_rows = max(_MAX_ITEMS // min(top, len(tokens)), 1)

    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the items for the rows of a batch. The same value has the same items."""
        if not len(batch):
            return pa.RecordBatch.from_pylist([], schema=self.schema)
        ids = np.asarray(self.folder.columns.select([self._column.name]).encode_batch(batch)[self._column.name])
        distinct, row = np.unique(ids, return_inverse=True)
        step = max(1, _MAX_SCORES // len(self._items))
        parts = [self._best(distinct[start : start + step]) for start in range(0, len(distinct), step)]
        items, scores = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
        is_missing = (distinct == OOV_ID) | (distinct == MISSING_ID)
        found = (items >= self._first) & ~is_missing[:, None]
        splits = np.concatenate([[0], np.cumsum(found[row].sum(axis=1))])
        return self.batch(
            lists(self._items.take(pa.array(items[row][found[row]])), splits, is_missing[row]),
            lists(pa.array(scores[row][found[row]]), splits, is_missing[row]),
            reasons(
                len(ids),
                [
                    (ids == OOV_ID, f"{self._column.name} is out of vocabulary"),
                    (ids == MISSING_ID, f"{self._column.name} is missing"),
                    (~found[row].any(axis=1), "no item is left to recommend"),
                ],
            ),
        )

    def predict(self, rows: Any) -> pa.Table:  # noqa: ANN401
        """Return the items for a list of users or items, or for a table with their column."""
        values = as_list(rows)
        if isinstance(values, (list, tuple)):
            rows = {self._column.parts[0]: _column_of(values)}
        return super().predict(rows)

    @abstractmethod
    def _best(self, ids: Int32) -> tuple[Int64, Float32]:
        """Return the best items and their scores, the best first, ``(ids, top)``. 0 stands for no item."""


def _column_of(values: Sequence[Any]) -> pa.Array:
    """Return users or items as a column, which is read like that of a table. Values of several types become texts."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError):
        return pa.array([value if value is None else str(value) for value in values], pa.string())


class ItemsForUsers(_ItemLists):
    """Recommend the items with the highest predicted ratings to users: the columns ``items`` and ``ratings``."""

    fields = (("items", TEXTS), ("ratings", NUMBERS))

    def __init__(self, folder: TrainedFolder, top: int = TOP, seen: Any = None) -> None:  # noqa: ANN401
        """Initialize the recommender.

        Args:
            folder: The training folder.
            top: The number of items for each user.
            seen: A table of users and items, as for ``ColumnEncoder.encode``, whose pairs are not recommended. Its
                pairs are kept in memory, 8 bytes each.

        Raises:
            ArgumentError: If ``top`` is invalid.
            ModelError: If the folder does not hold a model of users and items.
        """
        super().__init__(folder, 0, top, seen=seen is not None)
        self._run, self._scores = forward(folder.model), item_scores(folder.model, self._user, self._item)
        self._seen = None if seen is None else self._read_seen(seen)

    def _read_seen(self, seen: Any) -> Ragged:  # noqa: ANN401
        """Return the item ids that each user id has seen, one row per user id."""
        parts = [self.folder.columns.encode_batch(batch) for batch in table_batches(seen, self.folder.columns.parts)]
        users, items = (np.concatenate([np.asarray(part[name]) for part in parts]) for name in (self._user, self._item))
        if not len(users):
            raise ArgumentError("seen must have rows: pass a table of users and items, or leave it out")
        order = np.argsort(users, kind="stable")
        counts = np.bincount(users, minlength=self.folder.columns.input_dims[self._user])
        return Ragged.from_lengths(items[order].astype(np.int32), counts.astype(np.int64))

    def _best(self, ids: Int32) -> tuple[Int64, Float32]:
        scores = self._scores(ids, self._run)
        scores[:, : self._first] = -np.inf
        if self._seen is not None:
            for row, user in enumerate(ids.tolist()):
                scores[row, self._seen.values[self._seen.row_splits[user] : self._seen.row_splits[user + 1]]] = -np.inf
        items = top_columns(scores, self._top)
        items *= np.take_along_axis(scores, items, axis=1) > -np.inf
        pairs = {self._user: np.repeat(ids, items.shape[1]), self._item: items.ravel().astype(np.int32)}
        return items, rate(self._run, pairs).reshape(items.shape)


class SimilarItems(_ItemLists):
    """Find the items whose embeddings are the most similar: the columns ``items`` and ``similarities`` (cosine)."""

    fields = (("items", TEXTS), ("similarities", NUMBERS))

    def __init__(self, folder: TrainedFolder, top: int = TOP) -> None:
        """Initialize the search.

        Args:
            folder: The training folder.
            top: The number of similar items for each item.
        """
        super().__init__(folder, 1, top, similar=True)
        [matrix] = folder.model.get_layer(layers_of_columns(folder.model)[self._item][0]).get_weights()
        self._unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)

    def _best(self, ids: Int32) -> tuple[Int64, Float32]:
        scores = self._unit[ids] @ self._unit.T
        scores[:, : self._first] = -np.inf
        scores[np.arange(len(ids)), ids] = -np.inf
        items = top_columns(scores, self._top)
        found = np.take_along_axis(scores, items, axis=1)
        return items * (found > -np.inf), found


def similar_or_best(folder: TrainedFolder, *, similar: bool, top: int, seen: Any = None) -> _ItemLists:  # noqa: ANN401
    """Return the recommender for users, or with ``similar`` that for items.

    Raises:
        ArgumentError: If ``seen`` is given for similar items.
    """
    if not similar:
        return ItemsForUsers(folder, top, seen)
    check_left_out("with similar=True, which is about items and not users", seen=seen)
    return SimilarItems(folder, top)
