"""Encode and embed on a cluster: the vocabulary is broadcast, and workers encode their partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pyspark import Broadcast
from pyspark.errors import PySparkException
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

from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.integrations.spark.columns import text_column
from tokemb.integrations.spark.worker import (
    embed_partition,
    encode_partition,
    pair_partition,
    serialize_encoder,
    split_partition,
)
from tokemb.models.embedder import Embedder
from tokemb.rows.pair_windows import PAIR_STARTS
from tokemb.rows.pooling import POOLINGS


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
    padded = not ragged and shape.fixed_length is not None
    fields = [_array_field(output, IntegerType())]
    if second is not None:
        if padded:
            encoder.require_pad_id()
        fields.append(_array_field("type_ids", IntegerType()))
        if padded:
            fields.append(_array_field("attention_mask", BooleanType()))
        if overlap is not None:  # raises for invalid arguments on the driver
            encoder.encode_pair_windows([""], [""], maxlen=maxlen, overlap=overlap, pair_truncation=pair_truncation)
            fields += [StructField(name, LongType()) for name in PAIR_STARTS]
        run = partial(pair_partition, columns=(column, second), shape=shape, padded=padded, overlap=overlap)
    elif overlap is not None:
        encoder.encode_windows([""], maxlen=maxlen, overlap=overlap)  # raises for invalid arguments on the driver
        fields.append(StructField("start", LongType()))
        run = partial(split_partition, column=column, shape=shape, padded=padded, overlap=overlap)
    else:
        options: dict[str, Any] = {"maxlen": maxlen, "truncating": truncating}
        if padded:
            options["padding"] = padding
        (encoder.encode if padded else encoder.encode_ragged)([""], **options)  # raises here, on the driver
        run = partial(encode_partition, column=column, padded=padded, options=options)
    return _append(df, encoder, run, [name for name in (column, second) if name is not None], fields, missing)


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
    run = partial(embed_partition, model=_broadcast(df, path.read_bytes()), column=column, pooling=pooling)
    return _append(df, encoder, run, [column], [_array_field(output, FloatType())], missing)


def _array_field(name: str, element_type: DataType) -> StructField:
    return StructField(name, ArrayType(element_type))


def _append(
    df: DataFrame,
    encoder: Encoder,
    function: Callable[..., Any],
    columns: Sequence[str],
    fields: Sequence[StructField],
    missing: str,
) -> DataFrame:
    """Append the columns that a function of ``tokemb.integrations.spark.worker`` makes of the texts in ``columns``."""
    run = partial(
        function, vocabulary=_broadcast(df, serialize_encoder(encoder)), missing=missing, output=fields[0].name
    )
    for column in columns:
        text_column(df, column)
    existing = {name.lower() for name in df.columns}  # Spark takes names for the same in any case
    for number, field in enumerate(fields):
        if field.name.lower() in existing:
            remedy = "rename it" if number else "pass output= with another name"
            raise ArgumentError(f"the DataFrame has a column {field.name!r} already: {remedy}")
    return df.mapInArrow(run, StructType([*df.schema.fields, *fields]))


def _broadcast(df: DataFrame, content: bytes) -> Broadcast[bytes]:
    try:
        return df.sparkSession.sparkContext.broadcast(content)
    except PySparkException as error:
        raise ArgumentError(
            "a session of Spark Connect cannot broadcast a vocabulary: use a classic one (SparkSession.builder.master)"
        ) from error
