"""Lines of JSON with a list of ids each."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb.errors import ArgumentError
from tokemb.ragged import Ragged
from tokemb.reading_ids.source import IdBlock, IdsSource, changed

# Numbers that are Python objects at a time.
_BLOCK = 1 << 19

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
        """Objects with about ``_BLOCK`` ids, and the number of the first line."""
        rows: Rows = []
        size, first = 0, 1
        for number, line in enumerate(self._lines_of_file(), 1):
            row = self._row(number, line)
            rows.append(row)
            size += 1 + len(row["ids"])
            if size >= _BLOCK:
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
