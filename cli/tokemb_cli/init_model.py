"""``tokemb init-model``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import VECTOR_FORMATS
from tokemb_cli import corpus, options, values
from tokemb_cli.console import note, quiet_tensorflow, quoted

if TYPE_CHECKING:
    from tokemb import Encoder
    from tokemb.models.pretrained import Pretrained

_DIM = 50

# Descriptions of the rows of tokens without a pre-trained vector.
_MADE = {
    "random": "random, distributed like the found vectors",
    "zeros": "zeros",
    "mean": "the mean of the found vectors",
}


@click.command("init-model")
@options.vocab
@options.output("FILE.keras", "Model to write.")
@click.option("--dim", type=values.Integer(), help="Embedding dimension.  [default: that of the vectors, or 50]")
@click.option(
    "--mask-zero/--no-mask-zero",
    default=None,
    help="Whether later layers skip padding.  [default: yes if padding is id 0]",
)
@click.option(
    "--vectors",
    metavar="FILE",
    help="Pre-trained vectors to start from: a GloVe, word2vec or fastText file or URL, which may be compressed.",
)
@click.option(
    "--format",
    type=values.Choice(VECTOR_FORMATS),
    help="Format of the vectors.  [default: detected from the content]",
)
@options.choice("--initializer", tuple(_MADE), "random", "How to initialize the rows of tokens without a vector.")
@click.option(
    "--ignore-case",
    is_flag=True,
    help='For a token without a vector, use that of the same token in another case, such as "The" for "the".',
)
@click.option("--lenient", is_flag=True, help="Use the complete rows of a file of vectors that is truncated.")
@click.option("--frozen", is_flag=True, help="Do not train the embedding.")
@options.seed("Random seed of the initial weights.")
def command(
    vocab: Path,
    output: Path,
    force: bool,
    dim: int | None,
    mask_zero: bool | None,
    vectors: str | None,
    initializer: str,
    frozen: bool,
    seed: int,
    **reading: Any,  # noqa: ANN401 - options of load_vectors
) -> None:
    """Make a Keras embedding model for the ids of a vocabulary: (batch, maxlen) to (batch, maxlen, dim).

    It is a plain Keras model: load it with keras.models.load_model, use it in a larger model, train it and save it.

    \b
    Examples:
      tokemb init-model --vocab reviews.vocab --dim 50 -o reviews.keras
      tokemb init-model --vocab reviews.vocab --vectors glove.6B.50d.txt -o reviews.keras
    """
    options.check_ending(output, ".keras")
    corpus.check_distinct([vocab, Path(vectors) if vectors and "://" not in vectors else None], output)
    import tokemb
    from tokemb.files.atomic import atomic_file
    from tokemb.models.keras_archive import model_kind, note_maker

    encoder = tokemb.Encoder.load(vocab)
    with atomic_file(output, model_kind("init-model"), force=force) as temporary:
        pretrained = None if vectors is None else _read(vectors, encoder, initializer, reading)
        dim = _DIM if dim is None and pretrained is None else dim
        with quiet_tensorflow():
            model = tokemb.embedding_model(
                encoder,
                dim,
                mask_zero=mask_zero,
                vectors=pretrained,
                initializer=initializer,
                trainable=not frozen,
                seed=seed,
            )
            model.save(temporary)
            note_maker(temporary, "init-model")
    note(f"wrote      {output}: input_dim {encoder.input_dim:,}, output_dim {model.output_shape[-1]}")
    vectors_file = options.free_name(output.stem, ".vectors.npy")
    note(f"next       tokemb embed IDS --model {quoted(output)} -o {quoted(vectors_file)}")


def _read(source: str, encoder: Encoder, initializer: str, reading: dict[str, Any]) -> Pretrained:
    """Read pre-trained vectors and report the coverage of the vocabulary."""
    from tokemb.models.pretrained import coverage, load_vectors

    pretrained = load_vectors(source, encoder.vocabulary, **reading)
    covered = coverage(encoder, pretrained.found)
    note(f"read       {pretrained}")
    note(f"found      {covered}")
    note(f"made       {covered.tokens - covered.tokens_found:,} rows without a vector: {_MADE[initializer]}")
    return pretrained
