"""Examples of files that are larger than memory. The files are read again in each epoch, one chunk at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokemb.errors import ArgumentError
from tokemb.keras.datasets.examples import ExampleMaker, Examples, pack_examples
from tokemb.sources.prefetch import prefetch


@dataclass(frozen=True)
class StreamedExamples:
    """Examples that are read from files in each epoch.

    Attributes:
        maker: The maker of the examples.
        texts: Files, or a function that returns record batches.
        label_column: The column of the labels. ``None`` if there are none.
        rows: The number of rows of a chunk.
        packed_length: The length of packed rows. ``None`` if each row is one text.
    """

    maker: ExampleMaker
    texts: Any
    label_column: str | None
    rows: int
    packed_length: int | None = None

    def __post_init__(self) -> None:
        paths = [self.texts] if isinstance(self.texts, Path) else self.texts
        are_files = isinstance(paths, (list, tuple)) and all(isinstance(path, Path) for path in paths)
        if not (are_files or callable(self.texts)):
            raise ArgumentError(
                "with buffer, texts are read again in each epoch: pass files, as a list of pathlib.Path, or a function "
                f"that returns record batches; received {type(self.texts).__name__}"
            )
        if not (self.label_column is None or isinstance(self.label_column, str)):
            raise ArgumentError("with buffer, labels must be the name of a column of the files or record batches")

    def first(self) -> Examples:
        """Return the first examples, whose labels have the dtype and shape of all."""
        with closing(self._examples()) as examples:
            return next(examples, Examples.concatenate([]))

    def chunks(self) -> Generator[Examples, None, None]:
        """Yield all examples in chunks. A thread makes the next chunk while one is used."""
        return prefetch(rechunk(self._examples(), self.rows), limit=1)

    def _examples(self) -> Generator[Examples, None, None]:
        examples = self.maker.from_files(self.texts, self.label_column)
        if self.packed_length is not None:
            examples = pack_examples(examples, self.packed_length, self.maker.threads)
        yield from examples


def rechunk(examples: Iterable[Examples], rows: int) -> Generator[Examples, None, None]:
    """Concatenate and split examples into chunks of ``rows`` rows. The last chunk may have fewer."""
    pending: list[Examples] = []
    pending_rows = 0
    for batch in examples:
        start = 0
        while pending_rows + len(batch) - start >= rows:
            stop = start + rows - pending_rows
            yield Examples.concatenate([*pending, batch.slice(start, stop)])
            pending, pending_rows, start = [], 0, stop
        if start < len(batch):
            pending.append(batch.slice(start, len(batch)))
            pending_rows += len(batch) - start
    if pending:
        yield Examples.concatenate(pending)
