"""Rows of files whose lines Spark sends to its workers, which parse them as ``tokemb.read_corpus`` does.

Spark finds lines and decompresses. The code of the local reader decides about rows, columns and values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from tokemb.errors import TextError
from tokemb.integrations.spark.worker import Batches
from tokemb.sources import texts
from tokemb.sources.blocks import BOM
from tokemb.sources.columns import Columns
from tokemb.sources.corpus import stream_batches
from tokemb.sources.listing import Source, format_of
from tokemb.sources.signatures import check_text
from tokemb.sources.table_columns import TableColumns

# Columns of the lines of files. The columns of folders follow.
LINE_COLUMNS = ("line", "path", "start", "length", "size")
# Bytes at the start of a file that are checked.
_CHECKED_BYTES = 1 << 12
_NAMES = b"names"
# How many bytes more than the file the lines of a whole file have. Spark removes a byte-order mark.
_UNCHANGED = frozenset((0, -len(BOM)))
_NEWLINE_ADDED = frozenset((1, 1 - len(BOM)))


class Split(NamedTuple):
    """A part of a file that one worker reads: bytes ``start`` to ``start + length`` of ``size``."""

    path: str
    start: int
    length: int
    size: int
    folders: tuple[Any, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the part is the whole file."""
        return self.start == 0 and self.length == self.size

    @property
    def is_compressed(self) -> bool:
        """Whether Spark decompresses the file."""
        return format_of(self.path)[1] is not None

    @property
    def name(self) -> str:
        """The name for messages."""
        name = unquote(self.path).removeprefix("file://").removeprefix("file:")
        return f"{name}, from byte {self.start} on" if self.start else name


@dataclass(frozen=True)
class Reading:
    """How to read files of lines.

    Attributes:
        kind: ``"text"``, ``"csv"``, ``"tsv"`` or ``"jsonl"``.
        column: The text column. ``None`` selects it as ``tokemb.read_corpus`` does.
        others: Further columns of texts or values.
        keep: Columns in which numbers of CSV files are read as numbers.
        folders: The columns of folders, which are used if the files have no such columns.
        errors: As for ``tokemb.read_corpus``.
        header: As for ``tokemb.read_corpus``.
        quoting: As for ``tokemb.read_corpus``.
    """

    kind: str
    column: str | None
    others: tuple[str, ...]
    keep: tuple[str, ...]
    folders: tuple[str, ...]
    errors: str
    header: bool
    quoting: str | None

    def source(self, name: str) -> Source:
        """Return a file, for the readers of ``tokemb.sources``."""
        return Source(name, name, self.kind, None, explicit_quoting=self.quoting)

    def with_folders(self, folders: Sequence[str]) -> Reading:
        """Return the same for these columns of folders, which follow the lines."""
        return replace(self, folders=tuple(folders))

    @property
    def is_table(self) -> bool:
        """Whether files are CSV or TSV, in which a header may name the columns."""
        return self.source("").delimiter is not None

    @property
    def can_split(self) -> bool:
        """Whether every line is a row, so that several workers can read one file."""
        return not self.is_table or self.source("").quoting == "none"


