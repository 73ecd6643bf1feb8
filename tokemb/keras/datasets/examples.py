"""Make examples, which are rows of ids and their labels, from texts in memory or files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.keras.datasets.labels import Numbers, encode_labels
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
    """Truncated rows of ids, and their ``labels`` ``(rows, ...)``, ``None`` if there are none."""

    rows: Ragged
    labels: Numbers | None

    def __len__(self) -> int:
        return len(self.rows)

    def slice(self, start: int, stop: int) -> Examples:
        """Return the examples from ``start`` to before ``stop`` as views."""
        return Examples(self.rows.slice(start, stop), None if self.labels is None else self.labels[start:stop])

    @classmethod
    def concatenate(cls, parts: Sequence[Examples]) -> Examples:
        """Return the examples of all ``parts`` in order."""
        labels = [part.labels for part in parts if part.labels is not None]
        return cls(Ragged.concatenate([part.rows for part in parts]), np.concatenate(labels) if labels else None)


@dataclass(frozen=True)
class ExampleMaker:
    """Encode texts and labels as examples.

    Attributes:
        encoder: The vocabulary.
        column: The column of the texts, for files.
        classes: The classes in order, if the labels are strings.
        maxlen: The maximum length of a row.
        truncating: The side of truncation.
        threads: The number of threads.
    """

    encoder: RowEncoder
    column: str | None
    classes: list[str] | None
    maxlen: int | None
    truncating: str | None
    threads: int | None

    def in_memory(self, texts: Any, labels: Any) -> Examples:  # noqa: ANN401
        """Encode all examples.

        Args:
            texts: Texts, as for ``Encoder.encode``, or a function that returns record batches.
            labels: A column, as for ``encode_labels``, or the name of a column of the files or record batches.

        Raises:
            ArgumentError: If a label is invalid, or there are not as many labels as texts. Errors of texts are those of
                ``encode``.
        """
        label_column = labels if isinstance(labels, str) else None
        if label_column is not None or self.column is not None or callable(texts):
            batches = open_batches(texts, self.column, label_column)
            examples = Examples.concatenate(list(self.from_batches(batches, label_column)))
        else:
            examples = Examples(self._rows(texts), None)
        if labels is None or label_column is not None:
            return examples
        numbers = encode_labels(labels, self.classes)
        if len(numbers) != len(examples):
            raise ArgumentError(
                f"labels must have one row for each text; received {len(numbers)} labels for {len(examples)} texts"
            )
        return Examples(examples.rows, numbers)

    def from_batches(self, batches: Iterable[pa.RecordBatch], label_column: str | None) -> Iterator[Examples]:
        """Yield the examples of each record batch: texts in the first column, labels in ``label_column``."""
        count, encoded = RowCount(), 0
        for batch in count.reading(batches):
            labels = None if label_column is None else self._labels(batch, label_column, count.rows - len(batch))
            examples = Examples(self._rows(batch.column(0)), labels)
            encoded += len(examples)
            count.check(encoded, "encoded")
            yield examples

    def _rows(self, texts: Path | Iterable[Any]) -> Ragged:
        return self.encoder.encode_ragged(texts, maxlen=self.maxlen, truncating=self.truncating, threads=self.threads)

    def _labels(self, batch: pa.RecordBatch, name: str, first_row: int) -> Numbers:
        if name not in batch.schema.names:
            names = ", ".join(map(repr, batch.schema.names))
            raise ArgumentError(f"there is no column {name!r}; there are {names}: pass one of these as labels")
        return encode_labels(batch.column(name), self.classes, first_row)


def open_batches(texts: Any, column: str | None, label_column: str | None) -> Iterator[pa.RecordBatch]:  # noqa: ANN401
    """Return record batches, with the texts in the first column.

    Args:
        texts: Files, an iterator of record batches, or a function that returns one of these.
        column: The column of the texts, for files.
        label_column: The column of the labels.

    Raises:
        ArgumentError: If an argument is invalid.
    """
    if callable(texts):
        texts = texts()
    if isinstance(texts, Iterator):
        first = list(islice(texts, 1))
        texts = chain(first, texts)
        if all(isinstance(item, pa.RecordBatch) for item in first):
            if column is not None:
                raise ArgumentError("column is for files: record batches must have the texts in their first column")
            return texts
    paths = [texts] if isinstance(texts, Path) else list(texts)
    if not paths or not all(isinstance(path, Path) for path in paths):
        raise ArgumentError(
            f"{'column' if column is not None else 'the name of a column of labels'} is for files and record batches: "
            "pass files as pathlib.Path, or columns of texts and labels"
        )
    from tokemb.sources.corpus import read_corpus

    return read_corpus(paths, column=column, keep=[] if label_column is None else [label_column])
