"""CSV and TSV: records of fields, quoted where they hold a delimiter, a quote or a newline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from tokemb.errors import TextError
from tokemb.reading.blocks import record_ends
from tokemb.reading.columns import Columns, Place
from tokemb.texts import STRINGS

# A kept column is numbers if each field reads the same as a number: no leading zeros, no digits that would be lost.
_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"
_REAL = r"^-?((0|[1-9][0-9]{0,14})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$"
# Bytes in which the first record is looked for before it is all of the block.
_HEADER = 1 << 16
_NUMBERS = ((pa.int64(), _WHOLE, "whole numbers"), (pa.float64(), _REAL, "numbers"))


def delimited_batches(
    blocks: Iterator[bytes], name: str, columns: Columns, delimiter: str, header: bool
) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of one file, whose ``blocks`` are whole records.

    ``header``: whether the first record names the columns; without they are ``"0"``, ``"1"``, ...
    Raises ``TextError``, naming file and row (from 1, the header not counted), for a record with more or fewer fields
    than the first, and for a kept value that is not of its column's type, which the first block of the run decides.
    """
    names: list[str] = []
    row = 1
    for block in blocks:
        has_header = header and not names
        if has_header:
            block = block.lstrip(b"\r\n")
            if not block:
                continue
        names = names or _names(block, delimiter, header)
        text, kept = columns.choose(names, name)
        place = Place(name, "row", row)
        wanted = {key: STRINGS if columns.is_text(key) else pa.string() for key in [text, *kept]}
        table = _parse(block, names, wanted, delimiter, place, has_header)
        if len(table):  # no rows tell no types
            values = {key: _as_known(table[key].combine_chunks(), columns, key, place) for key in [text, *kept]}
            yield from columns.batches(text, values.pop(text), values, place)
        row += len(table)


def _names(block: bytes, delimiter: str, header: bool) -> list[str]:
    """The names of the columns, from the first record."""
    block = block.lstrip(b"\r\n")
    ends, _ = record_ends(block[:_HEADER], delimiter)
    record = block[: ends[0]] if len(ends) else block
    if not record:
        return ["0"]
    options = pa_csv.ReadOptions(use_threads=False, block_size=len(record) + 1, autogenerate_column_names=not header)
    parse = pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=lambda row: "skip")
    names = pa_csv.read_csv(pa.BufferReader(record), options, parse).schema.names
    return names if header else [str(index) for index in range(len(names))]


def _parse(
    block: bytes, names: list[str], wanted: dict[str, pa.DataType], delimiter: str, place: Place, has_header: bool
) -> pa.Table:
    """Read the wanted columns of a block, all as texts of these types."""
    ragged: list[Any] = []

    def note(row: Any) -> str:  # noqa: ANN401 - an InvalidRow
        ragged.append(row)
        return "error"

    try:
        return pa_csv.read_csv(
            pa.BufferReader(block),
            pa_csv.ReadOptions(
                use_threads=False, block_size=len(block) + 1, column_names=None if has_header else names
            ),
            # An empty line is no record, but where there is one column it is one with an empty field.
            pa_csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=len(names) > 1,
                invalid_row_handler=note,
            ),
            pa_csv.ConvertOptions(include_columns=list(wanted), column_types=wanted),
        )
    except pa.ArrowInvalid as error:
        if ragged:
            at = place.of(ragged[0].number - 1 - has_header)
            raise TextError(
                f"{at} has {ragged[0].actual_columns} fields, and the first row {len(names)}: "
                "pass the character between the fields as delimiter=..., or quote fields that hold it or a newline"
            ) from None
        raise TextError(f"{place.file} is not sound CSV: {error}") from None


def _as_known(column: pa.Array, columns: Columns, key: str, place: Place) -> pa.Array:
    """Turn a column of texts into its type: the run's, or the first of those that all its fields have."""
    known = columns.kept_type(key)
    if columns.is_text(key) or (known is not None and known not in (pa.int64(), pa.float64())):
        return column
    filled = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    for kind, pattern, numbers in _NUMBERS:
        if known not in (None, kind):
            continue
        fits = pc.match_substring_regex(filled, pattern)
        if pc.all(fits, min_count=0).as_py() and (known is not None or fits.null_count < len(fits)):
            return filled.cast(kind)
        if known is not None:
            row = pc.index(fits, False).as_py()
            raise TextError(
                f"{place.of(row)} has {column[row].as_py()!r:.80} in the column {key!r}, which held {numbers} before"
            )
    return column
