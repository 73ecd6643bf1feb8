"""Encode and embed on a cluster: the vocabulary is broadcast, and workers encode their partitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    FloatType,
    IntegerType,
    LongType,
    StructField,
    StructType,
)

from tokemb._arrays import STRINGS
from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.integrations.spark.columns import broadcast, map_partitions, quoted, text_column
from tokemb.integrations.spark.worker import (
    embed_partition,
    encode_partition,
    pack_partition,
    pair_partition,
    serialize_encoder,
    split_partition,
    tag_partition,
    target_partition,
)
from tokemb.keras.datasets.labels import check_classes
from tokemb.keras.datasets.targets import TargetRows
from tokemb.models.embedder import Embedder
from tokemb.rows.column_names import PACKED_COLUMNS, PAIR_STARTS, TARGET_COLUMNS
from tokemb.rows.pooling import POOLINGS
from tokemb.vocabulary.pad_truncate import PadTruncate


def encode(
    df: DataFrame,
    encoder: Encoder,
    column: str,
    *,
    maxlen: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    ragged: bool = False,
    overlap: int | None = None,
    second: str | None = None,
    pair_truncation: str | None = None,
    tags: str | None = None,
    classes: Sequence[str] | None = None,
    pack: bool = False,
    targets: str | None = None,
    target_encoder: Encoder | None = None,
    target_maxlen: int | None = None,
    output: str = "ids",
    missing: str = "error",
) -> DataFrame:
    """Append a column of ids to a Spark DataFrame.

    Rows are encoded when Spark evaluates the DataFrame. Texts that cannot be encoded raise errors then.

    Args:
        df: The DataFrame.
        encoder: The vocabulary.
        column: The name of the column, as for ``count_tokens``.
        maxlen: As for ``Encoder.encode``. Rows are padded if their length is known from it or from the vocabulary.
            Otherwise they have the ids of ``Encoder.encode_ragged``, as the longest row of a DataFrame is unknown.
        padding: As for ``Encoder.encode``.
        truncating: As for ``Encoder.encode``.
        ragged: Whether rows are never padded.
        overlap: The number of tokens that neighbouring rows of a text share, as for ``Encoder.encode_windows``. The
            rows of the DataFrame are repeated for each row of ids, with the column ``start``, and for pairs also
            ``second_start``, as by ``Encoder.encode_pair_windows``.
        second: The column of the second texts of pairs. The columns ``type_ids`` and, unless rows are not padded,
            ``attention_mask`` of ``Encoder.encode_pairs`` are appended, too.
        pair_truncation: As for ``Encoder.encode_pairs``.
        tags: The column of the tags, one for each token of ``column``. Both hold lists, or texts that are split at
            white space. The columns ``tags`` and ``weights`` of ``Encoder.encode_tags`` are appended, too.
        classes: With ``tags``, the different tags in order.
        pack: Whether to fill each row with several texts of the same partition, as ``Encoder.encode_packed`` does. The
            result then has the columns ``ids``, ``segment_ids`` and ``positions``, but no column of ``df``.
        targets: The column of the target texts of sequence-to-sequence training. The columns ``decoder_ids``,
            ``next_ids`` and, if targets are padded, ``weights`` of ``Encoder.encode_targets`` are appended, too.
        target_encoder: The vocabulary of the targets. ``None`` uses ``encoder``.
        target_maxlen: The argument ``maxlen`` of ``Encoder.encode_targets``. Targets are padded if it or the vocabulary
            defines their length.
        output: The name of the new column, ``array<int>``.
        missing: ``"error"`` or ``"empty"``, as for ``count_tokens``.

    Raises:
        ArgumentError: If an argument is invalid.
        TextError: If the column does not contain texts.
    """
    check_choice("missing", missing, ("error", "empty"))
    shape = encoder.row_shape(
        maxlen,
        padding,
        truncating,
        overlap=overlap,
        is_pair=second is not None,
        pair_truncation=pair_truncation,
        pairs_by="second=...",
    )
    _check_kind({"pack": pack, "second": second, "tags": tags, "targets": targets}, overlap)
    _check_needed("tags", tags, classes=classes)
    _check_needed("targets", targets, target_encoder=target_encoder, target_maxlen=target_maxlen)
    texts = _Texts(encoder, shape, column, not ragged and shape.fixed_length is not None, overlap)
    columns = [name for name in (column, second, tags, targets) if name is not None]
    if pack:
        run, fields = _packed(texts, ragged)
        return _append(df, encoder, run, columns, _with_ids(output, fields), missing, replaces=True)
    if targets is not None:
        target_rows = TargetRows.of(target_encoder or encoder, target_maxlen)
        vocabulary = broadcast(df, serialize_encoder(target_encoder or encoder))
        run, fields = _with_targets(texts, targets, target_rows, vocabulary, ragged)
    elif tags is not None:
        run, fields = _tags(texts, tags, classes)
    elif second is not None:
        run, fields = _pairs(texts, second)
    elif overlap is not None:
        run, fields = _windows(texts, overlap)
    else:
        options: dict[str, Any] = {"maxlen": maxlen, "truncating": truncating}
        if texts.padded:
            options["padding"] = padding
        (encoder.encode if texts.padded else encoder.encode_ragged)([""], **options)  # raises here, on the driver
        run, fields = partial(encode_partition, column=column, padded=texts.padded, options=options), []
    return _append(df, encoder, run, columns, _with_ids(output, fields), missing)


def embed(
    df: DataFrame,
    encoder: Encoder,
    model: Path | str,
    column: str,
    *,
    pooling: str = "mean",
    output: str = "vector",
    missing: str = "error",
) -> DataFrame:
    """Append a column of pooled vectors to a Spark DataFrame.

    Args:
        df: The DataFrame.
        encoder: The vocabulary.
        model: The path, on the driver, of a saved Keras model for the ids of ``encoder``. It is sent to the workers.
        column: The name of the column, as for ``count_tokens``.
        pooling: ``"mean"``, ``"sum"`` or ``"max"`` over the tokens of a row. An empty row has a zero vector.
        output: The name of the new column, ``array<float>`` with the dimension of the model.
        missing: ``"error"`` or ``"empty"``, as for ``count_tokens``.

    Raises:
        ModelError: If the model does not fit the vocabulary. Other errors are those of ``encode``.
    """
    check_choice("missing", missing, ("error", "empty"))
    check_choice("pooling", pooling, POOLINGS)
    Embedder(model, encoder)  # raises for incompatible models on the driver
    path = Path(model)
    if not path.is_file():
        raise ModelError(
            f"model must be one .keras file, which can be sent to the workers; received {path}, which is a folder"
        )
    run = partial(embed_partition, model=broadcast(df, path.read_bytes()), column=column, pooling=pooling)
    return _append(df, encoder, run, [column], [_array_field(output, FloatType())], missing)


_Run = Callable[..., Any]


@dataclass(frozen=True)
class _Texts:
    """The texts to encode.

    Attributes:
        encoder: The vocabulary.
        shape: Truncation and padding.
        column: The column of the texts.
        padded: Whether rows are padded.
        overlap: The number of tokens that neighbouring rows of a text share. ``None`` truncates texts.
    """

    encoder: Encoder
    shape: PadTruncate
    column: str
    padded: bool
    overlap: int | None


def _check_kind(kinds: Mapping[str, object], overlap: int | None) -> None:
    """Raise ``ArgumentError`` if there are several kinds of rows, or if rows of a kind cannot be split."""
    given = [name for name, value in kinds.items() if value]
    if len(given) > 1:
        raise ArgumentError(f"{given[0]} must be left out with {given[1]}=...: they make different columns")
    if overlap is not None and given and given[0] in ("tags", "targets"):
        raise ArgumentError(f"overlap must be left out with {given[0]}=..., because each text is one row")


def _check_needed(kind: str, column: str | None, **options: object) -> None:
    """Raise ``ArgumentError`` if an option of rows of this kind is given without its column."""
    for name, value in options.items():
        if column is None and value is not None:
            raise ArgumentError(f"{name} must be left out without {kind}: pass {kind}=..., the name of a column")


def _packed(texts: _Texts, ragged: bool) -> tuple[_Run, list[StructField]]:
    """Return the function on partitions, and the fields that follow the ids."""
    if ragged:
        raise ArgumentError("ragged must be left out with pack=True, which makes one row of several texts")
    texts.encoder.require_pad_id()
    _ = texts.shape.packed_length  # raises on the driver
    if texts.overlap is not None:
        _check_overlap(texts, texts.overlap)
    run = partial(pack_partition, column=texts.column, shape=texts.shape, overlap=texts.overlap)
    return run, [_array_field(name, IntegerType()) for name in PACKED_COLUMNS[1:]]


def _with_targets(
    texts: _Texts, targets: str, target_rows: TargetRows, vocabulary: Broadcast[bytes], ragged: bool
) -> tuple[_Run, list[StructField]]:
    if texts.padded:
        texts.encoder.require_pad_id()
    targets_padded = not ragged and target_rows.maxlen is not None
    run = partial(
        target_partition,
        target_vocabulary=vocabulary,
        columns=(texts.column, targets),
        shape=texts.shape,
        padded=texts.padded,
        maxlen=target_rows.maxlen,
        targets_padded=targets_padded,
    )
    *ids, weights = TARGET_COLUMNS
    fields = [_array_field(name, IntegerType()) for name in ids]
    return run, [*fields, _array_field(weights, FloatType())] if targets_padded else fields


def _tags(texts: _Texts, tags: str, classes: Sequence[str] | None) -> tuple[_Run, list[StructField]]:
    order = check_classes(classes)
    if order is None:
        raise ArgumentError(
            "classes must be given with tags on Spark, where no worker sees all tags: pass the tags in the order of ids"
        )
    if tags == texts.column:
        raise ArgumentError(f"tags must be another column than that of the tokens; received {tags!r} for both")
    if texts.padded:
        texts.encoder.require_pad_id()
    columns = texts.column, tags
    run = partial(tag_partition, columns=columns, shape=texts.shape, padded=texts.padded, classes=order)
    return run, [_array_field("tags", IntegerType()), _array_field("weights", FloatType())]


def _pairs(texts: _Texts, second: str) -> tuple[_Run, list[StructField]]:
    fields = [_array_field("type_ids", IntegerType())]
    if texts.padded:
        texts.encoder.require_pad_id()
        fields.append(_array_field("attention_mask", BooleanType()))
    if texts.overlap is not None:
        empty = pa.array([""], STRINGS)
        texts.encoder.encode_column_pair_windows(empty, empty, texts.shape, texts.overlap)  # raises on the driver
        fields += [StructField(name, LongType()) for name in PAIR_STARTS]
    columns = texts.column, second
    run = partial(pair_partition, columns=columns, shape=texts.shape, padded=texts.padded, overlap=texts.overlap)
    return run, fields


def _windows(texts: _Texts, overlap: int) -> tuple[_Run, list[StructField]]:
    _check_overlap(texts, overlap)
    if texts.padded:
        texts.encoder.require_pad_id()
    run = partial(split_partition, column=texts.column, shape=texts.shape, padded=texts.padded, overlap=overlap)
    return run, [StructField("start", LongType())]


def _check_overlap(texts: _Texts, overlap: int) -> None:
    """Raise ``ArgumentError``, on the driver, if texts cannot be split into windows."""
    texts.encoder.encode_column_windows(pa.array([""], STRINGS), texts.shape, overlap)


def _with_ids(output: str, fields: Sequence[StructField]) -> list[StructField]:
    return [_array_field(output, IntegerType()), *fields]


def _array_field(name: str, element_type: DataType) -> StructField:
    return StructField(name, ArrayType(element_type))


def _append(
    df: DataFrame,
    encoder: Encoder,
    function: Callable[..., Any],
    columns: Sequence[str],
    fields: Sequence[StructField],
    missing: str,
    *,
    replaces: bool = False,
) -> DataFrame:
    """Append the columns that a function of ``tokemb.integrations.spark.worker`` makes of the texts in ``columns``.

    With ``replaces``, they are the only columns.
    """
    run = partial(
        function, vocabulary=broadcast(df, serialize_encoder(encoder)), missing=missing, output=fields[0].name
    )
    for column in columns:
        text_column(df, column)
    if replaces:
        return map_partitions(df.select([quoted(column) for column in columns]), run, StructType([*fields]))
    existing = {name.lower() for name in df.columns}  # Spark takes names for the same in any case
    for number, field in enumerate(fields):
        if field.name.lower() in existing:
            remedy = "rename it" if number else "pass output= with another name"
            raise ArgumentError(f"the DataFrame has a column {field.name!r} already: {remedy}")
    return map_partitions(df, run, StructType([*df.schema.fields, *fields]))
