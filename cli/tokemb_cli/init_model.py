"""``tokemb init-model``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import options
from tokemb_cli.console import note, quiet_tensorflow

if TYPE_CHECKING:
    from tokemb import Encoder
    from tokemb.vectors import Pretrained

_DIM = 50

# What is said of the rows that pre-trained vectors lack.
_MADE = {
    "random": "at random, as the found ones are spread",
    "zeros": "zeros",
    "mean": "the mean of the found ones",
}


@click.command("init-model")
@options.vocab
@options.output("FILE.keras", "Model to write.")
@click.option("--dim", type=int, help="Latent factors of each token.  [default: those of the vectors, or 50]")
@click.option(
    "--mask-zero/--no-mask-zero", default=None, help="Have later layers skip padding.  [default: if padding is id 0]"
)
@click.option(
    "--vectors",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Pre-trained vectors to start from: GloVe, word2vec or fastText, also compressed.",
)
@click.option(
    "--format",
    type=click.Choice(options.VECTOR_FORMATS),
    help="Of the vectors.  [default: what they look like]",
)
@click.option(
    "--missing",
    default="random",
    show_default=True,
    type=click.Choice(tuple(_MADE)),
    help="Rows of tokens without a vector.",
)
@click.option("--ignore-case", is_flag=True, help="Take The for the, where the vectors have no the.")
@click.option("--lenient", is_flag=True, help="Use the rows of a file of vectors that is cut.")
@click.option("--frozen", is_flag=True, help="Have training keep the vectors.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is random at the start.")
def command(
    vocab: Path,
    output: Path,
    dim: int | None,
    mask_zero: bool | None,
    vectors: Path | None,
    missing: str,
    frozen: bool,
    seed: int,
    **reading: Any,  # noqa: ANN401 - options of load_vectors
) -> None:
    """Make a Keras model that looks up the ids of a vocabulary: (batch, maxlen) to (batch, maxlen, dim).

    It is a plain Keras model: open it with keras.models.load_model, put it into a larger one, train it, save it.

    \b
    Examples:
      tokemb init-model --vocab reviews.vocab --dim 50 -o reviews.keras
      tokemb init-model --vocab reviews.vocab --vectors glove.6B.50d.txt -o reviews.keras
    """
    options.check_ending(output, ".keras")
    import tokemb
    from tokemb.atomic import atomic_file

    encoder = tokemb.Encoder.load(vocab)
    with atomic_file(output) as temporary:
        pretrained = None if vectors is None else _read(vectors, encoder, missing, reading)
        dim = _DIM if dim is None and pretrained is None else dim
        with quiet_tensorflow():
            model = tokemb.embedding_model(
                encoder, dim, mask_zero=mask_zero, vectors=pretrained, missing=missing, trainable=not frozen, seed=seed
            )
            model.save(temporary)
    note(f"wrote      {output}: input_dim {encoder.input_dim:,}, output_dim {model.output_shape[-1]}")
    note(f"next       tokemb embed ids.npy --model {output} -o vectors.npy")


def _read(path: Path, encoder: Encoder, missing: str, reading: dict[str, Any]) -> Pretrained:
    """Read pre-trained vectors, and say how much of the vocabulary has one."""
    from tokemb.vectors import coverage, load_vectors

    pretrained = load_vectors(path, encoder.vocabulary, **reading)
    covered = coverage(encoder, pretrained.found)
    note(f"read       {pretrained}")
    note(f"found      {covered}")
    note(f"made       {covered.tokens - covered.tokens_found:,} missing rows: {_MADE[missing]}")
    return pretrained
