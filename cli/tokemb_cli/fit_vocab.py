"""``tokemb fit-vocab``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import options
from tokemb_cli.console import note

if TYPE_CHECKING:
    from tokemb import Encoder


@click.command("fit-vocab")
@options.text_files()
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
def command(files: tuple[Path, ...], output: Path, **settings: Any) -> None:  # noqa: ANN401
    """Fit a vocabulary to text files, a row a line; - is standard input.

    Files that end in .parquet are counts that tokemb count wrote; several are added, and no text is read again.

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
    of_counts = options.is_counts(files[0])
    if any(options.is_counts(file) != of_counts for file in files):
        raise click.UsageError("texts and counts (.parquet) cannot be mixed: count the texts with tokemb count first")
    import tokemb

    if of_counts:
        counts = [tokemb.TokenCounts.load(file) for file in files]
        encoder = tokemb.fit_vocab(tokemb.TokenCounts.merge(counts, counts[0].profile), **settings)
    else:
        encoder = tokemb.fit_vocab(files, **settings)
    encoder.save(output)
    _report(encoder, () if of_counts else files, output)


def _report(encoder: Encoder, texts: tuple[Path, ...], output: Path) -> None:
    corpus = encoder.corpus
    if corpus is None:
        return
    reserved = 1 + encoder.oov + len(encoder.settings["reserve"] if encoder.settings else ())
    quantiles = ", ".join(f"{share:.0%} {corpus.length_quantile(share):,}" for share in (0.5, 0.9, 0.95, 0.99))
    note(f"read       {corpus.rows:,} rows, {corpus.tokens:,} tokens, {corpus.distinct:,} distinct")
    note(f"kept       {encoder.input_dim - reserved:,} tokens, covering {corpus.coverage:.2%} of the text")
    note(
        f"input_dim  {encoder.input_dim:,} = the tokens + {reserved} reserved (0 is padding{', 1 [UNK]' * encoder.oov})"
    )
    unit = "words" if encoder.model != "word" else "tokens"
    note(f"rows       {unit} a row: {quantiles}, longest {corpus.length_quantile(1):,}")
    note(f"wrote      {output}")
    length = "" if encoder.maxlen else f" --maxlen {max(corpus.length_quantile(0.95), 1)}"
    names = shlex.join(map(str, texts)) or "FILE..."
    note(f"next       tokemb encode {names} --vocab {shlex.quote(str(output))}{length} -o ids.npy")
