"""Corpora that commands read: the options that say how, and how far a command has come."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pyarrow as pa

    from tokemb.reading.files import Source

FORMATS = ("text", "csv", "tsv", "jsonl", "parquet", "arrow")

_OPTIONS = (
    click.option("--column", metavar="NAME", help="Column with the texts.  [default: the only one, or text]"),
    click.option("--format", type=click.Choice(FORMATS), help="Format of the files.  [default: by their names]"),
    click.option(
        "--missing",
        type=click.Choice(["error", "empty"]),
        default="error",
        show_default=True,
        help="What a missing text is.",
    ),
    click.option(
        "--errors",
        type=click.Choice(["strict", "replace"]),
        default="strict",
        show_default=True,
        help="Bytes that are not UTF-8 are an error, or become U+FFFD.",
    ),
    click.option("--header/--no-header", default=True, help="Without: CSV files do not name their columns: 0, 1, ..."),
)

keep = click.option(
    "--keep", multiple=True, metavar="NAME,...", help="Columns to write beside the rows, labels for instance."
)
quiet = click.option("--quiet", is_flag=True, help="Show no progress and no summary.")


def files(command: Callable[..., Any]) -> Callable[..., Any]:
    """One or more files of texts, and how they are read."""
    command = reduce(lambda decorated, option: option(decorated), reversed(_OPTIONS), command)
    return click.argument("files", metavar="FILE...", nargs=-1, required=True)(command)


def kept(names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that ``--keep`` names, each once."""
    return tuple(dict.fromkeys(name for part in names for name in part.split(",") if name))


@dataclass(frozen=True)
class Corpus:
    """Files of texts, and how a command was told to read them.

    ``reading``: the options that say how, by their names in ``tokemb.read_corpus``. ``keep``: the columns beside them.
    """

    files: tuple[str, ...]
    reading: dict[str, Any]
    keep: tuple[str, ...] = ()
    quiet: bool = False

    @classmethod
    def take(cls, options: dict[str, Any]) -> Corpus:
        """What the options of ``files`` and ``quiet``, and ``keep`` if there is one, say; they go from ``options``."""
        reading = {name: options.pop(name) for name in ("column", "format", "missing", "errors", "header")}
        return cls(options.pop("files"), reading, kept(options.pop("keep", ())), options.pop("quiet"))

    @contextmanager
    def open(self) -> Iterator[Iterator[pa.RecordBatch]]:
        """Read it as ``tokemb.read_corpus`` does; on a terminal, and unless ``quiet``, show how far that is."""
        from tokemb import read_corpus

        if self.quiet or sys.stderr is None or not sys.stderr.isatty():
            yield read_corpus(self.files, keep=self.keep, **self.reading)
            return
        from tokemb_cli.progress import progress

        sizes = [source.size() for source in self._sources()]
        with progress(None if None in sizes else sum(filter(None, sizes))) as shown:
            yield shown.counted(read_corpus(self.files, keep=self.keep, on_read=shown.advance, **self.reading))

    def check_apart(self, output: Path) -> None:
        """Wrong usage if ``output`` is one of the files, which it would replace."""
        for file in self._sources():
            if file.filesystem is None and output.is_file() and os.path.isfile(file.path):
                if os.path.samefile(file.path, output):
                    raise click.UsageError(f"the output is also read: {file.name}")

    def identity(self) -> dict[str, Any] | None:
        """What tells it from others, as JSON has it; ``None`` if it cannot be read a second time."""
        files = [[source.name, source.size(), source.modified()] for source in self._sources()]
        return None if any(size is None for _, size, _ in files) else {"files": files, **self.reading}

    def _sources(self) -> list[Source]:
        from tokemb.reading.files import find_sources

        return find_sources(self.files, self.reading["format"])
