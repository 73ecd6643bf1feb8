"""JSON Lines: one object per line, read as by Python's ``json``, but without loss of values or digits."""

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
from tokemb.sources.json_values import arrow_type, fits, is_exact, parse_float, to_array

_NEWLINE, _RETURN, _OPEN, _CLOSE = b"\n\r{}"
_BLANK = b" \t\r\n"
# Bytes at the end of a block that are searched first for the end of the last line.
_END = 64
_STRING_ROWS = pa.list_(pa.string())

Row = dict[str, Any]


def json_batches(blocks: Iterator[bytes], name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Yield the selected columns of one file.

    The first block of the run decides the types of the kept columns. A column without a value in it is text.

    Args:
        blocks: Blocks of whole lines.
        name: The name of the file, for messages.
        columns: The selection of columns.

    Raises:
        TextError: If a line is not an object, or a value does not have the type of its column. The message names file
            and line.
    """
    types: dict[str, pa.DataType] = {}
    line, blank = 1, 0
    for block in blocks:
        body = _without_blank_end(block)
        if line == 1 and bytes(body[:1]) == b"[":
            raise TextError(
                f"{name} contains a JSON array, not JSON Lines: write one object per line, as jq -c '.[]' does"
            )
        if body and blank:
            raise _empty(f"{name}, line {blank}")
        newlines = block.count(b"\n", len(body))
        if body:
            location = Location(name, "line", line)
            types = types or _types(body, columns, location)
            arrays = parse_objects(body, types, location, columns.numbers)
            columns.mark_seen(key for key, array in arrays.items() if array.null_count < len(array))
            text, *kept = types
            yield from columns.batches(text, arrays[text], {key: arrays[key] for key in kept}, location)
            line += len(arrays[text])
            newlines -= 1
        # Empty lines are allowed only at the end of the file.
        blank = blank or (line if newlines > 0 else 0)
        line += max(newlines, 0)


def _without_blank_end(block: bytes) -> memoryview:
    """Return a block without the white space at its end, which is usually short. Nothing is copied."""
    end = block[-_END:].rstrip(_BLANK)
    size = len(block) - len(block[-_END:]) + len(end) if end else len(block.rstrip(_BLANK))
    return memoryview(block)[:size]


def _types(body: memoryview, columns: Columns, location: Location) -> dict[str, pa.DataType]:
    """Return the type of the text column, which is first, and of the kept columns."""
    rows = (_object(line, location.of(row)) for row, line in enumerate(bytes(body).split(b"\n")))
    known = {key: columns.kept_type(key) for key in columns.keep}
    text = columns.text_column
    if text is not None and None not in known.values():
        # All types are known, so that only the rows up to the first text are parsed.
        return {text: _text_kind(rows, text, location), **known} if columns.has_text else known
    parsed = list(rows)
    names = list(dict.fromkeys(chain.from_iterable(parsed)))
    text, _ = columns.choose(names, location.file, kept_may_follow=True)
    types = {text: _text_kind(parsed, text, location)} if columns.has_text else {}
    known = {key: columns.kept_type(key) for key in columns.keep}
    for key in columns.keep:
        types[key] = known[key] or arrow_type((row.get(key) for row in parsed), key, location) or pa.string()
    return types


def _text_kind(rows: Iterable[Row], key: str, location: Location) -> pa.DataType:
    """Return the type of the text column: that of the first value that is neither missing nor an empty list."""
    default = STRINGS
    for index, row in enumerate(rows):
        value = row.get(key)
        if value == []:
            default = _STRING_ROWS
        elif value is not None:
            kind = arrow_type([value], key, location)
            if kind is None or text_type(kind) is None:
                raise TextError(
                    f"{location.of(index)} has {value!r:.80} in the text column {key!r}, which must contain texts, "
                    "integers, or lists of these"
                )
            return STRINGS if kind == pa.string() else kind
    return default


def parse_objects(
    body: memoryview, types: dict[str, pa.DataType], location: Location, numbers: Container[str] = ()
) -> dict[str, pa.Array]:
    """Read the columns of ``types`` from whole lines. Columns of ``numbers`` can become texts, which are parsed later.

    Arrow is many times as fast as Python. Python parses only what Arrow rejects or could read differently.
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
    rows = [_checked_object(line, types, location.of(row)) for row, line in enumerate(bytes(body).split(b"\n"))]
    arrays = {}
    for key, kind in types.items():
        values = [row.get(key) for row in rows]
        if key in numbers and not all(fits(value, kind) for value in values):
            values, kind = list(map(_number_text, values)), STRINGS
        arrays[key] = to_array(values, kind, key, location)
    return arrays


def _number_text(value: Any) -> str | None:  # noqa: ANN401
    """Return a value of a column of numbers as a text, 1 and 0 for Booleans."""
    return None if value is None else str(int(value) if isinstance(value, bool) else value)


def _count_objects(body: memoryview) -> int | None:
    """Return the number of lines. ``None`` if a line does not start and end with a brace.

    If each line does, Arrow reads one row per line. This also excludes a leading ``null``, with which Arrow crashes.
    """
    text = np.frombuffer(body, np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    last = np.append(newlines, len(text)) - 1
    last -= text[last] == _RETURN
    first = np.append(0, newlines + 1)
    return len(first) if (text[first] == _OPEN).all() and (text[last] == _CLOSE).all() else None


def _checked_object(line: bytes, keys: Container[str], where: str) -> Row:
    """Parse a line as ``_object`` does. Raises ``TextError`` if one of ``keys`` occurs twice."""
    row = _object(line, where, object_pairs_hook=_record_repeated_keys, parse_float=parse_float)
    for key in row.repeated if isinstance(row, _RowWithRepeatedKeys) else ():
        if key in keys:
            raise TextError(f"{where} has the key {key!r} more than once: remove all but one")
    return row


class _RowWithRepeatedKeys(Row):
    """An object in which some keys occur more than once."""

    repeated: list[str]


def _record_repeated_keys(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        row = _RowWithRepeatedKeys(row)
        row.repeated = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    return row


def _object(line: bytes, where: str, **settings: Any) -> Row:  # noqa: ANN401 - arguments of json.loads
    if not line.strip(_BLANK):
        raise _empty(where)
    try:
        value = json.loads(line.decode(), **settings)
    except json.JSONDecodeError as error:
        raise TextError(
            f"{where} is not JSON: {error.msg} at character {error.pos + 1}; every line must be one JSON object"
        ) from None
    except ValueError:  # Python limits the number of digits
        raise TextError(f"{where} cannot be read as JSON: it contains an integer of thousands of digits") from None
    except RecursionError:
        raise TextError(f"{where} cannot be read as JSON: it is nested too deeply") from None
    if not isinstance(value, dict):
        raise TextError(f"{where} must be a JSON object; it is {value!r:.80}")
    return value


def _empty(where: str) -> TextError:
    return TextError(f"{where} is empty: every line must be a JSON object")
