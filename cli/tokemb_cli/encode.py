"""``tokemb encode``."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import OUTPUT_FORMATS, PAIR_TRUNCATIONS, PROFILES
from tokemb_cli import buckets, corpus, options, preload, shards, spark, values
from tokemb_cli.console import note, start_no_algebra_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tokemb import ColumnEncoder, Encoder
    from tokemb.keras.datasets.targets import TargetRows
    from tokemb.pipeline.encoded_stream import TagOptions


def _one_vocabulary(_context: click.Context, _option: click.Parameter, paths: tuple[Path, ...]) -> Path | None:
    """Return the only value of ``--vocab``. Without this check, click would ignore all values but the last one."""
    if len(paths) > 1:
        raise click.UsageError(
            "--vocab must be one vocabulary; for columns with a vocabulary each, pass a folder of columns, such as one "
            "from tokemb fit-vocab --text question,answer"
        )
    return paths[0] if paths else None


@click.command("encode", cls=corpus.FileCommand)
@click.option(
    "--vocab",
    type=values.FilePath(),
    multiple=True,
    callback=_one_vocabulary,
    metavar="FOLDER",
    help="Vocabulary folder, or any Hugging Face tokenizer.json. Required, unless --hash is given.",
)
@options.output(
    "FILE|FOLDER", "Ids to write: .npy, .npz, .parquet, .tfrecord, .array_record, .jsonl, a folder of shards, or -."
)
@options.maxlen
@options.padding
@options.truncating
@corpus.tables
@corpus.keep
@options.overlap
@click.option(
    "--pair-truncation",
    type=values.Choice(PAIR_TRUNCATIONS),
    help="Which text of a pair that is too long is truncated: the longer one, the first, the second, both in turn, or "
    "the second before the first.  [default: that of the vocabulary, else longest_first]",
)
@click.option(
    "--pack",
    is_flag=True,
    help="Fill each row of --maxlen ids with several texts. The output has the arrays ids, segment_ids (the number of "
    "the text in its row, 0 for padding) and positions.",
)
@corpus.tags
@click.option(
    "--classes",
    metavar="NAME,...",
    help="Tags in the order of their ids, from 0 on.  [default: the tags of the input, sorted; integers are their own "
    "ids]",
)
@click.option(
    "--targets",
    metavar="NAME",
    help="Column that holds the target texts of sequence-to-sequence training. The output has the arrays ids, "
    "decoder_ids (the targets from their start token on), next_ids (the next id at each position) and weights (0 for "
    "padding).",
)
@click.option(
    "--target-vocab",
    type=values.FilePath(),
    metavar="FOLDER",
    help="Vocabulary of the target texts, with a start and an end token.  [default: --vocab]",
)
@click.option(
    "--target-maxlen",
    type=values.Integer(),
    help="Length of the rows of target texts.  [default: that of their vocabulary, else the longest row]",
)
@buckets.hash_buckets
@buckets.salt
@click.option(
    "--profile", type=values.Choice(PROFILES), help="With --hash, how texts are split into tokens.  [default: words]"
)
@click.option(
    "--ngrams",
    type=values.Ngrams(),
    metavar="N",
    help="With --hash, also hash pairs of neighbouring words (2), of up to N words, or of the lengths in a list (1,3).",
)
@click.option("--ragged", is_flag=True, help="Do not pad: write rows of different lengths.")
@options.choice("--dtype", ["int32", "uint16", "int64"], "int32", "Integer type of the ids.")
@options.round_floats
@shards.shard_options
@options.threads
@spark.engine
@corpus.quiet
def command(
    vocab: Path | None,
    hash_buckets: int | None,
    salt: list[int] | None,
    profile: str | None,
    ngrams: int | tuple[int, ...] | None,
    output: Path,
    force: bool,
    maxlen: int | None,
    padding: str | None,
    truncating: str | None,
    overlap: int | None,
    pair_truncation: str | None,
    pack: bool,
    classes: str | None,
    targets: str | None,
    target_vocab: Path | None,
    target_maxlen: int | None,
    ragged: bool,
    dtype: str,
    rows_per_shard: int | None,
    shard_format: str | None,
    threads: int | None,
    round_floats: bool,
    **arguments: Any,  # noqa: ANN401
) -> None:
    """Encode texts as padded ids: files, folders, globs, URLs such as s3://..., or - for standard input.

    Text files have one row per line. Files that end in .csv, .tsv, .jsonl, .parquet or .arrow have columns. Files that
    end in .gz, .bz2, .zst or .xz are decompressed. An empty text becomes a row of padding.

    With --hash, no vocabulary is needed: the hash of a token is its id, as in the Keras layer Hashing.

    With a vocabulary of texts, two columns are encoded as pairs: --column question --column answer. The output has the
    columns ids, type_ids (which text an id belongs to) and attention_mask. The vocabulary defines the special tokens.

    If --vocab is a folder of columns, the output has one array per column, in any format but .npy. With --group-by, the
    rows of a group become one row; --keep copies values of the first row of each group.

    With --tags, the output has the arrays ids, tags and weights. At the first id of each token, tags holds the id of
    its tag, and weights holds 1. Both are 0 at other ids and at padding.

    With --targets, each row also has a target text, for sequence-to-sequence training. It is read from another column,
    and encoded with --target-vocab.

    With --pack, each row consists of several texts, which are placed by best fit, the longest first. The summary states
    the share of padding.

    With --rows-per-shard, repeating the command resumes a run that was stopped.

    With --engine spark, the cluster must be able to read the files, and the output is a folder of Parquet files.

    \b
    Examples:
      tokemb encode reviews.txt --vocab reviews.vocab --maxlen 256 -o ids.npy
      tokemb encode reviews.csv.gz --column text --keep label --vocab reviews.vocab -o ids.npz
      tokemb encode articles.txt --vocab articles.vocab --maxlen 256 --overlap 64 -o ids.npz
      tokemb encode reviews.txt --vocab reviews.vocab --maxlen 512 --pack -o packed.npz
      tokemb encode faq.csv --column question --column answer --vocab bert/tokenizer.json --maxlen 128 -o pairs.npz
      tokemb encode big.jsonl.zst --vocab big.vocab --maxlen 256 -o shards --rows-per-shard 100000
      tokemb encode train.conll --tags tags --vocab words.vocab --maxlen 64 -o tagged.npz
      tokemb encode pairs.csv --column en --vocab en.vocab --targets de --target-vocab de.vocab -o pairs.npz
      tokemb encode ratings.csv --vocab columns --keep rating -o arrays.npz
      tokemb encode reviews.txt --hash 10000 --maxlen 256 -o ids.npy
    """
    start_no_algebra_threads()
    hashing = {"salt": salt, "profile": profile, "ngrams": ngrams}
    _check_hash(vocab, hash_buckets, **hashing)
    if ragged and padding is not None:
        raise click.UsageError("--padding has no effect with --ragged: leave out one of them")
    shape = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "ragged": ragged}
    for_texts = {"overlap": overlap, "pair_truncation": pair_truncation, "pack": pack}
    of_targets: dict[str, Any] = {"targets": targets, "target_vocab": target_vocab, "target_maxlen": target_maxlen}
    writing: dict[str, Any] = {"dtype": dtype, "round_floats": round_floats}
    from tokemb.files.folders import is_columns_folder

    cluster = spark.Cluster.from_options(arguments)
    if cluster is not None:
        if vocab is None:
            raise click.UsageError("--engine spark does not support --hash: fit a folder with fit-vocab --hash first")
        local_only = {"threads": threads, "rows_per_shard": rows_per_shard, "shard_format": shard_format, **writing}
        tagging = {"tags": arguments.get("tags"), "classes": classes}
        texts = corpus.Corpus.from_options(arguments)
        if is_columns_folder(vocab):
            _check_none_for_columns(vocab, **{**for_texts, "pack": pack or None}, **of_targets, **tagging)
            cluster.encode_table(texts, vocab, output, {**shape, **local_only}, force)
        else:
            cluster.encode(texts, vocab, output, {**shape, **for_texts, **local_only, **tagging, **of_targets}, force)
        return
    shards.check(output, rows_per_shard, shard_format)
    texts = corpus.Corpus.from_options(arguments)
    texts.check_distinct(output)
    target = (output, rows_per_shard, shard_format)
    if texts.is_table if vocab is None else is_columns_folder(vocab):
        not_for_columns = {"profile": profile, "ngrams": ngrams, **for_texts, "pack": pack or None}
        _check_none_for_columns(vocab, **not_for_columns, **of_targets, tags=texts.tags, classes=classes)
        hashing = {} if hash_buckets is None else {"hash_buckets": hash_buckets, "salt": salt}
        _encode_table(texts, vocab, hashing, target, force=force, **shape, **writing)
        return
    if targets is not None:
        texts = texts.with_targets(targets)
    elif texts.is_table:
        texts = texts.as_pairs(f"{vocab} is a vocabulary of texts")
    encoder = _encoder_of_texts(texts, vocab, hash_buckets, hashing)
    of_tokens = {"tags": _tag_options(texts, classes), "targets": _target_rows(encoder, **of_targets)}
    row_options = {**shape, **for_texts, **of_tokens}
    _encode_texts(texts, encoder, row_options, target, threads=threads, force=force, **writing)


def _encoder_of_texts(
    texts: corpus.Corpus, vocab: Path | None, hash_buckets: int | None, hashing: dict[str, Any]
) -> Encoder:
    """Load the vocabulary, or make the encoder of ``--hash``. Load what large files need at the same time."""
    if texts.is_large:
        preload.llvm()
    from tokemb import Encoder

    if vocab is not None:
        encoder = Encoder.load(vocab)
    else:
        profile = hashing["profile"] or texts.default_profile
        encoder = Encoder.hashing(hash_buckets or 0, **{**hashing, "profile": profile})
    if texts.is_large:
        from tokemb.rows.threads import in_background

        in_background(encoder.prepare)  # while the first texts are read
    return encoder


def _encode_texts(
    texts: corpus.Corpus,
    encoder: Encoder,
    options_of_rows: dict[str, Any],
    target: shards.Target,
    *,
    threads: int | None,
    force: bool,
    dtype: str,
    round_floats: bool,
) -> None:
    from tokemb.pipeline.encode import encode_corpus
    from tokemb.pipeline.encoded_stream import RowOptions

    is_pair = len(texts.columns) == 2 and options_of_rows["targets"] is None
    row_options = RowOptions.of(encoder, texts.keep, pairs=is_pair, **options_of_rows)
    with shards.open_output(*target, texts.identity, force) as output, texts.open() as batches:
        report = encode_corpus(
            encoder, batches, output, row_options, dtype, threads, force=force, round_floats=round_floats
        )
    report.read = texts.rows_read
    if not texts.quiet:
        pairs = f"pairs of {texts.columns[0][0]} and {texts.columns[1][0]}; " if is_pair else ""
        note(*shards.report_lines(output, target[0], dtype, report, f"{pairs}{report}"))
        if row_options.tags is not None:
            classes = ",".join(row_options.tags.classes)
            note(f"tags have the ids 0, 1, ... in this order; for other files, pass --classes {classes}")


def _target_rows(
    encoder: Encoder, targets: str | None, target_vocab: Path | None, target_maxlen: int | None
) -> TargetRows | None:
    """Return how target texts become rows, with the vocabulary ``target_vocab``, or that of the texts."""
    if targets is None:
        for name, value in (("--target-vocab", target_vocab), ("--target-maxlen", target_maxlen)):
            if value is not None:
                raise click.UsageError(f"{name} requires --targets, the column of the target texts")
        return None
    from tokemb import Encoder
    from tokemb.keras.datasets.targets import TargetRows

    return TargetRows.of(encoder if target_vocab is None else Encoder.load(target_vocab), target_maxlen)


def _tag_options(texts: corpus.Corpus, classes: str | None) -> TagOptions | None:
    """Return the column and the ids of the tags. Unless ``classes`` tells their order, all tags are read first."""
    if texts.tags is None and classes is None:
        return None
    from tokemb.pipeline.files import tag_options

    if texts.tags is not None and classes is None and texts.identity() is None:
        raise click.UsageError("--tags requires --classes for an input that cannot be read twice, such as a pipe")
    first_pass = replace(texts, keep=(), _read=Counter())

    def read() -> Iterator[pa.RecordBatch]:
        with first_pass.open() as batches:
            yield from batches

    return tag_options(texts.tags, None if classes is None else classes.split(","), read)


def _check_hash(vocab: Path | None, hash_buckets: int | None, **hashing: object) -> None:
    """Raise ``click.UsageError`` unless there is either a vocabulary, or ``--hash``, which has further options."""
    if (vocab is None) == (hash_buckets is None):
        raise click.UsageError(
            "pass either --vocab, the vocabulary to encode with, or --hash, which needs none"
            + ("" if vocab is None else "; received both")
        )
    for name, value in hashing.items():
        if vocab is not None and value is not None:
            raise click.UsageError(f"--{name} is a property of the vocabulary: leave it out, or pass --hash")


def _check_none_for_columns(vocab: Path | None, **options_of_texts: object) -> None:
    """Raise ``click.UsageError`` if an option of texts is given for the columns of ``vocab``, or of ``--hash``."""
    rule = "is for texts, not for values of columns"
    if vocab is not None:
        rule = f"requires a vocabulary of texts; {vocab} is a folder of columns"
    for name, value in options_of_texts.items():
        if value is not None:
            raise click.UsageError(f"{buckets.option_name(name)} {rule}")


def _check_values(encoder: ColumnEncoder, vocab: Path | None) -> None:
    """Raise ``click.UsageError`` unless all columns hold values, of which groups are lists."""
    for column in encoder.columns:
        if column.kind in ("texts", "numbers") or column.in_cells:
            kind = "lists in cells" if column.kind == "lists" else column.kind
            raise click.UsageError(
                f"--group-by must be left out with {vocab}, whose column {column.name!r} holds {kind}: only values of "
                "categories can be grouped"
            )


def _encode_table(
    texts: corpus.Corpus,
    vocab: Path | None,
    hashing: dict[str, Any],
    target: shards.Target,
    *,
    force: bool,
    **settings: Any,  # noqa: ANN401
) -> None:
    path, rows_per_shard, _ = target
    if vocab is not None and texts.columns:
        raise click.UsageError(f"{vocab} determines the columns: leave out --column")
    if rows_per_shard is None and path.suffix == ".npy":
        raise click.BadParameter(
            f"must end in {', '.join(OUTPUT_FORMATS[1:])} for columns; received {path}", param_hint="--output"
        )
    from tokemb import ColumnEncoder
    from tokemb.pipeline.encode_table import encode_table

    fitted = None if vocab is None else ColumnEncoder.load(vocab)
    if fitted is not None and texts.group_by:
        _check_values(fitted, vocab)
    parts = texts.columns if fitted is None else [column.parts for column in fitted.columns]
    with (
        shards.open_output(*target, texts.identity, force) as output,
        texts.open_table(parts, None if fitted is None else fitted.cells) as batches,
    ):
        encoder = fitted
        if encoder is None:
            first = next(batches)  # which tells which columns hold lists
            encoder = ColumnEncoder.hashing(first, columns=parts, **hashing)
            batches = chain([first], batches)
        report = encode_table(encoder, batches, output, keep=texts.keep, force=force, **settings)
    report.read = texts.rows_read
    if not texts.quiet:
        note(*shards.report_lines(output, path, settings["dtype"], report, str(report)))
