"""``tokemb embed``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import corpus, options, shards, values
from tokemb_cli.console import note, quiet_tensorflow

if TYPE_CHECKING:
    from tokemb import Encoder
    from tokemb.models.embedder import Embedder


@click.command("embed", cls=corpus.FileCommand)
@corpus.files
@click.option(
    "--model",
    required=True,
    type=values.FilePath(),
    metavar="FILE.keras",
    help="Saved Keras model to embed with.",
)
@click.option(
    "--vocab",
    type=values.FilePath(),
    metavar="FOLDER",
    help="Vocabulary to encode texts with; not needed for ids.",
)
@options.output(
    "FILE|FOLDER", "Vectors to write: .npy, .npz, .parquet, .tfrecord, .array_record, .jsonl, a folder of shards, or -."
)
@click.option(
    "--pooling",
    type=values.Choice(["mean", "sum", "max"]),
    help="Write one vector per row: the mean, sum or maximum over its tokens, without padding.",
)
@options.maxlen
@options.padding
@options.truncating
@options.overlap
@click.option(
    "--by",
    type=values.Choice(["row"]),
    help="With --overlap and --pooling, write one vector per text, pooled over the tokens of all its rows.",
)
@corpus.keep
@options.choice("--dtype", ["float32", "float16"], "float32", "Floating-point type of the vectors.")
@options.round_floats
@shards.shard_options
@options.threads
@corpus.quiet
def command(
    model: Path,
    vocab: Path | None,
    output: Path,
    by: str | None,
    rows_per_shard: int | None,
    shard_format: str | None,
    threads: int | None,
    **arguments: Any,  # noqa: ANN401
) -> None:
    """Embed ids or, with --vocab, texts with a Keras model.

    The vectors have the shape (rows, maxlen, dim), or (rows, dim) with --pooling. Ids are .npy, .npz, .parquet or
    .jsonl files as encode writes them, or folders of such files; their other columns are kept. Texts are read as by
    encode. With --vocab, --column selects the column of texts, and integers in this column are tokens, not ids.

    With --overlap, a long text becomes several rows. --by row pools the tokens of these rows to one vector per text.

    With --rows-per-shard, repeating the command resumes a run that was stopped.

    \b
    Examples:
      tokemb embed ids.npy --model reviews.keras -o vectors.npy
      tokemb embed reviews.txt --vocab reviews.vocab --model reviews.keras --pooling mean -o means.npy
      tokemb embed long.txt --vocab a.vocab --model a.keras --maxlen 256 --overlap 64 --pooling mean --by row -o a.npy
      tokemb embed shards --model reviews.keras --pooling mean -o vectors --rows-per-shard 100000
    """
    shards.check(output, rows_per_shard, shard_format)
    texts = corpus.Corpus.from_options(arguments)
    shape = {name: arguments.pop(name) for name in ("maxlen", "padding", "truncating", "overlap")}
    is_ids = vocab is None or _holds_ids(texts)
    if is_ids and not all(map(_can_hold_ids, texts.files)):
        from tokemb.formats.open_ids import SUFFIXES

        raise click.UsageError(
            f"texts require --vocab; without it the input must be ids: {', '.join(SUFFIXES)}, or a folder"
        )
    if is_ids and (texts.keep or any(value is not None for value in (*shape.values(), by))):
        raise click.UsageError(
            "--maxlen, --padding, --truncating, --overlap, --by and --keep are for texts; ids are padded already"
        )
    from tokemb import Encoder
    from tokemb.models.embedder import Embedder

    encoder = None if vocab is None else Encoder.load(vocab)
    with quiet_tensorflow():
        embedder = Embedder(model, encoder, threads=threads)
    target = (output, rows_per_shard, shard_format)
    if is_ids or encoder is None:
        _embed_ids(embedder, texts, target, arguments)
        return
    texts.check_distinct(output)
    _embed_texts(embedder, encoder, texts, shape, target, {"threads": threads, "by": by, **arguments})


def _embed_ids(embedder: Embedder, inputs: corpus.Corpus, target: shards.Target, arguments: Mapping[str, Any]) -> None:
    """Embed ids. ``arguments`` are those of ``embed_ids``."""
    from tokemb.formats import open_ids
    from tokemb.pipeline.embed import embed_ids
    from tokemb.sources.listing import identify_files

    path = target[0]
    source = open_ids(*map(Path, inputs.files))
    corpus.check_distinct(source.files, path)
    _check_outside(inputs.files, path)

    def identity() -> dict[str, Any]:
        return {"files": identify_files(source.files)}

    with shards.open_output(*target, identity, arguments["force"]) as output:
        report = embed_ids(embedder, source, output, **arguments)
    if not inputs.quiet:
        note(*shards.report_lines(output, path, arguments["dtype"], report, report.rows_line))


def _embed_texts(
    embedder: Embedder,
    encoder: Encoder,
    texts: corpus.Corpus,
    shape: dict[str, Any],
    target: shards.Target,
    arguments: Mapping[str, Any],
) -> None:
    """Embed texts. ``arguments`` are those of ``embed_corpus``."""
    from tokemb.pipeline.embed import embed_corpus
    from tokemb.pipeline.encoded_stream import RowOptions

    row_options = RowOptions.of(encoder, texts.keep, **shape)
    with shards.open_output(*target, texts.identity, arguments["force"]) as output, texts.open() as batches:
        report = embed_corpus(embedder, encoder, batches, output, row_options, **arguments)
    report.read = texts.rows_read
    if not texts.quiet:
        note(*shards.report_lines(output, target[0], arguments["dtype"], report, str(report)))


def _check_outside(inputs: Sequence[str], output: Path) -> None:
    """Raise ``click.UsageError`` if ``output`` would be in a folder of ids, which could not be read afterwards."""
    if str(output) == "-" or output.name.startswith(("_", ".")) or not output.parent.is_dir():
        return
    for folder in inputs:
        if Path(folder).is_dir() and output.parent.samefile(folder):
            raise click.UsageError(f"the output would be one of the files of ids in {folder}: name another folder")


def _can_hold_ids(file: str) -> bool:
    from tokemb.formats.open_ids import SUFFIXES

    return Path(file).suffix in SUFFIXES or Path(file).is_dir()


def _holds_ids(texts: corpus.Corpus) -> bool:
    """Return whether the input of a command with --vocab is ids and not texts.

    Raises:
        click.UsageError: If it can be both.
    """
    paths = [Path(file) for file in texts.files]
    if not all(map(_can_hold_ids, texts.files)):
        return False
    if all(path.suffix in (".npy", ".npz") for path in paths):
        return True
    if texts.reading["column"] is not None or texts.reading["format"] is not None:
        return False
    if not all(path.exists() for path in paths):
        return False
    from tokemb.formats import find_ids

    source = find_ids(*paths)
    if source is not None and not source.fingerprint:
        raise click.UsageError(
            f"the integers in the column ids of {paths[0]} can be ids or tokens: leave out --vocab if they are ids, "
            "pass --column ids if they are tokens"
        )
    return source is not None
