"""Encode and embed on a cluster: the vocabulary is broadcast, and workers encode their partitions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from pyspark import Broadcast
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, DataType, FloatType, IntegerType, StructField, StructType

from tokemb._validation import check_choice
from tokemb.encoder import Encoder
from tokemb.errors import ArgumentError, ModelError
from tokemb.integrations.spark.columns import text_column
from tokemb.integrations.spark.worker import embed_partition, encode_partition, serialize_encoder
from tokemb.models.embedder import Embedder
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
        output: The name of the new column, ``array<int>``.
        missing: ``"error"`` or ``"empty"``, as for ``count_tokens``.

    Raises:
        ArgumentError: If an argument is invalid.
        TextError: If the column does not contain texts.
    """
    check_choice("missing", missing, ("error", "empty"))
    shape = encoder.pad_truncate(maxlen, padding, truncating)
    padded = not ragged and shape.fixed_length is not None
    options: dict[str, Any] = {"maxlen": maxlen, "truncating": truncating}
    if padded:
        options["padding"] = padding
    (encoder.encode if padded else encoder.encode_ragged)([""], **options)  # raises for invalid arguments on the driver
    run = partial(
        encode_partition,
        vocabulary=_broadcast(df, serialize_encoder(encoder)),
        column=column,
        missing=missing,
        output=output,
        padded=padded,
        options=options,
    )
    return _append_arrays(df, column, run, output, IntegerType())


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
    run = partial(
        embed_partition,
        vocabulary=_broadcast(df, serialize_encoder(encoder)),
        model=_broadcast(df, path.read_bytes()),
        column=column,
        missing=missing,
        output=output,
        pooling=pooling,
    )
    return _append_arrays(df, column, run, output, FloatType())


def _append_arrays(df: DataFrame, column: str, run: Any, output: str, element_type: DataType) -> DataFrame:  # noqa: ANN401
    text_column(df, column)
    if output.lower() in (name.lower() for name in df.columns):  # which Spark takes for the same
        raise ArgumentError(f"the DataFrame has a column {output!r} already: pass output= with another name")
    return df.mapInArrow(run, StructType([*df.schema.fields, StructField(output, ArrayType(element_type))]))


def _broadcast(df: DataFrame, content: bytes) -> Broadcast[bytes]:
    try:
        return df.sparkSession.sparkContext.broadcast(content)
    except PySparkException as error:
        raise ArgumentError(
            "a session of Spark Connect cannot broadcast a vocabulary: use a classic one (SparkSession.builder.master)"
        ) from error
