"""Corpora that commands read: the options that say how, and how far a command has come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pyarrow as pa

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

# What the options above are called.
READING = ("column", "format", "missing", "errors", "header")

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


@contextmanager
def open_corpus(
    files: tuple[str, ...],
    *,
    quiet: bool,
    keep: tuple[str, ...] = (),
    **reading: Any,  # noqa: ANN401
) -> Iterator[Iterator[pa.RecordBatch]]:
    """Read files as ``tokemb.read_corpus`` does; on a terminal, and unless ``quiet``, show how far that is."""
    from tokemb import read_corpus

    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield read_corpus(files, keep=keep, **reading)
        return
    from tokemb.reading.files import find_sources
    from tokemb_cli.progress import progress

    sizes = [source.size() for source in find_sources(files, reading["format"])]
    with progress(None if None in sizes else sum(filter(None, sizes))) as shown:
        yield shown.counted(read_corpus(files, keep=keep, on_read=shown.advance, **reading))