class FileColumns(TableColumns):
    """The selected columns, without the conversion of texts, which ``encode`` and ``fit_vocab`` do on Spark.

    Args:
        reading: How to read the files.
        schema: The columns and their types. ``None`` if they are not known yet.
        names: All columns of the first file, which those of the split parts of others must equal.
    """

    def __init__(self, reading: Reading, schema: pa.Schema | None = None, names: Sequence[str] | None = None) -> None:
        self._reading, self._expected = reading, names
        self.names: list[str] = list(names or ())
        selected = schema.names if schema is not None else [*reading.others, *reading.keep]
        super().__init__(selected, typed=set(reading.keep) - {reading.column, *reading.others})
        if schema is not None:
            self._kept_types |= dict(zip(schema.names, schema.types, strict=True))
        self._is_known = schema is not None

    def choose(
        self, names: Sequence[str], file: str, kept_may_follow: bool = False, hint: str = ""
    ) -> tuple[str, list[str]]:
        """Select columns among the columns ``names`` of a file."""
        self.names = list(names)
        if self._expected is not None and self.names != list(self._expected):
            raise TextError(
                f"{file} has other columns than the first file, or in another order, and Spark reads parts of it: pass "
                "files of the same columns"
            )
        if not self._is_known:
            self._select(names, file, hint)
        return super().choose(names, file, kept_may_follow, hint)

    def _select(self, names: Sequence[str], file: str, hint: str) -> None:
        reading = self._reading
        wanted = [*reading.others, *reading.keep]
        found = [name for name in wanted if name in names or name not in reading.folders]
        text, _ = Columns(reading.column, found).choose(names, file, kept_may_follow=False, hint=hint)
        self._keep = list(dict.fromkeys([text, *found]))
        self._typed = frozenset(reading.keep) - {text, *reading.others}

    def choose_lines(self, file: str) -> str:
        """Return the name of the only column of text files."""
        reading = self._reading
        wanted = [*reading.others, *reading.keep]
        name = Columns(reading.column, [each for each in wanted if each not in reading.folders]).choose_lines(file)
        self.names = self._keep = [name]
        return name

    @property
    def text_column(self) -> str | None:
        """The first column if all types are known, so that JSON Lines need not be parsed twice."""
        return self._keep[0] if self._is_known else None


def probe_partition(batches: Batches, *, reading: Reading) -> Batches:
    """Yield the schema of the first rows of a file, which is not split, in one row."""
    columns = FileColumns(reading)
    for split, pieces in _splits(batches):
        stream = _open(split, pieces)
        rows = stream_batches(stream, reading.source(split.name), columns, reading.errors, reading.header)
        schema = next((batch.schema for batch in rows if len(batch)), None)
        if schema is not None:
            metadata = {_NAMES: json.dumps(columns.names)}
            yield pa.record_batch({"schema": [schema.with_metadata(metadata).serialize().to_pybytes()]})
        return


def probed(content: bytes) -> tuple[pa.Schema, list[str]]:
    """Return the schema of the first rows, and the names of all columns of the file, from ``probe_partition``."""
    schema = pa.ipc.read_schema(pa.py_buffer(content))
    return schema.remove_metadata(), json.loads(schema.metadata[_NAMES])


def parse_partition(
    batches: Batches, *, reading: Reading, schema: pa.Schema, names: Sequence[str], result: pa.Schema
) -> Batches:
    """Yield the rows of files.

    Args:
        batches: Lines in the columns of ``LINE_COLUMNS``, followed by the columns of folders.
        reading: How to read them.
        schema: The columns and types of the first file.
        names: The names of all columns of the first file.
        result: The columns and types to yield.
    """
    for split, pieces in _splits(batches):
        if not split.is_whole and not reading.can_split:
            raise TextError(f"Spark has split {split.name}, in which a field may contain a newline")
        is_compared = not split.is_whole and reading.is_table
        columns = FileColumns(reading, schema, names if is_compared and names else None)
        delimiter = reading.source("").delimiter or ""
        header = delimiter.join(names).encode() + b"\n" if is_compared and reading.header and split.start else b""
        if reading.kind == "text" and split.is_compressed:
            pieces = _check_last_line(split, pieces)
        stream = _open(split, pieces, header)
        for batch in stream_batches(stream, reading.source(split.name), columns, reading.errors, reading.header):
            arrays = {name: batch.column(name) for name in batch.schema.names}
            for name, value in zip(reading.folders, split.folders, strict=True):
                if name in result.names and name not in arrays:
                    arrays[name] = pa.repeat(value, len(batch))
            yield pa.RecordBatch.from_arrays([arrays[field.name].cast(field.type) for field in result], schema=result)


def _splits(batches: Batches) -> Iterator[tuple[Split, Iterator[bytes]]]:
    """Yield the parts of files, and their lines in blocks. Lines of one part follow one another."""
    for split, pieces in groupby(chain.from_iterable(map(_pieces, batches)), key=lambda piece: piece[0]):
        yield split, (content for _, content in pieces)


