"""``tokemb fit-vocab``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import corpus, options
from tokemb_cli.console import note

if TYPE_CHECKING:
    from tokemb import Encoder


@click.command("fit-vocab")
@corpus.files
@options.output("FOLDER", "Vocabulary folder to write; one that is there is replaced.")
@click.option(
    "--profile",
    type=click.Choice(options.PROFILES),
    help="How text is split.  [default: words; that of the counts]",
)
@click.option(
    "--model",
    default="word",
    show_default=True,
    type=click.Choice(["word", "bpe", "wordpiece", "unigram"]),
    help="What a token is: a word, or a learned piece of one.",
)
@click.option(
    "--max-size",
    type=int,
    help="Keep at most so many tokens, not counting reserved ones.  [default: all; 30000 subwords]",
)
@click.option("--min-count", type=int, default=1, show_default=True, help="Leave out words that occur less often.")
@click.option(
    "--reserve", multiple=True, metavar="TOKEN", help="Give this token an id of its own after [UNK]; repeatable."
)
@click.option(
    "--oov/--no-oov", default=True, help="Without: unknown words are dropped, words start at 1 (keras profile)."
)
@click.option("--maxlen", type=int, help="Length of rows that encode makes when not told.  [default: the longest row]")
@click.option(
    "--padding", type=click.Choice(["pre", "post"]), default="post", show_default=True, help="End that is padded."
)
@click.option(
    "--truncating", type=click.Choice(["pre", "post"]), default="post", show_default=True, help="End that is cut."
)
@options.threads
@corpus.quiet
def command(output: Path, **settings: Any) -> None:  # noqa: ANN401
    """Fit a vocabulary to texts: files, folders, patterns, addresses such as s3://..., or - for standard input.

    Files that tokemb count wrote are counts; several are added, and no text is read again.

    Id 0 is padding, id 1 out-of-vocabulary, then the tokens by count.

    \b
    Profiles:
      words               lower-case words of any script; Han, kana, Thai, Lao,
                          Khmer, Myanmar and emoji one character at a time
      keras               the legacy Keras Tokenizer
      text-vectorization  Keras' TextVectorization as it is by default
      whitespace          split at white space, nothing else: events
      chars               one character one token
      bert                BERT's normalizer and pre-tokenizer

    \b
    Examples:
      tokemb fit-vocab reviews.txt -o reviews.vocab --max-size 30000
      tokemb fit-vocab 2023.counts.parquet 2024.counts.parquet -o both.vocab
    """
    texts = corpus.Corpus.take(settings)
    of_counts = options.are_counts(texts.files)
    import tokemb

    if of_counts:
        encoder = tokemb.fit_vocab(options.added_counts(texts.files), **settings)
    else:
        with texts.open() as batches:
            encoder = tokemb.fit_vocab(batches, **settings)
    encoder.save(output)
    if not texts.quiet:
        _report(encoder, None if of_counts else texts, output)


def _report(encoder: Encoder, texts: corpus.Corpus | None, output: Path) -> None:
    statistics = encoder.corpus
    if statistics is None:
        return
    reserved = 1 + encoder.oov + len(encoder.settings["reserve"] if encoder.settings else ())
    quantiles = ", ".join(f"{share:.0%} {statistics.length_quantile(share):,}" for share in (0.5, 0.9, 0.95, 0.99))
    note(f"read       {statistics.rows:,} rows, {statistics.tokens:,} tokens, {statistics.distinct:,} distinct")
    note(f"kept       {encoder.input_dim - reserved:,} tokens, covering {statistics.coverage:.2%} of the text")
    note(
        f"input_dim  {encoder.input_dim:,} = the tokens + {reserved} reserved (0 is padding{', 1 [UNK]' * encoder.oov})"
    )
    unit = "words" if encoder.model != "word" else "tokens"
    note(f"rows       {unit} a row: {quantiles}, longest {statistics.length_quantile(1):,}")
    note(f"wrote      {output}")
    length = "" if encoder.maxlen else f" --maxlen {max(statistics.length_quantile(0.95), 1)}"
    note(f"next       tokemb encode {_shown(texts)} --vocab {shlex.quote(str(output))}{length} -o ids.npy")


def _shown(texts: corpus.Corpus | None) -> str:
    """The files, and how they were read, as a shell takes them."""
    if texts is None:
        return "FILE..."
    told = [text for name in ("column", "format") if (value := texts.reading[name]) for text in (f"--{name}", value)]
    return shlex.join([*texts.files, *told])
