"""A folder of files of rows, some in each; a run that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from tokemb._arrays import Int32
from tokemb.errors import ArgumentError, OutputExistsError, RowsLostError
from tokemb.files.locked_folder import locked_folder
from tokemb.files.temporaries import temporary_folder
from tokemb.formats import FORMATS, OutputOptions, Writer, open_writer
from tokemb.formats.manifest import Manifest, remove_shards, shard_path
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount

Rows = TypeVar("Rows", bound=Ragged | Int32)

# Rows, and their kept columns.
Piece = tuple[Rows, pa.RecordBatch]


class ShardFolder:
    """A folder that rows go to: ``part-00000.npz``, ``part-00001.npz``, ..., and a manifest of them.

    What an earlier run of the same vocabulary, settings and inputs completed stays, and its rows are only read; the
    bytes are those of one run. While a run writes the folder, any other is refused. ``path``: of the folder.
    """

    def __init__(
        self,
        path: Path,
        inputs: dict[str, Any] | None,
        rows_per_shard: int = 100_000,
        suffix: str = ".npz",
        *,
        force: bool = False,
    ) -> None:
        """Name a folder, which need not exist.

        Args:
            path: The folder.
            inputs: What tells the rows from others, for example names and sizes of their files; ``None`` if they
                cannot be read again, then no run can be resumed.
            rows_per_shard: Rows of each file but the last.
            suffix: Format of the files, for example ``".npz"``.
            force: Replace shards of another vocabulary, other settings or other inputs.

        Raises:
            ArgumentError: If an argument is invalid.
        """
        if rows_per_shard < 1:
            raise ArgumentError(f"rows_per_shard must be at least 1; received {rows_per_shard}")
        if suffix not in FORMATS:
            raise ArgumentError(f"the format of shards must be one of {', '.join(FORMATS)}; received {suffix}")
        self.path = path
        self._inputs, self._rows_per_shard, self._suffix, self._force = inputs, rows_per_shard, suffix, force
        self._manifest = Manifest("", {}, inputs)
        self._replaces = False

    @property
    def rows(self) -> list[int]:
        """How many rows each whole shard has."""
        return self._manifest.rows

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to do."""
        return self._manifest.complete

    @contextmanager
    def locked(self, vocabulary: str, settings: dict[str, Any]) -> Iterator[None]:
        """Find out what is there, and keep other runs from writing the folder during the block.

        Args:
            vocabulary: The fingerprint of the vocabulary.
            settings: All that decides the bytes besides vocabulary and inputs.

        Raises:
            OutputInUseError: If another run writes the folder.
            OutputExistsError: If the folder holds other shards, unless ``force`` is set.
            ArgumentError: If the folder holds anything else.
        """
        own = {"rows_per_shard": self._rows_per_shard, "format": self._suffix}
        with locked_folder(self.path):
            self._manifest = Manifest(vocabulary, {**settings, **own}, self._inputs)
            self._replaces = False
            try:
                self._manifest.resume(self.path)
            except OutputExistsError:
                if not self._force:
                    raise
                self._replaces = True
            self._manifest.drop_corrupt(map(self.shard, range(len(self.rows))))
            yield

    def shard(self, index: int) -> Path:
        """Where the shard with this index, from 0, lies."""
        return shard_path(self.path, index, self._suffix)

    def write(
        self,
        layout: OutputOptions,
        pieces: Iterable[Piece[Rows]],
        append: Callable[[Writer, Piece[Rows]], None],
        count: RowCount,
    ) -> None:
        """Write the rows that come after those that are there; ``append`` gives some of one piece to a file.

        ``count``: of all rows that were read, also of those that are there. If they are not as many as the shards
        have, no shard counts as whole.
        """
        manifest = self._manifest
        with temporary_folder(self.path) as work:
            if self._replaces:  # before the manifest: a run that is killed here leaves damaged shards of the old one
                remove_shards(self.path)
            manifest.save(self.path, work)
            try:
                for _, parts in groupby(_cut(pieces, self._rows_per_shard), key=itemgetter(0)):
                    self._write_shard(work, layout, (part for _, part in parts), append)
                if not manifest.rows:  # a loader finds the columns, if no rows
                    self._write_shard(work, layout, [], append)
                count.check(sum(manifest.rows))
            except RowsLostError:
                manifest.drop_all()
                manifest.save(self.path, work)
                raise
            manifest.complete = True
            manifest.save(self.path, work)

    def _write_shard(
        self,
        work: Path,
        layout: OutputOptions,
        parts: Iterable[Piece[Rows]],
        append: Callable[[Writer, Piece[Rows]], None],
    ) -> None:
        path = self.shard(len(self.rows))
        with open_writer(path, layout, force=True, folder=work) as writer:
            for part in parts:
                append(writer, part)
        self._manifest.add(path, writer.rows)
        if writer.rows == self._rows_per_shard:  # the last one counts as whole when all rows are known to be there
            self._manifest.save(self.path, work)


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
