"""``tokemb init-model``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb_cli import options
from tokemb_cli.console import note, quiet_tensorflow


@click.command("init-model")
@options.vocab
@options.output("FILE.keras", "Model to write.")
@click.option("--dim", type=int, default=50, show_default=True, help="Latent factors of each token.")
@click.option(
    "--mask-zero/--no-mask-zero", default=None, help="Have later layers skip padding.  [default: if padding is id 0]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random start.")
def command(vocab: Path, output: Path, dim: int, mask_zero: bool | None, seed: int) -> None:
    """Make a Keras model that looks up the ids of a vocabulary: (batch, maxlen) to (batch, maxlen, dim).

    It is a plain Keras model: open it with keras.models.load_model, put it into a larger one, train it, save it.

    \b
    Example:
      tokemb init-model --vocab reviews.vocab --dim 50 -o reviews.keras
    """
    if output.suffix != ".keras":
        raise click.BadParameter(f"must end in .keras; received {output}", param_hint="--output")
    import tokemb
    from tokemb.atomic import atomic_file

    encoder = tokemb.Encoder.load(vocab)
    with atomic_file(output) as temporary, quiet_tensorflow():
        tokemb.embedding_model(encoder, dim, mask_zero=mask_zero, seed=seed).save(temporary)
    note(f"wrote      {output}: input_dim {encoder.input_dim:,}, output_dim {dim}")
    note(f"next       tokemb embed ids.npy --model {output} -o vectors.npy")
