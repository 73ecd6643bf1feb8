"""The base of the predictors of all tasks, and the columns that they return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._arrays import Array, Bool, Int64
from tokemb.sources.cells import CellParser
from tokemb.tables.tables import table_batches
from tokemb.training.trained import TrainedFolder

REASON = "reason"

TEXTS, NUMBERS = pa.list_(pa.string()), pa.list_(pa.float32())
"""The types of columns of lists of texts, and of lists of numbers."""

# Rows of fewer scores are sorted as a whole, which NumPy does for all rows at once.
_WORTH_PARTITION = 256


class TaskPredictor(ABC):
    """A trained model with the options of its predictions.

    Attributes:
        options: The names of the options.
        fields: The names and types of the columns of the predictions, without ``reason``.
        folder: The training folder.
        table_columns: The columns of a table that predictions are made from. ``None`` if they are made from texts or
            sequences of events.
        cells: The parsers of columns of numbers and lists.
    """

    options: ClassVar[tuple[str, ...]] = ()
    fields: Sequence[tuple[str, pa.DataType]] = ()
    table_columns: list[str] | None = None
    cells: Mapping[str, CellParser] = {}

    def __init__(self, folder: TrainedFolder, **options: Any) -> None:  # noqa: ANN401
        self.folder = folder
        self._options = options

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the vocabulary."""
        return self.folder.vocabulary.fingerprint

    @property
    def settings(self) -> dict[str, Any]:
        """Everything else that decides the predictions, as JSON values."""
        return {"model": self.folder.digest, **self._options}

    @property
    def schema(self) -> pa.Schema:
        """The columns of the predictions. The last one is ``reason``."""
        return pa.schema([*self.fields, (REASON, pa.string())])

    @abstractmethod
    def predict_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the predictions for the rows of a batch of a file, in their order."""

    @abstractmethod
    def predict(self, rows: Any) -> pa.Table:  # noqa: ANN401
        """Return the predictions for rows in memory."""

    def batch(self, *columns: pa.Array) -> pa.RecordBatch:
        """Return columns in the types of the schema."""
        typed = [column.cast(field.type) for column, field in zip(columns, self.schema, strict=True)]
        return pa.RecordBatch.from_arrays(typed, schema=self.schema)


class TablePredictor(TaskPredictor):
    """A predictor whose rows are those of a table with the columns of the training."""

    def __init__(self, folder: TrainedFolder, **options: Any) -> None:  # noqa: ANN401
        super().__init__(folder, **options)
        self.table_columns = folder.columns.parts

    def predict(self, rows: Any) -> pa.Table:  # noqa: ANN401
        """Return the predictions for a table in memory, as for ``ColumnEncoder.encode``."""
        batches = table_batches(rows, self.table_columns)
        return pa.Table.from_batches([self.predict_batch(batch) for batch in batches], self.schema)


def nullable(values: pa.Array | Array, is_null: Bool) -> pa.Array:
    """Return values, ``(rows,)``, with null where ``is_null``."""
    if isinstance(values, pa.Array):
        return values.take(pa.array(np.arange(len(values)), mask=is_null))
    return pa.array(values, mask=is_null)


def lists(values: pa.Array, row_splits: Int64, is_null: Bool) -> pa.Array:
    """Return rows of a flat array as lists, with null where ``is_null``."""
    return pa.ListArray.from_arrays(pa.array(row_splits.astype(np.int32)), values, mask=pa.array(is_null))


def equal_lists(values: pa.Array, size: int, is_null: Bool) -> pa.Array:
    """Return a flat array as lists of ``size`` values, with null where ``is_null``."""
    return lists(values, np.arange(len(is_null) + 1, dtype=np.int64) * size, is_null)


def top_columns(scores: Array, count: int) -> Int64:
    """Return the columns of the ``count`` highest scores of each row, the highest first. Ties are ordered by column.

    Example:
        >>> top_columns(np.array([[0.1, 0.5, 0.5, 0.2]]), 3)
        array([[1, 2, 3]])
    """
    count = min(count, scores.shape[1])
    if scores.shape[1] > _WORTH_PARTITION:
        # The lowest of the highest scores may be tied with others, so all columns with at least this score are sorted.
        return np.stack([_top_of_row(row, count) for row in scores]) if len(scores) else np.zeros((0, count), np.int64)
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]


def _top_of_row(scores: Array, count: int) -> Int64:
    threshold = np.partition(scores, len(scores) - count)[len(scores) - count]
    candidates = np.flatnonzero(scores >= threshold)
    return candidates[np.argsort(-scores[candidates], kind="stable")[:count]]


def counted(flags: Array, row_splits: Int64, text: str) -> Iterator[tuple[Bool, str]]:
    """Yield a cause for each number of flagged values that a row can have.

    Args:
        flags: Whether a value is flagged, bool ``(values,)``.
        row_splits: The rows of the values, int64 ``(rows + 1,)``.
        text: What follows the number in the text of the cause.
    """
    counts = np.diff(np.concatenate([[0], np.cumsum(flags)])[row_splits])
    for count in np.unique(counts[counts > 0]):
        yield counts == count, f"{count} {text}"


def reasons(row_count: int, causes: Iterable[tuple[Bool, str]]) -> pa.Array:
    """Return the column ``reason``: for each row the first cause that applies, or null.

    Args:
        row_count: The number of rows.
        causes: Pairs of the rows that a cause applies to, bool ``(rows,)``, and its text.
    """
    texts: npt.NDArray[np.object_] = np.full(row_count, None, object)
    for rows, text in causes:
        texts[rows & (texts == None)] = text  # noqa: E711 - elementwise
    return pa.array(texts, pa.string())
