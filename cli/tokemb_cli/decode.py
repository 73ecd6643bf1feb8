"""``tokemb decode``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from tokemb_cli import options, values
from tokemb_cli.console import data, note

# Characters that end a line.
_BREAKS = ("\n", "\r")


@click.command("decode")
@click.argument("ids", type=values.FilePath())
@options.vocab
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help='Write JSON Lines, {"text": ...}, which can also hold texts with line breaks.',
)
def command(ids: Path, vocab: Path, as_json: bool) -> None:
    """Decode a file of ids (.npy, .npz, .parquet, .jsonl) to texts on standard output, one row per line.

    \b
    Examples:
      tokemb decode ids.npy --vocab reviews.vocab
      tokemb decode ids.npy --vocab reviews.vocab --json
    """
    from tokemb import Encoder
    from tokemb.pipeline.decode import decode_ids
    from tokemb.rows.row_count import rows_line

    rows = 0
    for texts in decode_ids(Encoder.load(vocab), ids):
        lines = list(map(_json_line, texts)) if as_json else texts
        _check_line_breaks(lines, ids, rows + 1)
        if lines:
            data("\n".join(lines))
        rows += len(lines)
    note(rows_line(rows, rows))


def _json_line(text: str) -> str:
    return json.dumps({"text": text}, ensure_ascii=False)


def _check_line_breaks(texts: Sequence[str], ids: Path, first: int) -> None:
    """Raise an error for a text that contains a line break. ``first`` is the number of the first row."""
    if any(mark in text for text in texts for mark in _BREAKS):
        row = first + next(index for index, text in enumerate(texts) if any(mark in text for mark in _BREAKS))
        raise click.ClickException(f"row {row} of {ids} decodes to a text with a line break: pass --json")
