"""``tokemb embed``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tokemb_cli import corpus, options
from tokemb_cli.console import note, quiet_tensorflow

# What holds ids.
_IDS = (".npy", ".npz", ".parquet", ".jsonl")


@click.command("embed")
@corpus.files
@click.option(
    "--model", required=True, type=click.Path(path_type=Path), metavar="FILE.keras", help="Saved Keras model."
)
@click.option(
    "--vocab",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Vocabulary of the texts; not needed for a file of ids.",
)
@options.output("FILE", "Vectors to write: .npy, .npz, .parquet, .tfrecord, .jsonl, or -.")
@click.option("--pooling", type=click.Choice(["mean", "sum", "max"]), help="One vector a row, over its real tokens.")
@options.maxlen
@options.padding
@options.truncating
@corpus.keep
@click.option(
    "--dtype", type=click.Choice(["float32", "float16"]), default="float32", show_default=True, help="Of the vectors."
)
@options.threads
@corpus.quiet
def command(
    model: Path,
    vocab: Path | None,
    output: Path,
    pooling: str | None,
    maxlen: int | None,
    padding: str | None,
    truncating: str | None,
    dtype: str,
    threads: int | None,
    **told: Any,  # noqa: ANN401
) -> None:
    """Turn one file of ids, or with --vocab texts, into vectors.

    Vectors are (rows, maxlen, dim), or (rows, dim) with --pooling. Ids are .npy, .npz, .parquet or .jsonl as encode
    writes them, and the columns beside them are kept; texts are read as encode reads them. Whole numbers that are
    tokens of texts are named with --column.

    \b
    Examples:
      tokemb embed ids.npy --model reviews.keras -o vectors.npy
      tokemb embed reviews.txt --vocab reviews.vocab --model reviews.keras --pooling mean -o means.npy
    """
    options.check_output(output)
    texts = corpus.Corpus.take(told)
    of_ids = vocab is None or _holds_ids(texts)
    if of_ids and (len(texts.files) > 1 or Path(texts.files[0]).suffix not in _IDS):
        raise click.UsageError(f"texts need --vocab; without it the input must be one file of ids: {', '.join(_IDS)}")
    if of_ids and (texts.keep or any(value is not None for value in (maxlen, padding, truncating))):
        raise click.UsageError("--maxlen, --padding, --truncating and --keep are for texts; ids are padded already")
    texts.check_apart(output)
    from tokemb import Encoder
    from tokemb.embedder import Embedder
    from tokemb.pipeline.embedding import embed_corpus, embed_ids
    from tokemb.pipeline.encoded_corpus import Form

    encoder = None if vocab is None else Encoder.load(vocab)
    with quiet_tensorflow():
        embedder = Embedder(model, encoder, threads=threads)
    target = options.target(output)
    if of_ids or encoder is None:
        report = embed_ids(embedder, Path(texts.files[0]), target, pooling, dtype)
        summary = f"{report.rows:,} rows"
    else:
        form = Form(encoder.row_shape(maxlen, padding, truncating), texts.keep)
        with texts.open() as batches:
            report = embed_corpus(embedder, encoder, batches, target, form, pooling, dtype, threads)
        summary = str(report)
    if not texts.quiet:
        note(f"wrote {output}: {dtype} {report.shape}; {summary}{options.specification(output.suffix, report.layout)}")


def _holds_ids(texts: corpus.Corpus) -> bool:
    """Whether what came with --vocab is one file of ids all the same; wrong usage if nobody can tell."""
    path = Path(texts.files[0])
    if len(texts.files) > 1 or path.suffix not in _IDS:
        return False
    if path.suffix in (".npy", ".npz"):
        return True
    if texts.reading["column"] is not None or texts.reading["format"] is not None or not path.is_file():
        return False
    from tokemb.reading_ids import find_ids

    source = find_ids(path)
    if source is not None and not source.fingerprint:
        raise click.UsageError(
            f"the whole numbers called ids in {path} could be ids or tokens: leave out --vocab if they are ids, "
            "pass --column ids if they are tokens"
        )
    return source is not None
