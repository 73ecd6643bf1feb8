"""Counts on disk, for more distinct tokens than memory should hold, such as the n-grams of a large corpus.

The tokens of each part of the counts are partitioned by hash. Then the parts are added partition by partition, so that
memory holds one partition and the tokens that are frequent enough. All sums are exact.
"""

from __future__ import annotations

import sys
import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64
from tokemb.engine.hash_tokens import hash_tokens
from tokemb.files.temporaries import temporary_folder
from tokemb.vocabulary.oov_buckets import OovBuckets

if TYPE_CHECKING:
    from tokemb.engine.token_numbers import TokenNumbers


def release_memory() -> None:
    """Return freed memory to the system. Arrow and the C library would keep up to hundreds of megabytes of it."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only the GNU C library has it
        if trim is not None:
            trim(0)


_SCHEMA = pa.schema({"token": STRINGS, "count": pa.int64(), "documents": pa.int64(), "position": pa.int64()})
# With a hundred parts of one million tokens, memory holds about one and a half million tokens at a time.
_PARTITIONS = OovBuckets(64)


@dataclass(frozen=True)
class Frequent:
    """Which tokens are needed.

    Attributes:
        min_count: The minimum count.
        top: The number of the most frequent tokens that are needed, with those of equal counts. ``None`` for all.
        keep: Tokens that are needed whatever their counts are.
        buckets: Hash buckets in which the most frequent of the other tokens are searched.
    """

    min_count: int = 1
    top: int | None = None
    keep: tuple[str, ...] = ()
    buckets: OovBuckets | None = None


class LeftOut:
    """The tokens that are not needed.

    Attributes:
        tokens: The number of tokens.
        most_frequent: The highest count in each bucket, int64 (buckets,). ``None`` without buckets.
    """

    def __init__(self, buckets: OovBuckets | None) -> None:
        self.tokens = 0
        self.most_frequent = None if buckets is None else np.zeros(buckets.count, np.int64)
        self._buckets = buckets

    def add(self, table: pa.Table, selected: pa.ChunkedArray) -> None:
        """Add the tokens of a table with the columns ``token`` and ``count`` that are not selected, bool (tokens,)."""
        import pyarrow.compute as pc

        self.tokens += len(table) - (pc.sum(selected).as_py() or 0)
        if self._buckets is not None and self.most_frequent is not None:
            others = table.filter(pc.invert(selected)).combine_chunks()
            if len(others):
                buckets = hash_tokens(others["token"].chunk(0), self._buckets)
                np.maximum.at(self.most_frequent, buckets, others["count"].to_numpy())


class SpilledCounts:
    """Parts of counts in a temporary folder, which is removed with this object, or by a later run after a kill.

    Attributes:
        parts: The number of parts.
    """

    def __init__(self) -> None:
        import tempfile  # a slow import that few corpora need

        with ExitStack() as stack:
            self._folder = stack.enter_context(temporary_folder(Path(tempfile.gettempdir())))
            weakref.finalize(self, stack.pop_all().close)
        self.parts = 0

    def add(self, tokens: pa.LargeStringArray, counts: Int64, documents: Int64) -> None:
        """Write a part.

        Args:
            tokens: Distinct tokens in the order of their first occurrence, ``large_string`` (tokens,).
            counts: int64 (tokens,).
            documents: int64 (tokens,).
        """
        positions = (self.parts << 40) + np.arange(len(tokens))
        part = pa.record_batch([tokens, counts, documents, positions], _SCHEMA)
        partitions = hash_tokens(tokens, _PARTITIONS).astype(np.uint8)  # NumPy sorts bytes in linear time
        part = part.take(pa.array(np.argsort(partitions, kind="stable")))
        start = 0
        with pa.ipc.new_file(str(self._path(self.parts)), _SCHEMA) as file:
            for size in np.bincount(partitions, minlength=_PARTITIONS.count).tolist():
                file.write_batch(part.slice(start, size))
                start += size
        self.parts += 1
        release_memory()

    def merge(self, frequent: Frequent) -> tuple[pa.Table, LeftOut]:
        """Add the parts.

        Args:
            frequent: Which tokens are needed.

        Returns:
            The tokens that are needed, in the order of their first occurrence, with the columns ``token``, ``count``
            and ``documents`` of one chunk each, and the others.
        """
        from tokemb.engine.token_numbers import TokenNumbers  # a slow import that few corpora need

        parts = [pa.ipc.open_file(pa.OSFile(str(self._path(part)))) for part in range(self.parts)]
        kept, min_count, left_out = _SCHEMA.empty_table(), frequent.min_count, LeftOut(frequent.buckets)
        numbers = TokenNumbers()
        for partition in range(_PARTITIONS.count):
            merged = _sum(pa.Table.from_batches([part.get_batch(partition) for part in parts]), numbers)
            kept = pa.concat_tables([kept, _select(merged, min_count, frequent.keep, left_out)])
            if frequent.top and len(kept) > 2 * frequent.top:
                least = int(np.partition(kept["count"].to_numpy(), -frequent.top)[-frequent.top])
                min_count = max(min_count, least)
                kept = _select(kept, min_count, frequent.keep, left_out).combine_chunks()
        order = pa.array(np.argsort(kept["position"].to_numpy()))
        columns = {}
        for name in ("token", "count", "documents"):  # one after the other, which takes half of the memory
            columns[name] = kept[name].combine_chunks().take(order)  # Arrow takes the values of one chunk fastest
            kept = kept.drop_columns(name)
        release_memory()
        return pa.table(columns), left_out

    def _path(self, part: int) -> Path:
        return self._folder / f"{part}.arrow"


def _sum(table: pa.Table, numbers: TokenNumbers) -> pa.Table:
    """Return the distinct tokens of ``table`` with the sums of their counts and the first of their positions.

    ``numbers`` is cleared and then used to number the tokens.
    """
    if not len(table):
        return table
    numbers.clear()
    number = numbers.add(table["token"].combine_chunks())
    counts, documents, positions = np.zeros((3, numbers.size), np.int64)
    np.add.at(counts, number, table["count"].to_numpy())
    np.add.at(documents, number, table["documents"].to_numpy())
    positions[number[::-1]] = table["position"].to_numpy()[::-1]  # the parts are in order, so the first is written last
    return pa.table([numbers.texts(), counts, documents, positions], _SCHEMA)


def _select(table: pa.Table, min_count: int, keep: tuple[str, ...], left_out: LeftOut) -> pa.Table:
    """Return the rows of tokens that are needed. The others are added to ``left_out``."""
    import pyarrow.compute as pc

    selected = pc.greater_equal(table["count"], min_count)
    if keep:
        selected = pc.or_(selected, pc.is_in(table["token"], pa.array(keep, STRINGS)))
    left_out.add(table, selected)
    return table.filter(selected)
