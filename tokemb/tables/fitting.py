"""Vocabularies and statistics fitted to the columns of a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import TOKEN_ROWS
from tokemb._validation import check_ngrams
from tokemb.counts.select_tokens import reserved_tokens
from tokemb.counts.spilled_counts import Frequent
from tokemb.counts.token_counts import RunningCounts, TextCounter, TokenCounts
from tokemb.counts.word_limits import WordLimits
from tokemb.counts.word_vocabulary import oov_buckets
from tokemb.encoder import Encoder
from tokemb.engine.tally import Tally, tally
from tokemb.errors import ArgumentError, TextError, TextTypeError
from tokemb.fit import check_combination, check_no_selection, fit_vocab, needed_words
from tokemb.rows.ragged import Ragged
from tokemb.sources.columns import text_type
from tokemb.sources.text_source import text_batches
from tokemb.sources.texts import decode_dictionary
from tokemb.tables.column import (
    Column,
    NumberStatistics,
    named_parts,
    setting_by_column,
    shared_setting,
    vocabulary_groups,
)
from tokemb.tables.exact_sums import ExactSums
from tokemb.tables.selection import Selection
from tokemb.tables.values import MISSING, Values, join, values_of
from tokemb.vocabulary.profiles import EVENT_PROFILE, Profile, get_profile

Setting = int | None | Mapping[str, int | None]
Salt = int | Sequence[int] | None


@dataclass(frozen=True)
class FitSettings:
    """The arguments of ``ColumnEncoder.fit`` that decide the vocabularies. They are documented there.

    Attributes:
        leave_out_single: Whether values that occur once are left out, unless all values of a column do.
    """

    shared: Iterable[Sequence[str]] = ()
    max_size: Setting = None
    min_count: Setting = 1
    maxlen: Setting = None
    num_oov_buckets: Setting = None
    hash_buckets: Setting = None
    salt: Salt = None
    profile: str = "words"
    algorithm: str = "word"
    ngrams: int | Sequence[int] | None = None
    leave_out_single: bool = False

    @property
    def splitting(self) -> Profile:
        """How texts are split. Raise ``ArgumentError`` if a setting of texts is invalid."""
        splitting = replace(get_profile(self.profile), ngrams=check_ngrams(self.ngrams))
        check_combination(splitting, self.algorithm, oov=True)
        return splitting

    def selections(self, groups: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        """Return the arguments of ``fit_vocab`` for each group of columns that shares a vocabulary."""
        names = [name for group in groups for name in group]
        settings = {
            "max_size": self.max_size,
            "min_count": self.min_count,
            "num_oov_buckets": self.num_oov_buckets,
            "hash_buckets": self.hash_buckets,
        }
        by_column = {name: setting_by_column(name, value, names) for name, value in settings.items()}
        selections = [
            {name: shared_setting(name, values, group) for name, values in by_column.items()} for group in groups
        ]
        for selection in selections:
            selection["min_count"] = selection["min_count"] or 1
            check_buckets(selection, self.salt)
        if not any(map(has_buckets, selections)):
            oov_buckets(None, None, self.salt)  # raises for a salt
        return selections


def fit_columns(
    batches: Iterable[pa.RecordBatch], selection: Selection, settings: FitSettings
) -> tuple[list[Column], list[Encoder], int]:
    """Fit the vocabularies of columns, and the statistics of numbers.

    Args:
        batches: At least one batch, with all parts of the columns.
        selection: The columns.
        settings: The settings of the vocabularies.

    Returns:
        The columns, the vocabularies, and the number of rows.

    Raises:
        TextError: If there are no rows, or the values of a column are not those of its kind.
        ArgumentError: If a setting is invalid.
    """
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        raise TextError("vocabularies cannot be fitted to a table without rows")
    values = named_parts(first.schema.names) if selection.values is None else selection.values
    fitted_texts = [name for name, vocabulary in selection.texts.items() if vocabulary is None]
    groups = vocabulary_groups([*fitted_texts, *values], settings.shared)
    with_ids = [*selection.texts, *values]
    if not with_ids:
        raise ArgumentError("columns must name at least one column of texts or values beside the numbers")
    lengths = setting_by_column("maxlen", settings.maxlen, with_ids)
    arguments = settings.selections(groups)
    fits = [_fit_of(group, values, settings) for group in groups]
    numbers = {name: NumberFit(name) for name in selection.numbers}
    rows = 0
    for batch in chain([first], batches):
        rows += len(batch)
        for fit in fits:
            fit.add(batch)
        for statistics in numbers.values():
            statistics.add(batch)
    encoders = [fit.vocabulary(selected, settings) for fit, selected in zip(fits, arguments, strict=True)]
    positions = {name: number for number, group in enumerate(groups) for name in group}
    kinds = {name: kind for fit in fits for name, kind in fit.kinds.items()}
    for name, vocabulary in selection.texts.items():
        if vocabulary is not None:
            encoders += [] if any(vocabulary is other for other in encoders) else [vocabulary]
            positions[name] = next(i for i, other in enumerate(encoders) if other is vocabulary)
            kinds[name], lengths[name] = "texts", lengths[name] or vocabulary.maxlen
    parts = {name: values.get(name, (name,)) for name in with_ids}
    columns = _columns(parts, kinds, positions, lengths, selection.separators)
    columns += [Column(name, (name,), "numbers", None, numbers=each.statistics) for name, each in numbers.items()]
    return columns, encoders, rows


def hash_columns(
    batch: pa.RecordBatch,
    parts_by_name: Mapping[str, tuple[str, ...]] | None,
    shared: Iterable[Sequence[str]],
    hash_buckets: Setting,
    salt: Salt,
    maxlen: Setting,
) -> tuple[list[Column], list[Encoder]]:
    """Return columns and vocabularies that hash all values. ``batch`` tells which columns hold lists.

    Args:
        batch: Rows of the table.
        parts_by_name: The parts of each column by its name. ``None`` for all columns of the batch.
        shared: See ``ColumnEncoder.hashing``.
        hash_buckets: See ``ColumnEncoder.hashing``.
        salt: See ``ColumnEncoder.hashing``.
        maxlen: See ``ColumnEncoder.hashing``.

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
    positions = {name: number for number, group in enumerate(groups) for name in group}
    return _columns(parts_by_name, kinds, positions, lengths, {}), encoders


