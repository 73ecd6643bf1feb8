"""Which columns of the files are wanted, and the one schema that all batches of a run have."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tokemb._arrays import STRINGS, TOKEN_ROWS
from tokemb._validation import check_choice
from tokemb.errors import TextError
from tokemb.sources.texts import cuts, decoded, row_ends

# What the only column of text files is called, and the column taken where none is named.
TEXT = "text"
# Characters of a name that messages show.
_NAME_LENGTH = 40
# Resolves errors about columns of files that are read as text.
SELECT_FORMAT = (
    'if it is a table, pass its format, for example format="csv", or its delimiter, for example delimiter=";"'
)


@dataclass(frozen=True)
class Location:
    """Where rows are, for messages: row ``i`` of a batch is in ``file``, ``unit`` (row or line) ``first + i``."""

    file: str
    unit: str
    first: int

    def of(self, row: int) -> str:
        """The place of one row of the batch."""
        return f"{self.file}, {self.unit} {self.first + row}"


class Columns:
    """The wanted columns, and what became known of them as files were read.

    ``column``: the text column; ``None`` for the only one, or the one called ``text``. ``keep``: the others.
    ``missing``: ``"error"``, or ``"empty"`` for missing texts to be empty ones.
    """

    def __init__(self, column: str | None = None, keep: Iterable[str] = (), missing: str = "error") -> None:
        self._column = column
        self._keep = list(dict.fromkeys([keep] if isinstance(keep, str) else keep))
        self._missing = check_choice("missing", missing, ("error", "empty"))
        self._text_type: pa.DataType | None = None
        self._kept_types: dict[str, pa.DataType] = {}
        self._name: str | None = None
        self._unseen = set(self._keep)

    def choose(
        self, names: Sequence[str], file: str, kept_may_come: bool = False, hint: str = ""
    ) -> tuple[str, list[str]]:
        """Select the text column and the kept columns among the columns ``names`` of a file. The first file decides.

        Args:
            names: The columns of the file.
            file: The name of the file, for messages.
            kept_may_come: Whether kept columns may be missing here and follow later in the file.
            hint: What else may resolve an error, appended to its message.

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
        self.check_names([self._column, *kept], names, file, kept if kept_may_come else (), hint)
        self.saw(names)
        return self._column, kept

    @staticmethod
    def check_names(
        wanted: Iterable[str], names: Sequence[str], file: str, may_come: Container[str] = (), hint: str = ""
    ) -> None:
        """Raise ``TextError`` unless each wanted column is among ``names``, those of a file, once.

        ``may_come``: columns that may follow later. ``hint``: what else may resolve the error.
        """
        counts = Counter(names)
        for name in wanted:
            if counts[name] != 1 and name not in may_come:
                times = "no column" if name not in names else "more than one column"
                remedy = f": pass one of these{hint}" if hint else ""
                raise TextError(f"{file} has {times} {name!r}; it has {_listed(names)}{remedy}")

    def choose_lines(self, file: str) -> str:
        """The name of the one column of a text file."""
        named = [self._column or TEXT, *self._keep]
        if set(named) != {TEXT}:
            wanted = next(name for name in named if name != TEXT)
            raise TextError(
                f"{file} is read as text, with one row per line, and has no column {wanted!r}; {SELECT_FORMAT}"
            )
        return TEXT

    @property
    def has_text(self) -> bool:
        """Whether one of the columns is the text."""
        return True

    def is_text(self, name: str) -> bool:
        """Whether a column holds texts whatever they look like; in the others, CSV has numbers."""
        return name == self._column

    @staticmethod
    def size(batch: pa.RecordBatch) -> int:
        """About how many bytes of text a batch has."""
        ends = row_ends(batch.column(0))
        return int(ends[-1]) if len(ends) else 0

    @property
    def decided(self) -> str | None:
        """The text column, once rows were read."""
        return self._column if self._name is not None else None

    @property
    def keep(self) -> list[str]:
        """The kept columns, without the text column."""
        return [name for name in self._keep if name != self._text_name]

    def kept_type(self, name: str) -> pa.DataType | None:
        """The type of a kept column, once it is known."""
        return self._kept_types.get(name)

    def batches(
        self, name: str, text: pa.Array, kept: Mapping[str, pa.Array], place: Location
    ) -> Iterator[pa.RecordBatch]:
        """Check columns as they were read, and yield them as batches of the run's schema, of bounded size.

        Raises ``TextError``, naming the file and if it is one the row, for missing texts and for columns that hold
        something else than texts, or than in the files before.
        """
        text = self._as_text(name, text, place)
        arrays = [text]
        arrays += [self.as_before(key, decoded(column), place) for key, column in kept.items()]
        self._name = self._name or name
        self._unseen.discard(self._name)
        whole = pa.RecordBatch.from_arrays(arrays, schema=self.schema())
        for start, stop in cuts(text):
            yield whole.slice(start, stop - start)

    def as_before(self, key: str, column: pa.Array, place: Location) -> pa.Array:
        """A kept column; raises ``TextError`` unless it has the type of the ones before."""
        known = self._kept_types.setdefault(key, column.type)
        if column.type != known:
            raise TextError(
                f"the column {key!r} must be of one type in all files: {place.file} holds {column.type}, "
                f"those before it {known}"
            )
        return column

    def saw(self, names: Iterable[str]) -> None:
        """Note that there are such columns."""
        self._unseen.difference_update(names)

    def check_seen(self) -> None:
        """Raise ``TextError`` if there were rows, but none with one of the kept columns."""
        if self._unseen and self._name is not None:
            raise TextError(f"no row of the files has the column {min(self._unseen)!r}")

    def schema(self) -> pa.Schema:
        """The schema of the run; of columns that no file told about, texts."""
        fields = [(self._text_name, self._text_type or STRINGS)]
        return pa.schema(fields + [(key, self._kept_types.get(key, pa.string())) for key in self.keep])

    @property
    def _text_name(self) -> str:
        return self._name or self._column or TEXT

    def _as_text(self, name: str, column: pa.Array, place: Location) -> pa.Array:
        column = decoded(column)
        target = text_type(column.type)
        if target is None:
            raise TextError(
                f"the column {name!r} of {place.file} holds {column.type}: pass a column of texts, integers, "
                "or lists of those"
            )
        if pa.types.is_null(column.type) and self._text_type is not None:
            target = self._text_type
        known = self._text_type = self._text_type or target
        if target != known:
            kinds = {STRINGS: "texts", TOKEN_ROWS: "lists"}
            raise TextError(
                f"the column {name!r} must hold {kinds[known]} in all rows of all files, as before; "
                f"that of {place.file} holds {kinds[target]}"
            )
        if column.type != target:  # a cast imports pyarrow.compute, for which text files do not wait
            column = column.cast(target)
        return self._without_missing(name, column, place)

    def _without_missing(self, name: str, column: pa.Array, place: Location) -> pa.Array:
        if column.null_count:
            import pyarrow.compute as pc  # here, so that text files do not wait for it

            if self._missing == "error":
                row = pc.index(column.is_null(), True).as_py()
                raise TextError(
                    f'{place.of(row)} has no {name!r}: fill it, or pass missing="empty" to read it as an empty text'
                )
            column = pc.coalesce(column, pa.scalar([] if column.type == TOKEN_ROWS else "", column.type))
        if column.type == TOKEN_ROWS and column.flatten().null_count:
            row = next(i for i, tokens in enumerate(column) if tokens.values.null_count)
            raise TextError(f"{place.of(row)} holds a missing token in {name!r}: fill or drop it first")
        return column


def text_type(kind: pa.DataType) -> pa.DataType | None:
    """What a column of type ``kind`` becomes as text: texts, lists of tokens, or ``None`` if it is neither."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind) or pa.types.is_integer(kind) or _is_string(kind):
        return STRINGS
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return TOKEN_ROWS if text_type(kind.value_type) == STRINGS else None
    return None


def _is_string(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "no columns"
    shown = ", ".join(repr(_shortened(name)) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    return f"the column{'s' * (len(names) > 1)} {shown}"


def _shortened(name: str) -> str:
    """Return the start of a long name, such as the text of a file whose first row is taken for a header."""
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 3] + "..."


def _example(names: Sequence[str]) -> str:
    """Return the argument that selects a column, with the name of one if that is plain."""
    plain = [name for name in names if re.fullmatch(r"[\w-]{1,40}", name)]
    return f'for example column="{plain[-1]}"' if plain else "column=NAME"
