"""Where rows go: a file, a stream, or a folder of shards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.pipeline.shards import Piece, Rows, ShardFolder
from tokemb.reading_ids.source import IdBlock
from tokemb.writing import Layout, Writer, check_layout, open_writer

Output = Path | BinaryIO | ShardFolder

Batch = TypeVar("Batch", pa.RecordBatch, IdBlock)


def is_complete(output: Output) -> bool:
    """Whether an earlier run has written everything."""
    return isinstance(output, ShardFolder) and output.complete


def left_to_write(batches: Iterator[Batch], output: Output) -> Iterator[Batch]:
    """``batches`` without the rows that are in ``output`` already; at least one, if only of no rows.

    Raises ``ArgumentError`` if there are fewer.
    """
    return _without_first(batches, sum(output.rows)) if isinstance(output, ShardFolder) else batches


def check_output(output: Output, layout: Layout) -> None:
    """Raise ``ArgumentError`` if ``write_rows`` would for the layout, to know it before any work that comes first."""
    check_layout(output.shard(0) if isinstance(output, ShardFolder) else output, layout)


def write_rows(
    output: Output, layout: Layout, pieces: Iterable[Piece[Rows]], append: Callable[[Writer, Piece[Rows]], None]
) -> None:
    """Write rows; ``append`` gives those of one piece to a file. A file appears whole or not at all."""
    if isinstance(output, ShardFolder):
        output.write(layout, pieces, append)
        return
    with open_writer(output, layout) as writer:
        for piece in pieces:
            append(writer, piece)


def _without_first(batches: Iterator[Batch], rows: int) -> Iterator[Batch]:
    for batch in batches:
        skipped = min(rows, len(batch))
        rows -= skipped
        if not rows:
            yield batch.slice(skipped)
    if rows:
        raise ArgumentError("there are fewer rows than those of the shards that are there: name a new folder")
