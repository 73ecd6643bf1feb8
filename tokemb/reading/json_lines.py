"""JSON Lines: an object a line, read as Python's ``json`` reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from tokemb.errors import TextError
from tokemb.reading.columns import Columns, Place, text_type
from tokemb.texts import STRINGS

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
        if body and blank:
            raise _empty(f"{name}, line {blank}")
        newlines = block.count(b"\n", len(body))
        if body:
            place = Place(name, "line", line)
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


def _types(body: memoryview, columns: Columns, place: Place) -> dict[str, pa.DataType]:
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
        types[key] = known[key] or _kind([row.get(key) for row in seen], key, place) or pa.string()
    return types


def _text_kind(rows: Iterable[Row], key: str, place: Place) -> pa.DataType:
    """The type of the text column, which the first value decides that is neither missing nor an empty list."""
    without = STRINGS
    for at, row in enumerate(rows):
        value = row.get(key)
        if value == []:
            without = _STRING_ROWS
        elif value is not None:
            kind = _kind([value], key, place)
            if kind is None or text_type(kind) is None:
                raise TextError(
                    f"{place.of(at)} holds {value!r:.80} in the column {key!r}: texts, whole numbers, or lists of "
                    "those are needed"
                )
            return STRINGS if kind == pa.string() else kind
    return without


def _kind(values: Iterable[object], key: str, place: Place) -> pa.DataType | None:
    """The one Arrow type that JSON values have, ``None`` if all are null."""
    found = {type(value) for value in values} - {type(None)}
    if not found:
        return None
    if found == {list}:
        items = _kind(chain.from_iterable(value for value in values if isinstance(value, list)), key, place)
        return pa.list_(items or pa.string())
    for kinds, arrow in (({str}, pa.string()), ({bool}, pa.bool_()), ({int}, pa.int64()), ({int, float}, pa.float64())):
        if found <= kinds:
            return arrow
    shown = " and ".join(sorted(kind.__name__ for kind in found))
    raise TextError(
        f"the column {key!r} of {place.file} holds {shown}: it must hold texts, numbers, or true and false, "
        "or lists of one of these"
    )


def _parse(body: memoryview, types: dict[str, pa.DataType], place: Place) -> dict[str, pa.Array]:
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
            return {key: table[key].combine_chunks() for key in types}
    rows = [_object(line, place.of(row)) for row, line in enumerate(bytes(body).split(b"\n"))]
    return {key: _array([row.get(key) for row in rows], kind, key, place) for key, kind in types.items()}


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


def _object(line: bytes, where: str) -> Row:
    if not line.strip(_BLANK):
        raise _empty(where)
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise TextError(f"{where} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise TextError(f"{where} is not an object: {value!r:.80}")
    return value


def _empty(where: str) -> TextError:
    return TextError(f"{where} is empty: every line must be an object")


def _array(values: list[Any], kind: pa.DataType, key: str, place: Place) -> pa.Array:
    for row, value in enumerate(values):
        if not _fits(value, kind):
            raise TextError(f"{place.of(row)} holds {value!r:.80} in the column {key!r}, which holds {_called(kind)}")
    return pa.array(values, kind)


def _fits(value: object, kind: pa.DataType) -> bool:
    if value is None:
        return True
    if pa.types.is_list(kind):
        return isinstance(value, list) and all(_fits(item, kind.value_type) for item in value)
    if pa.types.is_boolean(kind):
        return isinstance(value, bool)
    if pa.types.is_integer(kind):
        return type(value) is int and -(2**63) <= value < 2**63
    if pa.types.is_floating(kind):
        return type(value) in (int, float)
    # No UTF-8 can hold a lone surrogate.
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _called(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"lists of {_called(kind.value_type)}"
    if pa.types.is_integer(kind):
        return "whole numbers below 2**63"
    names = {"bool": "true and false", "double": "numbers"}
    return names.get(str(kind), "texts without lone surrogates")
