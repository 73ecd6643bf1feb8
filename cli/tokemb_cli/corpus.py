"""The corpora that commands read: their options, reading and progress."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import INPUT_FORMATS, QUOTINGS
from tokemb_cli import values

if TYPE_CHECKING:
    import pyarrow as pa

    from tokemb.sources.cells import CellParser
    from tokemb.sources.listing import Source

# Kernels read files of more bytes, unless they are compressed.
_LARGE = 1 << 23

# The options for reading files, by their names in tokemb.read_corpus. Only the first one is often needed.
_READING = ("column", "format", "missing", "errors", "header", "delimiter", "quoting")

_COLUMN = click.option(
    "--column",
    metavar="NAME",
    help="Column that holds the texts.  [default: the only column, or the one named text]",
)
_COLUMNS = partial(
    click.option,
    "--column",
    multiple=True,
    metavar="NAME[,NAME]",
    help="Column to read. Repeat the option to read several columns of a table. NAME,NAME makes one event of the "
    "values of both columns.  [default: the only column, or the one named text]",
)
_TWO_COLUMNS = click.option(
    "--column",
    multiple=True,
    metavar="NAME",
    help="Column to read, for example that of the users. Repeat the option: at least two columns are required.",
)
_GROUP_BY = partial(
    click.option,
    "--group-by",
    metavar="NAME,...",
    help="Make one row, a sequence of events, of all rows that have the same value in these columns.",
)
_ORDER_BY = partial(
    click.option,
    "--order-by",
    metavar="NAME,...",
    help="Sort each group by these columns, smallest first.  [default: in the order of the files]",
)
_OPTIONS = (
    click.option(
        "--format",
        type=values.Choice(INPUT_FORMATS),
        help="Format of the files. conll has one token per line. documents makes one row of each file, with the "
        "columns text, label (the name of its folder) and file.  [default: detected from their names]",
    ),
    click.option(
        "--missing",
        type=values.Choice(["error", "empty"]),
        default="error",
        show_default=True,
        help="Treat a missing text as an error or as an empty text. In a table of columns, this option has no effect: "
        "missing values have an id of their own, missing texts are empty, and the mean replaces missing numbers.",
    ),
    click.option(
        "--errors",
        type=values.Choice(["strict", "replace"]),
        default="strict",
        show_default=True,
        help="Treat bytes that are not UTF-8 as an error, or replace them with U+FFFD.",
    ),
    click.option(
        "--header/--no-header",
        default=True,
        help="Whether the first row of a CSV file names the columns. Without a header they are called 0, 1, ...  "
        "[default: header]",
    ),
    click.option(
        "--delimiter",
        type=values.Delimiter(),
        metavar="CHARACTER",
        help="Character between the fields of CSV files; \\t is a tab.  [default: that of the format]",
    ),
    click.option(
        "--quoting",
        type=values.Choice(QUOTINGS),
        help="How quotes in CSV files are read: minimal if they may enclose fields, none if they are text.  "
        "[default: none if the delimiter is a tab, otherwise minimal]",
    ),
)

tags = click.option(
    "--tags",
    metavar="NAME",
    help="Column that holds the tags, one for each token of --column. Texts are split at white space.",
)
keep = click.option(
    "--keep", multiple=True, metavar="NAME,...", help="Columns of the input to copy to the output, for example labels."
)
quiet = click.option("--quiet", is_flag=True, help="Show neither progress nor a summary.")


class FileCommand(click.Command):
    """A command whose help lists the options to read files after its other options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click's own signature
        """Initialize the command. Its argument comes before its options, so a missing file is reported first."""
        super().__init__(*args, **kwargs)
        self.params.sort(key=lambda param: isinstance(param, click.Option))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write two lists of options."""
        records = [(param.name in _READING[1:], param.get_help_record(ctx)) for param in self.get_params(ctx)]
        for reads_files, title in ((False, "Options"), (True, "Options to read files")):
            lines = [record for is_reading, record in records if record is not None and is_reading == reads_files]
            with formatter.section(title):
                formatter.write_dl(lines)


def files(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one or more files of texts, and the options to read them, to a command."""
    return _with(command, (_COLUMN, *_OPTIONS))


