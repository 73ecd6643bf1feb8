"""Cells of tables as numbers or as lists, whatever the format of the file has made of them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import STRINGS, TOKEN_ROWS, Float64
from tokemb.errors import TextError
from tokemb.sources.columns import Location
from tokemb.sources.texts import decode_dictionary, is_unicode

# A function from the name of a column, its cells and their location to the parsed column. A parsed column is unchanged.
CellParser = Callable[[str, pa.Array, Location], pa.Array]

MISSING_NUMBERS = frozenset(("nan", "null", "none", "na", "n/a", "<na>", "#n/a"))
"""Spellings of a missing value beside numbers, in lower case."""

# A list as Python writes it. Python would join texts without a comma between them, as in the form of NumPy: ['a' 'b'].
_ELEMENT = r"""(?:[uU]?'(?:[^'\\]|\\.)*'|[uU]?"(?:[^"\\]|\\.)*"|[-+]?[0-9]+|None|True|False)\s*"""
_PYTHON_LIST = re.compile(rf"\[\s*(?:{_ELEMENT}(?:,\s*{_ELEMENT})*(?:,\s*)?)?\]", re.DOTALL)

_INTEGER = re.compile(r"[-+]?[0-9]+")
# From this value on, 64-bit floats do not represent every integer. They represent all decimals of so many digits.
_EXACT, _EXACT_DIGITS = 2.0**53, 15

_NUMBER = r"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"


def parse_cells(batch: pa.RecordBatch, cells: Mapping[str, CellParser], location: Location) -> pa.RecordBatch:
    """Return a batch with the columns of ``cells`` parsed."""
    names = batch.schema.names
    parsed = [
        cells[name](name, column, location) if name in cells else column
        for name, column in zip(names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(parsed, names=names)


def cells_beside(cells: Mapping[str, CellParser] | None, keep: Collection[str]) -> dict[str, CellParser]:
    """Return the parsers for a table whose columns ``keep`` are copied, too.

    Lists are copied as they are, and numbers as float64, which must represent them exactly.
    """
    copied = {name: parse_kept_numbers for name in keep if (cells or {}).get(name) is parse_numbers}
    return {name: parse for name, parse in (cells or {}).items() if name not in keep} | copied


def parse_numbers(name: str, column: pa.Array, location: Location) -> pa.DoubleArray:
    """Return a column of numbers, float64 with null for missing values.

    Raises:
        TextError: If a value is not a finite number that fits float32. The message names file and row.
    """
    column = decode_dictionary(column)
    kind = column.type
    if _is_text(kind):
        numbers = _numbers_of_texts(name, column.cast(STRINGS), location)
    elif pt.is_decimal(kind):
        numbers = column.cast(STRINGS).cast(pa.float64())  # Arrow's own conversion can be off by the last bits
    elif pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind) or pt.is_null(kind):
        numbers = column.cast(pa.float64(), safe=False)
    else:
        raise TextError(f"the column {name!r} of {location.file} holds {kind} and must hold numbers: convert it")
    values: Float64 = numbers.to_numpy(zero_copy_only=False)
    outside = np.flatnonzero(np.abs(values) > np.finfo(np.float32).max)  # infinite numbers too
    if len(outside):
        raise _no_number(name, column, int(outside[0]), location)
    return pa.array(values, from_pandas=True)  # NaN becomes null


def parse_kept_numbers(name: str, column: pa.Array, location: Location) -> pa.DoubleArray:
    """Return a column of numbers as ``parse_numbers`` does, for columns that are copied to the output, too.

    Raises:
        TextError: If float64 does not represent an integer or a decimal of the column.
    """
    numbers = parse_numbers(name, column, location)
    values: Float64 = numbers.to_numpy(zero_copy_only=False)
    if pt.is_floating(column.type):
        return numbers
    is_decimal = pt.is_decimal(column.type) and column.type.precision > _EXACT_DIGITS
    for row in np.flatnonzero(np.isfinite(values) if is_decimal else np.abs(values) >= _EXACT).tolist():
        if _is_rounded(str(column[row].as_py()).strip(), float(values[row])):
            raise TextError(
                f"{location.of(row)} has {column[row].as_py()!s:.80} in the column {name!r}, which is copied as a "
                "64-bit float and would be rounded: copy another column instead that has the values as texts"
            )
    return numbers


def _is_rounded(number: str, value: float) -> bool:
    """Return whether a float is another number than an integer, or than a decimal with a fraction."""
    if _INTEGER.fullmatch(number):
        return int(number) != int(value)
    return "e" not in number.lower() and len(number.replace(".", "").lstrip("-0")) > _EXACT_DIGITS


def _numbers_of_texts(name: str, column: pa.LargeStringArray, location: Location) -> pa.DoubleArray:
    texts = pc.utf8_trim_whitespace(column)
    is_missing = pc.is_in(pc.utf8_lower(texts), pa.array(["", *MISSING_NUMBERS], STRINGS))
    texts = pc.if_else(is_missing, pa.scalar(None, STRINGS), texts)
    is_number = pc.match_substring_regex(texts, _NUMBER)
    row = pc.index(is_number, False).as_py()
    if row >= 0:
        raise _no_number(name, column, row, location)
    return pc.replace_substring_regex(texts, r"^\+", "").cast(pa.float64())


def _no_number(name: str, column: pa.Array, row: int, location: Location) -> TextError:
    return TextError(
        f"{location.of(row)} has {column[row].as_py()!r:.80} in the column {name!r}, which must hold finite numbers: "
        "correct it, or leave it empty if it is missing"
    )


def list_parser(separator: str | None) -> CellParser:
    """Return a parser of lists. Columns that hold lists already are unchanged. Numbers become lists of one value.

    Args:
        separator: The text between the values of a cell. ``None`` if each cell is a list as JSON or Python write it.
    """

    def parse(name: str, column: pa.Array, location: Location) -> pa.Array:
        if pt.is_null(column.type):
            return pa.nulls(len(column), TOKEN_ROWS)
        plain = decode_dictionary(column)
        if pt.is_nested(plain.type):
            return column
        if not _is_text(plain.type) and separator is not None:
            return _one_value_each(plain)
        if not _is_text(plain.type):
            raise TextError(
                f"the column {name!r} of {location.file} holds {plain.type} and must hold lists: convert it"
            )
        texts = pc.utf8_trim_whitespace(plain.cast(STRINGS))
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, STRINGS), texts)
        return _lists_of_literals(name, texts, location) if separator is None else _split(texts, separator)

    return parse


