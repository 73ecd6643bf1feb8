"""Commands that write one file, or a folder of files of so many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import options, values
from tokemb_cli.console import note_stopped

if TYPE_CHECKING:
    from tokemb.pipeline.output import Output
    from tokemb.pipeline.report import EncodingReport, TableReport

_ROWS = click.option(
    "--rows-per-shard", type=values.Integer(), metavar="N", help="Write a folder of files (shards) with N rows each."
)
_FORMAT = click.option(
    "--shard-format",
    type=values.Choice([suffix[1:] for suffix in options.OUTPUTS]),
    help="Format of the shards.  [default: npz]",
)


def sharding(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options for a folder."""
    return _ROWS(_FORMAT(command))


def check(output: Path, rows: int | None, suffix: str | None) -> None:
    """Wrong usage if ``output`` cannot be what the two options ask for."""
    if rows is None:
        if suffix is not None:
            raise click.UsageError("--shard-format is for a folder of files: pass --rows-per-shard")
        options.check_output(output, "; --rows-per-shard makes a folder")
    elif str(output) == "-":
        raise click.UsageError("--rows-per-shard makes a folder, which cannot go to standard output")


@contextmanager
def opened(
    path: Path, rows: int | None, suffix: str | None, inputs: Callable[[], dict[str, Any] | None], force: bool
) -> Iterator[Output]:
    """What to write to; ``inputs``: what tells the rows from others, as ``ShardFolder`` has it.
    ``force``: replace other shards.

    Who interrupts the writing of a folder is told how to go on.
    """
    if rows is None:
        yield options.target(path)
        return
    from tokemb.formats.shards import ShardFolder

    try:
        yield ShardFolder(path, inputs(), rows, f".{suffix or 'npz'}", force=force)
    except KeyboardInterrupt:
        raise note_stopped(f"the whole files in {path} stay; give the same command again to go on") from None


def written(output: Output, path: Path, dtype: str, report: EncodingReport | TableReport, what: str) -> list[str]:
    """Return the lines that the command prints at the end; ``what``: of the rows of this run."""
    from tokemb.formats.shards import ShardFolder

    if not isinstance(output, ShardFolder):
        specification = options.specification(path.suffix, report.layout)
        return [f"wrote {path}: {dtype} {report.shape}; {what}", *specification.splitlines()[1:]]
    total = sum(output.rows)
    before = f" ({total - report.rows:,} of them were there)" if total > report.rows else ""
    specification = options.specification(output.shard(0).suffix, report.layout)
    wrote = f"wrote {path}: {len(output.rows)} files, {total:,} rows{before}; {what}"
    return [wrote, *specification.splitlines()[1:]]
