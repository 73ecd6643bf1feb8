"""Counts on their way through Spark's shuffle, and their sums.

A row for each token would cost Java more than the text did. So tokens whose hashes agree go in one row, each of their
columns as bytes, which Java moves without a look into them.
"""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64
from tokemb.engine.buffers import string_buffers
from tokemb.engine.tally import Tally
from tokemb.sources.texts import slices

PACKED = "bucket int, tokens binary, sizes binary, counts binary, documents binary, first binary"
SUMMED = "token string, length bigint, count bigint, documents bigint, first bigint"

# So many that the tokens of a partition are a few kilobytes a bucket, and all those of a bucket fit in a worker.
BUCKETS = 1 << 12
# The bucket in which the lengths of rows are counted, as tokens of digits.
_LENGTHS = -1
# Counts are added when so many have come, and more than there are sums.
_MERGE = 1 << 20
_ROWS_AT_ONCE = 1 << 16

Batches = Iterator[pa.RecordBatch]


def packed(tally: Tally, first: int) -> Batches:
    """What was counted as rows of ``PACKED``; ``first``: the number of its first token, the others follow."""
    start = 0
    for tokens in slices(tally.tokens):
        stop = start + len(tokens)
        hashes = (crc32(token) % BUCKETS for token in tokens.cast(pa.large_binary()).to_pylist())
        buckets = np.fromiter(hashes, np.int32, len(tokens))
        yield _packed(
            tokens, buckets, tally.counts[start:stop], tally.documents[start:stop], first + np.arange(start, stop)
        )
        start = stop
    lengths = pa.array(map(str, tally.row_lengths), STRINGS)
    rows = np.array(list(tally.row_lengths.values()), np.int64)
    yield _packed(lengths, np.full(len(rows), _LENGTHS, np.int32), rows, rows, rows)


def sum_partition(batches: Batches) -> Batches:
    """Add what came of the same buckets.

    Yields a row for each distinct token: ``token``, ``count``, ``documents``, and ``first``, which is the smaller the
    earlier the token was seen; and for each length of rows one without a token: ``length`` and, as ``count``, how many
    rows have it.
    """
    tokens, lengths = Sums(), Sums()
    for batch in batches:
        of_lengths = batch.column("bucket").to_numpy() == _LENGTHS
        tokens.add(unpacked(batch.filter(pa.array(~of_lengths))))
        lengths.add(unpacked(batch.filter(pa.array(of_lengths))))
    words, rows = tokens.result(), lengths.result()
    words = words.add_column(1, "length", pa.nulls(len(words), pa.int64()))
    rows = rows.add_column(1, "length", rows["token"].cast(pa.int64()))
    rows = rows.set_column(0, "token", pa.nulls(len(rows), pa.string()))
    for table in (words, rows):
        yield from table.to_batches(_ROWS_AT_ONCE)


class Sums:
    """The sums of counts that come one after the other; memory follows the distinct tokens."""

    def __init__(self) -> None:
        self._parts = [_NOTHING]

    def add(self, counts: pa.Table) -> None:
        """Add one more: ``token``, ``count``, ``documents``, ``first``, in which a token can come several times."""
        self._parts.append(counts)
        if sum(map(len, self._parts[1:])) > max(len(self._parts[0]), _MERGE):
            self._parts = [self.result()]

    def result(self) -> pa.Table:
        """The sums, each token once."""
        added = pa.concat_tables(self._parts).group_by("token", use_threads=False)
        summed = added.aggregate([("count", "sum"), ("documents", "sum"), ("first", "min")])
        return summed.rename_columns(_NOTHING.column_names)


def unpacked(batch: pa.RecordBatch) -> pa.Table:
    """The counts in rows of ``PACKED``."""
    sizes = _joined(batch.column("sizes"), np.int32)
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int32)]).astype(np.int32)
    text = pa.py_buffer(_joined(batch.column("tokens"), np.uint8))
    tokens = pa.StringArray.from_buffers(len(sizes), pa.py_buffer(offsets), text)
    numbers = [_joined(batch.column(name), np.int64) for name in ("counts", "documents", "first")]
    return pa.table([tokens, *map(pa.array, numbers)], schema=_NOTHING.schema)


def _packed(
    tokens: pa.LargeStringArray, buckets: npt.NDArray[np.int32], counts: Int64, documents: Int64, first: Int64
) -> pa.RecordBatch:
    order = np.argsort(buckets, kind="stable")
    buckets = buckets[order]
    cuts = np.concatenate([np.flatnonzero(np.diff(buckets, prepend=-2)), [len(buckets)]])
    offsets, text = string_buffers(tokens.take(pa.array(order)))
    columns = {
        "bucket": pa.array(buckets[cuts[:-1]]),
        "tokens": _cut(text, offsets[cuts]),
        "sizes": _cut(np.diff(offsets).astype(np.int32), cuts),
        "counts": _cut(counts[order], cuts),
        "documents": _cut(documents[order], cuts),
        "first": _cut(first[order], cuts),
    }
    return pa.RecordBatch.from_pydict(columns)


def _cut(values: npt.NDArray[np.generic], cuts: Int64) -> pa.BinaryArray:
    """The bytes of ``values`` between each cut and the next."""
    offsets = (cuts * values.itemsize).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.BinaryArray.from_buffers(pa.binary(), len(cuts) - 1, buffers)


def _joined(column: pa.BinaryArray, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """The values of all rows, one after the other."""
    _, values = string_buffers(column.cast(pa.large_binary()))
    return values.view(dtype)


_NOTHING = pa.table(
    {
        "token": pa.array([], pa.string()),
        "count": pa.array([], pa.int64()),
        "documents": pa.array([], pa.int64()),
        "first": pa.array([], pa.int64()),
    }
)
