"""Vocabularies fitted to the columns of a table."""

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
from tokemb.tables.column import Column, named_parts, setting_by_column, shared_setting, vocabulary_groups
from tokemb.tables.values import MISSING, Values, join, values_of
from tokemb.vocabulary.profiles import EVENT_PROFILE

Setting = int | None | Mapping[str, int | None]


def fit_columns(
    batches: Iterable[pa.RecordBatch],
    parts_by_name: Mapping[str, tuple[str, ...]] | None,
    shared: Iterable[Sequence[str]],
    max_size: Setting,
    min_count: Setting,
    maxlen: Setting,
) -> tuple[list[Column], list[Encoder], int]:
    """Fit the vocabularies of columns.

    Args:
        batches: At least one batch, with all parts of the columns.
        parts_by_name: The parts of each column by its name. ``None`` for all columns of the first batch.
        shared: See ``ColumnEncoder.fit``.
        max_size: See ``ColumnEncoder.fit``.
        min_count: See ``ColumnEncoder.fit``.
        maxlen: See ``ColumnEncoder.fit``.

    Returns:
        The columns, the vocabularies, and the number of rows.

    Raises:
        TextError: If there are no rows, or the values of a column are not categories.
        ArgumentError: If a setting is invalid.
    """
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise TextError("vocabularies cannot be fitted to a table without rows")
    parts_by_name = named_parts(first.schema.names) if parts_by_name is None else parts_by_name
    names = list(parts_by_name)
    groups = vocabulary_groups(names, shared)
    sizes, min_counts = setting_by_column("max_size", max_size, names), setting_by_column("min_count", min_count, names)
    lengths = setting_by_column("maxlen", maxlen, names)
    selections = [
        (shared_setting("max_size", sizes, group), shared_setting("min_count", min_counts, group) or 1)
        for group in groups
    ]
    counts = _ColumnCounts(parts_by_name, groups)
    for batch in chain([first], batches):
        counts.add(batch)
    encoders = [counts.fit(number, *selection) for number, selection in enumerate(selections)]
    return counts.columns(lengths), encoders, counts.rows


class _ColumnCounts:
    """Counts of the values of columns, one for each vocabulary."""

    def __init__(self, parts_by_name: Mapping[str, tuple[str, ...]], groups: list[list[str]]) -> None:
        self.rows = 0
        self.groups = groups
        self._parts_by_name = parts_by_name
        self._kinds: dict[str, str] = {}
        self._counts = [RunningCounts(EVENT_PROFILE) for _ in groups]

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the values of a batch."""
        self.rows += len(batch)
        for total, group in zip(self._counts, self.groups, strict=True):
            for name in group:
                values = column_values(name, self._parts_by_name[name], batch)
                first_kind = self._kinds.setdefault(name, values.kind)
                if first_kind != values.kind:
                    raise TextError(
                        f"the column {name!r} must hold {first_kind} in all rows; received {values.kind}, too"
                    )
                total.add(_tally(values))

    def fit(self, number: int, max_size: int | None, min_count: int) -> Encoder:
        """Select the vocabulary with this number from the counts of its columns."""
        counts = self._counts[number].result()
        names = ", ".join(map(repr, self.groups[number]))
        if counts is None or not counts.rows:
            raise TextError(f"a vocabulary of {names} cannot be fitted to a table without rows")
        try:
            return fit_vocab(counts, max_size=max_size, min_count=min_count, reserve=[MISSING])
        except TextError:
            times = "" if min_count == 1 else f" {min_count} times"
            raise TextError(f"no value of {names} occurs{times} in {counts.rows} rows: leave the column out") from None

    def columns(self, lengths: Mapping[str, int | None]) -> list[Column]:
        """Return the columns. ``lengths`` are the default lengths of encoded lists."""
        vocabulary = {name: number for number, group in enumerate(self.groups) for name in group}
        return [
            Column(name, parts, kind, vocabulary[name], lengths[name] if kind == "lists" else None)
            for name, parts in self._parts_by_name.items()
            for kind in [self._kinds[name]]
        ]


def column_values(name: str, parts: Sequence[str], batch: pa.RecordBatch) -> Values:
    """Return the values of a column. The parts of an event are joined."""
    values = [values_of(part, batch.column(part)) for part in parts]
    return values[0] if len(values) == 1 else join(name, values)


def _tally(values: Values) -> Tally:
    if values.row_splits is not None:
        return tally(Ragged(values.positions, values.row_splits), values.tokens)
    counts = np.bincount(values.positions, minlength=len(values.tokens))
    present = np.flatnonzero(counts)
    rows = len(values.positions)
    return Tally(values.tokens.take(pa.array(present)), counts[present], counts[present], {1: rows} if rows else {})
