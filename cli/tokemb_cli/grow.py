"""``tokemb grow``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import corpus, options, values
from tokemb_cli.console import note, quiet_tensorflow, quoted
from tokemb_cli.messages import for_running_command

if TYPE_CHECKING:
    from tokemb import Encoder

_SHOWN = 5


@click.command("grow", cls=corpus.FileCommand)
@corpus.files
@click.option("--vocab", required=True, type=values.FilePath(), metavar="FOLDER", help="Vocabulary folder to grow.")
@options.output("FOLDER", "Vocabulary folder to write; an existing vocabulary is replaced.")
@click.option("--max-new", type=values.Integer(), help="Maximum number of tokens to append.  [default: all]")
@options.min_count
@click.option(
    "--model",
    type=values.FilePath(),
    metavar="FILE.keras",
    help="Saved Keras model to grow together with the vocabulary.",
)
@click.option("--grown-model", type=values.FilePath(), metavar="FILE.keras", help="Grown model to write.")
@click.option(
    "--embedding",
    multiple=True,
    metavar="NAME",
    help="Embedding layer to grow, if the model has several. Repeat the option for more layers.",
)
@click.option("--no-compile", is_flag=True, help="Grow the model without its optimizer, loss and metrics.")
@options.seed("Random seed of the new embedding rows.")
@options.threads
@corpus.quiet
def command(
    vocab: Path,
    output: Path,
    force: bool,
    model: Path | None,
    grown_model: Path | None,
    embedding: tuple[str, ...],
    no_compile: bool,
    seed: int,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Append the new tokens of texts, or of counts, to a vocabulary. Texts are read as by fit-vocab.

    Existing ids are unchanged, and counts are added. In a model, existing embedding rows and all other weights are
    unchanged; new rows are sampled from a normal distribution fitted to the existing ones. If the vocabulary has OOV
    buckets, a new row is a copy of that of the word's bucket.

    \b
    Examples:
      tokemb grow new.txt --vocab reviews.vocab -o grown.vocab
      tokemb grow new.txt --vocab reviews.vocab -o grown.vocab --model reviews.keras --grown-model grown.keras
    """
    texts = corpus.Corpus.from_options(settings)
    is_counts = options.are_counts(texts.files)
    if (model is None) != (grown_model is None):
        raise click.UsageError("--model and --grown-model require each other: the model to read, and the file to write")
    if grown_model is None and (embedding or no_compile):
        raise click.UsageError("--embedding and --no-compile require --model")
    if grown_model is not None:
        options.check_ending(grown_model, ".keras", "--grown-model")
    texts.check_distinct(*filter(None, (output, grown_model)))
    from tokemb import Encoder

    _check_outputs(output, grown_model, force)
    old = Encoder.load(vocab)
    if is_counts:
        new = old.grow(options.added_counts(texts.files), **settings)
    else:
        with texts.open() as batches:
            new = old.grow(batches, **settings)
    if not texts.quiet:
        _report(old, new)
    if model is None or grown_model is None:
        new.save(output, force=force)
    else:
        _grow_model(model, grown_model, old, new, output, embedding or None, no_compile, seed, force)
    if texts.quiet:
        return
    note(f"wrote      {output}")
    if grown_model is not None:
        note(f"wrote      {grown_model}")
        note(f"next       tokemb check --vocab {quoted(output)} --model {quoted(grown_model)}")


def _check_outputs(output: Path, grown_model: Path | None, force: bool) -> None:
    """Raise ``OSError`` before any work if an output must not be replaced."""
    from tokemb.files.atomic import check_output
    from tokemb.models.keras_archive import model_kind
    from tokemb.vocabulary.folder import check_target

    check_target(output, force)
    if grown_model is not None:
        check_output(grown_model, model_kind("grow"), force=force)


def _report(old: Encoder, new: Encoder) -> None:
    from tokemb.vocabulary.escape_token import escape_token

    before, after = old.corpus, new.corpus  # None for an imported vocabulary
    added = new.vocabulary[old.input_dim :]
    names = ", ".join(map(escape_token, added[:_SHOWN])) + ", ..." * (len(added) > _SHOWN)
    if before and after:
        note(f"read       {after.rows - before.rows:,} rows, {after.tokens - before.tokens:,} tokens")
    note(f"added      {len(added):,} tokens{': ' * bool(added)}{names}")
    if before and after:
        tokens, unknown = after.tokens - before.tokens, after.oov - before.oov
        note(f"covering   {1 - unknown / tokens if tokens else 1:.2%} of the new text")
    note(f"input_dim  {new.input_dim:,}, before {old.input_dim:,}")


def _grow_model(
    model: Path,
    grown_model: Path,
    old: Encoder,
    new: Encoder,
    output: Path,
    embedding: tuple[str, ...] | None,
    no_compile: bool,
    seed: int,
    force: bool,
) -> None:
    """Write the grown model and the grown vocabulary, or neither."""
    from tokemb import grow_model
    from tokemb.files.atomic import atomic_file
    from tokemb.models.embedder import load_model
    from tokemb.models.keras_archive import model_kind, note_maker

    with atomic_file(grown_model, model_kind("grow"), force=force) as temporary:
        with quiet_tensorflow(), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            grown = grow_model(load_model(model) if no_compile else model, old, new, embedding=embedding, seed=seed)
            grown.save(temporary)
            note_maker(temporary, "grow")
            _check_loads(temporary, compiled=not no_compile)
        for warning in caught:
            if issubclass(warning.category, UserWarning):
                note(f"warning    {for_running_command(str(warning.message))}")
        new.save(output, force=force)


def _check_loads(path: Path, *, compiled: bool) -> None:
    """Raise ``ModelError`` if the written model cannot be loaded."""
    from tokemb.errors import ModelError
    from tokemb.models.embedder import load_model

    try:
        load_model(path, compiled=compiled)
    except ModelError as error:
        raise ModelError(f"the grown model cannot be loaded again, so nothing was written: {error}") from error
