"""``tokemb export-vectors``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb_cli import corpus, options
from tokemb_cli.console import note, quiet_tensorflow

_ENDINGS = (".txt", ".vec", ".bin", ".npz")


@click.command("export-vectors")
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@options.vocab
@options.output("FILE", "File to write; its extension selects the format.")
def command(model: Path, vocab: Path, output: Path, force: bool) -> None:
    """Export the vectors of the tokens of a Keras model, in the order of their ids, without padding.

    \b
    Formats:
      .txt, .vec   word2vec text format, with all digits of the float32 values
      .bin         word2vec binary format
      .npz         an archive of tokens (rows,) and vectors (rows, dim), for NumPy

    \b
    Example:
      tokemb export-vectors reviews.keras --vocab reviews.vocab -o reviews.vec
    """
    if output.suffix not in _ENDINGS:
        raise click.BadParameter(f"must end in {', '.join(_ENDINGS)}; received {output}", param_hint="--output")
    corpus.check_distinct([model, vocab], output)
    from tokemb import Encoder
    from tokemb.models.export_vectors import export_vectors

    encoder = Encoder.load(vocab)
    with quiet_tensorflow():
        rows = export_vectors(model, encoder, output, force=force)
    note(f"wrote      {output}: {rows:,} rows")
