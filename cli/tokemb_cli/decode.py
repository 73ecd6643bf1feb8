"""``tokemb decode``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb_cli import options
from tokemb_cli.console import data, note


@click.command("decode")
@click.argument("ids", type=click.Path(path_type=Path))
@options.vocab
def command(ids: Path, vocab: Path) -> None:
    """Decode a file of ids (.npy, .npz, .parquet, .jsonl) to texts on standard output, one row per line.

    \b
    Example:
      tokemb decode ids.npy --vocab reviews.vocab
    """
    from tokemb import Encoder
    from tokemb.pipeline.decoding import decode_ids
    from tokemb.row_count import rows_line

    rows = 0
    for texts in decode_ids(Encoder.load(vocab), ids):
        data("\n".join(texts))
        rows += len(texts)
    note(rows_line(rows, rows))
