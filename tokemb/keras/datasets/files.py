"""Examples of files that are larger than memory: read anew for each pass, so many rows at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokemb.errors import ArgumentError
from tokemb.keras.datasets.examples import ExampleMaker, Examples, opened
from tokemb.sources.prefetch import prefetch


@dataclass(frozen=True)
class Streamed:
    """Texts in files, and their labels in the column ``label`` if that is not ``None``.

    ``texts``: files, or a function that gives record batches. ``rows``: how many are held at a time.
    """

    maker: ExampleMaker
    texts: Any
    label: str | None
    rows: int

    def __post_init__(self) -> None:
        paths = [self.texts] if isinstance(self.texts, Path) else self.texts
        of_files = isinstance(paths, (list, tuple)) and all(isinstance(path, Path) for path in paths)
        if not (of_files or callable(self.texts)):
            raise ArgumentError(
                "with buffer, texts are read anew for each pass: pass files, as a list of pathlib.Path, or a function "
                f"that gives record batches; received {type(self.texts).__name__}"
            )
        if not (self.label is None or isinstance(self.label, str)):
            raise ArgumentError("with buffer, labels must be the name of a column beside the texts")

    def first(self) -> Examples:
        """Some examples, which tell what all are like; raises what reading them raises."""
        with closing(self._examples()) as examples:
            return next(examples, Examples.concatenate([]))

    def parts(self) -> Generator[Examples, None, None]:
        """All examples, ``rows`` at a time; while some are used, a thread makes the next."""
        return prefetch(in_parts(self._examples(), self.rows), limit=1)

    def _examples(self) -> Generator[Examples, None, None]:
        yield from self.maker.of_batches(opened(self.texts, self.maker.column, self.label), self.label)


def in_parts(examples: Iterable[Examples], rows: int) -> Generator[Examples, None, None]:
    """Put examples together, or cut them, into parts of ``rows`` each; the last may have less."""
    waiting: list[Examples] = []
    held = 0
    for some in examples:
        start = 0
        while held + len(some) - start >= rows:
            stop = start + rows - held
            yield Examples.concatenate([*waiting, some.slice(start, stop)])
            waiting, held, start = [], 0, stop
        if start < len(some):
            waiting.append(some.slice(start, len(some)))
            held += len(some) - start
    if waiting:
        yield Examples.concatenate(waiting)
