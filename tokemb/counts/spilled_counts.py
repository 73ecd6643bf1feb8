"""Counts on disk, for more distinct tokens than memory should hold, such as the n-grams of a large corpus.

Each part of the counts is written in the order of its tokens. Then the parts are added range by range, so that memory
holds one range and the tokens that are frequent enough. All sums are exact.
"""

from __future__ import annotations

import weakref
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64

_SCHEMA = pa.schema({"token": STRINGS, "count": pa.int64(), "documents": pa.int64(), "position": pa.int64()})


@dataclass(frozen=True)
class Frequent:
    """Which tokens are needed.

    Attributes:
        min_count: The minimum count.
        top: The number of the most frequent tokens that are needed, with those of equal counts. ``None`` for all.
        keep: Tokens that are needed whatever their counts are.
    """

    min_count: int = 1
    top: int | None = None
    keep: tuple[str, ...] = ()


class SpilledCounts:
    """Parts of counts in a temporary folder, which is removed with this object.

    Attributes:
        parts: The number of parts.
    """

    def __init__(self) -> None:
        import shutil  # slow imports that few corpora need
        import tempfile

        self._folder = Path(tempfile.mkdtemp(prefix="tokemb-counts-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.parts = 0

    def add(self, tokens: pa.LargeStringArray, counts: Int64, documents: Int64) -> None:
        """Write a part.

        Args:
            tokens: Distinct tokens in the order of their first occurrence, ``large_string`` (tokens,).
            counts: int64 (tokens,).
            documents: int64 (tokens,).
        """
        positions = (self.parts << 40) + np.arange(len(tokens))
        table = pa.table([tokens, counts, documents, positions], _SCHEMA).sort_by("token").combine_chunks()
        with pa.ipc.new_file(str(self._path(self.parts)), _SCHEMA) as file:
            file.write_table(table)
        self.parts += 1

    def merge(self, frequent: Frequent, range_size: int) -> tuple[pa.Table, int]:
        """Add the parts.

        Args:
            frequent: Which tokens are needed.
            range_size: The approximate number of tokens of all parts to add at a time.

        Returns:
            The tokens that are needed, in the order of their first occurrence, with the columns ``token``, ``count``
            and ``documents``, and the number of the others.
        """
        tables = [pa.ipc.open_file(pa.memory_map(str(self._path(part)))).read_all() for part in range(self.parts)]
        kept, min_count, distinct = _SCHEMA.empty_table(), frequent.min_count, 0
        for bounds in _ranges([table["token"] for table in tables], max(range_size // self.parts, 1)):
            slices = [table.slice(start, stop - start) for table, (start, stop) in zip(tables, bounds, strict=True)]
            merged = _sum(pa.concat_tables(slices).combine_chunks())
            distinct += len(merged)
            kept = pa.concat_tables([kept, _select(merged, min_count, frequent.keep)])
            if frequent.top and len(kept) > 2 * (frequent.top + range_size):
                least = int(np.partition(kept["count"].to_numpy(), -frequent.top)[-frequent.top])
                min_count = max(min_count, least)
                kept = _select(kept, min_count, frequent.keep).combine_chunks()
        return kept.sort_by("position").drop_columns("position"), distinct - len(kept)

    def _path(self, part: int) -> Path:
        return self._folder / f"{part}.arrow"


def _ranges(columns: list[pa.ChunkedArray], size: int) -> list[list[tuple[int, int]]]:
    """Return ranges of tokens as bounds in each sorted column. Each has about ``size`` tokens of the longest column."""
    columns = [column.combine_chunks() for column in columns]
    longest = max(columns, key=len)
    firsts = [longest[at].as_py() for at in range(size, len(longest), size)]
    cuts = [[0, *(bisect_left(_Texts(column), first) for first in firsts), len(column)] for column in columns]
    return [[(cut[index], cut[index + 1]) for cut in cuts] for index in range(len(firsts) + 1)]


class _Texts:
    """A sorted column as a sequence of ``str``, whose order is that of their UTF-8 bytes."""

    def __init__(self, column: pa.LargeStringArray) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, index: int) -> Any:  # noqa: ANN401 - str
        return self._column[index].as_py()


def _sum(table: pa.Table) -> pa.Table:
    """Return the distinct tokens of ``table`` with the sums of their counts and the first of their positions."""
    if not len(table):
        return table
    encoded = table["token"].combine_chunks().dictionary_encode()
    number = encoded.indices.to_numpy()
    counts, documents, positions = np.zeros((3, len(encoded.dictionary)), np.int64)
    np.add.at(counts, number, table["count"].to_numpy())
    np.add.at(documents, number, table["documents"].to_numpy())
    positions[number[::-1]] = table["position"].to_numpy()[::-1]  # the parts are in order, so the first is written last
    return pa.table([encoded.dictionary, counts, documents, positions], _SCHEMA)


def _select(table: pa.Table, min_count: int, keep: tuple[str, ...]) -> pa.Table:
    import pyarrow.compute as pc

    selected = pc.greater_equal(table["count"], min_count)
    if keep:
        selected = pc.or_(selected, pc.is_in(table["token"], pa.array(keep, STRINGS)))
    return table.filter(selected)