def tables(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add one or more files of texts or tables, and the options to read and group them, to a command."""
    return _with(command, (_COLUMNS(), _GROUP_BY(), _ORDER_BY(), *_OPTIONS))


def ungrouped_tables(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same as ``tables``, for at least two columns. The options to group are hidden, and an error if given."""
    return _with(command, (_TWO_COLUMNS, _GROUP_BY(hidden=True), _ORDER_BY(hidden=True), *_OPTIONS))


def tables_of_folder(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the same as ``tables``, if a training folder names the columns. Their options are hidden, and an error."""
    columns = _COLUMNS(hidden=True), _GROUP_BY(hidden=True), _ORDER_BY(hidden=True)
    return _with(command, (*columns, *_OPTIONS))


def _with(command: Callable[..., Any], options: tuple[Callable[..., Any], ...]) -> Callable[..., Any]:
    command = reduce(lambda decorated, option: option(decorated), reversed(options), command)
    return click.argument("files", metavar="FILE...", nargs=-1, required=True)(command)


def column_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the distinct names of options such as ``--keep``, which contain names separated by commas."""
    return tuple(dict.fromkeys(name for part in names for name in part.split(",") if name))


@dataclass(frozen=True, eq=False)
class Corpus:
    """Files of texts or tables, and the options to read them.

    Attributes:
        files: The files, folders, globs and URLs.
        reading: The arguments of ``tokemb.read_corpus``.
        keep: The columns to copy to the output.
        quiet: Whether to hide the progress and the report.
        columns: The columns of a table, or the column of the texts. Each consists of one or more parts.
        group_by: The columns whose values form the groups.
        order_by: The columns to sort each group by.
        tags: The column of the tags of the tokens. ``None`` if they have none.
        as_text: The columns of ``keep`` in which all fields of CSV files are texts.
    """

    files: tuple[str, ...]
    reading: dict[str, Any]
    keep: tuple[str, ...] = ()
    quiet: bool = False
    columns: tuple[tuple[str, ...], ...] = ()
    group_by: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    tags: str | None = None
    as_text: tuple[str, ...] = ()
    _read: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    @property
    def rows_read(self) -> int:
        """The number of rows of the files, not of groups, that were read so far. Copies with other files share it."""
        return self._read["rows"]

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Corpus:
        """Make a corpus from the options of ``files`` or ``tables``, ``quiet``, ``keep`` and ``tags``.

        They are removed from ``options``.
        """
        reading = {name: options.pop(name) for name in _READING}
        column = reading["column"]
        columns = tuple(
            tuple(column_names((name,))) for name in ([column] if isinstance(column, str) else column or ())
        )
        if not all(columns):
            raise click.UsageError("--column must be the name of a column")
        if isinstance(column, tuple):
            reading["column"] = ",".join(columns[0]) if len(columns) == 1 else None
        group_by, order_by = (column_names((options.pop(name, None) or "",)) for name in ("group_by", "order_by"))
        if order_by and not group_by:
            raise click.UsageError("--order-by sorts the rows of a group: pass --group-by")
        keep, quiet = column_names(options.pop("keep", ())), options.pop("quiet")
        tags = options.pop("tags", None)
        return cls(options.pop("files"), reading, keep, quiet, columns, group_by, order_by, tags)

    @property
    def is_table(self) -> bool:
        """Whether the corpus is a table of columns, and not one column of texts or of sequences of events."""
        return len(self.columns) > 1 or (any(len(parts) > 1 for parts in self.columns) and not self.group_by)

    def as_pairs(self, why: str) -> Corpus:
        """Return the corpus of pairs of texts from two columns.

        Args:
            why: The reason why the columns are no table, for the message.

        Raises:
            click.UsageError: If there are not exactly two columns, or they are grouped.
        """
        if len(self.columns) == 2 and self.columns[0] == self.columns[1]:
            raise click.UsageError("--column must be the name of a text column, or two different names")
        if len(self.columns) != 2 or any(len(parts) > 1 for parts in self.columns) or self.group_by:
            raise click.UsageError(
                f"{why}: pass one --column, or two for pairs of texts (--column question --column answer); for several "
                "columns of values, pass the vocabulary folder of columns"
            )
        return replace(self, reading={**self.reading, "column": [name for (name,) in self.columns]})

    def with_targets(self, targets: str) -> Corpus:
        """Return the corpus of texts and target texts, which are the column ``targets``.

        Raises:
            click.UsageError: If there is not one other column of texts, or rows are grouped.
        """
        if len(self.columns) != 1 or len(self.columns[0]) > 1 or self.group_by or self.columns[0][0] == targets:
            raise click.UsageError(
                "--targets requires one other column of texts, and no --group-by: for example --column en --targets de"
            )
        columns = (self.columns[0], (targets,))
        return replace(self, columns=columns, reading={**self.reading, "column": [self.columns[0][0], targets]})

    @property
    def default_profile(self) -> str:
        """The profile of a vocabulary that is fitted to the corpus unless an option names another."""
        from tokemb.vocabulary.profiles import EVENT_PROFILE

        return EVENT_PROFILE if self.group_by else "words"

    @contextmanager
    def open(self) -> Iterator[Iterator[pa.RecordBatch]]:
        """Yield the batches of ``tokemb.read_corpus``, or groups as rows of tokens. Show the progress on a terminal."""
        from tokemb import read_corpus

        if self.group_by:
            with self._grouped([*self.columns, *self._tag_columns]) as groups:
                yield iter([self._sequences(groups)])
            return
        with self._progress() as (settings, count):
            settings["as_text"] = self.as_text
            batches = read_corpus(self.files, keep=self.keep, tags=self.tags, **settings, **self.reading)
            yield count(self._count_rows(batches))

    @contextmanager
    def open_table(
        self, columns: Sequence[Sequence[str]], cells: Mapping[str, CellParser] | None = None
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """Yield the batches of a table of ``columns`` and those to keep. Groups are rows of lists.

        ``cells`` are the parsers of columns of lists and numbers.
        """
        if self.group_by:
            with self._grouped(columns) as groups:
                from tokemb.tables.tables import table_batches

                yield table_batches(groups)
            return
        from tokemb.sources.cells import cells_beside

        cells = cells_beside(cells, self.keep)
        with self._read_table(_flat(columns), self.keep, self._typed(self.keep), cells) as batches:
            yield batches

    def read(self) -> pa.Table:
        """Return all batches of ``open`` as a table."""
        import pyarrow as pa

        with self.open() as batches:
            return pa.Table.from_batches(list(batches))

    def read_table(self, columns: Sequence[Sequence[str]], cells: Mapping[str, CellParser] | None = None) -> pa.Table:
        """Return all batches of ``open_table`` as a table."""
        import pyarrow as pa

        with self.open_table(columns, cells) as batches:
            return pa.Table.from_batches(list(batches))

    @contextmanager
    def _grouped(self, columns: Sequence[Sequence[str]]) -> Iterator[pa.Table]:
        from tokemb import group_events

        lists = _flat(columns)
        if not lists:
            raise click.UsageError("--group-by requires a column of events: pass --column")
        for option, single in (("--group-by", self.group_by), ("--keep", self.keep)):
            if both := [name for name in lists if name in single]:
                raise click.UsageError(f"{option} must not name a column of events; received {both[0]}")
        others = [*self.group_by, *self.order_by, *self.keep]
        typed = [*self.order_by, *self._typed(name for name in self.keep if name not in self.group_by)]
        with self._read_table(lists, others, typed) as batches:
            yield group_events(batches, self.group_by, self.order_by, lists, first=self.keep)

    def _sequences(self, groups: pa.Table) -> pa.RecordBatch:
        """Return the events of groups as the column of texts, and the columns to keep."""
        import pyarrow as pa

        from tokemb.tables.events import token_rows

        events, *tags = (
            token_rows(groups, parts, self.reading["missing"]) for parts in (self.columns[0], *self._tag_columns)
        )
        kept = [groups[name].combine_chunks() for name in self.keep]
        names = ["events", *(name for [name] in self._tag_columns), *self.keep]
        return pa.RecordBatch.from_arrays([events, *tags, *kept], names=names)

    @property
    def _tag_columns(self) -> list[tuple[str]]:
        return [] if self.tags is None else [(self.tags,)]

    def _typed(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name not in self.as_text]

    @contextmanager
    def _read_table(
        self,
        encoded: Sequence[str],
        others: Sequence[str],
        typed: Sequence[str],
        cells: Mapping[str, CellParser] | None = None,
    ) -> Iterator[Iterator[pa.RecordBatch]]:
        """Yield the batches of a table of columns whose values are ``encoded``, and of others."""
        from tokemb.sources.corpus import read_table

        names = dict.fromkeys([*encoded, *others])
        reading = {name: value for name, value in self.reading.items() if name not in ("column", "missing")}
        with self._progress() as (settings, count):
            batches = read_table(self.files, names, typed=typed, cells=cells, exact=encoded, **settings, **reading)
            yield count(self._count_rows(batches))

    def _count_rows(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self._read["rows"] += len(batch)
            yield batch

    @contextmanager
    def _progress(
        self,
    ) -> Iterator[tuple[dict[str, Any], Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]]]:
        """Yield the arguments of the reader and the function over its batches that show the progress."""
        if self.quiet or sys.stderr is None or not sys.stderr.isatty():
            yield {}, iter
            return
        from tokemb_cli.progress import progress

        sizes = [source.size() for source in self._sources()]
        with progress(None if None in sizes else sum(filter(None, sizes))) as line:
            yield {"on_read": line.advance}, line.count_rows

    def check_distinct(self, *outputs: Path) -> None:
        """Raise ``click.UsageError`` if an output would replace one of the files."""
        files = [Path(file.path) for file in self._sources() if file.filesystem is None]
        for output in outputs:
            check_distinct(files, output)

    @property
    def is_large(self) -> bool:
        """Whether the local files are so large that kernels read them."""
        return sum(source.size() or 0 for source in self._sources() if source.filesystem is None) >= _LARGE

    def identity(self) -> dict[str, Any] | None:
        """Return the identity of the input as JSON, or ``None`` if it cannot be read a second time."""
        from tokemb.sources.listing import identify

        files = identify(self._sources())
        if files is None:
            return None
        groups = {"group_by": self.group_by, "order_by": self.order_by} if self.group_by else {}
        return {"files": files, **self.reading, **{name: list(names) for name, names in groups.items()}}

    def _sources(self) -> list[Source]:
        from tokemb.sources.listing import find_sources

        settings = {name: self.reading[name] for name in ("delimiter", "quoting")}
        return find_sources(self.files, self.reading["format"], **settings)


def check_distinct(files: Sequence[Path | None], output: Path) -> None:
    """Check that an output would not replace an input or a folder that contains an input.

    Args:
        files: The inputs. ``None`` stands for an option that was not given.
        output: The output.

    Raises:
        click.UsageError: If it would.
    """
    from tokemb.files.overlap import replaced_input

    file = replaced_input(filter(None, files), output)
    if file is not None:
        raise click.UsageError(f"the output is also an input: {file}")


def _flat(columns: Sequence[Sequence[str]]) -> list[str]:
    """Return the distinct columns of the files that ``columns`` consist of."""
    return list(dict.fromkeys(name for parts in columns for name in parts))