def _pieces(batch: pa.RecordBatch) -> Iterator[tuple[Split, bytes]]:
    """Yield the lines of a batch that belong to one part of a file, as one block."""
    if not len(batch):
        return
    line, path, start = batch.columns[:3]
    codes = path.dictionary_encode().indices.to_numpy()
    ends = np.flatnonzero((np.diff(codes) != 0) | (np.diff(start.to_numpy()) != 0)) + 1
    line = line.cast(pa.large_binary())
    _, offsets, content = line.buffers()
    bounds = np.frombuffer(offsets, np.int64)[line.offset : line.offset + len(line) + 1]
    first = 0
    for end in [*ends.tolist(), len(batch)]:
        file, begin, length, size = (column[first].as_py() for column in batch.columns[1:5])
        split = Split(file, begin, length, size, tuple(column[first] for column in batch.columns[5:]))
        yield split, content[int(bounds[first]) : int(bounds[end])].to_pybytes()
        first = end


def _check_last_line(split: Split, pieces: Iterator[bytes]) -> Iterator[bytes]:
    r"""Yield the blocks of compressed lines.

    Raises:
        TextError: If the last line ends in ``\r`` and others do not. Spark does not tell whether ``\n`` follows.
            Without it, ``\r`` belongs to the row.
    """
    piece, is_mixed = b"", False
    for piece in pieces:
        is_mixed = is_mixed or piece.count(b"\n") > piece.count(b"\r\n")
        yield piece
    if is_mixed and piece.endswith(b"\r\n"):
        raise TextError(
            f"{split.name} has lines that end in \\n and a last one that ends in \\r, and Spark does not tell whether "
            "\\n follows: decompress the file first"
        )


class _Exact:
    """The blocks of a part of a file, without the newline that Spark's lines have after the last byte of a file."""

    def __init__(self, split: Split, pieces: Iterator[bytes]) -> None:
        self._split = split
        self._pieces = pieces
        self._next = next(pieces, b"")
        self._size = len(self._next)
        self._knows_size = split.is_whole and not split.is_compressed

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._next:
            raise StopIteration
        piece, self._next = self._next, next(self._pieces, b"")
        self._size += len(self._next)
        return piece if self._next or not self._knows_size else self._last(piece)

    def _last(self, piece: bytes) -> bytes:
        """Return the last block. Raises ``TextError`` unless all bytes of the file were read."""
        more = self._size - self._split.size
        if more not in _NEWLINE_ADDED | _UNCHANGED:
            raise TextError(
                f"{self._split.name} has {self._split.size:,} bytes, and Spark read {self._size:,}: it was changed "
                "meanwhile"
            )
        return piece[:-1] if more in _NEWLINE_ADDED else piece


class _Stream:
    """A stream of blocks, after the bytes ``head``."""

    def __init__(self, head: bytes, pieces: Iterator[bytes]) -> None:
        self._rest = head
        self._pieces = pieces

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, fewer at the end."""
        parts, length = [self._rest], len(self._rest)
        while length < size and (piece := next(self._pieces, b"")):
            parts.append(piece)
            length += len(piece)
        content = b"".join(parts)
        self._rest = content[size:]
        return content[:size]


def _open(split: Split, pieces: Iterator[bytes], header: bytes = b"") -> _Stream:
    """Return the stream of a part of a file, with ``header`` before it.

    Raises:
        TextError: If the first bytes of the file are not UTF-8 text.
    """
    blocks = _Exact(split, pieces)
    lines = _Stream(b"", blocks)
    start = lines.read(_CHECKED_BYTES)
    if split.start == 0:
        check_text(start, split.name)
        if len(start) < _CHECKED_BYTES and split.is_compressed:
            check_text(start[:-1], split.name)  # the last line may have no newline
    start = header + start
    # Spark has removed one byte-order mark, and the local reader would remove another one.
    head = BOM + start if start.startswith(BOM) else start
    return _Stream(head, iter(partial(lines.read, texts.BATCH_BYTES), b""))
