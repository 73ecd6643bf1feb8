"""JSON Lines: read ids, and write ids or vectors with their columns."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb.errors import ArgumentError
from tokemb.files.output_stream import flush_all, write_all
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.source import IdBlock, IdsSource, changed
from tokemb.formats.writer import Array, Block, Writer
from tokemb.rows.ragged import Ragged
from tokemb.sources.column_types import plain, plain_type

# Numbers that are Python objects at a time.
_BLOCK_READ = 1 << 19

Rows = list[dict[str, Any]]


class JsonlSource(IdsSource):
    """The key ``ids`` of every object; the others are kept, with the types that the first rows show."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, None)
        first = next(self._rows(), (1, []))[1]
        self.kept = self._schema(first)

    def blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Read line by line."""
        for line, rows in self._rows():
            try:
                ids = Ragged.from_rows([row["ids"] for row in rows])
            except ArgumentError as error:
                raise ArgumentError(f"{self._lines(line, rows)}: {error}") from None
            yield IdBlock(ids, self._kept(line, rows))

    def _rows(self) -> Iterator[tuple[int, Rows]]:
        """Objects with about ``_BLOCK_READ`` ids, and the number of the first line."""
        rows: Rows = []
        size, first = 0, 1
        for number, line in enumerate(self._lines_of_file(), 1):
            row = self._row(number, line)
            rows.append(row)
            size += 1 + len(row["ids"])
            if size >= _BLOCK_READ:
                yield first, rows
                rows, size, first = [], 0, number + 1
        if rows:
            yield first, rows

    def _lines_of_file(self) -> Iterator[bytes]:
        """Yield the lines that the file has when it is opened; one that is truncated later is an error."""
        with self.path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            while left:
                line = file.readline(left)
                left -= len(line)
                if not line or (left and not line.endswith(b"\n")):
                    raise changed(self.path)
                yield line

    def _row(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            row = json.loads(line, object_pairs_hook=_without_repeats)
        except (ValueError, RecursionError) as error:
            kind = "JSON" if isinstance(error, json.JSONDecodeError) else "JSON that can be read"
            raise ArgumentError(f"{self.path}, line {number}: is not {kind}: {error}") from None
        if not isinstance(row, dict) or not isinstance(row.get("ids"), list):
            raise ArgumentError(f'{self.path}, line {number}: must be an object with ids, as {{"ids":[1,2]}}')
        if set(map(type, row["ids"])) - {int}:
            raise ArgumentError(f"{self.path}, line {number}: ids must be whole numbers")
        return row

    def _schema(self, rows: Rows) -> pa.Schema:
        names = dict.fromkeys(name for row in rows for name in row if name != "ids")
        try:
            types = {name: pa.array([row.get(name) for row in rows]).type for name in names}
        except pa.ArrowException as error:
            raise ArgumentError(f"{self._lines(1, rows)}: kept columns must be of one type; {error}") from None
        # What nobody has a value of yet can only be guessed.
        return pa.schema({name: pa.string() if kind == pa.null() else kind for name, kind in types.items()})

    def _kept(self, line: int, rows: Rows) -> pa.RecordBatch:
        unknown = {name for row in rows for name in row} - {"ids", *self.kept.names}
        if unknown:
            raise ArgumentError(f"{self._lines(line, rows)}: {min(unknown)!r} is in none of the first rows")
        try:
            columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in self.kept]
        except (pa.ArrowException, OverflowError) as error:
            raise ArgumentError(
                f"{self._lines(line, rows)}: kept columns must be of the types of the first rows, {error}"
            ) from None
        return pa.RecordBatch.from_arrays(columns, schema=self.kept)

    def _lines(self, line: int, rows: Rows) -> str:
        return f"{self.path}, lines {line} to {line + len(rows) - 1}"


def open_source(path: Path) -> JsonlSource:
    """Read the first rows; raises ``ArgumentError`` if they are no ids."""
    return JsonlSource(path)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; raise ``ValueError`` for a key that occurs twice, of which one value would be lost."""
    row = dict(pairs)
    if len(row) < len(pairs):
        repeated = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {repeated!r} occurs more than once")
    return row


# Numbers that become text at a time: some tens of megabytes of it, where an offset of Arrow's string is int32.
_BLOCK_WRITTEN = 1 << 20


