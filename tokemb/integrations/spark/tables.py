"""Encode tables on a cluster: the vocabularies are broadcast, and each worker encodes its partitions."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, DataType, FloatType, IntegerType, StructField, StructType

from tokemb.errors import ArgumentError
from tokemb.integrations.spark.columns import broadcast, check_column, map_partitions, quoted
from tokemb.integrations.spark.worker import (
    Batches,
    cached,
    make_encoder,
    padded_lists,
    partition_number,
    ragged_lists,
    serialize_encoder,
)
from tokemb.rows.ragged import Ragged
from tokemb.sources.cells import parse_cells
from tokemb.sources.columns import Location
from tokemb.tables.column import Column
from tokemb.tables.encoded_table import Rows, pad
from tokemb.tables.encoder import ColumnEncoder
from tokemb.tables.fitting import Setting
from tokemb.vocabulary.pad_truncate import PadTruncate


def encode_table(
    df: DataFrame,
    encoder: ColumnEncoder,
    *,
    maxlen: Setting = None,
    padding: str | None = None,
    truncating: str | None = None,
    ragged: bool = False,
    keep: Sequence[str] = (),
) -> DataFrame:
    """Encode the columns of a Spark DataFrame as ``ColumnEncoder.encode`` does.

    Args:
        df: The DataFrame.
        encoder: The vocabularies of its columns.
        maxlen: As for ``ColumnEncoder.encode``. Lists and texts are padded if it or the encoder defines their length.
            Otherwise they have the ids of ``ColumnEncoder.encode_ragged``.
        padding: As for ``ColumnEncoder.encode``.
        truncating: As for ``ColumnEncoder.encode``.
        ragged: Whether lists and texts are neither padded nor truncated.
        keep: Other columns of ``df`` to keep, such as labels.

    Returns:
        A DataFrame with the columns of ``encoder``, and then those of ``keep``: ``int`` for single values,
        ``array<int>`` for lists and texts, and ``float`` for numbers.

    Raises:
        ArgumentError: If an argument is invalid, or a column is missing. Invalid values are errors of the job.
    """
    shape, lengths = encoder.pad_truncate(padding, truncating), encoder.lengths(maxlen)
    kept = list(dict.fromkeys([keep] if isinstance(keep, str) else keep))
    for name in [*encoder.parts, *kept]:
        check_column(df, name)
    for name in kept:
        if name.lower() in {each.lower() for each in encoder.names}:  # Spark takes names for the same in any case
            raise ArgumentError(f"keep must not contain {name!r}, which is encoded: rename that column")
    fields = [StructField(column.name, _type_of(column)) for column in encoder.columns]
    run = partial(
        table_partition,
        tables=broadcast(df, serialize_tables(encoder)),
        keep=kept,
        lengths=None if ragged else lengths,
        shape=shape,
    )
    needed = df.select([quoted(name) for name in dict.fromkeys([*encoder.parts, *kept])])
    return map_partitions(needed, run, StructType([*fields, *(df.schema[name] for name in kept)]))


def _type_of(column: Column) -> DataType:
    if column.numbers is not None:
        return FloatType()
    return ArrayType(IntegerType()) if column.has_rows_of_ids else IntegerType()


def table_partition(
    batches: Batches,
    *,
    tables: Broadcast[bytes],
    keep: Sequence[str],
    lengths: Mapping[str, int | None] | None,
    shape: PadTruncate,
) -> Batches:
    """Yield the ids of the columns of a table, padded to ``lengths`` if they are known, and the columns to keep."""
    encoder = cached(("tables", hashlib.sha256(tables.value).digest()), lambda: _make_tables(tables.value))
    source, row = f"partition {partition_number()}", 1
    for batch in batches:
        location = Location(source, "row", row)
        parsed = parse_cells(batch.select(encoder.parts), encoder.cells, location)
        encoded = encoder.encode_batch(parsed, lengths, shape, 1)
        arrays = {name: _table_column(rows, (lengths or {}).get(name), shape) for name, rows in encoded.items()}
        kept = {name: batch.column(name) for name in keep}
        yield pa.RecordBatch.from_pydict({**arrays, **kept})
        row += len(batch)


def _table_column(rows: Rows, maxlen: int | None, shape: PadTruncate) -> pa.Array:
    if not isinstance(rows, Ragged):
        return pa.array(rows)
    return ragged_lists(rows) if maxlen is None else padded_lists(pad(rows, maxlen, shape))


def serialize_tables(encoder: ColumnEncoder) -> bytes:
    """Return everything that a worker needs of a column encoder.

    Raises:
        ArgumentError: If the tokens of a column are n-grams, or it has a segmenter.
    """
    encoders = [serialize_encoder(each) for each in encoder.encoders]
    return pickle.dumps((encoder.columns, encoders, encoder.rows))


def _make_tables(tables: bytes) -> ColumnEncoder:
    columns, encoders, rows = pickle.loads(tables)  # the driver made them
    return ColumnEncoder(columns, [make_encoder(each) for each in encoders], rows=rows)
