"""Make examples, which are rows of ids and their labels, from texts in memory or files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import Array, Bool, Int64
from tokemb.engine.text_encoder import TextEncoder
from tokemb.errors import ArgumentError
from tokemb.keras.datasets.labels import encode_labels
from tokemb.keras.datasets.targets import TargetRows
from tokemb.rows.packing import pack_pools
from tokemb.rows.ragged import Ragged, take
from tokemb.rows.row_count import RowCount
from tokemb.sources.text_source import pair_batches, text_batches
from tokemb.vocabulary.pad_truncate import PadTruncate


@dataclass(frozen=True)
class Examples:
    """Truncated rows of ids and their labels.

    Attributes:
        rows: The ids.
        labels: ``(rows, ...)``. ``None`` if there are none.
        first_lengths: For pairs of texts, the number of ids of the first text of each row, int64 ``(rows,)``.
        texts: For windows, the number of the text of each row, int64 ``(rows,)``. ``None`` if each row is one text.
        segments: For packed rows, the lengths of the texts of each row.
        targets: For sequence-to-sequence training, the ids of the target texts.
    """

    rows: Ragged
    labels: Array | None = None
    first_lengths: Int64 | None = None
    texts: Int64 | None = None
    segments: Ragged | None = None
    targets: Ragged | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def text_count(self) -> int:
        """The number of texts, or of pairs of texts."""
        return len(self) if self.texts is None else int(self.texts.max(initial=-1)) + 1

    def with_labels(self, labels: Array) -> Examples:
        """Return the examples with ``labels`` ``(texts, ...)``, one for each text."""
        return replace(self, labels=labels if self.texts is None else labels[self.texts])

    def slice(self, start: int, stop: int) -> Examples:
        """Return the examples from ``start`` to before ``stop`` as views."""
        others = (None if rows is None else rows.slice(start, stop) for rows in self._other_rows)
        return Examples(self.rows.slice(start, stop), *self._select(slice(start, stop)), *others)

    def of_texts(self, selected: Bool) -> Examples:
        """Return the rows of the texts that are ``selected``, bool ``(texts,)``."""
        rows = np.flatnonzero(selected if self.texts is None else selected[self.texts])
        others = (None if other is None else take(other, rows) for other in self._other_rows)
        return Examples(take(self.rows, rows), *self._select(rows), *others)

    def _select(self, rows: Any) -> list[Any]:  # noqa: ANN401 - a slice or indices
        return [None if array is None else array[rows] for array in self._arrays]

    @property
    def _arrays(self) -> tuple[Array | None, ...]:
        return self.labels, self.first_lengths, self.texts

    @property
    def _other_rows(self) -> tuple[Ragged | None, ...]:
        return self.segments, self.targets

    @classmethod
    def concatenate(cls, parts: Sequence[Examples]) -> Examples:
        """Return the examples of all ``parts`` in order.

        Raises:
            ArgumentError: If their labels have different shapes.
        """
        shapes = sorted({part.labels.shape[1:] for part in parts if part.labels is not None})
        if len(shapes) > 1:
            raise ArgumentError(f"all labels must have the same shape; received {shapes[0]} and {shapes[1]}")
        arrays, others = (
            [[column for column in columns if column is not None] for columns in zip(*kind, strict=True)]
            for kind in ([part._arrays for part in parts], [part._other_rows for part in parts])
        )
        joined: list[Any] = [np.concatenate(column) if column else None for column in arrays]
        if joined and joined[0] is not None and joined[0].dtype == np.float64:  # of integers and floats
            joined[0] = joined[0].astype(np.float32)
        joined += [Ragged.concatenate(rows) if rows else None for rows in others]
        return cls(Ragged.concatenate([part.rows for part in parts]), *joined)


def pack_examples(examples: Iterable[Examples], maxlen: int, threads: int | None) -> Iterator[Examples]:
    """Yield rows of at most ``maxlen`` ids that consist of several texts. Texts without ids are left out."""
    for packed in pack_pools((part.rows for part in examples), maxlen, threads):
        yield Examples(packed.rows, segments=packed.lengths)


@dataclass(frozen=True)
class ExampleMaker:
    """Encode texts and labels as examples.

    Attributes:
        encoder: The vocabulary.
        column: The column of the texts, for files.
        classes: The classes in order, if the labels are strings.
        shape: The truncation of rows.
        maxlen: The maximum length of a row, for texts that are neither pairs nor windows.
        truncating: The side of truncation, for the same.
        threads: The number of threads.
        second: The second texts of pairs, or the target texts, or the name of their column in files and record batches.
        overlap: The number of tokens that neighbouring windows share. ``None`` truncates long texts.
        target_rows: How target texts become rows. ``None`` if ``second`` are the second texts of pairs.
    """

    encoder: TextEncoder
    column: str | None
    classes: list[str] | None
    shape: PadTruncate
    maxlen: int | None
    truncating: str | None
    threads: int | None
    second: Any = None
    overlap: int | None = None
    target_rows: TargetRows | None = None

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
        if callable(texts) or not (label_column is self.column is self._second_column is None):
            examples = Examples.concatenate(list(self.from_files(texts, label_column)))
        else:
            examples = self._encode(texts, self.second)
        if labels is None or label_column is not None:
            return examples
        numbers, count = encode_labels(labels, self.classes), examples.text_count
        if len(numbers) != count:
            raise ArgumentError(
                f"labels must have one row for each text; received {len(numbers)} labels for {count} texts"
            )
        return examples.with_labels(numbers)

    def from_files(self, texts: Any, label_column: str | None) -> Iterator[Examples]:  # noqa: ANN401
        """Yield the examples of files, an iterator of record batches, or a function that returns one of these."""
        if self.second is not None and self._second_column is None:
            raise ArgumentError(f"{self._second} must be the name of a column if texts are in files or record batches")
        are_names = self.classes is not None
        batches = open_batches(texts, self.column, self._second_column, label_column, labels_as_text=are_names)
        yield from self.from_batches(batches, label_column)

    def from_batches(self, batches: Iterable[pa.RecordBatch], label_column: str | None) -> Iterator[Examples]:
        """Yield the examples of each record batch: texts in the first column, labels in ``label_column``."""
        count, encoded = RowCount(), 0
        for batch in count.reading(batches):
            name = self._second_column
            examples = self._encode(batch.column(0), None if name is None else _column(batch, name, self._second))
            if label_column is not None:
                labels = _column(batch, label_column, "labels")
                examples = examples.with_labels(encode_labels(labels, self.classes, encoded))
            if examples.texts is not None:
                examples = replace(examples, texts=examples.texts + encoded)
                encoded = examples.text_count or encoded
            else:
                encoded += len(examples)
            count.check(encoded, "encoded")
            yield examples

    @property
    def _second_column(self) -> str | None:
        return self.second if isinstance(self.second, str) else None

    @property
    def _second(self) -> str:
        """The name of the argument ``second``, for messages."""
        return "second" if self.target_rows is None else "targets"

    def _encode(self, texts: Any, second: Any) -> Examples:  # noqa: ANN401
        if self.target_rows is not None:
            return self._with_targets(texts, second, self.target_rows)
        if second is not None:
            return Examples.concatenate(list(self._pairs(texts, second)))
        if self.overlap is not None:
            return Examples.concatenate(list(self._windows(texts, self.overlap)))
        return Examples(self._rows(texts))

    def _rows(self, texts: Path | Iterable[Any]) -> Ragged:
        return self.encoder.encode_ragged(texts, maxlen=self.maxlen, truncating=self.truncating, threads=self.threads)

    def _with_targets(self, texts: Any, target_texts: Any, target_rows: TargetRows) -> Examples:  # noqa: ANN401
        rows, targets = self._rows(texts), target_rows.encode(target_texts, self.threads)
        if len(rows) != len(targets):
            raise ArgumentError(
                f"targets must have one text for each text; received {len(targets)} targets for {len(rows)} texts"
            )
        return Examples(rows, targets=targets)

    def _pairs(self, texts: Any, second: Any) -> Iterator[Examples]:  # noqa: ANN401
        for row, first, other in pair_batches(text_batches(texts), text_batches(second)):
            if self.overlap is None:
                encoded, first_lengths = self.encoder.encode_column_pairs(first, other, self.shape, row, self.threads)
                yield Examples(encoded.rows, first_lengths=first_lengths)
                continue
            encoded, first_lengths, places = self.encoder.encode_column_pair_windows(
                first, other, self.shape, self.overlap, row, self.threads
            )
            yield Examples(encoded.rows, first_lengths=first_lengths, texts=places.row + row)

    def _windows(self, texts: Any, overlap: int) -> Iterator[Examples]:  # noqa: ANN401
        first = 0
        for batch in text_batches(texts):
            encoded, row, _ = self.encoder.encode_column_windows(batch, self.shape, overlap, self.threads)
            yield Examples(encoded.rows, texts=row + first)
            first += len(batch)


def _column(batch: pa.RecordBatch, name: str, argument: str) -> pa.Array:
    if name not in batch.schema.names:
        names = ", ".join(map(repr, batch.schema.names))
        raise ArgumentError(f"there is no column {name!r}; there are {names}: pass one of these as {argument}")
    return batch.column(name)


def open_batches(
    texts: Any,  # noqa: ANN401
    column: str | None,
    second_column: str | None,
    label_column: str | None,
    *,
    labels_as_text: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Return record batches, with the texts in the first column.

    Args:
        texts: Files, an iterator of record batches, or a function that returns one of these.
        column: The column of the texts, for files.
        second_column: The column of the second texts of pairs, or of the target texts.
        label_column: The column of the labels.
        labels_as_text: Whether the labels in CSV files are texts, also if they are numbers.

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

    columns: str | list[str] | None = column
    if second_column is not None:
        if column is None:
            raise ArgumentError(
                "column must name the texts in files, beside the column of the second texts: pass column=..."
            )
        columns = [column, second_column]
    keep = [] if label_column is None else [label_column]
    return read_corpus(paths, column=columns, keep=keep, as_text=keep if labels_as_text else ())
