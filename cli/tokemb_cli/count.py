"""``tokemb count``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from tokemb_cli import options
from tokemb_cli.console import note


@click.command("count")
@options.text_files()
@options.output("FILE.parquet", "Counts to write: Parquet, a token a row.")
@click.option(
    "--profile",
    default="words",
    show_default=True,
    type=click.Choice(options.PROFILES),
    help="How text is split; tokemb fit-vocab --help tells about each.",
)
@options.threads
def command(files: tuple[Path, ...], output: Path, profile: str, threads: int | None) -> None:
    """Count the tokens of text files, a row a line; - is standard input.

    Vocabularies of any size are cut from the counts without reading the texts again, and counts of several texts are
    added.

    \b
    Examples:
      tokemb count reviews.txt -o reviews.counts.parquet
      tokemb fit-vocab reviews.counts.parquet -o reviews.vocab --max-size 30000
    """
    if not options.is_counts(output):
        raise click.BadParameter(f"must end in .parquet; received {output}", param_hint="--output")
    counted = next(filter(options.is_counts, files), None)
    if counted is not None:
        raise click.UsageError(f"{counted} is not text: tokemb fit-vocab takes counts, one file or several")
    from tokemb import TokenCounts

    counts = TokenCounts.from_texts(files, profile=profile, threads=threads)
    counts.save(output)
    note(f"read       {counts.rows:,} rows, {counts.total:,} tokens, {len(counts.tokens):,} distinct")
    note(f"wrote      {output}")
    vocabulary = output.with_name(f"{output.stem.removesuffix('.counts')}.vocab")
    note(f"next       tokemb fit-vocab {shlex.quote(str(output))} -o {shlex.quote(str(vocabulary))}")