def _columns(
    parts_by_name: Mapping[str, tuple[str, ...]],
    kinds: Mapping[str, str],
    vocabulary: Mapping[str, int],
    lengths: Mapping[str, int | None],
    separators: Mapping[str, str | None],
) -> list[Column]:
    columns = [
        Column(
            name, parts, kinds[name], vocabulary[name], lengths[name], separators.get(name), name in separators or None
        )
        for name, parts in parts_by_name.items()
    ]
    return [column if column.has_rows_of_ids else replace(column, maxlen=None) for column in columns]


def has_buckets(selection: Mapping[str, Any]) -> bool:
    """Return whether the arguments of ``fit_vocab`` request buckets."""
    return selection["num_oov_buckets"] is not None or selection["hash_buckets"] is not None


def check_buckets(selection: Mapping[str, Any], salt: Salt) -> None:
    """Raise ``ArgumentError`` if the arguments of ``fit_vocab`` for buckets contradict each other."""
    if has_buckets(selection):
        oov_buckets(selection["num_oov_buckets"], selection["hash_buckets"], salt)
    if selection["hash_buckets"] is not None:
        check_no_selection(selection["max_size"], selection["min_count"], WordLimits())


class _VocabularyFit(ABC):
    """The vocabulary of a group of columns, fitted batch by batch.

    Attributes:
        kinds: The kind of each column of the group that was seen.
    """

    def __init__(self, group: Sequence[str]) -> None:
        self._group = group
        self.kinds: dict[str, str] = {}

    @abstractmethod
    def add(self, batch: pa.RecordBatch) -> None:
        """Count the columns of the group in a batch."""

    @abstractmethod
    def vocabulary(self, selection: Mapping[str, Any], settings: FitSettings) -> Encoder:
        """Select the vocabulary. ``selection`` are arguments of ``fit_vocab``."""

    @property
    def names(self) -> str:
        """The names of the columns, for messages."""
        return ", ".join(map(repr, self._group))


