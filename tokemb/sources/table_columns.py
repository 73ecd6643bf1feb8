"""The selection of columns of tables without one text column: columns of any type, or two text columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.sources import texts
from tokemb.sources.cells import CellParser, parse_kept_numbers, parse_numbers
from tokemb.sources.column_types import plain_type
from tokemb.sources.columns import SELECT_FORMAT, Columns, Location
from tokemb.sources.texts import decode_dictionary, slice_bounds

# The parsers of columns of numbers.
_NUMBERS = (parse_numbers, parse_kept_numbers)


class TableColumns(Columns):
    """The selected columns, and their types once they are known.

    Args:
        names: The columns. ``None`` selects all columns of the first file.
        typed: Columns of CSV files in which numbers are read as numbers. In the others, all fields are texts.
        cells: The parsers of columns of numbers or lists.
        exact: Columns of ``typed`` in which integers are read as numbers, and other numbers as texts.
    """

    def __init__(
        self,
        names: Iterable[str] | None,
        typed: Iterable[str] = (),
        cells: Mapping[str, CellParser] | None = None,
        exact: Iterable[str] = (),
    ) -> None:
        self._exact = frozenset(exact)
        self._cells = cells or {}
        self._typed = frozenset(typed) - self._cells.keys()
        self._all = names is None
        super().__init__(None, names or ())
        # The first rows may have integers only, or no number at all.
        self.numbers = frozenset(name for name, parse in self._cells.items() if parse in _NUMBERS)
        self._kept_types |= dict.fromkeys(self.numbers, pa.float64())

    def choose(
        self, names: Sequence[str], file: str, kept_may_follow: bool = False, hint: str = ""
    ) -> tuple[str, list[str]]:
        """Select columns among the columns ``names`` of a file. Return the first selected column and the others."""
        if self._all and not self._keep:
            self._keep = list(names)
        if not self._keep:
            raise TextError(f"{file} has no columns")
        self.check_names(self._keep, names, file, self._keep if kept_may_follow else (), hint)
        self.mark_seen(names)
        return self._keep[0], self._keep[1:]

    def choose_lines(self, file: str) -> str:
        """Raise ``TextError``, since text files have no columns."""
        raise TextError(f"{file} is read as text, with one row per line, and has no columns; {SELECT_FORMAT}")

    def is_text(self, name: str) -> bool:
        """Return whether all values of a column are texts. Other columns of CSV files may be numeric."""
        return name not in self._typed

    def may_be_floats(self, name: str) -> bool:
        """Return whether a numeric column of CSV files may be floats, and not only integers."""
        return name not in self._exact

    def kept_type(self, name: str) -> pa.DataType | None:
        """Return the type of a column. ``None`` if it is not known yet, or if cells of different types are parsed."""
        known = super().kept_type(name)
        return None if name in self._cells and known != pa.float64() else known

    @staticmethod
    def size(batch: pa.RecordBatch) -> int:
        """Return the size of a batch in bytes."""
        size: int = batch.nbytes
        return size

    @property
    def keep(self) -> list[str]:
        """The selected columns. Empty until the first file has been read, if all are selected."""
        return self._keep

    @property
    def has_text(self) -> bool:
        """Whether one of the columns is the text."""
        return False

    def batches(
        self, name: str, text: pa.Array, kept: Mapping[str, pa.Array], location: Location
    ) -> Iterator[pa.RecordBatch]:
        """Check columns of one file, and yield them as batches of bounded size with the schema of the run."""
        arrays = [
            self.check_type(key, self._parse(key, _plain(column), location), location)
            for key, column in ((name, text), *kept.items())
        ]
        self._name = self._name or name
        whole = pa.RecordBatch.from_arrays(arrays, schema=self.schema())
        for start in range(0, len(whole), texts.BATCH_ROWS):
            yield whole.slice(start, texts.BATCH_ROWS)

    def schema(self) -> pa.Schema:
        """Return the schema of the run. Columns that no file contains are texts."""
        return pa.schema([(key, self._kept_types.get(key, STRINGS)) for key in self._keep])

    def _parse(self, name: str, column: pa.Array, location: Location) -> pa.Array:
        return self._cells[name](name, column, location) if name in self._cells else column


class PairColumns(TableColumns):
    """Two text columns, and the kept columns.

    Args:
        texts: The names of the text columns.
        keep: Other columns to read.
        missing: ``"error"``, or ``"empty"`` to read missing texts as empty texts.
        as_text: Kept columns of CSV files in which all fields are texts.
    """

    def __init__(
        self,
        texts: Sequence[str],
        keep: Iterable[str] = (),
        missing: str = "error",
        as_text: Iterable[str] = (),
    ) -> None:
        keep = [keep] if isinstance(keep, str) else list(keep)
        super().__init__([*texts, *keep], typed=set(keep) - {*texts, *as_text})
        self._texts = {name: Columns(name, missing=missing) for name in texts}

    def batches(
        self, name: str, text: pa.Array, kept: Mapping[str, pa.Array], location: Location
    ) -> Iterator[pa.RecordBatch]:
        """Check columns of one file, and yield them as batches of bounded size with the schema of the run."""
        arrays = [self._checked(key, column, location) for key, column in ((name, text), *kept.items())]
        self._name = self._name or name
        whole = pa.RecordBatch.from_arrays(arrays, schema=self.schema())
        longer = max(arrays[: len(self._texts)], key=lambda column: column.nbytes)
        for start, stop in slice_bounds(longer):
            yield whole.slice(start, stop - start)

    def _checked(self, name: str, column: pa.Array, location: Location) -> pa.Array:
        if name in self._texts:
            return self._texts[name].as_text(name, column, location)
        return self.check_type(name, _plain(column), location)

    def schema(self) -> pa.Schema:
        """Return the schema of the run."""
        texts = [pa.field(name, columns.schema().types[0]) for name, columns in self._texts.items()]
        return pa.schema([*texts, *list(super().schema())[len(texts) :]])


def _plain(column: pa.Array) -> pa.Array:
    """Return a column without dictionary encoding, with strings as ``large_string``."""
    column = decode_dictionary(column)
    kind = plain_type(column.type)
    return column if column.type == kind else column.cast(kind)