class JsonlWriter(Writer):
    """Writes to a path, or to a binary stream, which stays open."""

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for kept columns of bytes and durations."""
        for field in layout.kept:
            kind = plain_type(field.type)
            if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
                raise ArgumentError(f"JSON has no bytes, as {field.name!r} holds: write .parquet or .tfrecord")
            if pa.types.is_duration(kind):
                raise ArgumentError(f"JSON has no durations, as {field.name!r} holds: write .parquet")

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the bytes of the shortest numbers and their commas."""
        return layout.row_size * (2 if layout.name == "ids" else 4)

    def __init__(self, target: Path | BinaryIO, layout: OutputOptions) -> None:
        super().__init__(target, layout)
        self._owns = isinstance(target, Path)
        self._file: BinaryIO = target.open("xb") if isinstance(target, Path) else target

    def _write(self, block: Block) -> None:
        for part in block.parts(_BLOCK_WRITTEN):
            pieces: list[pa.Array | str] = [f'{{"{self.layout.name}":', _lists(part)]
            for field, column in zip(self.layout.kept, part.kept.columns, strict=True):
                pieces += [f",{json.dumps(field.name, ensure_ascii=False)}:", _values(column, field.name)]
            lines = _joined(*pieces, "}\n")
            offsets = np.frombuffer(lines.buffers()[1], np.int64, len(lines) + 1)
            write_all(self._file, memoryview(lines.buffers()[2])[: offsets[-1]])

    def _complete(self) -> None:
        flush_all(self._file)

    def _close(self) -> None:
        if self._owns:
            self._file.close()


def _joined(*pieces: pa.Array | str) -> pa.Array:
    """Texts one after the other, row by row: ``large_string`` (rows,)."""
    return pc.binary_join_element_wise(
        *(pa.scalar(piece, pa.large_string()) if isinstance(piece, str) else piece for piece in pieces),
        pa.scalar("", pa.large_string()),
    )


def _lists(block: Block) -> pa.Array:
    """Each row as a list of numbers, or a list of lists."""
    texts = _numbers(block.values)
    if block.row_splits is not None:
        return _bracketed(block.row_splits, texts)
    shape = block.values.shape
    for axis in range(len(shape) - 1, 0, -1):
        lists = int(np.prod(shape[:axis], dtype=np.int64))
        texts = _bracketed(np.arange(lists + 1, dtype=np.int64) * shape[axis], texts)
    return texts


def _bracketed(splits: Array, texts: pa.Array) -> pa.Array:
    lists = pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), texts.cast(pa.string()))
    return _joined("[", pc.binary_join(lists, ",").cast(pa.large_string()), "]")


def _numbers(values: Array) -> pa.Array:
    """All numbers of an array as JSON; raises ``ArgumentError`` for one that is not finite."""
    values = np.ascontiguousarray(values).reshape(-1)
    if values.dtype.kind != "f":
        return pa.array(values).cast(pa.large_string())
    if not np.isfinite(values).all():
        raise ArgumentError(
            f"JSON has no number {values[~np.isfinite(values)][0]}, which is among the vectors: write .npy or .parquet"
        )
    return _reals(pa.array(values))


def _reals(values: pa.Array) -> pa.Array:
    """Finite numbers with as many digits as tell them apart; 3.0 stays 3.0, so that all of a column look alike."""
    if values.type == pa.float16():
        values = values.cast(pa.float32())
    texts = values.cast(pa.large_string())
    return pc.if_else(pc.match_substring_regex(texts, "[.e]"), texts, _joined(texts, ".0"))


def _values(column: pa.Array, name: str) -> pa.Array:
    """The values of a kept column as JSON; what is missing, and NaN, is ``null``."""
    values = plain(column)
    kind = values.type
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), None, values)
        if pc.any(pc.is_inf(values)).as_py():
            raise ArgumentError(f"JSON has no infinity, which is in {name!r}: write .parquet or .npz")
        texts = _reals(values)
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        texts = values.cast(pa.large_string())
    elif kind == pa.time64("ns"):
        texts = _times(values)
    else:
        texts = pa.array([_encoded(value, name) for value in _objects(values, name)], pa.large_string())
    return texts.fill_null("null")


def _times(values: pa.Array) -> pa.Array:
    """Return times of day with nanoseconds, which Python's do not have, as quoted texts without idle digits."""
    texts = values.cast(pa.large_string())
    for idle in (r"000$", r"\.000000$"):
        texts = pc.replace_substring_regex(texts, idle, "")
    return _joined('"', texts, '"')


def _objects(values: pa.Array, name: str) -> list[Any]:
    """Return values as Python's objects; raise ``ArgumentError`` for dates and times that Python does not have."""
    try:
        objects: list[Any] = values.to_pylist()
    except (ValueError, OverflowError, LookupError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise ArgumentError(
            f"JSON has no form for a {values.type} in {name!r} ({reason:.100}): write .parquet"
        ) from None
    return objects


def _encoded(value: object, name: str) -> str:
    """A text, a date or a list as JSON; what JSON does not know is written as Python prints it, dates as ISO does."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_printed)
    except (TypeError, ValueError):
        raise ArgumentError(f"JSON has no form for {value!r:.80}, which is in {name!r}: write .parquet") from None


def _printed(value: object) -> str:
    if isinstance(value, bytes):
        raise TypeError
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
