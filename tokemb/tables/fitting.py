"""From tables to the vocabularies of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from tokemb.counts.token_counts import RunningCounts
from tokemb.encoder import Encoder
from tokemb.engine.tally import Tally, tally
from tokemb.errors import TextError
from tokemb.fit import fit_vocab
from tokemb.rows.ragged import Ragged
from tokemb.tables.column import Column, named_parts, of_each, of_group, vocabulary_groups
from tokemb.tables.values import MISSING, Values, join, values_of

# Tokens are looked up whole; this splits the least of what a text might be.
_PROFILE = "whitespace"

Setting = int | None | Mapping[str, int | None]


def fit_columns(
    batches: Iterable[pa.RecordBatch],
    named: Mapping[str, tuple[str, ...]] | None,
    shared: Iterable[Sequence[str]],
    max_size: Setting,
    min_count: Setting,
    maxlen: Setting,
) -> tuple[list[Column], list[Encoder], int]:
    """Fit the vocabularies of columns: the columns, their vocabularies, and the number of rows.

    ``batches``: at least one, with the columns that those are made of. ``named``: what each column is made of,
    ``None`` for all of the first batch. The rest is as for ``ColumnEncoder.fit``.
    """
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise TextError("the table has no rows: there is nothing to make vocabularies of")
    named = named_parts(first.schema.names) if named is None else named
    names = list(named)
    groups = vocabulary_groups(names, shared)
    sizes, least = of_each("max_size", max_size, names), of_each("min_count", min_count, names)
    lengths = of_each("maxlen", maxlen, names)
    cuts = [(of_group("max_size", sizes, group), of_group("min_count", least, group) or 1) for group in groups]
    counting = _Counting(named, groups)
    for batch in chain([first], batches):
        counting.add(batch)
    return counting.columns(lengths), [counting.fit(number, *cut) for number, cut in enumerate(cuts)], counting.rows


class _Counting:
    """Counts the values of columns, a sum for each vocabulary."""

    def __init__(self, named: Mapping[str, tuple[str, ...]], groups: list[list[str]]) -> None:
        self.rows = 0
        self.groups = groups
        self._named = named
        self._kinds: dict[str, str] = {}
        self._sums = [RunningCounts(_PROFILE) for _ in groups]

    def add(self, batch: pa.RecordBatch) -> None:
        """Count one more batch."""
        self.rows += len(batch)
        for total, group in zip(self._sums, self.groups, strict=True):
            for name in group:
                values = column_values(name, self._named[name], batch)
                known = self._kinds.setdefault(name, values.kind)
                if known != values.kind:
                    raise TextError(f"the column {name!r} must hold {known} in all rows, as before; met {values.kind}")
                total.add(_tally(values))

    def fit(self, number: int, max_size: int | None, min_count: int) -> Encoder:
        """Cut a vocabulary from the counts of its columns."""
        counts = self._sums[number].result()
        shown = ", ".join(map(repr, self.groups[number]))
        if counts is None or not counts.rows:
            raise TextError(f"the table has no rows: there is nothing to make a vocabulary of {shown} of")
        try:
            return fit_vocab(counts, max_size=max_size, min_count=min_count, reserve=[MISSING])
        except TextError:
            often = "" if min_count == 1 else f" that occurs {min_count} times"
            raise TextError(
                f"no value of {shown}{often} is there in {counts.rows} rows: leave the column out"
            ) from None

    def columns(self, lengths: Mapping[str, int | None]) -> list[Column]:
        """What is known of the columns; ``lengths`` are those of lists."""
        vocabulary = {name: number for number, group in enumerate(self.groups) for name in group}
        return [
            Column(name, parts, kind, vocabulary[name], lengths[name] if kind == "lists" else None)
            for name, parts in self._named.items()
            for kind in [self._kinds[name]]
        ]


def column_values(name: str, parts: Sequence[str], batch: pa.RecordBatch) -> Values:
    """The values of a column, of several columns of the table if it is an event."""
    values = [values_of(part, batch.column(part)) for part in parts]
    return values[0] if len(values) == 1 else join(name, values)


def _tally(values: Values) -> Tally:
    if values.row_splits is not None:
        return tally(Ragged(values.positions, values.row_splits), values.tokens)
    counts = np.bincount(values.positions, minlength=len(values.tokens))
    met = np.flatnonzero(counts)
    rows = len(values.positions)
    return Tally(values.tokens.take(pa.array(met)), counts[met], counts[met], {1: rows} if rows else {})