class _ValueFit(_VocabularyFit):
    """The vocabulary of columns of values."""

    def __init__(self, group: Sequence[str], parts_by_name: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(group)
        self._parts_by_name = parts_by_name
        self._counts = RunningCounts(EVENT_PROFILE)

    def add(self, batch: pa.RecordBatch) -> None:
        for name in self._group:
            values = column_values(name, self._parts_by_name[name], batch)
            first_kind = self.kinds.setdefault(name, values.kind)
            if first_kind != values.kind:
                raise TextError(f"the column {name!r} must hold {first_kind} in all rows; received {values.kind}, too")
            self._counts.add(_tally(values))

    def vocabulary(self, selection: Mapping[str, Any], settings: FitSettings) -> Encoder:
        counts = self._counts.result()
        if not counts.rows:
            raise TextError(f"a vocabulary of {self.names} cannot be fitted to a table without rows")
        salt = settings.salt if has_buckets(selection) else None
        if settings.leave_out_single and _repeats_values(counts):
            selection = {**selection, "min_count": 2}
        try:
            return fit_vocab(counts, **selection, salt=salt, reserve=[MISSING])
        except TextError:
            times = "" if selection["min_count"] == 1 else f" {selection['min_count']} times"
            raise TextError(
                f"no value of {self.names} occurs{times} in {counts.rows} rows: leave the column out"
            ) from None


class _TextFit(_VocabularyFit):
    """The vocabulary of columns of texts."""

    def __init__(self, group: Sequence[str], splitting: Profile) -> None:
        super().__init__(group)
        self._counter = TextCounter(splitting)
        self.kinds = dict.fromkeys(group, "texts")

    def add(self, batch: pa.RecordBatch) -> None:
        for name in self._group:
            for texts in text_batches(column_texts(name, batch)):
                self._counter.add(texts)

    def vocabulary(self, selection: Mapping[str, Any], settings: FitSettings) -> Encoder:
        salt = settings.salt if has_buckets(selection) else None
        frequent = Frequent()
        if settings.algorithm == "word":
            sizes, reserved = (selection["max_size"], selection["min_count"]), reserved_tokens(())
            buckets = oov_buckets(selection["num_oov_buckets"], selection["hash_buckets"], salt)
            frequent = needed_words(*sizes, WordLimits(), reserved, buckets)
        counts = self._counter.result(frequent)
        try:
            return fit_vocab(counts, **selection, salt=salt, algorithm=settings.algorithm)
        except TextError as error:
            raise TextError(f"a vocabulary of the texts in {self.names} cannot be fitted: {error}") from None


class NumberFit:
    """The statistics of a column of numbers.

    Attributes:
        sums: The sums of the numbers.
        missing: The number of missing values.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.sums, self.missing = ExactSums(), 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the numbers of a batch, as ``parse_numbers`` returns them."""
        column = batch.column(self._name)
        self.sums.add(column.drop_null().to_numpy())
        self.missing += column.null_count

    @property
    def statistics(self) -> NumberStatistics:
        """The statistics of all numbers."""
        if not self.sums.count:
            raise TextError(f"the column {self._name!r} has no number in any row: leave the column out")
        return NumberStatistics(self.sums.mean, self.sums.deviation or 1.0, self.missing)


def _fit_of(group: Sequence[str], values: Mapping[str, tuple[str, ...]], settings: FitSettings) -> _VocabularyFit:
    """Return the fit of the vocabulary of a group of columns, which are all texts or all values."""
    if not any(name in values for name in group):
        return _TextFit(group, settings.splitting)
    for name in group:
        if name not in values:
            raise ArgumentError(f"shared must not name texts and values in one group; {name!r} holds texts")
    return _ValueFit(group, values)


def column_values(name: str, parts: Sequence[str], batch: pa.RecordBatch) -> Values:
    """Return the values of a column. The parts of an event are joined."""
    values = [values_of(part, batch.column(part)) for part in parts]
    return values[0] if len(values) == 1 else join(name, values)


def column_texts(name: str, batch: pa.RecordBatch) -> pa.Array:
    """Return a column of texts, or of rows of tokens. A missing text becomes an empty one.

    Raises:
        TextTypeError: If the column holds anything else.
    """
    column = decode_dictionary(batch.column(name))
    kind = text_type(column.type)
    if kind is None:
        raise TextTypeError(f"the column {name!r} holds {column.type}: texts, integers or lists of these can be split")
    column = column.cast(kind)
    return pc.fill_null(column, pa.scalar([] if kind == TOKEN_ROWS else "", kind)) if column.null_count else column


def _repeats_values(counts: TokenCounts) -> bool:
    """Return whether a value, other than the missing one, occurs twice."""
    return bool((counts.counts[pc.not_equal(counts.tokens, MISSING).to_numpy(zero_copy_only=False)] > 1).any())


def _tally(values: Values) -> Tally:
    if values.row_splits is not None:
        return tally(Ragged(values.positions, values.row_splits), values.tokens)
    counts = np.bincount(values.positions, minlength=len(values.tokens))
    present = np.flatnonzero(counts)
    rows = len(values.positions)
    return Tally(values.tokens.take(pa.array(present)), counts[present], counts[present], {1: rows} if rows else {})
