"""What all files of ids have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._arrays import Int32
from tokemb.errors import ArgumentError
from tokemb.rows.ragged import Ragged, check_ids

NOTHING_KEPT = pa.schema([])

# Numbers that are given out at a time.
BLOCK = 1 << 22

LARGEST_READ = 1 << 27
"""Bytes that are read at a time at most, unless the file holds about as many: some times a block of int64 ids."""


@dataclass(frozen=True)
class IdBlock:
    """Some rows: int32 (rows, maxlen) or a ``Ragged``, and as many rows of the kept columns, which may be none."""

    ids: Int32 | Ragged
    kept: pa.RecordBatch

    @property
    def values(self) -> Int32:
        """All ids, int32 of any shape."""
        return self.ids.values if isinstance(self.ids, Ragged) else self.ids

    def __len__(self) -> int:
        return len(self.ids)

    def slice(self, start: int) -> IdBlock:
        """The rows from ``start`` on, which share memory with these."""
        ids = self.ids.slice(start, len(self)) if isinstance(self.ids, Ragged) else self.ids[start:]
        return IdBlock(ids, self.kept.slice(start))


class IdsSource(ABC):
    """A file of ids, or several.

    ``path``: how it is called in messages. ``column``: what they are called in it.
    ``maxlen``: the length of all rows, ``None`` if they are ragged, or not known to be of one length.
    ``rows``, ``dtype``: how many there are, and of what the file has its ids; ``None`` if only reading it all tells.
    ``kept``: the columns beside the ids. ``fingerprint``: of the vocabulary, ``""`` if the file does not say.
    ``pad_id``: what fills rows, ``None`` if the file does not say.
    """

    column = "ids"

    def __init__(
        self,
        path: Path,
        maxlen: int | None,
        rows: int | None = None,
        dtype: np.dtype[Any] | None = None,
        kept: pa.Schema = NOTHING_KEPT,
        fingerprint: str = "",
        pad_id: int | None = None,
    ) -> None:
        self.path, self.maxlen, self.kept = path, maxlen, kept
        self.rows, self.dtype = rows, dtype
        self.fingerprint, self.pad_id = fingerprint, pad_id

    @property
    def files(self) -> list[Path]:
        """What is read."""
        return [self.path]

    @abstractmethod
    def blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Give the rows in order, from the first each time it is called.

        ``row_size``: how many numbers a padded row takes where it is used, ``None`` for its ids: some millions of them
        come at a time. There is at least one block if ``maxlen`` is known, if only of no rows.
        Raises ``ArgumentError`` for what is not ids that fit int32.
        """

    def _rows_at_a_time(self, row_size: int | None) -> int:
        return max(BLOCK // max(row_size or self.maxlen or 1, 1), 1)


def int32_ids(ids: npt.NDArray[Any], path: Path) -> Int32:
    """``ids`` as int32; raises ``ArgumentError``, naming the file, for what is not that."""
    try:
        return check_ids(ids)
    except ArgumentError as error:
        raise ArgumentError(f"{path}: {error}") from None


def broken(path: Path, kind: str, error: BaseException | str) -> ArgumentError:
    """The error for a file that is not what its name says."""
    return ArgumentError(f"{path} is not a sound {kind} file: {' '.join(str(error).split()):.200}")


def changed(path: Path) -> ArgumentError:
    """Make the error for a file that does not hold what it held when it was opened."""
    return ArgumentError(f"{path} was truncated or replaced while it was read; read it again when nothing writes it")
