"""Detection of CSV files that seem to have one column because they use another delimiter."""

from __future__ import annotations

import csv
from itertools import islice

from tokemb.errors import TextError

_SEPARATORS = ",;\t|"
# Minimum and maximum number of records that must agree, and bytes in which they are searched.
_MIN_RECORDS, _MAX_RECORDS = 3, 20
_PREFIX_BYTES = 1 << 16


def check_separator(column: str | None, block: bytes, name: str, delimiter: str, is_quoted: bool) -> None:
    """Check that no other character seems to be the delimiter of a file with one column.

    Args:
        column: The name of the column. ``None`` if there is no header.
        block: The first records of the file.
        name: The name of the file, for the message.
        delimiter: The delimiter that was assumed.
        is_quoted: Whether fields may be enclosed in quotes.

    Raises:
        TextError: If another character seems to be the delimiter.
    """
    for separator in _SEPARATORS:
        # A comma in the header is not enough: commas are common in files with one text per line.
        in_header = separator != "," and column is not None and separator in column
        if separator != delimiter and (in_header or _separates(separator, block, is_quoted)):
            raise TextError(
                f"{name} has one column if its delimiter is {delimiter!r}, but its fields seem to be separated by "
                f'{separator!r}: pass delimiter="{_escape(separator)}", or delimiter="{_escape(delimiter)}" if it has '
                "one column"
            )


def _separates(separator: str, block: bytes, is_quoted: bool) -> bool:
    """Return whether a character splits each of the first records into the same number of fields."""
    lines = block[:_PREFIX_BYTES].decode(errors="replace").rpartition("\n")[0].split("\n")
    records = csv.reader(
        (line for line in lines if line),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE,
    )
    try:
        fields = [len(record) for record in islice(records, _MAX_RECORDS)]
    except csv.Error:
        return False
    return len(fields) >= _MIN_RECORDS and fields[0] > 1 and len(set(fields)) == 1


def _escape(character: str) -> str:
    return character.replace("\t", r"\t")
