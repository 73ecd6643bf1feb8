"""``tokemb encode``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb_cli import corpus, options
from tokemb_cli.console import note, quiet_tensorflow

if TYPE_CHECKING:
    from tokemb import Encoder
    from tokemb.pipeline.encoded_corpus import Form


@click.command("encode")
@corpus.files
@options.vocab
@options.output("FILE|FOLDER", "Ids to write: .npy, .npz, .parquet, .tfrecord, .jsonl, a folder of shards, or -.")
@options.maxlen
@options.padding
@options.truncating
@corpus.keep
@click.option("--ragged", is_flag=True, help="Do not pad: rows of different lengths.")
@click.option(
    "--dtype",
    type=click.Choice(["int32", "uint16", "int64"]),
    default="int32",
    show_default=True,
    help="Of the ids.",
)
@click.option("--rows-per-shard", type=int, metavar="N", help="Write a folder of files of so many rows.")
@click.option(
    "--shard-format",
    type=click.Choice(["npy", "npz", "parquet", "tfrecord", "jsonl"]),
    default="npz",
    show_default=True,
    help="Of the files in the folder.",
)
@options.threads
@corpus.quiet
def command(
    files: tuple[str, ...],
    vocab: Path,
    output: Path,
    maxlen: int | None,
    padding: str | None,
    truncating: str | None,
    keep: tuple[str, ...],
    ragged: bool,
    dtype: str,
    rows_per_shard: int | None,
    shard_format: str,
    threads: int | None,
    quiet: bool,
    **reading: Any,  # noqa: ANN401
) -> None:
    """Turn texts into padded ids: files, folders, patterns, addresses such as s3://..., or - for standard input.

    Text files have a row a line; .csv, .tsv, .jsonl, .parquet and .arrow have columns; .gz, .bz2, .zst and .xz are
    decompressed. An empty text is a row of padding.

    With --rows-per-shard, a run that was stopped goes on when the same command is given again.

    \b
    Examples:
      tokemb encode reviews.txt --vocab reviews.vocab --maxlen 256 -o ids.npy
      tokemb encode reviews.csv.gz --column text --keep label --vocab reviews.vocab -o ids.npz
      tokemb encode big.jsonl.zst --vocab v --maxlen 256 -o shards --rows-per-shard 100000
    """
    if ragged and padding is not None:
        raise click.UsageError("--padding is for rows that are padded, not for --ragged")
    if rows_per_shard is None:
        options.check_output(output)
    elif str(output) == "-":
        raise click.UsageError("shards go to a folder, not to standard output")
    from tokemb import Encoder
    from tokemb.pipeline.encoded_corpus import Form

    encoder = Encoder.load(vocab)
    form = Form(encoder.row_shape(maxlen, padding, truncating), corpus.kept(keep), ragged)
    if rows_per_shard is None:
        summary = _to_file(encoder, files, output, form, dtype, threads, quiet, reading)
    else:
        summary = _to_shards(encoder, files, output, form, rows_per_shard, shard_format, dtype, threads, quiet, reading)
    if not quiet:
        note(summary)


def _to_file(
    encoder: Encoder,
    files: tuple[str, ...],
    output: Path,
    form: Form,
    dtype: str,
    threads: int | None,
    quiet: bool,
    reading: dict[str, Any],
) -> str:
    from tokemb.pipeline.encoding import encode_corpus

    target = sys.stdout.buffer if str(output) == "-" else output
    if output.suffix == ".tfrecord":
        with quiet_tensorflow():
            import tensorflow  # noqa: F401 - the writer's
    with corpus.open_corpus(files, quiet=quiet, keep=form.keep, **reading) as batches:
        report = encode_corpus(encoder, batches, target, form, dtype, threads)
    width = "ragged" if report.maxlen is None else f"({report.rows}, {report.maxlen})"
    summary = f"wrote {output}: {dtype} {width}; {report}"
    if output.suffix == ".tfrecord":
        from tokemb.writing.tfrecord import feature_spec

        if report.layout is not None:
            summary += f"\n{feature_spec(report.layout)}"
    return summary


def _to_shards(
    encoder: Encoder,
    files: tuple[str, ...],
    folder: Path,
    form: Form,
    rows: int,
    shard_format: str,
    dtype: str,
    threads: int | None,
    quiet: bool,
    reading: dict[str, Any],
) -> str:
    from tokemb.pipeline.shards import Sharding, encode_to_shards
    from tokemb.reading.files import find_sources

    sharding = Sharding(rows, f".{shard_format}")
    inputs = [[source.name, source.size()] for source in find_sources(files, reading["format"])]
    try:
        with corpus.open_corpus(files, quiet=quiet, keep=form.keep, **reading) as batches:
            report, manifest = encode_to_shards(
                encoder, batches, {"files": inputs, **reading}, folder, form, sharding, dtype, threads
            )
    except KeyboardInterrupt:
        note(f"interrupted: the whole shards in {folder} stay; give the same command again to go on")
        click.get_current_context().exit(128 + signal.SIGINT)
    there = sum(manifest.rows) - report.rows
    before = f" ({there:,} of them were there)" if there else ""
    return f"wrote {folder}: {len(manifest.rows)} files, {sum(manifest.rows):,} rows{before}; {report}"
