"""JSON Lines: read ids, and write ids or vectors with their kept columns."""

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

from tokemb._arrays import Array
from tokemb.errors import ArgumentError, one_line
from tokemb.files.output_stream import flush_all, write_all
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.source import IdBlock, IdsSource, changed_file
from tokemb.formats.writer import Block, BlockColumn, Writer
from tokemb.rows.ragged import Ragged
from tokemb.sources.column_types import plain, plain_type
from tokemb.sources.json_values import fits

# The number of ids that are held as Python objects at a time.
_BLOCK_READ = 1 << 19

Rows = list[dict[str, Any]]


class JsonlSource(IdsSource):
    """The key ``ids`` of every object. The other keys are kept columns; the first rows determine their types."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, None)
        first = next(self._read_rows(), (1, []))[1]
        self.kept_columns = self._infer_schema(first)

    def _blocks(self, row_size: int | None = None) -> Iterator[IdBlock]:
        """Yield the rows, parsed line by line. See ``IdsSource.blocks``."""
        for line, rows in self._read_rows():
            try:
                ids = Ragged.from_rows([row["ids"] for row in rows])
            except ArgumentError as error:
                raise ArgumentError(f"{self._line_range(line, rows)}: {error}") from None
            yield IdBlock(ids, self._read_kept_columns(line, rows))

    def _read_rows(self) -> Iterator[tuple[int, Rows]]:
        """Yield objects that have about ``_BLOCK_READ`` ids together, after the number of their first line."""
        rows: Rows = []
        size, first = 0, 1
        for number, line in enumerate(self._read_lines(), 1):
            row = self._parse_row(number, line)
            rows.append(row)
            size += 1 + len(row["ids"])
            if size >= _BLOCK_READ:
                yield first, rows
                rows, size, first = [], 0, number + 1
        if rows:
            yield first, rows

    def _read_lines(self) -> Iterator[bytes]:
        """Yield the lines that the file has when it is opened.

        Raises:
            ArgumentError: If the file is truncated while it is read.
        """
        with self.path.open("rb") as file:
            remaining = os.fstat(file.fileno()).st_size
            while remaining:
                line = file.readline(remaining)
                remaining -= len(line)
                if not line or (remaining and not line.endswith(b"\n")):
                    raise changed_file(self.path)
                yield line

    def _parse_row(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            row = json.loads(line, object_pairs_hook=_unique_keys)
        except (ValueError, RecursionError) as error:
            kind = "JSON" if isinstance(error, json.JSONDecodeError) else "readable JSON"
            raise ArgumentError(f"{self.path}, line {number}: is not {kind}: {error}") from None
        if not isinstance(row, dict) or not isinstance(row.get("ids"), list):
            raise ArgumentError(f'{self.path}, line {number}: must be an object with ids, for example {{"ids":[1,2]}}')
        if set(map(type, row["ids"])) - {int}:
            raise ArgumentError(f"{self.path}, line {number}: ids must be integers")
        return row

    def _infer_schema(self, rows: Rows) -> pa.Schema:
        names = dict.fromkeys(name for row in rows for name in row if name != "ids")
        try:
            types = {name: pa.array([row.get(name) for row in rows]).type for name in names}
            # The type of a column without values is unknown; strings are the most common.
            self.untyped = frozenset(name for name, kind in types.items() if kind == pa.null())
            return pa.schema({name: pa.string() if kind == pa.null() else kind for name, kind in types.items()})
        except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
            raise ArgumentError(
                f"{self._line_range(1, rows)}: kept columns must hold values of one type; {error}"
            ) from None

    def _read_kept_columns(self, line: int, rows: Rows) -> pa.RecordBatch:
        new_keys = {name for row in rows for name in row} - {"ids", *self.kept_columns.names}
        if new_keys:
            raise ArgumentError(
                f"{self._line_range(line, rows)}: all keys must occur in the first rows; {min(new_keys)!r} does not"
            )
        for number, row in enumerate(rows, line):
            for field in self.kept_columns:
                if not fits(row.get(field.name), field.type):
                    raise ArgumentError(
                        f"{self.path}, line {number}: kept columns must have the types of the first rows: "
                        f"{row[field.name]!r:.80} in {field.name!r} is not {field.type}"
                    )
        try:
            columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in self.kept_columns]
        except (pa.ArrowException, OverflowError) as error:
            raise ArgumentError(
                f"{self._line_range(line, rows)}: kept columns must have the types of the first rows: {error}"
            ) from None
        return pa.RecordBatch.from_arrays(columns, schema=self.kept_columns)

    def _line_range(self, line: int, rows: Rows) -> str:
        return f"{self.path}, lines {line} to {line + len(rows) - 1}"


def open_source(path: Path) -> JsonlSource:
    """Open a file and read its first rows.

    Raises:
        ArgumentError: If they do not hold ids.
    """
    return JsonlSource(path)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object as a dict.

    Raises:
        ValueError: If a key occurs twice, since a dict would lose one of the values.
    """
    row = dict(pairs)
    if len(row) < len(pairs):
        duplicate = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {duplicate!r} occurs more than once")
    return row


# The number of values that are formatted at a time. Their text is some tens of megabytes: the offsets of Arrow's string
# are int32.
_BLOCK_WRITTEN = 1 << 20


