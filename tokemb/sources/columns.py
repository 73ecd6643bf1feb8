"""The selection of columns, and the single schema of all batches of a run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from tokemb._arrays import STRINGS, TOKEN_ROWS
from tokemb._validation import check_choice
from tokemb.errors import TextError
from tokemb.sources.texts import decode_dictionary, is_string, row_ends, slice_bounds

# Name of the only column of text files, and of the column that is selected by default.
TEXT = "text"
# Types that Arrow cannot take single values of, as windows of texts do, and those that kept columns have instead.
_VIEWS = ((pa.types.is_string_view, pa.string()), (pa.types.is_binary_view, pa.binary()))
# Maximum number of characters of a name in messages.
_NAME_LENGTH = 40
# Remedy for errors about columns of files that are read as text.
SELECT_FORMAT = (
    'if it is a table, pass its format, for example format="csv", or its delimiter, for example delimiter=";"; if each '
    'file is one text, pass format="documents"'
)


class Location(NamedTuple):
    """The location of a batch, for messages: row ``i`` is ``unit`` (row or line) ``first + i`` of ``file``."""

    file: str
    unit: str
    first: int

    def of(self, row: int) -> str:
        """Return the location of one row of the batch."""
        return f"{self.file}, {self.unit} {self.first + row}"


class Columns:
    """The selected columns, and their types once they are known.

    Args:
        column: The text column. ``None`` selects the only column, or the one named ``text``.
        keep: Other columns to read.
        missing: ``"error"``, or ``"empty"`` to read missing texts as empty texts.
        as_text: Kept columns of CSV files in which all fields are texts.

    Attributes:
        numbers: The columns whose cells are parsed as numbers, also if they are texts.
    """

    def __init__(
        self,
        column: str | None = None,
        keep: Iterable[str] = (),
        missing: str = "error",
        as_text: Iterable[str] = (),
    ) -> None:
        self._column = column
        self._as_text = frozenset(as_text)
        self._keep = list(dict.fromkeys([keep] if isinstance(keep, str) else keep))
        self._missing = check_choice("missing", missing, ("error", "empty"))
        self._text_type: pa.DataType | None = None
        self._kept_types: dict[str, pa.DataType] = {}
        self._name: str | None = None
        self.numbers: frozenset[str] = frozenset()
        self._unseen = set(self._keep)

    def choose(
        self, names: Sequence[str], file: str, kept_may_follow: bool = False, hint: str = ""
    ) -> tuple[str, list[str]]:
        """Select the text column and the kept columns among the columns ``names`` of a file. The first file decides.

        Args:
            names: The columns of the file.
            file: The name of the file, for messages.
            kept_may_follow: Whether kept columns may be missing here and follow later in the file.
            hint: Another remedy, appended to error messages.

        Returns:
            The text column, and the kept columns without it.

        Raises:
            TextError: If a column is missing or occurs twice, or if the text column is ambiguous.
        """
        if self._column is None:
            if len(names) != 1 and TEXT not in names:
                raise TextError(f"{file} has {_listed(names)}: pass the text column, {_example(names)}{hint}")
            self._column = names[0] if len(names) == 1 else TEXT
        kept = [name for name in self._keep if name != self._column]
        self.check_names([self._column, *kept], names, file, kept if kept_may_follow else (), hint)
        self.mark_seen(names)
        return self._column, kept

    @staticmethod
    def check_names(
        selected: Iterable[str], names: Sequence[str], file: str, may_follow: Container[str] = (), hint: str = ""
    ) -> None:
        """Check that each selected column is among the columns of a file exactly once.

        Args:
            selected: The selected columns.
            names: The columns of the file.
            file: The name of the file, for messages.
            may_follow: Columns that may follow later in the file.
            hint: Another remedy, appended to error messages.

        Raises:
            TextError: If a column is missing or occurs twice.
        """
        counts = Counter(names)
        for name in selected:
            if counts[name] != 1 and name not in may_follow:
                times = "no column" if name not in names else "more than one column"
                remedy = f": pass one of these{hint}" if hint else ""
                raise TextError(f"{file} has {times} {name!r}; it has {_listed(names)}{remedy}")

    def choose_lines(self, file: str) -> str:
        """Return the name of the only column of a text file.

        Raises:
            TextError: If another column is selected.
        """
        selected = [self._column or TEXT, *self._keep]
        if set(selected) != {TEXT}:
            unknown = next(name for name in selected if name != TEXT)
            raise TextError(
                f"{file} is read as text, with one row per line, and has no column {unknown!r}; {SELECT_FORMAT}"
            )
        return TEXT

    @property
    def has_text(self) -> bool:
        """Whether one of the columns is the text."""
        return True

    def is_text(self, name: str) -> bool:
        """Return whether all values of a column are texts. Other columns of CSV files may be numeric."""
        return name == self._column or name in self._as_text

    def may_be_floats(self, name: str) -> bool:  # noqa: ARG002
        """Return whether a numeric column of CSV files may be floats, and not only integers."""
        return True

    @staticmethod
    def size(batch: pa.RecordBatch) -> int:
        """Return the approximate number of bytes of text in a batch."""
        ends = row_ends(batch.column(0))
        return int(ends[-1]) if len(ends) else 0

    @property
    def text_column(self) -> str | None:
        """The text column. ``None`` until rows have been read."""
        return self._column if self._name is not None else None

    @property
    def keep(self) -> list[str]:
        """The kept columns, without the text column."""
        return [name for name in self._keep if name != self._text_name]

    def kept_type(self, name: str) -> pa.DataType | None:
        """Return the type of a kept column. ``None`` if it is not known yet."""
        return self._kept_types.get(name)

    def batches(
        self, name: str, text: pa.Array, kept: Mapping[str, pa.Array], location: Location
    ) -> Iterator[pa.RecordBatch]:
        """Check columns of one file, and yield them as batches of bounded size with the schema of the run.

        Args:
            name: The name of the text column.
            text: The text column.
            kept: The kept columns.
            location: The location of the rows.

        Raises:
            TextError: If a text is missing, or a column is not text or has another type than in previous files. The
                message names the file and, for a single value, the row.
        """
        text = self.as_text(name, text, location)
        arrays = [text]
        arrays += [self.check_type(key, decode_dictionary(column), location) for key, column in kept.items()]
        self._name = self._name or name
        self._unseen.discard(self._name)
        whole = pa.RecordBatch.from_arrays(arrays, schema=self.schema())
        for start, stop in slice_bounds(text):
            yield whole.slice(start, stop - start)

    def check_type(self, key: str, column: pa.Array, location: Location) -> pa.Array:
        """Return a kept column. Raises ``TextError`` if it has another type than before."""
        for is_view, kind in _VIEWS:
            if is_view(column.type):
                column = column.cast(kind)
        known = self._kept_types.setdefault(key, column.type)
        if column.type != known:
            raise TextError(
                f"the column {key!r} must be of one type in all files: {location.file} contains {column.type}, "
                f"previous files {known}"
            )
        return column

    def mark_seen(self, names: Iterable[str]) -> None:
        """Record that these columns exist."""
        self._unseen.difference_update(names)

    def check_all_seen(self) -> None:
        """Raise ``TextError`` if no row that was read has one of the kept columns."""
        if self._unseen and self._name is not None:
            raise TextError(f"no row of the files has the column {min(self._unseen)!r}")

    def schema(self) -> pa.Schema:
        """Return the schema of the run. Columns that no file contains are texts."""
        fields = [(self._text_name, self._text_type or STRINGS)]
        return pa.schema(fields + [(key, self._kept_types.get(key, pa.string())) for key in self.keep])

    @property
    def _text_name(self) -> str:
        return self._name or self._column or TEXT

    def as_text(self, name: str, column: pa.Array, location: Location) -> pa.Array:
        """Return a text column as ``large_string``, or ``large_list<large_string>`` for lists of tokens.

        Args:
            name: The name of the column.
            column: The column.
            location: The location of its rows.

        Raises:
            TextError: As for ``batches``.
        """
        column = decode_dictionary(column)
        target = text_type(column.type)
        if target is None:
            raise TextError(
                f"the column {name!r} of {location.file} contains {column.type}: pass a column of texts, integers, "
                "or lists of these"
            )
        if pa.types.is_null(column.type) and self._text_type is not None:
            target = self._text_type
        known = self._text_type = self._text_type or target
        if target != known:
            kinds = {STRINGS: "texts", TOKEN_ROWS: "lists"}
            raise TextError(
                f"the column {name!r} must contain {kinds[known]} in all rows of all files, as before; "
                f"that of {location.file} contains {kinds[target]}"
            )
        if column.type != target:  # a cast imports pyarrow.compute, which text files do not need
            column = column.cast(target)
        return self._without_missing(name, column, location)

    def _without_missing(self, name: str, column: pa.Array, location: Location) -> pa.Array:
        if column.null_count:
            import pyarrow.compute as pc  # imported late: text files do not need it

            if self._missing == "error":
                row = pc.index(column.is_null(), True).as_py()
                raise TextError(
                    f'{location.of(row)} has no {name!r}: fill it, or pass missing="empty" to read it as an empty text'
                )
            column = pc.coalesce(column, pa.scalar([] if column.type == TOKEN_ROWS else "", column.type))
        if column.type == TOKEN_ROWS and column.flatten().null_count:
            row = next(i for i, tokens in enumerate(column) if tokens.values.null_count)
            raise TextError(f"{location.of(row)} contains a missing token in {name!r}: fill or drop it first")
        return column


def text_type(kind: pa.DataType) -> pa.DataType | None:
    """Return the Arrow type of a text column that is read from ``kind``. ``None`` if it is not text or tokens."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind) or pa.types.is_integer(kind) or is_string(kind):
        return STRINGS
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return TOKEN_ROWS if text_type(kind.value_type) == STRINGS else None
    return None


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "no columns"
    shown = ", ".join(repr(_shortened(name)) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    return f"the column{'s' * (len(names) > 1)} {shown}"


def _shortened(name: str) -> str:
    """Return the start of a long name, such as a text in a first row that is not a header."""
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 3] + "..."


def _example(names: Sequence[str]) -> str:
    """Return an example of the argument ``column``, with a column name that needs no quoting if there is one."""
    plain = [name for name in names if re.fullmatch(r"[\w-]{1,40}", name)]
    return f'for example column="{plain[-1]}"' if plain else "column=NAME"
