"""The options that say what the columns of a table hold: texts, categories, lists or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import options
from tokemb_cli.corpus import Corpus, column_names

if TYPE_CHECKING:
    from tokemb.tables.selection import Selection

columns = options.group(
    click.option(
        "--text",
        "texts",
        multiple=True,
        metavar="NAME,...",
        help="Columns of texts, beside other columns of a table. Each has a vocabulary of its own.",
    ),
    click.option(
        "--category",
        "categories",
        multiple=True,
        metavar="NAME,...",
        help="Columns whose values are categories, for example departments. They are not split.",
    ),
    click.option(
        "--multi",
        multiple=True,
        metavar="NAME[=SEPARATOR]",
        help="Column of lists of categories, and the separator between the values of a cell, for example genres='|'. "
        "Without a separator, each cell must be a list as JSON or Python write it.",
    ),
    click.option(
        "--number",
        "numbers",
        multiple=True,
        metavar="NAME,...",
        help="Columns of numbers. They are not encoded. Missing numbers are replaced by the mean.",
    ),
)
"""The options for what columns hold."""

_NAMES = ("texts", "categories", "multi", "numbers")


@dataclass(frozen=True)
class Inputs:
    """The columns of a table and what they hold.

    Attributes:
        texts: The columns of texts.
        categories: The columns of single values.
        multi: The separator of each column of lists, or ``None``.
        numbers: The columns of numbers.
    """

    texts: tuple[str, ...]
    categories: tuple[str, ...]
    multi: dict[str, str | None]
    numbers: tuple[str, ...]

    @classmethod
    def from_options(cls, arguments: dict[str, Any], rows: Corpus) -> Inputs | None:
        """Return the columns that the options name, or ``None`` if none is given. They are removed from ``arguments``.

        Raises:
            click.UsageError: If another option names columns too.
        """
        given = {name: arguments.pop(name) for name in _NAMES}
        if not any(given.values()):
            return None
        for option, value in (("--column", rows.columns), ("--group-by", rows.group_by)):
            if value:
                raise click.UsageError(
                    f"{option} must be left out with --text, --category, --multi and --number, which name the columns"
                )
        texts, categories, numbers = (column_names(given[name]) for name in ("texts", "categories", "numbers"))
        multi = list(map(_name_and_separator, given["multi"]))
        _check_distinct([*texts, *categories, *(name for name, _ in multi), *numbers])
        if not (texts or categories or multi):
            raise click.UsageError("--number requires a column of --text, --category or --multi beside the numbers")
        return cls(texts, categories, dict(multi), numbers)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``ColumnEncoder.fit``."""
        return {"columns": self.categories, "texts": self.texts, "multi": self.multi, "numbers": self.numbers}

    @property
    def selection(self) -> Selection:
        """The columns to read, and the parsers of their cells."""
        from tokemb.tables.selection import Selection

        return Selection.of(self.categories, self.texts, self.multi, self.numbers)


def _check_distinct(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise click.UsageError(
                f"each column must be named once by --text, --category, --multi and --number; received {name!r} more "
                "than once"
            )


def _name_and_separator(option: str) -> tuple[str, str | None]:
    name, equals, separator = option.partition("=")
    if not name or (equals and not separator.strip()):
        raise click.UsageError(
            f"--multi must be the name of a column, or NAME=SEPARATOR with a separator that is not empty; "
            f"received {option!r}"
        )
    return name, separator if equals else None
