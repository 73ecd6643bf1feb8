"""How far a command has come, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.progress import TaskID


class Shown:
    """The line on the terminal: bytes that were read, and rows."""

    def __init__(self, line: Progress, task: TaskID) -> None:
        self._line, self._task, self._rows = line, task, 0

    def advance(self, size: int) -> None:
        """So many bytes more were read."""
        self._line.advance(self._task, size)

    def counted(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Give ``batches`` on, and count their rows."""
        for batch in batches:
            self._rows += len(batch)
            self._line.update(self._task, rows=f"{self._rows:,} rows")
            yield batch


@contextmanager
def progress(total: int | None) -> Iterator[Shown]:
    """Show a line on stderr while the context lasts; ``total``: bytes there are to read, if that is known."""
    columns = (
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as line:
        yield Shown(line, line.add_task("", total=total, rows=""))