class JsonlWriter(Writer):
    """Writer of one JSON object per line, to a path or to a binary stream. The stream stays open."""

    @classmethod
    def check(cls, layout: OutputOptions) -> None:
        """Raise ``ArgumentError`` for kept columns of bytes or durations."""
        for field in layout.kept_columns:
            kind = plain_type(field.type)
            if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
                raise ArgumentError(
                    f"JSON cannot hold bytes, the type of column {field.name!r}: write .parquet or .tfrecord"
                )
            if pa.types.is_duration(kind):
                raise ArgumentError(f"JSON cannot hold durations, the type of column {field.name!r}: write .parquet")

    @classmethod
    def least_row_bytes(cls, layout: OutputOptions) -> int:
        """Return the size in bytes of the shortest numbers and their commas."""
        return layout.row_size * (2 if layout.name == "ids" else 4)

    def __init__(self, target: Path | BinaryIO, layout: OutputOptions) -> None:
        super().__init__(target, layout)
        self._owns = isinstance(target, Path)
        self._file = target.open("xb") if isinstance(target, Path) else target

    def _write(self, block: Block) -> None:
        for part in block.parts(_BLOCK_WRITTEN):
            texts = {name: _row_lists(rows) for name, rows in part.columns.items()}
            for field, column in zip(self.layout.kept_columns, part.kept_columns.columns, strict=True):
                texts[field.name] = format_column(column, field.name)
            columns: list[pa.Array | str] = []
            for name, values in texts.items():
                columns += [f"{',' if columns else '{'}{json.dumps(name, ensure_ascii=False)}:", values]
            lines = _join(*columns, "}\n")
            offsets = np.frombuffer(lines.buffers()[1], np.int64, len(lines) + 1)
            write_all(self._file, memoryview(lines.buffers()[2])[: offsets[-1]])

    def _complete(self) -> None:
        flush_all(self._file)

    def _close(self) -> None:
        if self._owns:
            super()._close()


def _join(*parts: pa.Array | str) -> pa.Array:
    """Concatenate texts row by row: ``large_string`` (rows,)."""
    return pc.binary_join_element_wise(
        *(pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts),
        pa.scalar("", pa.large_string()),
    )


def _row_lists(rows: BlockColumn) -> pa.Array:
    """Format each row as a number, a JSON list of numbers, or a list of lists."""
    texts = _format_numbers(rows.values)
    if rows.ragged_splits is not None:
        return _bracket(rows.ragged_splits, texts)
    shape = rows.values.shape
    for axis in range(len(shape) - 1, 0, -1):
        lists = int(np.prod(shape[:axis], dtype=np.int64))
        texts = _bracket(np.arange(lists + 1, dtype=np.int64) * shape[axis], texts)
    return texts


def _bracket(splits: Array, texts: pa.Array) -> pa.Array:
    lists = pa.ListArray.from_arrays(pa.array(splits.astype(np.int32)), texts.cast(pa.string()))
    return _join("[", pc.binary_join(lists, ",").cast(pa.large_string()), "]")


def _format_numbers(values: Array) -> pa.Array:
    """Format all numbers of an array as JSON, ``large_string`` (values,).

    Raises:
        ArgumentError: If a number is not finite.
    """
    values = np.ascontiguousarray(values).reshape(-1)
    if values.dtype.kind != "f":
        return pa.array(values).cast(pa.large_string())
    if not np.isfinite(values).all():
        raise ArgumentError(
            f"JSON cannot hold {values[~np.isfinite(values)][0]}, a number of the vectors: write .npy or .parquet"
        )
    return _format_floats(pa.array(values))


def _format_floats(values: pa.Array) -> pa.Array:
    """Format finite numbers with the fewest digits that distinguish them, and a point or an exponent: 3.0, not 3."""
    if values.type == pa.float16():
        values = values.cast(pa.float32())
    texts = values.cast(pa.large_string())
    return pc.if_else(pc.match_substring_regex(texts, "[.e]"), texts, _join(texts, ".0"))


def format_column(column: pa.Array, name: str) -> pa.Array:
    """Format the values of a kept column as JSON. Missing values and NaN become ``null``."""
    values = plain(column)
    kind = values.type
    if pa.types.is_list(kind) and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        offsets = values.offsets.to_numpy().astype(np.int64)
        numbers = format_column(values.values.slice(offsets[0], offsets[-1] - offsets[0]), name)
        texts = pc.if_else(values.is_null(), None, _bracket(offsets - offsets[0], numbers))
    elif pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), None, values)
        if pc.any(pc.is_inf(values)).as_py():
            raise ArgumentError(f"JSON cannot hold the infinity in column {name!r}: write .parquet or .npz")
        texts = _format_floats(values)
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        texts = values.cast(pa.large_string())
    elif kind == pa.time64("ns"):
        texts = _format_times(values)
    else:
        texts = pa.array([_to_json(value, name) for value in _python_values(values, name)], pa.large_string())
    return texts.fill_null("null")


def _format_times(values: pa.Array) -> pa.Array:
    """Format times of day with nanoseconds, which Python lacks, as quoted texts without trailing groups of zeros."""
    texts = values.cast(pa.large_string())
    for zeros in (r"000$", r"\.000000$"):
        texts = pc.replace_substring_regex(texts, zeros, "")
    return _join('"', texts, '"')


def _python_values(values: pa.Array, name: str) -> list[Any]:
    """Return values as Python objects.

    Raises:
        ArgumentError: If Python cannot represent a date or time.
    """
    try:
        objects: list[Any] = values.to_pylist()
    except (ValueError, OverflowError, LookupError, pa.ArrowException) as error:
        raise ArgumentError(
            f"JSON cannot hold a {values.type} of column {name!r} ({one_line(error):.100}): write .parquet"
        ) from None
    return objects


def _to_json(value: object, name: str) -> str:
    """Format a text, a date or a list as JSON. Dates are in ISO format, other types are formatted by ``str``."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_json_default)
    except (TypeError, ValueError):
        raise ArgumentError(f"JSON cannot hold {value!r:.80} of column {name!r}: write .parquet") from None


def _json_default(value: object) -> str:
    if isinstance(value, bytes):
        raise TypeError
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
