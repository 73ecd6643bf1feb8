"""CSV that seems to have one column, since another character separates its fields."""

from __future__ import annotations

import csv
from itertools import islice

from tokemb.errors import TextError

_SEPARATORS = ",;\t|"
# Records that must agree, at least and at most, and bytes in which they are looked for.
_FEWEST, _RECORDS = 3, 20
_BEGINNING = 1 << 16


def check_separator(column: str | None, block: bytes, name: str, delimiter: str, is_quoted: bool) -> None:
    """Raise ``TextError`` if another character seems to separate the fields of a file of one column.

    Args:
        column: The name of the column, ``None`` without a header.
        block: The first records of the file.
        name: The name of the file, for the message.
        delimiter: The delimiter that was assumed.
        is_quoted: Whether fields may be enclosed in quotes.
    """
    for separator in _SEPARATORS:
        # Commas are common in texts, of which a file of lines may hold one per line.
        in_header = separator != "," and column is not None and separator in column
        if separator != delimiter and (in_header or _separates(separator, block, is_quoted)):
            raise TextError(
                f"{name} has one column if its delimiter is {delimiter!r}, but its fields seem to be separated by "
                f'{separator!r}: pass delimiter="{_shown(separator)}", or delimiter="{_shown(delimiter)}" if it has '
                "one column"
            )


def _separates(separator: str, block: bytes, is_quoted: bool) -> bool:
    """Whether a character splits each of the first records into the same number of fields."""
    lines = block[:_BEGINNING].decode(errors="replace").rpartition("\n")[0].split("\n")
    records = csv.reader(
        (line for line in lines if line),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE,
    )
    try:
        fields = [len(record) for record in islice(records, _RECORDS)]
    except csv.Error:
        return False
    return len(fields) >= _FEWEST and fields[0] > 1 and len(set(fields)) == 1


def _shown(character: str) -> str:
    return character.replace("\t", r"\t")
