"""``tokemb embed``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb_cli import options
from tokemb_cli.console import note, quiet_tensorflow
from tokemb_cli.encode import note_report


@click.command("embed")
@options.text_files()
@click.option(
    "--model", required=True, type=click.Path(path_type=Path), metavar="FILE.keras", help="Saved Keras model."
)
@click.option(
    "--vocab",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Vocabulary of the texts; not needed for a .npy of ids.",
)
@options.output("FILE.npy", "Array to write: float32 (rows, maxlen, dim), or (rows, dim) with --pooling.")
@click.option("--pooling", type=click.Choice(["mean", "sum", "max"]), help="One vector a row, over its real tokens.")
@options.maxlen
@options.padding
@options.truncating
@options.threads
def command(
    files: tuple[Path, ...],
    model: Path,
    vocab: Path | None,
    output: Path,
    pooling: str | None,
    maxlen: int | None,
    padding: str | None,
    truncating: str | None,
    threads: int | None,
) -> None:
    """Turn one .npy array of ids, or text files with --vocab, into vectors.

    \b
    Examples:
      tokemb embed ids.npy --model reviews.keras -o vectors.npy
      tokemb embed reviews.txt --vocab reviews.vocab --model reviews.keras --pooling mean -o means.npy
    """
    options.check_npy(output)
    of_ids = len(files) == 1 and files[0].suffix == ".npy"
    if not of_ids and vocab is None:
        raise click.UsageError("texts need --vocab; without it the input must be one .npy array of ids")
    if of_ids and any(value is not None for value in (maxlen, padding, truncating)):
        raise click.UsageError("--maxlen, --padding and --truncating are for texts; ids are padded already")
    from tokemb import Encoder
    from tokemb.embedder import Embedder
    from tokemb.pipeline import embed_ids_to_npy, embed_texts_to_npy

    encoder = None if vocab is None else Encoder.load(vocab)
    with quiet_tensorflow():
        embedder = Embedder(model, encoder, threads=threads)
    if of_ids or encoder is None:
        rows = embed_ids_to_npy(embedder, files[0], output, pooling)
    else:
        shape = encoder.row_shape(maxlen, padding, truncating)
        report = embed_texts_to_npy(embedder, encoder, files, output, shape, pooling, threads)
        note_report(report)
        rows = report.rows
    note(f"wrote      {output}: the vectors of {rows:,} rows")
