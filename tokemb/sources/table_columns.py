"""The wanted columns of tables, none of which is the text: each has the type of its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.sources import texts
from tokemb.sources.columns import SELECT_FORMAT, Columns, Location
from tokemb.sources.kept import plain_type
from tokemb.sources.texts import decoded


class TableColumns(Columns):
    """The wanted columns, and what became known of them as files were read.

    ``names``: the columns; ``None`` for all that the first file has. ``typed``: those in which the numbers of a CSV
    file are numbers; the others hold its fields as texts, whatever they look like.
    """

    def __init__(self, names: Iterable[str] | None, typed: Iterable[str] = ()) -> None:
        self._typed = frozenset(typed)
        self._all = names is None
        super().__init__(None, names or ())

    def choose(
        self, names: Sequence[str], file: str, kept_may_come: bool = False, hint: str = ""
    ) -> tuple[str, list[str]]:
        """Select the wanted columns among the columns ``names`` of a file; return the first of them apart."""
        if self._all and not self._keep:
            self._keep = list(names)
        if not self._keep:
            raise TextError(f"{file} has no columns")
        self.check_names(self._keep, names, file, self._keep if kept_may_come else (), hint)
        self.saw(names)
        return self._keep[0], self._keep[1:]

    def choose_lines(self, file: str) -> str:
        """Raise ``TextError``: lines of text have no columns."""
        raise TextError(f"{file} is read as text, with one row per line, and has no columns; {SELECT_FORMAT}")

    def is_text(self, name: str) -> bool:
        """Whether a column holds texts whatever they look like; in the others, CSV has numbers."""
        return name not in self._typed

    @staticmethod
    def size(batch: pa.RecordBatch) -> int:
        """About how many bytes a batch has."""
        size: int = batch.nbytes
        return size

    @property
    def keep(self) -> list[str]:
        """The wanted columns, as far as they are known."""
        return self._keep

    @property
    def has_text(self) -> bool:
        """Whether one of the columns is the text."""
        return False

    def batches(
        self, name: str, text: pa.Array, kept: Mapping[str, pa.Array], place: Location
    ) -> Iterator[pa.RecordBatch]:
        """Check columns as they were read, and yield them as batches of the run's schema, of bounded size."""
        arrays = [self.as_before(key, _plain(column), place) for key, column in ((name, text), *kept.items())]
        self._name = self._name or name
        whole = pa.RecordBatch.from_arrays(arrays, schema=self.schema())
        for start in range(0, len(whole), texts.BATCH_ROWS):
            yield whole.slice(start, texts.BATCH_ROWS)

    def schema(self) -> pa.Schema:
        """The schema of the run; of columns that no file told about, texts."""
        return pa.schema([(key, self.kept_type(key) or STRINGS) for key in self._keep])


def _plain(column: pa.Array) -> pa.Array:
    """A column without its dictionary, and any string as ``large_string``."""
    column = decoded(column)
    kind = plain_type(column.type)
    return column if column.type == kind else column.cast(kind)
