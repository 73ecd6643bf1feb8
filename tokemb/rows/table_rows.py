"""Rows of a table: the ids of several columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokemb._arrays import Int32
from tokemb.rows.ragged import Ragged


@dataclass(frozen=True, eq=False)
class TableRows:
    """The ids of the columns of a table.

    Attributes:
        columns: int32 (rows,), int32 (rows, maxlen) or a ``Ragged`` by the name of the column.
        count: The number of rows if there are no columns of ids.
    """

    columns: Mapping[str, Int32 | Ragged]
    count: int = 0

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), range(self.count)))

    def slice(self, start: int, stop: int) -> TableRows:
        """Return the rows from ``start`` up to ``stop``. They share memory with these."""
        return TableRows(
            {
                name: rows.slice(start, stop) if isinstance(rows, Ragged) else rows[start:stop]
                for name, rows in self.columns.items()
            },
            stop - start,
        )
