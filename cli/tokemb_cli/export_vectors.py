"""``tokemb export-vectors``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb_cli import corpus, options, values
from tokemb_cli.console import note, quiet_tensorflow

_ENDINGS = (".txt", ".vec", ".bin", ".npz")


@click.command("export-vectors")
@click.argument("model", metavar="MODEL", type=values.FilePath())
@options.optional_vocab
@options.column_of_folder
@options.names
@options.output("FILE", "File to write; its extension selects the format.")
def command(model: Path, vocab: Path | None, column: str | None, names: Path | None, output: Path, force: bool) -> None:
    """Export the vectors of the tokens of a Keras model, in the order of their ids, without padding.

    MODEL is a Keras model (with --vocab) or a folder that tokemb train wrote. For models of several columns, --column
    names the column whose values are the tokens. With --names, the names in this table replace the values.

    \b
    Formats:
      .txt, .vec   word2vec text format, with all digits of the float32 values
      .bin         word2vec binary format
      .npz         an archive of tokens (rows,) and vectors (rows, dim), for NumPy

    \b
    Examples:
      tokemb export-vectors reviews.keras --vocab reviews.vocab -o reviews.vec
      tokemb export-vectors stars --column movieId --names movies.csv -o movies.npz
    """
    if output.suffix not in _ENDINGS:
        raise click.BadParameter(f"must end in {', '.join(_ENDINGS)}; received {output}", param_hint="--output")
    corpus.check_distinct([model, vocab, names], output)
    if options.is_training(model):
        rows = _export_training(model, vocab, column, names, output, force)
    else:
        if column is not None or names is not None:
            raise click.UsageError(options.ABOUT_TRAINING)
        if vocab is None:
            raise click.UsageError("a Keras model requires --vocab, the vocabulary that it was made for")
        from tokemb import Encoder
        from tokemb.models.export_vectors import export_vectors

        encoder = Encoder.load(vocab)
        with quiet_tensorflow():
            rows = export_vectors(model, encoder, output, force=force)
    note(f"wrote      {output}: {rows:,} rows")


def _export_training(
    model: Path, vocab: Path | None, column: str | None, names: Path | None, output: Path, force: bool
) -> int:
    from tokemb.models.export_vectors import check_vectors_output, write_vectors

    check_vectors_output(output, force=force)
    vectors = options.token_vectors(model, vocab, column, names)
    ids = vectors.real.nonzero()[0]
    return write_vectors(output, [vectors.tokens[index] for index in ids], vectors.matrix[ids], force=force)
