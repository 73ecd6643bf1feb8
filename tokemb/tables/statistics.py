"""Statistics of the columns of a table: what sizes of embeddings, also on sparse hardware, depend on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import Int32, Int64
from tokemb.encoder import Encoder
from tokemb.rows.ragged import Ragged
from tokemb.tables.encoded_table import Rows, concatenate
from tokemb.tables.encoder import ColumnEncoder
from tokemb.tables.values import MISSING


@dataclass(frozen=True)
class PartitionLoad:
    """The largest load of one partition of a sharded embedding, as in ``keras_rs.layers.TableConfig``.

    The rows of each batch are divided among the partitions in order. A partition holds the embeddings of the ids with
    ``id % partitions`` equal to its number. Equal ids in one row count once.

    Attributes:
        max_ids_per_partition: The maximum number of ids that the rows of one partition look up in one partition.
        max_unique_ids_per_partition: The maximum number of distinct ids among them.
    """

    max_ids_per_partition: int
    max_unique_ids_per_partition: int


@dataclass(frozen=True)
class ColumnStatistics:
    """Statistics of a column of the table that the vocabularies were fitted to.

    Columns that share a vocabulary have the same statistics, those of all their values, except for ``load``.

    Attributes:
        name: The name of the column.
        kind: ``"single values"`` or ``"lists"``.
        shared: The other columns with the same vocabulary.
        values: The number of values, including missing ones.
        cardinality: The number of distinct values that are not missing.
        missing: The share of values that are missing.
        oov: The share of values that are out of vocabulary.
        input_dim: The highest id plus one.
        suggested_dim: The suggested size of the embedding.
        load: The load of the partitions, if it was computed.
    """

    name: str
    kind: str
    shared: list[str]
    values: int
    cardinality: int
    missing: float
    oov: float
    input_dim: int
    suggested_dim: int
    load: PartitionLoad | None


def column_statistics(encoder: ColumnEncoder, loads: dict[str, PartitionLoad] | None = None) -> list[ColumnStatistics]:
    """Return the statistics of each column.

    Args:
        encoder: The fitted vocabularies.
        loads: The result of ``partition_loads``.
    """
    columns = []
    for column in encoder.columns:
        vocabulary = encoder.vocabularies[column.name]
        values, distinct, oov = _corpus(vocabulary)
        missing = _occurrences(vocabulary, MISSING)
        others = [other.name for other in encoder.columns if other.vocabulary == column.vocabulary]
        columns.append(
            ColumnStatistics(
                column.name,
                column.kind,
                [name for name in others if name != column.name],
                values,
                distinct - (missing > 0),
                missing / max(values, 1),
                oov / max(values, 1),
                vocabulary.input_dim,
                encoder.suggested_dims[column.name],
                (loads or {}).get(column.name),
            )
        )
    return columns


def partition_loads(
    encoder: ColumnEncoder, batches: Iterable[pa.RecordBatch], *, batch_size: int, partitions: int
) -> dict[str, PartitionLoad]:
    """Return the load of the partitions of each column for a table in this order.

    Args:
        encoder: The fitted vocabularies.
        batches: The table, as ``table_batches`` yields it.
        batch_size: The number of rows in a batch.
        partitions: The number of partitions.
    """
    largest = {column.name: PartitionLoad(0, 0) for column in encoder.columns}
    pending: dict[str, Rows] = {}
    for batch in batches:
        encoded = encoder.encode_batch(batch)
        pending = concatenate([pending, encoded], encoder.columns) if pending else encoded
        rows = len(next(iter(pending.values()))) // batch_size * batch_size
        _update(largest, _slice(pending, 0, rows), batch_size, partitions)
        pending = _slice(pending, rows, None)
    _update(largest, pending, batch_size, partitions)
    return largest


def _slice(encoded: dict[str, Rows], start: int, stop: int | None) -> dict[str, Rows]:
    return {
        name: ids.slice(start, len(ids) if stop is None else stop) if isinstance(ids, Ragged) else ids[start:stop]
        for name, ids in encoded.items()
    }


def _update(largest: dict[str, PartitionLoad], encoded: dict[str, Rows], batch_size: int, partitions: int) -> None:
    for name, ids in encoded.items():
        load, before = partition_load(ids, batch_size, partitions), largest[name]
        largest[name] = PartitionLoad(
            max(load.max_ids_per_partition, before.max_ids_per_partition),
            max(load.max_unique_ids_per_partition, before.max_unique_ids_per_partition),
        )


def partition_load(ids: Int32 | Ragged, batch_size: int, partitions: int) -> PartitionLoad:
    """Return the largest load of a partition for rows of ids: int32 ``(rows,)``, or a ``Ragged``."""
    values = (ids.values if isinstance(ids, Ragged) else ids).astype(np.int64)
    if not len(values):
        return PartitionLoad(0, 0)
    row = np.repeat(np.arange(len(ids)), ids.lengths) if isinstance(ids, Ragged) else np.arange(len(ids))
    size = int(values.max()) + 1
    row, values = np.divmod(_distinct(row * size + values), size)
    share = -(-batch_size // partitions)  # the rows of a batch in one partition, rounded up
    group = row // batch_size * partitions + row % batch_size // share
    unique_group, unique_ids = np.divmod(_distinct(group * size + values), size)
    return PartitionLoad(
        int(np.bincount(group * partitions + values % partitions).max()),
        int(np.bincount(unique_group * partitions + unique_ids % partitions).max()),
    )


def _distinct(keys: Int64) -> Int64:
    distinct: Int64 = pa.array(keys).unique().to_numpy()  # faster than numpy.unique, which sorts
    return distinct


def _corpus(vocabulary: Encoder) -> tuple[int, int, int]:
    corpus = vocabulary.corpus
    return (corpus.tokens, corpus.distinct, corpus.oov) if corpus else (0, 0, 0)


def _occurrences(vocabulary: Encoder, token: str) -> int:
    table = vocabulary.table
    return int(pc.sum(table.filter(pc.equal(table["token"], token))["count"]).as_py() or 0)
