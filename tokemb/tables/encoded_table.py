"""Encoded tables in memory, from which padded batches are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Array, Int64
from tokemb.rows.disk_buffer import check_padding
from tokemb.rows.ragged import Ragged, take, take_padded
from tokemb.tables.column import Column
from tokemb.vocabulary.pad_truncate import PadTruncate

# The rows of a column: ids int32 (rows,) or ragged, or numbers float32 (rows,).
Rows = Array | Ragged


@dataclass(frozen=True, eq=False)
class EncodedTable:
    """The truncated rows of all columns of a table.

    Attributes:
        columns: The rows of each column by its name.
        maxlen: The length that lists and texts are padded to, by the name of the column. ``None`` pads each batch to
            its longest row.
        padding: The side of padding: ``"pre"`` or ``"post"``.
    """

    columns: Mapping[str, Rows]
    maxlen: Mapping[str, int | None]
    padding: str = "post"

    @classmethod
    def of(
        cls, columns: Mapping[str, Rows], maxlen: Mapping[str, int | None], padding: str, truncating: str
    ) -> EncodedTable:
        """Truncate rows to their maximum length."""
        truncated = {
            name: rows.truncate(length, truncating)
            if isinstance(rows, Ragged) and (length := maxlen[name]) is not None
            else rows
            for name, rows in columns.items()
        }
        return cls(truncated, maxlen, padding)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def lengths(self) -> Int64:
        """The number of ids of all lists and texts of each row, and at least 1, int64 ``(rows,)``."""
        lengths = [rows.lengths for rows in self.columns.values() if isinstance(rows, Ragged)]
        return np.maximum(np.sum(lengths, axis=0, dtype=np.int64) if lengths else np.zeros(len(self), np.int64), 1)

    def take(self, rows: Int64) -> EncodedTable:
        """Return the rows at some indices."""
        columns = {
            name: take(column, rows) if isinstance(column, Ragged) else column[rows]
            for name, column in self.columns.items()
        }
        return EncodedTable(columns, self.maxlen, self.padding)

    def batch(self, rows: Int64) -> dict[str, Array]:
        """Return a batch of the rows at some indices.

        Args:
            rows: The indices, int64 ``(batch,)``.

        Returns:
            By the names of the columns: int32 ``(batch,)``, int32 ``(batch, maxlen)``, or float32 ``(batch,)``.
        """
        return {
            name: take_padded(column, rows, self.maxlen[name], fill_first=self.padding == "pre")
            if isinstance(column, Ragged)
            else column[rows]
            for name, column in self.columns.items()
        }


def pad(rows: Rows, maxlen: int | None, shape: PadTruncate) -> Array:
    """Pad and truncate lists and texts to int32 (rows, maxlen). Return single values and numbers unchanged.

    Args:
        rows: The rows of a column.
        maxlen: The length of rows. ``None`` for that of the longest.
        shape: The sides of padding and truncation.

    Raises:
        ArgumentError: If nearly all of a large array would be padding.
    """
    if not isinstance(rows, Ragged):
        return rows
    if maxlen is None:
        lengths, times = np.unique(rows.lengths, return_counts=True)
        check_padding(dict(zip(lengths.tolist(), times.tolist(), strict=True)), int(lengths.max(initial=0)), 4)
    return rows.pad(maxlen, padding=shape.padding, truncating=shape.truncating)


def concatenate(parts: Sequence[Mapping[str, Rows]], columns: Sequence[Column]) -> dict[str, Rows]:
    """Concatenate the rows of all ``parts``."""
    result: dict[str, Rows] = {}
    for column in columns:
        rows = [part[column.name] for part in parts]
        if column.has_rows_of_ids:
            result[column.name] = Ragged.concatenate([part for part in rows if isinstance(part, Ragged)])
        else:
            empty = np.zeros(0, np.int32 if column.numbers is None else np.float32)
            single = [part for part in rows if not isinstance(part, Ragged)]
            result[column.name] = np.concatenate([empty, *single])
    return result
