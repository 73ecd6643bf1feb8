"""CSV and TSV files. Fields that contain a delimiter, a quote or a newline may be quoted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.sources.blocks import BOM
from tokemb.sources.columns import Columns, Location
from tokemb.sources.records import scan_records

# A kept column is numeric only if conversion loses nothing: no leading zeros and not too many digits.
_INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"
_REAL = r"^-?((0|[1-9][0-9]{0,14})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$"
# Bytes in which the end of the first record is searched first.
_HEADER = 1 << 16
_NUMBERS = (
    (pa.int64(), _INTEGER, "integers of at most 18 digits"),
    (pa.float64(), _REAL, "numbers of at most 15 digits before the decimal point"),
)


@dataclass(frozen=True)
class Dialect:
    """The CSV dialect of a file.

    Attributes:
        delimiter: The character between the fields.
        quoting: ``"minimal"`` if fields may be enclosed in quotes, ``"none"`` if quotes are text.
        header: Whether the first record has the column names. Otherwise they are ``"0"``, ``"1"``, ...
        is_chosen: Whether the user passed the delimiter.
    """

    delimiter: str
    quoting: str
    header: bool
    is_chosen: bool

    @property
    def is_quoted(self) -> bool:
        """Whether fields may be enclosed in quotes."""
        return self.quoting != "none"

    def parse_options(self, **settings: Any) -> pa_csv.ParseOptions:  # noqa: ANN401
        """Return the options of Arrow's parser for this dialect."""
        quote = '"' if self.is_quoted else False
        return pa_csv.ParseOptions(
            delimiter=self.delimiter, quote_char=quote, newlines_in_values=self.is_quoted, **settings
        )


def delimited_batches(
    blocks: Iterator[bytes], name: str, columns: Columns, dialect: Dialect
) -> Iterator[pa.RecordBatch]:
    """Yield the selected columns of one file.

    The first block of the run decides the types of the kept columns.

    Args:
        blocks: Blocks of whole records.
        name: The name of the file, for messages.
        columns: The selection of columns.
        dialect: The CSV dialect.

    Raises:
        TextError: If a record has more or fewer fields than the first, or a kept value does not have the type of its
            column. The message names file and row. Rows are counted from 1, without the header.
    """
    names: list[str] = []
    row = 1
    for block in _join_blank_start(blocks):
        has_header = dialect.header and not names
        if has_header:
            block = block.lstrip(b"\r\n")
            if not block:
                continue
        if block.startswith(BOM):
            block = BOM + block  # this BOM is text, and Arrow removes one
        if not block.endswith(b"\n"):
            block += b"\n"  # Arrow finds no columns in a single record without a line end
        names = names or _names(block, name, dialect)
        text, kept = columns.choose(names, name, hint=_hint(names, dialect))
        location = Location(name, "row", row)
        types = {key: STRINGS if columns.is_text(key) else pa.string() for key in [text, *kept]}
        table = _parse(block, names, types, dialect, location, has_header)
        if len(table):  # without rows, the types stay undecided
            values = {key: _convert(table[key].combine_chunks(), columns, key, location) for key in [text, *kept]}
            yield from columns.batches(text, values.pop(text), values, location)
        row += len(table)


def _join_blank_start(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks, with empty lines at the start joined to the first record, which decides the columns."""
    start = b""
    for block in blocks:
        start += block
        if start.lstrip(b"\r\n"):
            yield start
            yield from blocks
            return
    if start:
        yield start


def _names(block: bytes, file: str, dialect: Dialect) -> list[str]:
    """Return the column names from the first record.

    Raises:
        TextError: If another character seems to be the delimiter.
    """
    block = block.lstrip(b"\r\n")
    start = block[:_HEADER]
    end = (
        int(next(iter(scan_records(start, dialect.delimiter).ends), 0)) if dialect.is_quoted else start.find(b"\n") + 1
    )
    record = block[:end] if end else block
    if not record:
        return ["0"]
    options = pa_csv.ReadOptions(
        use_threads=False, block_size=len(record) + 1, autogenerate_column_names=not dialect.header
    )
    parse = dialect.parse_options(invalid_row_handler=lambda row: "skip")
    names = pa_csv.read_csv(pa.BufferReader(record), options, parse).schema.names
    if len(names) == 1 and not dialect.is_chosen:
        from tokemb.sources.separators import check_separator  # imported late: most files have several columns

        check_separator(names[0] if dialect.header else None, block, file, dialect.delimiter, dialect.is_quoted)
    return names if dialect.header else [str(index) for index in range(len(names))]


def _hint(names: list[str], dialect: Dialect) -> str:
    """Return further remedies for errors about columns."""
    if not dialect.header:
        return ""
    is_quoted = not dialect.is_quoted and any(len(name) > 1 and name[0] == name[-1] == '"' for name in names)
    quoting = ', quoting="minimal" if fields are quoted' if is_quoted else ""
    return f"{quoting}, or header=False if the first row is not a header"


def _parse(
    block: bytes,
    names: list[str],
    types: dict[str, pa.DataType],
    dialect: Dialect,
    location: Location,
    has_header: bool,
) -> pa.Table:
    """Read the columns of ``types`` from a block."""
    ragged: list[Any] = []

    def record_ragged(row: Any) -> str:  # noqa: ANN401 - an InvalidRow
        ragged.append(row)
        return "error"

    try:
        return pa_csv.read_csv(
            pa.BufferReader(block),
            pa_csv.ReadOptions(
                use_threads=False, block_size=len(block) + 1, column_names=None if has_header else names
            ),
            # In files with one column, an empty line is a record with an empty field. In others it is ignored.
            dialect.parse_options(ignore_empty_lines=len(names) > 1, invalid_row_handler=record_ragged),
            pa_csv.ConvertOptions(include_columns=list(types), column_types=types),
        )
    except pa.ArrowInvalid as error:
        if ragged:
            where = location.of(ragged[0].number - 1 - has_header)
            raise _ragged(where, ragged[0].actual_columns, len(names), dialect) from None
        raise TextError(f"{location.file} is not valid CSV: {error}") from None


def _ragged(where: str, fields: int, expected: int, dialect: Dialect) -> TextError:
    if dialect.is_quoted:
        remedy = (
            'quote fields that contain the delimiter or a newline, or pass another delimiter, such as delimiter=";"'
        )
    else:
        remedy = 'pass quoting="minimal" if fields are quoted'
    return TextError(f"{where} has {fields} fields, but the first row has {expected}: {remedy}")


def _convert(column: pa.Array, columns: Columns, key: str, location: Location) -> pa.Array:
    """Convert a column of texts to its type in this run. If undecided, use the first type that fits all fields.

    A column that is encoded too can only become integers. Other numbers have several spellings, such as 2.0 and 2.
    """
    known = columns.kept_type(key)
    if columns.is_text(key) or (known is not None and known not in (pa.int64(), pa.float64())):
        return column
    filled = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    for kind, pattern, numbers in _NUMBERS:
        if known not in (None, kind) or (kind == pa.float64() and not columns.may_be_floats(key)):
            continue
        fits = pc.match_substring_regex(filled, pattern)
        if pc.all(fits, min_count=0).as_py() and (known is not None or fits.null_count < len(fits)):
            return filled.cast(kind)
        if known is not None:
            row = pc.index(fits, False).as_py()
            raise TextError(
                f"{location.of(row)} has {column[row].as_py()!r:.80} in the column {key!r}, which contained only "
                f"{numbers} before"
            )
    return column
