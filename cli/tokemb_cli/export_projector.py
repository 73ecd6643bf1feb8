"""``tokemb export-projector``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb_cli import corpus, options
from tokemb_cli.console import note


@click.command("export-projector")
@options.model_or_vectors
@options.optional_vocab
@options.output("FOLDER", "Folder to write the vectors and metadata to.")
def command(model: Path, vocab: Path | None, output: Path, force: bool) -> None:
    """Export the vectors of all tokens for the embedding projector of TensorBoard.

    View the output with tensorboard --logdir FOLDER.

    MODEL and --vocab are those of tokemb neighbors. The files vectors.tsv and metadata.tsv, with tokens, ids and
    counts, can also be loaded into https://projector.tensorflow.org.

    \b
    Example:
      tokemb export-projector reviews.keras --vocab reviews.vocab -o projector
    """
    corpus.check_distinct([model, vocab], output)
    from tokemb.analysis import export_projector

    rows = export_projector(options.token_vectors(model, vocab), None, output, force=force)
    note(f"wrote      {output}: {rows:,} rows")
    note(f"next       tensorboard --logdir {output}")
