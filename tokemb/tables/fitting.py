"""Vocabularies fitted to the columns of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.counts.token_counts import RunningCounts
from tokemb.counts.word_limits import WordLimits
from tokemb.counts.word_vocabulary import oov_buckets
from tokemb.encoder import Encoder
from tokemb.engine.tally import Tally, tally
from tokemb.errors import ArgumentError, TextError
from tokemb.fit import check_no_selection, fit_vocab
from tokemb.rows.ragged import Ragged
from tokemb.tables.column import Column, named_parts, setting_by_column, shared_setting, vocabulary_groups
from tokemb.tables.values import MISSING, Values, join, values_of
from tokemb.vocabulary.profiles import EVENT_PROFILE

Setting = int | None | Mapping[str, int | None]
Salt = int | Sequence[int] | None


def fit_columns(
    batches: Iterable[pa.RecordBatch],
    parts_by_name: Mapping[str, tuple[str, ...]] | None,
    shared: Iterable[Sequence[str]],
    max_size: Setting,
    min_count: Setting,
    maxlen: Setting,
    num_oov_buckets: Setting = None,
    hash_buckets: Setting = None,
    salt: Salt = None,
) -> tuple[list[Column], list[Encoder], int]:
    """Fit the vocabularies of columns.

    Args:
        batches: At least one batch, with all parts of the columns.
        parts_by_name: The parts of each column by its name. ``None`` for all columns of the first batch.
        shared: See ``ColumnEncoder.fit``.
        max_size: See ``ColumnEncoder.fit``.
        min_count: See ``ColumnEncoder.fit``.
        maxlen: See ``ColumnEncoder.fit``.
        num_oov_buckets: See ``ColumnEncoder.fit``.
        hash_buckets: See ``ColumnEncoder.fit``.
        salt: See ``ColumnEncoder.fit``.

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
    lengths = setting_by_column("maxlen", maxlen, names)
    settings = {
        "max_size": max_size,
        "min_count": min_count,
        "num_oov_buckets": num_oov_buckets,
        "hash_buckets": hash_buckets,
    }
    by_column = {name: setting_by_column(name, value, names) for name, value in settings.items()}
    selections = [{name: shared_setting(name, values, group) for name, values in by_column.items()} for group in groups]
    for selection in selections:
        selection["min_count"] = selection["min_count"] or 1
        check_buckets(selection, salt)
    if not any(map(has_buckets, selections)):
        oov_buckets(None, None, salt)  # raises for a salt
    counts = _ColumnCounts(parts_by_name, groups)
    for batch in chain([first], batches):
        counts.add(batch)
    encoders = [counts.fit(number, selection, salt) for number, selection in enumerate(selections)]
    return _columns(parts_by_name, counts.kinds, groups, lengths), encoders, counts.rows


def hash_columns(
    batch: pa.RecordBatch,
    parts_by_name: Mapping[str, tuple[str, ...]] | None,
    shared: Iterable[Sequence[str]],
    hash_buckets: Setting,
    salt: Salt,
    maxlen: Setting,
) -> tuple[list[Column], list[Encoder]]:
    """Return columns and vocabularies that hash all values. ``batch`` tells which columns hold lists.

    The other arguments are those of ``fit_columns``.

    Raises:
        ArgumentError: If an argument is invalid, or a column has no ``hash_buckets``.
    """
    parts_by_name = named_parts(batch.schema.names) if parts_by_name is None else parts_by_name
    names = list(parts_by_name)
    groups = vocabulary_groups(names, shared)
    buckets, lengths = (
        setting_by_column(name, value, names) for name, value in (("hash_buckets", hash_buckets), ("maxlen", maxlen))
    )
    encoders = []
    for group in groups:
        count = shared_setting("hash_buckets", buckets, group)
        if count is None:
            raise ArgumentError(f"hash_buckets must name all columns; it has none for {group[0]!r}")
        encoders.append(Encoder.hashing(count, profile=EVENT_PROFILE, salt=salt, reserve=[MISSING]))
    kinds = {name: column_values(name, parts, batch).kind for name, parts in parts_by_name.items()}
    return _columns(parts_by_name, kinds, groups, lengths), encoders


def _columns(
    parts_by_name: Mapping[str, tuple[str, ...]],
    kinds: Mapping[str, str],
    groups: Sequence[Sequence[str]],
    lengths: Mapping[str, int | None],
) -> list[Column]:
    vocabulary = {name: number for number, group in enumerate(groups) for name in group}
    return [
        Column(name, parts, kinds[name], vocabulary[name], lengths[name] if kinds[name] == "lists" else None)
        for name, parts in parts_by_name.items()
    ]


def has_buckets(selection: Mapping[str, Any]) -> bool:
    """Return whether the arguments of ``fit_vocab`` request buckets."""
    return selection["num_oov_buckets"] is not None or selection["hash_buckets"] is not None


def check_buckets(selection: Mapping[str, Any], salt: Salt) -> None:
    """Raise ``ArgumentError`` if the arguments of ``fit_vocab`` for buckets contradict each other."""
    if has_buckets(selection):
        oov_buckets(selection["num_oov_buckets"], selection["hash_buckets"], salt)
    if selection["hash_buckets"] is not None:
        check_no_selection(selection["max_size"], selection["min_count"], WordLimits())


class _ColumnCounts:
    """Counts of the values of columns, one for each vocabulary."""

    def __init__(self, parts_by_name: Mapping[str, tuple[str, ...]], groups: list[list[str]]) -> None:
        self.rows = 0
        self.groups = groups
        self._parts_by_name = parts_by_name
        self.kinds: dict[str, str] = {}
        self._counts = [RunningCounts(EVENT_PROFILE) for _ in groups]

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the values of a batch."""
        self.rows += len(batch)
        for total, group in zip(self._counts, self.groups, strict=True):
            for name in group:
                values = column_values(name, self._parts_by_name[name], batch)
                first_kind = self.kinds.setdefault(name, values.kind)
                if first_kind != values.kind:
                    raise TextError(
                        f"the column {name!r} must hold {first_kind} in all rows; received {values.kind}, too"
                    )
                total.add(_tally(values))

    def fit(self, number: int, selection: Mapping[str, Any], salt: Salt) -> Encoder:
        """Select the vocabulary with this number from the counts of its columns.

        ``selection`` and ``salt`` are arguments of ``fit_vocab``. The salt is used if the vocabulary has buckets.
        """
        counts = self._counts[number].result()
        names = ", ".join(map(repr, self.groups[number]))
        if not counts.rows:
            raise TextError(f"a vocabulary of {names} cannot be fitted to a table without rows")
        try:
            return fit_vocab(counts, **selection, salt=salt if has_buckets(selection) else None, reserve=[MISSING])
        except TextError:
            times = "" if selection["min_count"] == 1 else f" {selection['min_count']} times"
            raise TextError(f"no value of {names} occurs{times} in {counts.rows} rows: leave the column out") from None


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
