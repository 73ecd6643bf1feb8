"""The progress line on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.progress import TaskID


class ProgressLine:
    """The progress line: the number of bytes and rows that were read."""

    def __init__(self, line: Progress, task: TaskID) -> None:
        self._line, self._task, self._rows = line, task, 0

    def advance(self, size: int) -> None:
        """Add bytes that were read."""
        self._line.advance(self._task, size)

    def count_rows(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield ``batches`` unchanged and count their rows."""
        for batch in batches:
            self._rows += len(batch)
            self._line.update(self._task, rows=f"{self._rows:,} rows")
            yield batch


@contextmanager
def progress(total: int | None) -> Iterator[ProgressLine]:
    """Show a progress line on stderr during the block.

    Args:
        total: The number of bytes to read, if it is known.
    """
    columns = (
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as line:
        yield ProgressLine(line, line.add_task("", total=total, rows=""))
