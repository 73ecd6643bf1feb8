"""A folder of files (shards) that each hold some of the rows. A stopped run can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from tokemb._validation import PREDICTION_FORMATS
from tokemb.errors import ArgumentError, OutputExistsError, RowsLostError
from tokemb.files.locked_folder import locked_folder
from tokemb.files.temporaries import remove_abandoned, temporary_folder
from tokemb.formats import FORMATS, OutputOptions, Writer, open_writer
from tokemb.rows.row_count import RowCount

if TYPE_CHECKING:
    from tokemb._arrays import Int32
    from tokemb.rows.packing import PackedRows
    from tokemb.rows.ragged import Ragged
    from tokemb.rows.table_rows import TableRows

Rows = TypeVar("Rows", bound="Ragged | Int32 | TableRows | PackedRows")

# Some rows and their kept columns.
Chunk = tuple[Rows, pa.RecordBatch]


class ShardFolder:
    """A folder of shards ``part-00000.npz``, ``part-00001.npz``, ... and a manifest.

    A run resumes an earlier one of the same vocabulary, settings and inputs: complete shards stay, and their rows are
    skipped. The bytes are the same as those of a single run. Only one run at a time can write the folder.

    Attributes:
        path: The path of the folder.
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
        """Initialize the folder, which need not exist.

        Args:
            path: The folder.
            inputs: The identity of the rows, for example names and sizes of their files. ``None`` if they cannot be
                read again; then no run can be resumed.
            rows_per_shard: The number of rows of each file but the last.
            suffix: The extension of the files, for example ``".npz"``.
            force: Whether to replace shards of another vocabulary, other settings or other inputs.

        Raises:
            ArgumentError: If an argument is invalid.
        """
        from tokemb.formats.manifest import Manifest  # imported late: most outputs are one file

        if rows_per_shard < 1:
            raise ArgumentError(f"rows_per_shard must be at least 1; received {rows_per_shard}")
        if suffix not in (*FORMATS, *PREDICTION_FORMATS):
            raise ArgumentError(f"the format of shards must be one of {', '.join(FORMATS)}; received {suffix}")
        self.path = path
        self._inputs, self._rows_per_shard, self._suffix, self._force = inputs, rows_per_shard, suffix, force
        self._manifest = Manifest("", {}, inputs)
        self._replace_shards = False

    @property
    def rows(self) -> list[int]:
        """The number of rows of each complete shard."""
        return self._manifest.rows

    @property
    def complete(self) -> bool:
        """Whether all shards are complete."""
        return self._manifest.complete

    @contextmanager
    def locked(self, vocabulary: str, settings: dict[str, Any]) -> Iterator[None]:
        """Find the complete shards, and prevent other runs from writing the folder during the block.

        Args:
            vocabulary: The fingerprint of the vocabulary.
            settings: All settings that determine the bytes, besides the vocabulary and the inputs.

        Raises:
            OutputInUseError: If another run writes the folder.
            OutputExistsError: If the folder holds other shards, unless ``force`` is set.
            ArgumentError: If the folder holds anything else.
        """
        from tokemb.formats.manifest import Manifest

        format_settings = {"rows_per_shard": self._rows_per_shard, "format": self._suffix}
        with locked_folder(self.path):
            remove_abandoned(self.path)  # a run that was killed after its last shard left nothing else to do
            self._manifest = Manifest(vocabulary, {**settings, **format_settings}, self._inputs)
            self._replace_shards = False
            try:
                self._manifest.resume(self.path)
            except OutputExistsError:
                if not self._force:
                    raise
                self._replace_shards = True
            self._manifest.drop_corrupt(map(self.shard, range(len(self.rows))))
            yield

    def shard(self, index: int) -> Path:
        """Return the path of the shard with this index, from 0."""
        from tokemb.formats.manifest import shard_path

        return shard_path(self.path, index, self._suffix)

    def write(
        self,
        layout: OutputOptions,
        chunks: Iterable[Chunk[Rows]],
        append: Callable[[Writer, Chunk[Rows]], None],
        count: RowCount,
    ) -> None:
        """Write the rows that follow those of the complete shards.

        Args:
            layout: The options of the shards.
            chunks: The rows to write, with their kept columns.
            append: Appends a part of a chunk to a writer.
            count: The number of all rows that are read, those of the complete shards included.

        Raises:
            RowsLostError: If other rows were read than written. Then no shard counts as complete.
        """
        from tokemb.formats.manifest import remove_shards

        manifest = self._manifest
        with temporary_folder(self.path) as work:
            if (
                self._replace_shards
            ):  # before the manifest: a run that is killed here leaves the old manifest with damaged shards
                remove_shards(self.path)
            manifest.save(self.path, work)
            try:
                for _, shard_chunks in groupby(_split_at_shards(chunks, self._rows_per_shard), key=itemgetter(0)):
                    self._write_shard(work, layout, (chunk for _, chunk in shard_chunks), append)
                if not manifest.rows:  # an empty shard has the columns
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
        shard_chunks: Iterable[Chunk[Rows]],
        append: Callable[[Writer, Chunk[Rows]], None],
    ) -> None:
        path = self.shard(len(self.rows))
        with open_writer(path, layout, force=True, folder=work) as writer:
            for chunk in shard_chunks:
                append(writer, chunk)
        self._manifest.add(path, writer.rows)
        if writer.rows == self._rows_per_shard:  # the last one is saved after the rows are counted
            self._manifest.save(self.path, work)


def _split_at_shards(chunks: Iterable[Chunk[Rows]], rows_per_shard: int) -> Iterator[tuple[int, Chunk[Rows]]]:
    """Split chunks at the ends of shards. Yield each part after the index of its shard."""
    filled = 0
    for rows, kept_columns in chunks:
        start = 0
        while start < len(rows):
            stop = min(len(rows), start + rows_per_shard - filled % rows_per_shard)
            chunk: Any = rows[start:stop] if isinstance(rows, np.ndarray) else rows.slice(start, stop)
            yield filled // rows_per_shard, (chunk, kept_columns.slice(start, stop - start))
            filled += stop - start
            start = stop
