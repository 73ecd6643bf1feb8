"""``tokemb export``."""

from __future__ import annotations

from pathlib import Path

import click

from tokemb._validation import SERVED_OUTPUTS
from tokemb_cli import corpus, options, values
from tokemb_cli.console import note, quiet_tensorflow


@click.command("export")
@click.option(
    "--vocab",
    type=values.FilePath(),
    metavar="FOLDER",
    help="Vocabulary folder; not needed if --model is the folder of a training.",
)
@click.option(
    "--model",
    type=values.FilePath(),
    metavar="FILE.keras|FOLDER",
    help="Saved Keras model that takes the ids, or the folder of train classify; not needed for --returns ids.",
)
@options.output("FOLDER", "SavedModel folder to write; missing parent folders are created.")
@click.option(
    "--returns",
    type=values.Choice(SERVED_OUTPUTS),
    help="Output of the SavedModel.  [default: predictions with --model, otherwise ids]",
)
@options.maxlen
@options.padding
@options.truncating
def command(
    vocab: Path | None,
    model: Path | None,
    output: Path,
    force: bool,
    returns: str | None,
    maxlen: int | None,
    padding: str | None,
    truncating: str | None,
) -> None:
    """Export a SavedModel that takes raw text, for TensorFlow Serving or tf.saved_model.load.

    Its signature has one input, texts: strings of shape (batch,). The SavedModel computes the same ids as encode, and
    does not need tokemb to run. Word vocabularies of tokemb can be exported. Subword vocabularies, other tokenizer.json
    files, segmenters, and start and end tokens are not supported.

    \b
    Values of --returns:
      ids           int32 (batch, maxlen)
      vectors       float32 (batch, maxlen, dim), from the Embedding of the model
      predictions   the output of the model

    --model can also be a folder that train classify wrote for one label per row. The outputs are then label, string
    (batch,), and classes and probabilities, (batch, classes). The vocabulary and the length of the rows are those of
    the training.

    \b
    Examples:
      tokemb export --model classifier -o serving/classifier/1
      tokemb export --vocab reviews.vocab --model reviews.keras --maxlen 256 -o serving/reviews/1
    """
    if returns in SERVED_OUTPUTS[1:] and model is None:
        raise click.UsageError(f"--returns {returns} requires --model")
    if returns == "ids" and model is not None:
        raise click.UsageError("--returns ids does not use a model: leave out --model")
    corpus.check_distinct([vocab, model], output)
    if vocab is None:
        _export_training(model, output, force, (returns, maxlen, padding, truncating))
        return
    from tokemb import Encoder

    encoder = Encoder.load(vocab)
    with quiet_tensorflow():
        from tokemb.models.saved_model import export_saved_model

        layer = export_saved_model(
            encoder,
            output,
            model=model,
            returns=returns,
            maxlen=maxlen,
            padding=padding,
            truncating=truncating,
            force=force,
        )
    length = "the longest text" if layer.maxlen is None else f"{layer.maxlen:,} ids"
    note(f"wrote      {output}: texts to {returns or ('predictions' if model else 'ids')}, rows of {length}")


def _export_training(model: Path | None, output: Path, force: bool, others: tuple[object, ...]) -> None:
    """Export the folder of a training. The other options must not be given, since the folder has their values."""
    if model is None or model.is_file():
        raise click.UsageError("a model without its training requires --vocab, the vocabulary of its ids")
    if any(value is not None for value in others):
        raise click.UsageError(
            "the folder of a training has its own length and output: leave out --returns, --maxlen, --padding and "
            "--truncating"
        )
    from tokemb.training.load import load_trained

    with quiet_tensorflow():
        trained = load_trained(model)
        trained.export(output, force=force)
    note(f"wrote      {output}: texts to labels and probabilities of {len(trained.folder.classes)} classes")
