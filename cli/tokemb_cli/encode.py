"""``tokemb encode``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tokemb_cli import options
from tokemb_cli.console import note

if TYPE_CHECKING:
    from tokemb.pipeline import EncodingReport


@click.command("encode")
@options.text_files()
@options.vocab
@options.output("FILE.npy", "Array to write: int32 (rows, maxlen).")
@options.maxlen
@options.padding
@options.truncating
@options.threads
def command(
    files: tuple[Path, ...],
    vocab: Path,
    output: Path,
    maxlen: int | None,
    padding: str | None,
    truncating: str | None,
    threads: int | None,
) -> None:
    """Turn text files, a row a line, into padded ids; - is standard input.

    An empty line is a row of padding.

    \b
    Example:
      tokemb encode reviews.txt --vocab reviews.vocab --maxlen 256 -o ids.npy
    """
    options.check_npy(output)
    from tokemb import Encoder
    from tokemb.pipeline import encode_to_npy

    encoder = Encoder.load(vocab)
    report = encode_to_npy(encoder, files, output, encoder.row_shape(maxlen, padding, truncating), threads)
    note_report(report)
    note(f"wrote      {output}: int32 ({report.rows}, {report.maxlen})")


def note_report(report: EncodingReport) -> None:
    """Say what became of the texts."""
    unknown = f"{report.unknown_share:.2%} of them out of vocabulary"
    note(f"encoded    {report.rows:,} rows, {report.tokens:,} tokens, {unknown}")
    note(f"truncated  {report.truncated:,} rows")
