"""``tokemb fit-vocab``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tokemb._validation import ALGORITHMS, PROFILES, UNIGRAMS
from tokemb_cli import buckets, corpus, inputs, options, spark, values
from tokemb_cli.buckets import option_name
from tokemb_cli.console import escaped, note, quoted, start_no_algebra_threads
from tokemb_cli.row_sample import RowSample
from tokemb_cli.segmenter import check_segmenter, segmenter_options
from tokemb_cli.word_limits import UNUSED, word_limits

if TYPE_CHECKING:
    from tokemb import ColumnEncoder, Encoder
    from tokemb.tables import Column


@click.command("fit-vocab", cls=corpus.FileCommand)
@options.output("FOLDER", "Folder to write; an existing vocabulary of the same kind is replaced.")
@corpus.tables
@inputs.columns
@click.option("--shared", multiple=True, metavar="NAME,NAME", help="Columns of a table that share one vocabulary.")
@click.option(
    "--max-size",
    type=values.Integer(),
    help="Maximum number of tokens, not counting reserved ones.  [default: all words; 30000 subwords]",
)
@options.min_count
@click.option(
    "--profile",
    type=values.Choice(PROFILES),
    help="How texts are split into tokens; see Profiles.  [default: words, keras with --segmenter, or that of the "
    "counts]",
)
@options.choice(
    "--algorithm",
    ALGORITHMS,
    "word",
    "Algorithm that makes the tokens: word keeps whole words, the others learn subwords.",
)
@options.ngrams
@word_limits
@segmenter_options
@click.option(
    "--reserve",
    multiple=True,
    metavar="TOKEN",
    help="Give this token an id of its own after [UNK]. Repeat the option for more tokens.",
)
@click.option(
    "--start", metavar="TOKEN", help="Begin every row with this token, for example [BOS]. Truncation keeps it."
)
@click.option("--end", metavar="TOKEN", help="End every row with this token, for example [EOS]. Truncation keeps it.")
@click.option(
    "--oov/--no-oov",
    default=True,
    help="Whether words that are out of vocabulary get the id of [UNK]. With --no-oov, they are dropped and ids start "
    "at 1 (keras profile only).  [default: oov]",
)
@buckets.fit_options
@options.saved_shape("post")
@options.threads
@spark.engine
@corpus.quiet
def command(output: Path, force: bool, **settings: Any) -> None:  # noqa: ANN401
    """Fit a vocabulary to texts: files, folders, globs, URLs such as s3://..., or - for standard input.

    The input can also be counts that tokemb count wrote. Several files of counts are added up, and no text is read.

    Id 0 is padding and id 1 is out of vocabulary. The tokens follow in order of descending count.

    With several --column options, or with --column NAME,NAME and no --group-by, the output is a folder of columns. It
    contains one vocabulary per column, whose tokens are whole values. Id 2 is a missing value.

    --text, --category, --multi and --number write a folder of columns too. It encodes texts beside categories, lists
    and numbers, as inputs of one model.

    --oov-buckets N gives the ids from 1 to N to words that are out of vocabulary. --hash N gives ids below N to all
    words. The texts are then only counted, to show how often words share an id.

    --group-by makes one row of all events with the same value, for example of the same user, sorted by --order-by.

    With --engine spark, the cluster must be able to read the files. The vocabulary is the same as on one machine,
    byte for byte.

    \b
    Profiles:
      words               lowercase words of any script; Han, kana, Thai, Lao,
                          Khmer, Myanmar and emoji are split into characters
      words-and-punctuation  as words, and punctuation marks and symbols are
                          tokens of one character
      keras               the legacy Keras Tokenizer
      text-vectorization  the defaults of the Keras layer TextVectorization
      whitespace          split at white space only: for events
      chars               one token per character
      bert                the normalizer and pre-tokenizer of BERT

    \b
    Examples:
      tokemb fit-vocab reviews.txt -o reviews.vocab --max-size 30000
      tokemb fit-vocab reviews.csv --column review --segmenter jieba -o reviews.vocab
      tokemb fit-vocab reviews.txt -o pairs.vocab --ngrams 2 --max-size 100000
      tokemb fit-vocab 2023.counts.parquet 2024.counts.parquet -o both.vocab
      tokemb fit-vocab ratings.csv --column user --column item -o columns
      tokemb fit-vocab books.csv --text title,blurb --category shop --multi genres="|" --number price -o books
      tokemb fit-vocab u.data --format tsv --no-header --column 1 --group-by 0 --order-by 3 -o items.vocab
    """
    start_no_algebra_threads()
    cluster = spark.Cluster.from_options(settings)
    check_segmenter(settings)
    texts = corpus.Corpus.from_options(settings)
    columns = inputs.Inputs.from_options(settings, texts)
    shared = [corpus.column_names((names,)) for names in settings.pop("shared")]
    if cluster is None:
        texts.check_distinct(output)
    if columns is not None or texts.is_table:
        _fit_table(texts, columns, shared, output, settings, force, cluster)
        return
    if shared:
        raise click.UsageError("--shared requires several --column")
    is_counts = options.are_counts(texts.files)
    sample = RowSample() if settings["algorithm"] != "word" and not texts.quiet else None
    import tokemb
    from tokemb.vocabulary.folder import check_target

    check_target(output, force)

    if cluster is not None:
        encoder = cluster.fit_vocab(texts, is_counts, settings)
    elif is_counts:
        encoder = tokemb.fit_vocab(options.added_counts(texts.files), **settings)
    else:
        with texts.open() as batches:
            if settings["segmenter"] is None:
                settings["profile"] = settings["profile"] or texts.default_profile
            encoder = tokemb.fit_vocab(sample.tee(batches) if sample else batches, **settings)
    encoder.save(output, force=force)
    if not texts.quiet:
        _report(encoder, None if is_counts else texts, output, sample)


def _fit_table(
    texts: corpus.Corpus,
    columns: inputs.Inputs | None,
    shared: list[tuple[str, ...]],
    output: Path,
    settings: dict[str, Any],
    force: bool,
    cluster: spark.Cluster | None,
) -> None:
    if cluster is not None:
        cluster.check_table(texts, settings)
    _check_table_options(columns, settings)
    from tokemb import ColumnEncoder
    from tokemb.tables.folder import check_target

    check_target(output, force)
    selected = {"columns": texts.columns} if columns is None else columns.arguments
    parts = texts.columns if columns is None else [(name,) for name in columns.selection.parts or ()]
    if cluster is not None:
        names = list(dict.fromkeys(name for each in parts for name in each))
        encoder = cluster.fit_columns(texts, names, {**selected, "shared": shared, **settings})
    else:
        with texts.open_table(parts, None if columns is None else columns.selection.cells) as batches:
            encoder = ColumnEncoder.fit(batches, **selected, shared=shared, **settings)
    encoder.save(output, force=force)
    if texts.quiet:
        return
    note(f"read       {encoder.rows:,} rows")
    for column in encoder.columns:
        note(f"{column.name:<10} {_describe_column(encoder, column)}")
        if column.numbers is None:
            buckets.report(encoder.vocabularies[column.name])
    of_values = " (not in texts)" if columns is not None and columns.texts else ""
    if not any(vocabulary.buckets for vocabulary in encoder.encoders):
        note(f"ids        0 is padding, 1 [UNK], 2 missing{of_values}, then the values by count")
    else:
        note("ids        0 is padding, then the buckets, missing, and the values by count")
    note(f"wrote      {output}")
    command = f"tokemb encode {command_line(texts, columns=False)} --vocab {quoted(output)}"
    note(f"next       {command} -o {_suggest_output(texts, output, '.ids.npz')}")


def _check_table_options(columns: inputs.Inputs | None, settings: dict[str, Any]) -> None:
    """Raise ``click.UsageError`` for options that have no effect on columns, and remove them from ``settings``."""
    of_texts = {"profile": None, "algorithm": "word", "ngrams": None}
    unused = {"reserve": (), "oov": True, "start": None, "end": None, "segmenter": None, "user_dictionary": None}
    for name, value in {**of_texts, **unused, **UNUSED}.items():
        if settings[name] != value and not (name in of_texts and columns is not None and columns.texts):
            option = "--no-oov" if name == "oov" else option_name(name)
            reason = "values of columns are not split"
            if columns is not None and columns.texts:
                reason = "a folder of columns does not support it"
            raise click.UsageError(f"{option} is for vocabularies of texts; {reason}")
    for name in (*unused, *UNUSED, "threads"):
        settings.pop(name)
    settings["profile"] = settings["profile"] or "words"


def _describe_column(encoder: ColumnEncoder, column: Column) -> str:
    """Describe the sizes of a column, or the statistics of its numbers."""
    if column.numbers is not None:
        missing = f", {column.numbers.missing:,} missing (replaced by the mean)" if column.numbers.missing else ""
        return f"numbers, mean {column.numbers.mean:.6g}, standard deviation {column.numbers.deviation:.6g}{missing}"
    size = f"input_dim {encoder.input_dims[column.name]:,}"
    if column.kind == "texts":
        return f"texts, {size}"
    return f"{size}, suggested dim {encoder.suggested_dims[column.name]}"


def _report(encoder: Encoder, texts: corpus.Corpus | None, output: Path, sample: RowSample | None) -> None:
    statistics = encoder.corpus
    if statistics is None:
        return
    from tokemb.rows.corpus_statistics import length_quantile

    oov_ids, is_hashed = encoder.oov_ids, encoder.is_hashed
    reserved = 1 + len(oov_ids) + len(encoder.settings["reserve"] if encoder.settings else ())
    rows = f"{statistics.rows:,} rows"
    if texts is not None and texts.group_by:
        rows = f"{texts.rows_read:,} rows in {statistics.rows:,} groups"
    note(f"read       {rows}, {statistics.tokens:,} tokens, {statistics.distinct:,} distinct")
    if encoder.segmenter is not None:
        note(f"words      {encoder.segmenter}, then the profile {encoder.profile}")
    if encoder.ngrams != UNIGRAMS:
        note(f"n-grams    tokens of {' and '.join(map(str, encoder.ngrams))} words")
    if is_hashed:
        note("hashed     all tokens; the vocabulary contains none")
    else:
        note(f"kept       {encoder.input_dim - reserved:,} tokens, covering {statistics.coverage:.2%} of the text")
    buckets.report(encoder)
    oov_range = "1" if len(oov_ids) == 1 else f"1 to {oov_ids.stop - 1}"
    names = f"0 is padding{f', {oov_range} [UNK]' * encoder.oov}"
    parts = "" if is_hashed else f" = the tokens + {reserved} reserved"
    note(f"input_dim  {encoder.input_dim:,}{parts} ({names})")
    if encoder.start_id is not None or encoder.end_id is not None:
        note(f"each row   {_around(encoder)}")
    lengths = _id_lengths(encoder, sample)
    _report_lengths(statistics.row_lengths if lengths is None else lengths, encoder, sample)
    note(f"wrote      {output}")
    around = (encoder.start_id is not None) + (encoder.end_id is not None)
    suggested = max(length_quantile(lengths, 0.95), 1) + around if lengths and not encoder.maxlen else None
    length = f" --maxlen {suggested}" if suggested else ""
    command = f"tokemb encode {command_line(texts)} --vocab {quoted(output)}{length}"
    note(f"next       {command} -o {_suggest_output(texts, output, '.ids.npy')}")


def _around(encoder: Encoder) -> str:
    """Describe the tokens that begin and end every row, with their ids."""
    parts = [("starts", encoder.start_id), ("ends", encoder.end_id)]
    described = [
        f"{verb} with {escaped(encoder.vocabulary[index])} (id {index})" for verb, index in parts if index is not None
    ]
    return ", ".join(described)


def _suggest_output(texts: corpus.Corpus | None, output: Path, suffix: str) -> str:
    """Return an unused file name for ids, based on that of the texts or the vocabulary, quoted for a shell."""
    stem = options.stem_of(texts.files[0] if texts else "") or output.stem
    return quoted(options.free_name(stem, suffix))


def _id_lengths(encoder: Encoder, sample: RowSample | None) -> Mapping[int, int] | None:
    """Return the number of rows for each number of ids, or ``None`` if only numbers of words are known."""
    if encoder.algorithm == "word":
        return encoder.corpus.row_lengths if encoder.corpus else None
    return sample.lengths(encoder) if sample and sample.rows else None


def _report_lengths(lengths: Mapping[int, int], encoder: Encoder, sample: RowSample | None) -> None:
    from tokemb.rows.corpus_statistics import length_quantile

    sampled = sample is not None and sample.rows > 0
    unit = "tokens" if encoder.algorithm == "word" else "subwords" if sampled else "words"
    quantiles = ", ".join(f"{share:.0%} {length_quantile(lengths, share):,}" for share in (0.5, 0.9, 0.95, 0.99))
    part = f" in a sample of {sum(lengths.values()):,} rows" if sample and sampled and not sample.is_complete else ""
    note(f"rows       {unit} per row: {quantiles}, longest {length_quantile(lengths, 1):,}{part}")


def command_line(texts: corpus.Corpus | None, columns: bool = True) -> str:
    """Return the files and the options to read them, quoted for a shell, with or without ``--column``."""
    if texts is None:
        return "FILE..."
    named = [("column", ",".join(parts)) for parts in texts.columns if columns]
    named += [("group-by", ",".join(texts.group_by)), ("order-by", ",".join(texts.order_by))]
    usual = {"format": None, "missing": "error", "errors": "strict", "quoting": None}
    named += [(name, texts.reading[name]) for name, default in usual.items() if texts.reading[name] != default]
    named += [("delimiter", (texts.reading["delimiter"] or "").replace("\t", r"\t"))]
    flags = [text for name, value in named if value for text in (f"--{name}", value)]
    return " ".join(map(quoted, [*texts.files, *flags, *(["--no-header"] if not texts.reading["header"] else [])]))