def _one_value_each(column: pa.Array) -> pa.LargeListArray:
    """Return lists of one value, integers and Booleans as texts, as other files have them."""
    if pt.is_integer(column.type) or pt.is_boolean(column.type):
        column = column.cast(STRINGS)
    splits = pa.array(np.arange(len(column) + 1))
    return pa.LargeListArray.from_arrays(splits, column, mask=column.is_null() if column.null_count else None)


def _split(texts: pa.LargeStringArray, separator: str) -> pa.LargeListArray:
    """Split texts into values without white space around them. Empty values are dropped."""
    rows = pc.split_pattern(texts, separator)
    values = pc.utf8_trim_whitespace(rows.flatten())
    used = pc.not_equal(values, "").to_numpy(zero_copy_only=False)
    lengths = rows.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    ends = np.append(0, np.cumsum(used))[np.cumsum(lengths)]
    splits = pa.array(np.append(0, ends).astype(np.int64))
    return pa.LargeListArray.from_arrays(splits, values.filter(pa.array(used)), mask=texts.is_null()).cast(TOKEN_ROWS)


def _lists_of_literals(name: str, texts: pa.LargeStringArray, location: Location) -> pa.LargeListArray:
    encoded = texts.dictionary_encode()
    lists = [_literal(text) for text in encoded.dictionary.to_pylist()]
    if None in lists:
        row = pc.index(encoded.indices, lists.index(None)).as_py()
        raise TextError(
            f"{location.of(row)} has {texts[row].as_py()!r:.80} in the column {name!r}, which must hold lists as "
            "JSON or Python write them: correct it, or if values have a separator, name it with multi=..."
        )
    return pa.array(lists, TOKEN_ROWS).take(encoded.indices)


def _literal(text: str) -> list[str | None] | None:
    """Return the tokens of a list as JSON or Python write it, or ``None`` if the text is no such list."""
    if not text.startswith("["):
        return None
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        if not _PYTHON_LIST.fullmatch(text):
            return None
        try:
            values = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return None
    if not isinstance(values, list) or not all(value is None or isinstance(value, (str, int)) for value in values):
        return None
    try:
        tokens = [_token(value) for value in values]
    except ValueError:  # an integer of thousands of digits
        return None
    return tokens if all(token is None or is_unicode(token) for token in tokens) else None


def _token(value: Any) -> str | None:  # noqa: ANN401
    """Return the token of a value, as ``tokemb.tables.values`` defines it."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _is_text(kind: pa.DataType) -> bool:
    return pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)
