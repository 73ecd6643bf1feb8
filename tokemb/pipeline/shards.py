"""A folder of files of rows, some in each; a run that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from tokemb.atomic import remove_temporaries
from tokemb.errors import ArgumentError
from tokemb.pipeline.manifest import Manifest, shard_path
from tokemb.ragged import Int32, Ragged
from tokemb.writing import FORMATS, Layout, Writer, open_writer

Rows = TypeVar("Rows", bound=Ragged | Int32)

# Rows, and their kept columns.
Piece = tuple[Rows, pa.RecordBatch]


class ShardFolder:
    """A folder that rows go to: ``part-00000.npz``, ``part-00001.npz``, ..., and a manifest of them.

    What an earlier run of the same vocabulary, settings and inputs completed stays, and its rows are only read; the
    bytes are those of one run. ``path``: of the folder.
    """

    def __init__(
        self, path: Path, inputs: dict[str, Any] | None, rows_per_shard: int = 100_000, suffix: str = ".npz"
    ) -> None:
        """Name a folder, which need not exist.

        ``inputs``: what tells the rows from others, names and sizes of their files for instance; ``None`` if they
        cannot be read again, then no run goes on. ``rows_per_shard``: in each file but the last, of the format
        ``suffix``, such as ``".npz"``.
        Raises ``ArgumentError`` for numbers and formats that cannot be.
        """
        if rows_per_shard < 1:
            raise ArgumentError(f"rows_per_shard must be at least 1; received {rows_per_shard}")
        if suffix not in FORMATS:
            raise ArgumentError(f"the format of shards must be one of {', '.join(FORMATS)}; received {suffix}")
        self.path = path
        self._inputs, self._rows_per_shard, self._suffix = inputs, rows_per_shard, suffix
        self._manifest = Manifest("", {}, inputs)

    @property
    def rows(self) -> list[int]:
        """How many rows each whole shard has."""
        return self._manifest.rows

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to do."""
        return self._manifest.complete

    def begin(self, vocabulary: str, settings: dict[str, Any]) -> None:
        """Find out what is there; ``settings``: all that decides the bytes besides vocabulary and inputs.

        Raises ``ArgumentError`` if the folder holds anything else than shards of these.
        """
        own = {"rows_per_shard": self._rows_per_shard, "format": self._suffix}
        self._manifest = Manifest(vocabulary, {**settings, **own}, self._inputs)
        self._manifest.goes_on(self.path)
        self._manifest.forget_damaged(map(self.shard, range(len(self.rows))))

    def shard(self, index: int) -> Path:
        """Where the shard with this index, from 0, lies."""
        return shard_path(self.path, index, self._suffix)

    def write(
        self,
        layout: Layout,
        pieces: Iterable[Piece[Rows]],
        append: Callable[[Writer, Piece[Rows]], None],
    ) -> None:
        """Write the rows that come after those that are there; ``append`` gives some of one piece to a file."""
        manifest = self._manifest
        self.path.mkdir(exist_ok=True)
        remove_temporaries(self.path)
        manifest.save(self.path)

        def write_shard(parts: Iterable[Piece[Rows]]) -> None:
            path = self.shard(len(manifest.rows))
            with open_writer(path, layout) as writer:
                for part in parts:
                    append(writer, part)
            manifest.complete = writer.rows < self._rows_per_shard  # no other comes after it
            manifest.add(path, writer.rows)
            manifest.save(self.path)

        for _, parts in groupby(_cut(pieces, self._rows_per_shard), key=itemgetter(0)):
            write_shard(part for _, part in parts)
        if not manifest.rows:  # a loader finds the columns, if no rows
            write_shard([])
        manifest.complete = True
        manifest.save(self.path)


def _cut(pieces: Iterable[Piece[Rows]], rows_per_shard: int) -> Iterator[tuple[int, Piece[Rows]]]:
    """Pieces that do not lie across shards, each after the number of its shard."""
    filled = 0
    for rows, kept in pieces:
        start = 0
        while start < len(rows):
            stop = min(len(rows), start + rows_per_shard - filled % rows_per_shard)
            part: Any = rows.slice(start, stop) if isinstance(rows, Ragged) else rows[start:stop]
            yield filled // rows_per_shard, (part, kept.slice(start, stop - start))
            filled += stop - start
            start = stop
