"""The base class of readers of ids."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array, Int32
from tokemb.errors import ArgumentError, one_line
from tokemb.files.expansion import is_bomb
from tokemb.rows.ragged import Ragged, check_ids

NO_KEPT_COLUMNS = pa.schema([])

# The number of ids of a block.
BLOCK = 1 << 22

LARGEST_READ = 1 << 27
"""The maximum number of bytes that are read at a time, unless the file is about as large. Several int64 blocks fit."""


@dataclass(frozen=True, eq=False)
class IdBlock:
    """Some rows of ids.

    Attributes:
        ids: int32 (rows, maxlen) or a ``Ragged``.
        kept_columns: The kept columns of these rows. There may be none.
    """

    ids: Int32 | Ragged
    kept_columns: pa.RecordBatch

    @property
    def values(self) -> Int32:
        """The ids as one array, int32 of any shape."""
        return self.ids.values if isinstance(self.ids, Ragged) else self.ids

    def __len__(self) -> int:
        return len(self.ids)

    def slice(self, start: int) -> IdBlock:
        """Return the rows from ``start`` on. They share memory with this block."""
        ids = self.ids.slice(start, len(self)) if isinstance(self.ids, Ragged) else self.ids[start:]
        return IdBlock(ids, self.kept_columns.slice(start))


class IdsSource(ABC):
    """One or several files of ids.

    Attributes:
        path: The name in messages.
        column: The name of the array, column or key that holds the ids.
        maxlen: The length of all rows. ``None`` if they are ragged, or not known to have one length.
        rows: The number of rows. ``None`` if it is known only after reading.
        dtype: The dtype of the ids in the file. ``None`` if it is known only after reading.
        kept_columns: The schema of the columns beside the ids.
        fingerprint: The fingerprint of the vocabulary. ``""`` if the file does not contain it.
        pad_id: The id of padding. ``None`` if the file does not contain it.
        untyped: The kept columns whose type the file does not determine, as their values are missing.
        opened: The status of the file before it was opened. ``None`` for several files.
    """

    column = "ids"
    untyped: frozenset[str] = frozenset()
    opened: os.stat_result | None = None

    def __init__(
        self,
        path: Path,
        maxlen: int | None,
        rows: int | None = None,
        dtype: np.dtype[Any] | None = None,
        kept_columns: pa.Schema = NO_KEPT_COLUMNS,
        fingerprint: str = "",
        pad_id: int | None = None,
    ) -> None:
        self.path, self.maxlen, self.kept_columns = path, maxlen, kept_columns
        self.rows, self.dtype = rows, dtype
        self.fingerprint, self.pad_id = fingerprint, pad_id
        if maxlen == 0 and rows is not None and path.is_file() and is_bomb(rows, path.stat().st_size):
            raise invalid_file(path, path.suffix, f"it declares {rows:,} rows without ids")

    @property
    def files(self) -> list[Path]:
        """The files that are read."""
        return [self.path]

    def blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Yield all rows in order. Each call starts at the first row.

        Args:
            row_size: The number of values that the caller makes of a padded row, ``maxlen`` by default. A block makes
                some millions.

        Yields:
            Blocks. If ``maxlen`` is known, there is at least one, which may have no rows.

        Raises:
            ArgumentError: If the file is damaged, an id does not fit int32, or another file is at the path than when it
                was opened. Another run may replace the shards of a folder while they are read.
        """
        if self.opened is not None and _is_replaced(self.opened, self.path.stat()):
            raise changed_file(self.path)
        yield from self._blocks(row_size)

    @abstractmethod
    def _blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Yield all rows in order, as ``blocks`` does."""

    def _rows_at_a_time(self, row_size: int | None) -> int:
        return max(BLOCK // max(row_size or self.maxlen or 1, 1), 1)


def _is_replaced(before: os.stat_result, now: os.stat_result) -> bool:
    """Return whether a file is another one than before. Rows may have been appended."""
    is_same = os.path.samestat(before, now)
    return not is_same or (now.st_size == before.st_size and now.st_mtime_ns != before.st_mtime_ns)


def int32_ids(ids: Array, path: Path) -> Int32:
    """Return ids as int32.

    Raises:
        ArgumentError: If they are not integers that fit int32. The message names the file.
    """
    try:
        return check_ids(ids)
    except ArgumentError as error:
        raise ArgumentError(f"{path}: {error}") from None


def invalid_file(path: Path, kind: str, error: BaseException | str) -> ArgumentError:
    """Return the error for a file that does not have the format of its extension."""
    return ArgumentError(f"{path} is not a valid {kind} file: {one_line(error):.200}")


def changed_file(path: Path) -> ArgumentError:
    """Return the error for a file that changed after it was opened."""
    return ArgumentError(
        f"{path} was truncated or replaced while it was read: read it again when no other program writes it"
    )
