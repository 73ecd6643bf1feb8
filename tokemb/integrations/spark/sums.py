"""Token counts of one or several vocabularies in Spark's shuffle, and their sums.

One row per token would cost Java more time than the text itself. Tokens whose hashes agree therefore share a row, and
each of their columns is one binary value, which Java moves as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import STRINGS, Int32, Int64
from tokemb.engine.tally import Tally
from tokemb.rows.string_buffers import string_buffers
from tokemb.sources.texts import slices

PACKED = "vocabulary int, bucket int, tokens binary, sizes binary, counts binary, documents binary, first binary"
SUMMED = "vocabulary int, token string, length bigint, count bigint, documents bigint, first bigint"

# The number of buckets: the tokens of a partition take a few kilobytes per bucket, and a bucket fits in a worker.
BUCKETS = 1 << 12
# The bucket of the row lengths, which are counted as tokens of digits.
_LENGTHS = -1
# Counts are added once there are this many rows of them, and more than there are sums.
_MERGE_ROWS = 1 << 20
_ROWS_AT_ONCE = 1 << 16

Batches = Iterator[pa.RecordBatch]


def pack_tally(tally: Tally, first: int, vocabulary: int = 0) -> Batches:
    """Yield the counts of a tally as rows of ``PACKED``. ``first`` is the index of its first token."""
    start = 0
    for tokens in slices(tally.tokens):
        stop = start + len(tokens)
        hashes = (crc32(token) % BUCKETS for token in tokens.cast(pa.large_binary()).to_pylist())
        buckets = np.fromiter(hashes, np.int32, len(tokens))
        counts, documents = tally.counts[start:stop], tally.documents[start:stop]
        yield _pack_buckets(vocabulary, tokens, buckets, counts, documents, first + np.arange(start, stop))
        start = stop
    lengths = pa.array(map(str, tally.row_lengths), STRINGS)
    rows = np.array(list(tally.row_lengths.values()), np.int64)
    yield _pack_buckets(vocabulary, lengths, np.full(len(rows), _LENGTHS, np.int32), rows, rows, rows)


def sum_partition(batches: Batches) -> Batches:
    """Add the counts of the same vocabularies and buckets.

    Yields:
        Rows with ``vocabulary``. One row per distinct token with ``token``, ``count``, ``documents`` and ``first``
        (lower for tokens seen earlier), and one row per row length without a token: ``length`` and, as ``count``, the
        number of rows.
    """
    sums: defaultdict[int, tuple[Sums, Sums]] = defaultdict(lambda: (Sums(), Sums()))
    for batch in batches:
        vocabulary, is_length = batch.column("vocabulary"), pc.equal(batch.column("bucket"), _LENGTHS)
        for number in vocabulary.unique().to_pylist():
            is_own, (tokens, lengths) = pc.equal(vocabulary, number), sums[number]
            tokens.add(unpack_counts(batch.filter(pc.and_not(is_own, is_length))))
            lengths.add(unpack_counts(batch.filter(pc.and_(is_own, is_length))))
    for number, (tokens, lengths) in sums.items():
        words, rows = tokens.result(), lengths.result()
        words = words.add_column(1, "length", pa.nulls(len(words), pa.int64()))
        rows = rows.add_column(1, "length", rows["token"].cast(pa.int64()))
        rows = rows.set_column(0, "token", pa.nulls(len(rows), pa.string()))
        for table in (words, rows):
            numbers = pa.array(np.full(len(table), number, np.int32))
            yield from table.add_column(0, "vocabulary", numbers).to_batches(_ROWS_AT_ONCE)


class Sums:
    """Running sums of counts. The memory use depends on the number of distinct tokens."""

    def __init__(self) -> None:
        self._parts = [_EMPTY]

    def add(self, counts: pa.Table) -> None:
        """Add a table of ``token``, ``count``, ``documents`` and ``first``. A token can occur several times."""
        self._parts.append(counts)
        if sum(map(len, self._parts[1:])) > max(len(self._parts[0]), _MERGE_ROWS):
            self._parts = [self.result()]

    def result(self) -> pa.Table:
        """Return the sums, with each token once."""
        groups = pa.concat_tables(self._parts).group_by("token", use_threads=False)
        sums = groups.aggregate([("count", "sum"), ("documents", "sum"), ("first", "min")])
        return sums.rename_columns(_EMPTY.column_names)


def unpack_counts(batch: pa.RecordBatch) -> pa.Table:
    """Return the counts in rows of ``PACKED``."""
    sizes = _concatenate(batch.column("sizes"), np.int32)
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int32)]).astype(np.int32)
    text = pa.py_buffer(_concatenate(batch.column("tokens"), np.uint8))
    tokens = pa.StringArray.from_buffers(len(sizes), pa.py_buffer(offsets), text)
    numbers = [_concatenate(batch.column(name), np.int64) for name in ("counts", "documents", "first")]
    return pa.table([tokens, *map(pa.array, numbers)], schema=_EMPTY.schema)


def _pack_buckets(
    vocabulary: int,
    tokens: pa.LargeStringArray,
    buckets: Int32,
    counts: Int64,
    documents: Int64,
    first: Int64,
) -> pa.RecordBatch:
    order = np.argsort(buckets, kind="stable")
    buckets = buckets[order]
    bounds = np.concatenate([np.flatnonzero(np.diff(buckets, prepend=-2)), [len(buckets)]])
    offsets, text = string_buffers(tokens.take(pa.array(order)))
    columns = {
        "vocabulary": pa.array(np.full(len(bounds) - 1, vocabulary, np.int32)),
        "bucket": pa.array(buckets[bounds[:-1]]),
        "tokens": _split_bytes(text, offsets[bounds]),
        "sizes": _split_bytes(np.diff(offsets).astype(np.int32), bounds),
        "counts": _split_bytes(counts[order], bounds),
        "documents": _split_bytes(documents[order], bounds),
        "first": _split_bytes(first[order], bounds),
    }
    return pa.RecordBatch.from_pydict(columns)


def _split_bytes(values: npt.NDArray[np.generic], bounds: Int64) -> pa.BinaryArray:
    """Return the bytes of ``values`` between each bound and the next."""
    offsets = (bounds * values.itemsize).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(values))]
    return pa.BinaryArray.from_buffers(pa.binary(), len(bounds) - 1, buffers)


def _concatenate(column: pa.BinaryArray, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """Return the values of all rows as one array."""
    _, values = string_buffers(column.cast(pa.large_binary()))
    return values.view(dtype)


_EMPTY = pa.table(
    {
        "token": pa.array([], pa.string()),
        "count": pa.array([], pa.int64()),
        "documents": pa.array([], pa.int64()),
        "first": pa.array([], pa.int64()),
    }
)
