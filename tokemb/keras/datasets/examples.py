"""Examples: rows of ids and their labels, of texts in memory or of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.keras.datasets.labels import Numbers, numbers_of
from tokemb.rows.ragged import Ragged
from tokemb.rows.row_count import RowCount
from tokemb.vocabulary.pad_truncate import PadTruncate


class RowEncoder(Protocol):
    """The part of ``Encoder`` that datasets use."""

    def encode_ragged(
        self,
        texts: Any,  # noqa: ANN401
        *,
        maxlen: int | None,
        truncating: str | None,
        threads: int | None,  # noqa: ANN401
    ) -> Ragged:
        """Encode texts as ids without padding."""
        ...

    def pad_truncate(self, maxlen: int | None, padding: str | None, truncating: str | None) -> PadTruncate:
        """Return the truncation and padding to use."""
        ...

    def require_pad_id(self) -> int:
        """Return the id of padding, or raise ``ArgumentError`` if there is none."""
        ...


@dataclass(frozen=True)
class Examples:
    """Rows of ids, truncated, and their ``labels`` (rows, ...) if they have some."""

    rows: Ragged
    labels: Numbers | None

    def __len__(self) -> int:
        return len(self.rows)

    def slice(self, start: int, stop: int) -> Examples:
        """The examples from ``start`` to before ``stop``, as views."""
        return Examples(self.rows.slice(start, stop), None if self.labels is None else self.labels[start:stop])

    @classmethod
    def concatenate(cls, parts: Sequence[Examples]) -> Examples:
        """The examples of all ``parts``, at least one, in order."""
        labels = [part.labels for part in parts if part.labels is not None]
        return cls(Ragged.concatenate([part.rows for part in parts]), np.concatenate(labels) if labels else None)


@dataclass(frozen=True)
class ExampleMaker:
    """Makes examples with ``encoder``.

    ``column``: of files, the one that holds the texts. ``classes``: the order that numbers labels which are strings.
    ``maxlen``, ``truncating``, ``threads``: as for ``Encoder.encode``.
    """

    encoder: RowEncoder
    column: str | None
    classes: list[str] | None
    maxlen: int | None
    truncating: str | None
    threads: int | None

    def in_memory(self, texts: Any, labels: Any) -> Examples:  # noqa: ANN401
        """All examples, encoded once.

        ``texts``: as ``Encoder.encode`` takes them, or a function that gives record batches. ``labels``: a column as
        ``numbers_of`` takes it, or the name of one beside the texts.
        Raises ``ArgumentError`` for labels that cannot be, or are more or less than the texts; for texts as ``encode``.
        """
        label = labels if isinstance(labels, str) else None
        if label is not None or self.column is not None or callable(texts):
            batches = opened(texts, self.column, label)
            examples = Examples.concatenate(list(self.of_batches(batches, label)))
        else:
            examples = Examples(self._rows(texts), None)
        if labels is None or label is not None:
            return examples
        numbers = numbers_of(labels, self.classes)
        if len(numbers) != len(examples):
            raise ArgumentError(f"labels must be as many as texts; received {len(numbers)} for {len(examples)} texts")
        return Examples(examples.rows, numbers)

    def of_batches(self, batches: Iterable[pa.RecordBatch], label: str | None) -> Iterator[Examples]:
        """The examples of each record batch: texts in the first column, and labels in the one called ``label``."""
        count, made = RowCount(), 0
        for batch in count.reading(batches):
            labels = None if label is None else self._labels(batch, label, count.rows - len(batch))
            examples = Examples(self._rows(batch.column(0)), labels)
            made += len(examples)
            count.check(made, "encoded")
            yield examples

    def _rows(self, texts: Path | Iterable[Any]) -> Ragged:
        return self.encoder.encode_ragged(texts, maxlen=self.maxlen, truncating=self.truncating, threads=self.threads)

    def _labels(self, batch: pa.RecordBatch, name: str, before: int) -> Numbers:
        if name not in batch.schema.names:
            raise ArgumentError(f"there is no column {name!r}; there are {', '.join(map(repr, batch.schema.names))}")
        return numbers_of(batch.column(name), self.classes, before)


def opened(texts: Any, column: str | None, label: str | None) -> Iterator[pa.RecordBatch]:  # noqa: ANN401
    """Record batches of files, an iterator of some, or a function that gives one; texts in the first column."""
    if callable(texts):
        texts = texts()
    if isinstance(texts, Iterator):
        first = list(islice(texts, 1))
        texts = chain(first, texts)
        if all(isinstance(item, pa.RecordBatch) for item in first):
            if column is not None:
                raise ArgumentError("column is for files: the first column of record batches is the text")
            return texts
    paths = [texts] if isinstance(texts, Path) else list(texts)
    if not paths or not all(isinstance(path, Path) for path in paths):
        raise ArgumentError(
            f"{'column' if column is not None else 'the name of a column of labels'} is for files and record batches: "
            "pass files as pathlib.Path, or columns of texts and labels"
        )
    from tokemb.sources.corpus import read_corpus

    return read_corpus(paths, column=column, keep=[] if label is None else [label])
