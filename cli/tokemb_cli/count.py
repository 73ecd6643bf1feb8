"""``tokemb count``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tokemb._validation import PROFILES
from tokemb_cli import corpus, options, values
from tokemb_cli.console import note, quoted
from tokemb_cli.segmenter import check_segmenter, segmenter_options


@click.command("count", cls=corpus.FileCommand)
@corpus.files
@options.output("FILE.parquet", "File of counts to write: Parquet with one row per token.")
@click.option(
    "--profile",
    type=values.Choice(PROFILES),
    help="How texts are split into tokens; tokemb fit-vocab --help describes each profile.  [default: words, keras "
    "with --segmenter]",
)
@segmenter_options
@options.ngrams
@options.threads
@corpus.quiet
def command(
    output: Path,
    force: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    """Count the tokens of texts: files, folders, globs, URLs such as s3://..., or - for standard input.

    fit-vocab selects vocabularies of any size from the counts without reading the texts again, and adds the counts of
    several corpora.

    \b
    Examples:
      tokemb count reviews.txt -o reviews.counts.parquet
      tokemb fit-vocab reviews.counts.parquet -o reviews.vocab --max-size 30000
    """
    if output.suffix != ".parquet":
        raise click.BadParameter(f"must end in .parquet; received {output}", param_hint="--output")
    check_segmenter(settings)
    texts = corpus.Corpus.from_options(settings)
    counted = next((file for file in texts.files if options.is_counts(Path(file))), None)
    if counted is not None:
        raise click.UsageError(f"{counted} holds counts, not texts: pass it to tokemb fit-vocab")
    texts.check_distinct(output)
    from tokemb import TokenCounts
    from tokemb.counts.counts_file import check_target

    check_target(output, force)

    with texts.open() as batches:
        counts = TokenCounts.from_texts(batches, **settings)
    counts.save(output, force=force)
    if texts.quiet:
        return
    note(f"read       {counts.rows:,} rows, {counts.total:,} tokens, {len(counts.tokens):,} distinct")
    if counts.segmenter is not None:
        note(f"words      {counts.segmenter}, then the profile {counts.profile}")
    note(f"wrote      {output}")
    vocabulary = options.free_name(str(output.with_suffix("")).removesuffix(".counts"), ".vocab")
    note(f"next       tokemb fit-vocab {quoted(output)} -o {quoted(vocabulary)}")
