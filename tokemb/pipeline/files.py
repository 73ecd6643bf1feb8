"""Encode and embed files from Python as ``tokemb encode`` and ``tokemb embed`` do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokemb._validation import check_count, check_left_out
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError
from tokemb.files.folders import is_columns_folder
from tokemb.files.overlap import replaced_input
from tokemb.formats.shards import ShardFolder
from tokemb.keras.datasets.labels import check_classes
from tokemb.keras.datasets.targets import TargetRows
from tokemb.models.embedder import Embedder
from tokemb.pipeline.embed import embed_corpus, embed_ids
from tokemb.pipeline.encode import encode_corpus
from tokemb.pipeline.encode_table import encode_table
from tokemb.pipeline.encoded_stream import RowOptions, TagOptions
from tokemb.pipeline.output import Output
from tokemb.pipeline.report import EncodingReport, TableReport
from tokemb.sources.cells import cells_beside
from tokemb.sources.corpus import read_corpus, read_table
from tokemb.sources.listing import Source, find_sources, identify, identify_files
from tokemb.tables.encoder import ColumnEncoder
from tokemb.vocabulary.vocabulary import check_vocabulary

if TYPE_CHECKING:
    import keras
    import pyarrow as pa

Files = str | Path | Iterable[str | Path]

# The defaults of read_corpus.
_READING = {
    "column": None,
    "format": None,
    "missing": "error",
    "errors": "strict",
    "header": True,
    "delimiter": None,
    "quoting": None,
}


def encode_file(
    files: Files,
    vocabulary: Encoder | ColumnEncoder | Path | str,
    output: Path | str,
    *,
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    overlap: int | None = None,
    pair_truncation: str | None = None,
    tags: str | None = None,
    classes: Sequence[str] | None = None,
    pack: bool = False,
    targets: str | None = None,
    target_encoder: Encoder | Path | str | None = None,
    target_maxlen: int | None = None,
    ragged: bool = False,
    keep: Iterable[str] = (),
    dtype: str = "int32",
    round_floats: bool = False,
    rows_per_shard: int | None = None,
    shard_format: str = "npz",
    threads: int | None = None,
    force: bool = False,
    **reading: Any,  # noqa: ANN401
) -> EncodingReport | TableReport:
    r"""Encode files of texts or tables into a file of ids, or into a folder of shards.

    Memory does not grow with the input, unless lists in a table are padded to the longest.

    Args:
        files: Names, globs, folders or URLs, as for ``tokemb.read_corpus``.
        vocabulary: An ``Encoder``, or the path of a vocabulary folder or a ``tokenizer.json``. For a table, a
            ``ColumnEncoder`` or the path of a folder of columns.
        output: A file that ends in ``.npy`` (not for a table), ``.npz``, ``.parquet``, ``.tfrecord``,
            ``.array_record`` or ``.jsonl``, or with ``rows_per_shard`` a folder. It appears complete or not at all.
        maxlen: The length of all rows, as for ``Encoder.encode``.
        padding: ``"pre"`` or ``"post"``.
        truncating: ``"pre"`` or ``"post"``.
        overlap: The number of tokens that neighbouring rows of a text share, as for ``Encoder.encode_windows``. Texts
            are not truncated then: a text that is longer than ``maxlen`` becomes several rows. The output gets the
            columns ``row`` and ``start``, and kept columns are repeated. Not for a table.
        pair_truncation: As for ``Encoder.encode_pairs``. Texts are pairs if ``column`` has two names. The output then
            has the columns ``ids``, ``type_ids`` and ``attention_mask``, the last not with ``ragged``.
        tags: The column of the tags, one for each token of the text column, as for ``tokemb.read_corpus``. The output
            then has the columns ``ids``, ``tags`` and ``weights``, as for ``Encoder.encode_tags``. Not for a table.
        classes: The different tags in order, whose indices are their ids. ``None`` reads the files twice, and sorts
            the tags.
        pack: Whether to fill each row of ``maxlen`` ids with several texts, as ``Encoder.encode_packed`` does. The
            output then has the columns ``ids``, ``segment_ids`` and ``positions``. Not for a table.
        targets: The column of the target texts of sequence-to-sequence training, beside that of ``column``. The output
            then has the columns ``ids``, and ``decoder_ids``, ``next_ids`` and ``weights`` of
            ``Encoder.encode_targets``, the last not with ``ragged``. Not for a table.
        target_encoder: The vocabulary of the targets, or its path. ``None`` uses ``vocabulary``.
        target_maxlen: The length of the rows of targets. ``None`` uses the saved length, by default that of the longest
            row.
        ragged: Whether to write rows of different lengths, without padding. Lists in a table are not truncated then.
        keep: Other columns to copy to the output, such as labels.
        dtype: Dtype of the ids: ``"int32"``, ``"uint16"`` or ``"int64"``.
        round_floats: Whether columns of float64 may be rounded to the float32 of ``.tfrecord`` and ``.array_record``.
        rows_per_shard: The number of rows in each shard. An interrupted run resumes when it is repeated.
        shard_format: The format of shards: ``"npy"``, ``"npz"``, ``"parquet"``, ``"tfrecord"``, ``"array_record"`` or
            ``"jsonl"``.
        threads: The number of threads, for texts. ``None`` uses all cores.
        force: Whether to replace a read-only file or a file of another kind.
        **reading: Arguments of ``tokemb.read_corpus``, such as ``column``, ``format`` and ``missing``. The first and
            the last are not for a table.

    Returns:
        The numbers of rows read and written, of tokens, of tokens out of vocabulary, and of truncated rows. For a
        table, the numbers of values of each column instead of those of tokens.

    Raises:
        ArgumentError: If an argument is invalid, or the output would replace an input.
        OSError: If a file cannot be read or written. Errors of texts are those of ``tokemb.read_corpus``.

    Example:
        >>> import tempfile, numpy, tokemb
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "texts.txt").write_text("deep learning\nvery deep\n")
        >>> encoder = tokemb.fit_vocab(folder / "texts.txt")
        >>> print(tokemb.encode_file(folder / "texts.txt", encoder, folder / "ids.npy", maxlen=3))
        2 rows read and written, 4 tokens, 0.00% of them out of vocabulary, 0 rows truncated
        >>> numpy.load(folder / "ids.npy")
        array([[2, 3, 0],
               [4, 2, 0]], dtype=int32)
    """
    encoder = _loaded_any(vocabulary)
    columns = tuple(keep)
    files = as_list(files)
    check_not_an_input(files, Path(output), reading)
    if targets is not None and isinstance(encoder, Encoder):
        reading["column"], is_pair = columns_with_targets(reading.get("column"), targets), False
    else:
        is_pair = _names_columns(reading)
    target = target_of(Path(output), rows_per_shard, shard_format, lambda: identity_of(files, reading), force)
    if isinstance(encoder, ColumnEncoder):
        if given := [name for name in ("column", "missing") if name in reading]:
            raise ArgumentError(f"{', '.join(given)} must be left out for a table: the vocabulary names its columns")
        check_left_out("for a table, whose rows are not split", overlap=overlap)
        check_left_out("for a table, whose rows are not texts", pack=pack)
        why = "for a table, whose columns have vocabularies of their own: pass an Encoder"
        check_left_out(why, tags=tags, targets=targets, target_encoder=target_encoder, target_maxlen=target_maxlen)
        names, cells = dict.fromkeys([*encoder.parts, *columns]), cells_beside(encoder.cells, columns)
        return encode_table(
            encoder,
            read_table(files, names, typed=columns, cells=cells, exact=encoder.parts, **reading),
            target,
            keep=columns,
            maxlen=maxlen,
            padding=padding,
            truncating=truncating,
            ragged=ragged,
            dtype=dtype,
            round_floats=round_floats,
            force=force,
        )
    target_rows = _target_rows(encoder, targets, target_encoder, target_maxlen)
    tagging = tag_options(tags, classes, lambda: read_corpus(files, tags=tags, **reading))
    options = RowOptions.of(
        encoder,
        columns,
        maxlen=maxlen,
        padding=padding,
        truncating=truncating,
        overlap=overlap,
        pairs=is_pair,
        pair_truncation=pair_truncation,
        ragged=ragged,
        tags=tagging,
        pack=pack,
        targets=target_rows,
    )
    batches = read_corpus(files, tags=tags, keep=columns, **reading)
    return encode_corpus(encoder, batches, target, options, dtype, threads, force=force, round_floats=round_floats)


def tag_options(
    column: str | None, classes: Sequence[str] | None, read: Callable[[], Iterator[pa.RecordBatch]]
) -> TagOptions | None:
    """Return the tags of ``encode_file``.

    Args:
        column: The column of the tags. ``None`` if there are none.
        classes: The different tags in order. ``None`` sorts those that the files contain.
        read: Reads the files.

    Raises:
        ArgumentError: If ``classes`` are invalid, or are given without ``column``.
    """
    from tokemb.keras.datasets.tags import classes_in  # imported late: most corpora have no tags

    known = check_classes(classes)
    if column is None:
        if known is not None:
            raise ArgumentError("classes are for tags: pass tags=..., the column of the tags")
        return None
    return TagOptions(column, tuple(classes_in(read(), column) if known is None else known))


def columns_with_targets(column: str | Sequence[str] | None, targets: str) -> list[str]:
    """Return the columns of texts and target texts, as for ``tokemb.read_corpus``.

    Raises:
        ArgumentError: If ``column`` is not the name of another column than ``targets``.
    """
    if not isinstance(column, str):
        raise ArgumentError("column must be the name of one column of texts beside targets: pass column=...")
    if column == targets:
        raise ArgumentError(f"targets must be another column than that of the texts; received {targets!r}")
    return [column, targets]


def _target_rows(
    encoder: Encoder, targets: str | None, target_encoder: Encoder | Path | str | None, target_maxlen: int | None
) -> TargetRows | None:
    if targets is not None:
        return TargetRows.of(encoder if target_encoder is None else _loaded(target_encoder), target_maxlen)
    why = "without targets: pass targets=..., the column of the targets"
    check_left_out(why, target_encoder=target_encoder, target_maxlen=target_maxlen)
    return None


def embed_file(
    files: Files,
    model: keras.Model | Path | str,
    output: Path | str,
    *,
    vocabulary: Encoder | Path | str | None = None,
    pooling: str | None = None,
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    overlap: int | None = None,
    by: str | None = None,
    keep: Iterable[str] = (),
    dtype: str = "float32",
    round_floats: bool = False,
    rows_per_shard: int | None = None,
    shard_format: str = "npz",
    threads: int | None = None,
    force: bool = False,
    **reading: Any,  # noqa: ANN401
) -> EncodingReport:
    """Embed files of ids, or with ``vocabulary`` files of texts, into a file of vectors or a folder of shards.

    Args:
        files: Files of ids as ``encode_file`` writes them, or files of texts as for ``tokemb.read_corpus``.
        model: A Keras model or the path of a saved one.
        output: As for ``encode_file``.
        vocabulary: The vocabulary of texts. ``None`` if the files hold ids.
        pooling: ``"mean"``, ``"sum"`` or ``"max"`` for one vector per row, without padding.
        maxlen: The length of all rows of texts, as for ``Encoder.encode``.
        padding: ``"pre"`` or ``"post"``, for texts.
        truncating: ``"pre"`` or ``"post"``, for texts.
        overlap: For texts, as for ``encode_file``.
        by: With ``overlap`` and ``pooling``, ``"row"`` for one vector per text, pooled over the tokens of all its rows.
        keep: Other columns of texts to copy to the output. Columns beside ids are always copied.
        dtype: Dtype of the vectors: ``"float32"`` or ``"float16"``.
        round_floats: As for ``encode_file``.
        rows_per_shard: As for ``encode_file``.
        shard_format: As for ``encode_file``.
        threads: The number of threads. ``None`` uses all cores.
        force: As for ``encode_file``.
        **reading: Arguments of ``tokemb.read_corpus``, for texts.

    Returns:
        The numbers of rows read and written, and for texts those of their tokens.

    Raises:
        ArgumentError: If an argument is invalid, or the output would replace an input.
        ModelError: If the model or the ids belong to another vocabulary.
        OSError: If a file cannot be read or written.
    """
    files = as_list(files)
    encoder = None if vocabulary is None else _loaded(vocabulary)
    embedder = Embedder(Path(model) if isinstance(model, str) else model, encoder, threads=threads)
    if encoder is None:
        return _embed_ids(
            embedder,
            [Path(file) for file in files],
            Path(output),
            pooling,
            dtype,
            (rows_per_shard, shard_format, force),
            round_floats,
            {
                "maxlen": maxlen,
                "padding": padding,
                "truncating": truncating,
                "overlap": overlap,
                "by": by,
                "keep": tuple(keep) or None,
                **reading,
            },
        )
    columns = tuple(keep)
    check_one_column(reading)
    options = RowOptions.of(encoder, columns, maxlen=maxlen, padding=padding, truncating=truncating, overlap=overlap)
    check_not_an_input(files, Path(output), reading)
    target = target_of(Path(output), rows_per_shard, shard_format, lambda: identity_of(files, reading), force)
    batches = read_corpus(files, keep=columns, **reading)
    return embed_corpus(
        embedder,
        encoder,
        batches,
        target,
        options,
        pooling,
        dtype,
        threads,
        by=by,
        force=force,
        round_floats=round_floats,
    )


def _embed_ids(
    embedder: Embedder,
    files: list[Path],
    output: Path,
    pooling: str | None,
    dtype: str,
    sharding: tuple[int | None, str, bool],
    round_floats: bool,
    of_texts: dict[str, Any],
) -> EncodingReport:
    given = [name for name, value in of_texts.items() if value is not None]
    if given:
        raise ArgumentError(f"{', '.join(given)} must be left out for ids; for texts, pass vocabulary=...")
    from tokemb.formats import open_ids

    source = open_ids(*files)
    _check_distinct(source.files, output)
    target = target_of(output, sharding[0], sharding[1], lambda: {"files": identify_files(source.files)}, sharding[2])
    return embed_ids(embedder, source, target, pooling, dtype, force=sharding[2], round_floats=round_floats)


def _names_columns(reading: dict[str, Any]) -> bool:
    """Return whether the argument ``column`` of ``tokemb.read_corpus`` names two columns, for pairs of texts."""
    return not isinstance(reading.get("column"), str | None)


def check_one_column(reading: dict[str, Any]) -> None:
    """Raise ``ArgumentError`` if there are two columns of texts where pairs are not supported."""
    if _names_columns(reading):
        raise ArgumentError("column must be one name: pairs of texts can be encoded with encode_file only")


def check_not_an_input(files: list[str | Path], output: Path, reading: dict[str, Any]) -> None:
    """Raise ``ArgumentError`` if writing the output would replace a file that is read, or a folder around it."""
    _check_distinct([Path(source.path) for source in _sources(files, reading) if source.filesystem is None], output)


def _sources(files: list[str | Path], reading: dict[str, Any]) -> list[Source]:
    options = (reading.get(name) for name in ("format", "filesystem", "delimiter", "quoting"))
    return find_sources(files, *options)


def _check_distinct(files: Iterable[Path], output: Path) -> None:
    if replaced_input(files, output) is not None:
        raise ArgumentError(f"output={output} is also read: name another file")


def target_of(
    output: Path,
    rows_per_shard: int | None,
    shard_format: str,
    identity: Callable[[], dict[str, Any] | None],
    force: bool,
) -> Output:
    """Return the file, or the folder of shards. ``identity`` describes the inputs, so that a run can be resumed."""
    if rows_per_shard is None:
        return output
    rows = check_count("rows_per_shard", rows_per_shard)
    return ShardFolder(output, identity(), rows, f".{shard_format}", force=force)


def identity_of(files: list[str | Path], reading: dict[str, Any]) -> dict[str, Any] | None:
    """Return what tells inputs from others, as the command line does, so that each resumes the runs of the other."""
    described = identify(_sources(files, reading))
    options = {name: value for name, value in reading.items() if name not in ("filesystem", "on_read")}
    if _names_columns(options):
        options["column"] = list(options["column"])  # as in the JSON of a manifest
    return None if described is None else {"files": described, **_READING, **options}


def _loaded(vocabulary: Encoder | Path | str) -> Encoder:
    if isinstance(vocabulary, (str, Path)):
        return Encoder.load(vocabulary)
    check_vocabulary("vocabulary", vocabulary)
    return vocabulary


def _loaded_any(vocabulary: Encoder | ColumnEncoder | Path | str) -> Encoder | ColumnEncoder:
    if isinstance(vocabulary, (str, Path)) and is_columns_folder(Path(vocabulary)):
        return ColumnEncoder.load(vocabulary)
    return vocabulary if isinstance(vocabulary, ColumnEncoder) else _loaded(vocabulary)


def as_list(files: Files) -> list[str | Path]:
    """Return files as a list."""
    return [files] if isinstance(files, (str, Path)) else list(files)
