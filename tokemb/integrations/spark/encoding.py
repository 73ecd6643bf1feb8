"""Encoding and embedding on a cluster: the vocabulary is broadcast, workers encode their partitions."""

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
from tokemb.integrations.spark.worker import embed_partition, encode_partition, packed
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
    """Put the ids of a column of texts beside the columns of a Spark DataFrame.

    ``column``, ``missing``: as for ``count_tokens``. ``maxlen``, ``padding``, ``truncating``: as for
    ``Encoder.encode``. Rows are padded if their length is known, from ``maxlen`` or from the vocabulary, and
    ``ragged`` is false; others have the ids of ``Encoder.encode_ragged``: Spark's rows do not see the longest one.
    ``output``: the name of the new column, ``array<int>``.

    Nothing is encoded before Spark is asked for rows; texts that cannot be encoded are an error then.
    Raises ``ArgumentError`` for settings that cannot be, ``TextError`` for a column that holds no texts.
    """
    check_choice("missing", missing, ("error", "empty"))
    shape = encoder.pad_truncate(maxlen, padding, truncating)
    padded = not ragged and shape.fixed_length is not None
    settings: dict[str, Any] = {"maxlen": maxlen, "truncating": truncating}
    if padded:
        settings["padding"] = padding
    (encoder.encode if padded else encoder.encode_ragged)([""], **settings)  # what cannot be is told here
    run = partial(
        encode_partition,
        vocabulary=_broadcast(df, packed(encoder)),
        column=column,
        missing=missing,
        output=output,
        padded=padded,
        settings=settings,
    )
    return _with_arrays(df, column, run, output, IntegerType())


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
    """Put a vector for each text beside the columns of a Spark DataFrame.

    ``model``: the path, on the driver, of a saved Keras model for the ids of ``encoder``; it is sent to the workers.
    ``pooling``: ``"mean"``, ``"sum"`` or ``"max"`` over the tokens of a row; a row without any gives zeros.
    ``output``: the name of the new column, ``array<float>`` of the model's dim. The rest is as for ``encode``.

    Raises what ``encode`` raises, and ``ModelError`` for a model that cannot be used with this vocabulary.
    """
    check_choice("missing", missing, ("error", "empty"))
    check_choice("pooling", pooling, POOLINGS)
    Embedder(model, encoder)  # a model that does not fit is told here
    path = Path(model)
    if not path.is_file():
        raise ModelError(f"the model must be one .keras file, which can be sent to the workers; {path} is a folder")
    run = partial(
        embed_partition,
        vocabulary=_broadcast(df, packed(encoder)),
        model=_broadcast(df, path.read_bytes()),
        column=column,
        missing=missing,
        output=output,
        pooling=pooling,
    )
    return _with_arrays(df, column, run, output, FloatType())


def _with_arrays(df: DataFrame, column: str, run: Any, output: str, numbers: DataType) -> DataFrame:  # noqa: ANN401
    text_column(df, column)
    if output.lower() in (name.lower() for name in df.columns):  # which Spark takes for the same
        raise ArgumentError(f"the DataFrame has a column {output!r} already: pass output= with another name")
    return df.mapInArrow(run, StructType([*df.schema.fields, StructField(output, ArrayType(numbers))]))


def _broadcast(df: DataFrame, content: bytes) -> Broadcast[bytes]:
    try:
        return df.sparkSession.sparkContext.broadcast(content)
    except PySparkException as error:
        raise ArgumentError(
            "a session of Spark Connect cannot broadcast a vocabulary: use a classic one (SparkSession.builder.master)"
        ) from error
