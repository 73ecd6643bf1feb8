"""JSON Lines: one object per line, read as Python's ``json`` reads it, but without losing values or digits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.sources.columns import Columns, Location, text_type
from tokemb.sources.json_values import arrow_type, is_exact, parse_float, to_array

_NEWLINE, _RETURN, _OPEN, _CLOSE = b"\n\r{}"
_BLANK = b" \t\r\n"
# Bytes that are searched for the end of the last line first.
_END = 64
_STRING_ROWS = pa.list_(pa.string())

Row = dict[str, Any]


def json_batches(blocks: Iterator[bytes], name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of one file, whose ``blocks`` are whole lines.

    The first block of the run says which types the kept columns have; one without a value there holds texts.
    Raises ``TextError``, naming file and line, for a line that is no object, or a value that is not of its column's
    type.
    """
    types: dict[str, pa.DataType] = {}
    line, blank = 1, 0
    for block in blocks:
        body = _without_blank_end(block)
        if line == 1 and bytes(body[:1]) == b"[":
            raise TextError(
                f"{name} holds a JSON array, not JSON Lines: write one object per line, as jq -c '.[]' does"
            )
        if body and blank:
            raise _empty(f"{name}, line {blank}")
        newlines = block.count(b"\n", len(body))
        if body:
            place = Location(name, "line", line)
            types = types or _types(body, columns, place)
            arrays = _parse(body, types, place)
            columns.saw(key for key, array in arrays.items() if array.null_count < len(array))
            text, *kept = types
            yield from columns.batches(text, arrays[text], {key: arrays[key] for key in kept}, place)
            line += len(arrays[text])
            newlines -= 1
        # Empty lines are fine at the end of the file only.
        blank = blank or (line if newlines > 0 else 0)
        line += max(newlines, 0)


def _without_blank_end(block: bytes) -> memoryview:
    """``block`` without the white space at its end, of which there is little as a rule, and without a copy."""
    end = block[-_END:].rstrip(_BLANK)
    size = len(block) - len(block[-_END:]) + len(end) if end else len(block.rstrip(_BLANK))
    return memoryview(block)[:size]


def _types(body: memoryview, columns: Columns, place: Location) -> dict[str, pa.DataType]:
    """The type of the text column, which comes first, and of the kept ones."""
    rows = (_object(line, place.of(row)) for row, line in enumerate(bytes(body).split(b"\n")))
    known = {key: columns.kept_type(key) for key in columns.keep}
    text = columns.decided
    if text is not None and None not in known.values():
        # as soon as one text was seen
        return {text: _text_kind(rows, text, place), **known} if columns.has_text else known
    seen = list(rows)
    names = list(dict.fromkeys(chain.from_iterable(seen)))
    text, _ = columns.choose(names, place.file, kept_may_come=True)
    types = {text: _text_kind(seen, text, place)} if columns.has_text else {}
    known = {key: columns.kept_type(key) for key in columns.keep}
    for key in columns.keep:
        types[key] = known[key] or arrow_type((row.get(key) for row in seen), key, place) or pa.string()
    return types


def _text_kind(rows: Iterable[Row], key: str, place: Location) -> pa.DataType:
    """The type of the text column, which the first value decides that is neither missing nor an empty list."""
    without = STRINGS
    for at, row in enumerate(rows):
        value = row.get(key)
        if value == []:
            without = _STRING_ROWS
        elif value is not None:
            kind = arrow_type([value], key, place)
            if kind is None or text_type(kind) is None:
                raise TextError(
                    f"{place.of(at)} holds {value!r:.80} in the column {key!r}: texts, integers, or lists of those "
                    "are needed"
                )
            return STRINGS if kind == pa.string() else kind
    return without


def _parse(body: memoryview, types: dict[str, pa.DataType], place: Location) -> dict[str, pa.Array]:
    """Read the columns named in ``types`` from whole lines.

    Arrow does it many times as fast as Python; what it refuses, or might read otherwise, Python reads.
    """
    lines = _count_objects(body)
    if lines is not None:
        try:
            table = pa_json.read_json(
                pa.BufferReader(body),
                pa_json.ReadOptions(use_threads=False, block_size=len(body) + 1),
                pa_json.ParseOptions(explicit_schema=pa.schema(types), unexpected_field_behavior="ignore"),
            )
        except pa.ArrowException:
            table = None
        if table is not None and len(table) == lines:
            arrays = {key: table[key].combine_chunks() for key in types}
            if all(map(is_exact, arrays.values())):
                return arrays
    rows = [_wanted(line, types, place.of(row)) for row, line in enumerate(bytes(body).split(b"\n"))]
    return {key: to_array([row.get(key) for row in rows], kind, key, place) for key, kind in types.items()}


def _count_objects(body: memoryview) -> int | None:
    """The number of lines, if each starts and ends with a brace: then as many rows that Arrow reads there are lines.

    (And the first of them is no ``null``, with which Arrow crashes.)
    """
    text = np.frombuffer(body, np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    last = np.append(newlines, len(text)) - 1
    last -= text[last] == _RETURN
    first = np.append(0, newlines + 1)
    return len(first) if (text[first] == _OPEN).all() and (text[last] == _CLOSE).all() else None


def _wanted(line: bytes, keys: Container[str], where: str) -> Row:
    """Parse a line as ``_object`` does; raise ``TextError`` if one of ``keys`` occurs twice."""
    row = _object(line, where, object_pairs_hook=_unique, parse_float=parse_float)
    for key in row.repeated if isinstance(row, _Repeated) else ():
        if key in keys:
            raise TextError(f"{where} has the key {key!r} more than once: remove all but one")
    return row


class _Repeated(Row):
    """An object that has some keys more than once."""

    repeated: list[str]


def _unique(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        row = _Repeated(row)
        row.repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    return row


def _object(line: bytes, where: str, **settings: Any) -> Row:  # noqa: ANN401 - those of json.loads
    if not line.strip(_BLANK):
        raise _empty(where)
    try:
        value = json.loads(line.decode(), **settings)
    except json.JSONDecodeError as error:
        raise TextError(
            f"{where} is not JSON: {error.msg} at character {error.pos + 1}; every line must be one object"
        ) from None
    except ValueError:  # Python refuses to convert so many digits
        raise TextError(f"{where} is not JSON that can be read: it holds an integer of thousands of digits") from None
    except RecursionError:
        raise TextError(f"{where} is not JSON that can be read: it is nested too deeply") from None
    if not isinstance(value, dict):
        raise TextError(f"{where} is not an object: {value!r:.80}")
    return value


def _empty(where: str) -> TextError:
    return TextError(f"{where} is empty: every line must be an object")
