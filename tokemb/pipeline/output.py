"""The output of rows: a file, a stream, or a folder of shards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.formats import OutputOptions, Writer, check_layout, check_target, least_row_bytes, open_writer
from tokemb.formats.shards import Chunk, Rows, ShardFolder
from tokemb.formats.source import IdBlock
from tokemb.rows.output_size import check_room
from tokemb.rows.row_count import RowCount

Output = Path | BinaryIO | ShardFolder

Batch = TypeVar("Batch", pa.RecordBatch, IdBlock)


@contextmanager
def locked(output: Output, vocabulary: str, settings: dict[str, Any]) -> Iterator[None]:
    """Lock a folder for the duration of the block, and read its state. See ``ShardFolder.locked``.

    Files and streams need no lock, because a file is renamed in one step.
    """
    with output.locked(vocabulary, settings) if isinstance(output, ShardFolder) else nullcontext():
        yield


def is_complete(output: Output) -> bool:
    """Return whether an earlier run has written everything."""
    return isinstance(output, ShardFolder) and output.complete


def rows_written(output: Output) -> int:
    """Return the number of rows that an earlier run has written to ``output``."""
    return sum(output.rows) if isinstance(output, ShardFolder) else 0


def skip_written(batches: Iterator[Batch], output: Output) -> Iterator[Batch]:
    """Skip the rows that an earlier run has written to ``output``. At least one batch remains, which may be empty.

    Raises:
        ArgumentError: If there are fewer rows than were written.
    """
    return _skip_rows(batches, rows_written(output)) if isinstance(output, ShardFolder) else batches


def skip_written_batches(batches: Iterator[pa.RecordBatch], output: Output) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Skip whole batches that an earlier run has written. Yield the others with the number of their written rows.

    A model is applied to whole batches, so that a resumed run gives the bits of an uninterrupted one.

    Raises:
        ArgumentError: If there are fewer rows than were written.
    """
    for batch, written in _written_rows(batches, rows_written(output)):
        yield (batch, written) if written < len(batch) else (batch.slice(written), 0)


def check_output(output: Output, layout: OutputOptions, force: bool) -> None:
    """Check the layout and the output as ``write_rows`` does, before any work."""
    if isinstance(output, ShardFolder):
        check_layout(output.shard(0), layout)
    else:
        check_layout(output, layout)
        check_target(output, layout, force)


def write_rows(
    output: Output,
    layout: OutputOptions,
    chunks: Iterable[Chunk[Rows]],
    append: Callable[[Writer, Chunk[Rows]], None],
    count: RowCount,
    force: bool,
) -> None:
    """Write rows. A file appears whole or not at all.

    Args:
        output: The output.
        layout: The layout of the files.
        chunks: The rows.
        append: Appends the rows of one chunk to a file.
        count: The number of rows read, complete after the last chunk.
        force: Replace a file of another kind. A ``ShardFolder`` has its own setting.

    Raises:
        RowsLostError: If the number of written rows differs from the number of rows read.
    """
    if isinstance(output, ShardFolder):
        output.write(layout, _check_each_fits(chunks, output, layout), append, count)
        return
    with open_writer(output, layout, force=force) as writer:
        for chunk in _check_each_fits(chunks, output, layout):
            append(writer, chunk)
        count.check(writer.rows)


def check_rows_fit(output: Output, layout: OutputOptions, rows: int) -> None:
    """Check that ``rows`` of ``layout`` fit on the disk of ``output``.

    Raises:
        ArgumentError: If they do not.
    """
    if isinstance(output, ShardFolder):
        check_room(output.path, rows * least_row_bytes(output.shard(0), layout))
    elif isinstance(output, Path):
        check_room(output, rows * least_row_bytes(output, layout))


def _check_each_fits(chunks: Iterable[Chunk[Rows]], output: Output, layout: OutputOptions) -> Iterator[Chunk[Rows]]:
    """Yield ``chunks``. Check before each that it fits on the disk of ``output``."""
    for chunk in chunks:
        check_rows_fit(output, layout, len(chunk[0]))
        yield chunk


def _skip_rows(batches: Iterator[Batch], rows: int) -> Iterator[Batch]:
    for batch, written in _written_rows(batches, rows):
        yield batch.slice(written)


def _written_rows(batches: Iterator[Batch], rows: int) -> Iterator[tuple[Batch, int]]:
    """Yield the batches from the one that contains the last of ``rows`` on, with the number of these in each."""
    for batch in batches:
        written = min(rows, len(batch))
        rows -= written
        if not rows:
            yield batch, written
    if rows:
        raise ArgumentError(f"the input has {rows} fewer rows than the shards in the output folder: name a new folder")
