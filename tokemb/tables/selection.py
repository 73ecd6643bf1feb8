"""The columns of a table to encode, and what each of them holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.sources.cells import CellParser, list_parser, parse_numbers
from tokemb.sources.texts import is_unicode
from tokemb.tables.column import Column, named_parts
from tokemb.tables.tables import flat_names
from tokemb.vocabulary.vocabulary import check_vocabulary


@dataclass(frozen=True)
class Selection:
    """The columns to encode.

    Attributes:
        values: The parts of each column of values by its name. ``None`` for all columns of the table.
        texts: The vocabulary of each column of texts. ``None`` if it has to be fitted.
        separators: The separator of each column of lists, as for ``list_parser``.
        numbers: The names of the columns of numbers.
    """

    values: Mapping[str, tuple[str, ...]] | None
    texts: Mapping[str, Encoder | None] = field(default_factory=dict)
    separators: Mapping[str, str | None] = field(default_factory=dict)
    numbers: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        columns: Sequence[str | Sequence[str]] | None,
        texts: Iterable[str] | Mapping[str, Encoder | None] = (),
        multi: Iterable[str] | Mapping[str, str | None] = (),
        numbers: Iterable[str] = (),
    ) -> Selection:
        """Return the selection of the arguments of ``ColumnEncoder.fit``.

        Raises:
            ArgumentError: If an argument is invalid, or a column is named twice.
        """
        vocabularies, separators = _by_name("texts", texts), _by_name("multi", multi)
        number_names = tuple(_by_name("numbers", numbers))
        others = [*vocabularies, *separators, *number_names]
        if columns is None and not others:
            return cls(None)
        for name, vocabulary in vocabularies.items():
            if vocabulary is not None:
                _check_text_vocabulary(name, vocabulary)
        for name, separator in separators.items():
            if separator is None:
                continue
            if not isinstance(separator, str) or not separator.strip() or not is_unicode(separator):
                raise ArgumentError(
                    "multi must name a separator that is a text in UTF-8 and not empty or white space; received "
                    f"{separator!r} for {name!r}"
                )
        parts = [] if columns is None else flat_names(columns) if columns or not others else []
        values = named_parts(columns or ())
        named_parts([*values, *others])
        for name in others:
            if name in parts:
                raise ArgumentError(f"each column must be named once; {name!r} is a part of an event, too")
        values |= {name: (name,) for name in separators}
        if not values and not vocabularies:
            raise ArgumentError("columns must name at least one column of texts or values beside the numbers")
        return cls(values, vocabularies, separators, number_names)

    @property
    def parts(self) -> list[str] | None:
        """The columns of the table to read. ``None`` for all."""
        if self.values is None:
            return None
        names = [*self.texts, *(part for parts in self.values.values() for part in parts), *self.numbers]
        return list(dict.fromkeys(names))

    @property
    def cells(self) -> dict[str, CellParser]:
        """The parsers of columns of lists and numbers."""
        return {name: list_parser(separator) for name, separator in self.separators.items()} | dict.fromkeys(
            self.numbers, parse_numbers
        )


def cells_of(columns: Iterable[Column]) -> dict[str, CellParser]:
    """Return the parsers of fitted columns of lists and numbers, by the name of the column of the table."""
    cells: dict[str, CellParser] = {}
    for column in columns:
        if column.kind == "numbers":
            cells[column.parts[0]] = parse_numbers
        elif column.kind == "lists" and len(column.parts) == 1:
            cells[column.parts[0]] = list_parser(column.separator)
    return cells


def _by_name(argument: str, names: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping from names of columns, with ``None`` for names without a value."""
    if isinstance(names, str):
        raise ArgumentError(f"{argument} must be a list of names; received {names!r}")
    settings = dict(names) if isinstance(names, Mapping) else dict.fromkeys(listed := list(names))
    if not all(isinstance(name, str) for name in settings):
        raise ArgumentError(f"{argument} must be names of columns; received {list(settings)!r:.80}")
    if not isinstance(names, Mapping) and len(listed) > len(settings):
        raise ArgumentError(f"{argument} must name each column once; received {listed!r:.80}")
    return settings


def _check_text_vocabulary(name: str, vocabulary: Encoder) -> None:
    check_vocabulary(f"texts[{name!r}]", vocabulary)
    if vocabulary.pad_id != 0:
        raise ArgumentError(
            f"texts[{name!r}] must be a vocabulary whose padding is id 0, as in the other columns; received padding id "
            f"{vocabulary.pad_id}"
        )
