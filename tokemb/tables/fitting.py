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
        threads: The number of threads that count texts. ``None`` uses all cores.
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
    threads: int | None = None

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
    fit = TableFit(first.schema.names, selection, settings)
    for batch in chain([first], batches):
        fit.add(batch)
    return fit.result([each.counts(each.frequent) for each in fit.vocabularies])


class TableFit:
    """The vocabularies of columns and the statistics of numbers, fitted batch by batch.

    Attributes:
        vocabularies: The fit of each vocabulary, of one or several columns.
        numbers: The fit of each column of numbers.
        rows: The number of rows.
    """

    def __init__(self, names: Sequence[str], selection: Selection, settings: FitSettings) -> None:
        """Initialize the fit of a table with the columns ``names``.

        Raises:
            ArgumentError: If a setting is invalid.
        """
        values = named_parts(names) if selection.values is None else selection.values
        fitted_texts = [name for name, vocabulary in selection.texts.items() if vocabulary is None]
        self._groups = vocabulary_groups([*fitted_texts, *values], settings.shared)
        with_ids = [*selection.texts, *values]
        self._parts = {name: values.get(name, (name,)) for name in with_ids}
        self._lengths = setting_by_column("maxlen", settings.maxlen, with_ids)
        self._selection = selection
        limits = settings.selections(self._groups)
        self.vocabularies = [_fit_of(*each, values, settings) for each in zip(self._groups, limits, strict=True)]
        self.numbers = [NumberFit(name) for name in selection.numbers]
        self.rows = 0

    @property
    def distinct(self) -> int:
        """About how many distinct tokens are in memory."""
        return sum(each.distinct for each in self.vocabularies)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add a batch, with all parts of the columns."""
        self.rows += len(batch)
        for vocabulary in self.vocabularies:
            vocabulary.add(batch)
        for statistics in self.numbers:
            statistics.add(batch)

    def result(self, counts: Sequence[TokenCounts]) -> tuple[list[Column], list[Encoder], int]:
        """Return the columns, the vocabularies selected from the ``counts`` of each, and the number of rows."""
        encoders = [fit.vocabulary(each) for fit, each in zip(self.vocabularies, counts, strict=True)]
        positions = {name: number for number, group in enumerate(self._groups) for name in group}
        kinds = {name: kind for fit in self.vocabularies for name, kind in fit.kinds.items()}
        lengths = dict(self._lengths)
        for name, vocabulary in self._selection.texts.items():
            if vocabulary is not None:
                encoders += [] if any(vocabulary is other for other in encoders) else [vocabulary]
                positions[name] = next(i for i, other in enumerate(encoders) if other is vocabulary)
                kinds[name], lengths[name] = "texts", lengths[name] or vocabulary.maxlen
        columns = _columns(self._parts, kinds, positions, lengths, self._selection.separators)
        columns += [Column(fit.name, (fit.name,), "numbers", None, numbers=fit.statistics) for fit in self.numbers]
        return columns, encoders, self.rows


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


class VocabularyFit(ABC):
    """The vocabulary of a group of columns, fitted batch by batch.

    Attributes:
        profile: The name of the profile that splits the texts or values.
        reserved: The reserved tokens besides padding and OOV.
        kinds: The kind of each column of the group that was seen.
    """

    profile: str
    reserved: tuple[str, ...] = ()

    def __init__(self, group: Sequence[str], limits: Mapping[str, Any], settings: FitSettings) -> None:
        """Initialize the fit of the columns ``group``. ``limits`` are arguments of ``fit_vocab``."""
        self._group, self._limits, self._settings = group, limits, settings
        self._salt = settings.salt if has_buckets(limits) else None
        self.kinds: dict[str, str] = {}

    @abstractmethod
    def add(self, batch: pa.RecordBatch) -> None:
        """Count the columns of the group in a batch."""

    @property
    @abstractmethod
    def distinct(self) -> int:
        """About how many distinct tokens are in memory."""

    @abstractmethod
    def counts(self, frequent: Frequent = Frequent()) -> TokenCounts:  # noqa: B008 - immutable
        """Return the counts of all batches. If they exceed memory, tokens that are not ``frequent`` are left out."""

    @abstractmethod
    def vocabulary(self, counts: TokenCounts) -> Encoder:
        """Select the vocabulary."""

    @property
    def frequent(self) -> Frequent:
        """The tokens that the selection of the vocabulary needs."""
        buckets = oov_buckets(self._limits["num_oov_buckets"], self._limits["hash_buckets"], self._salt)
        sizes = self._limits["max_size"], self._limits["min_count"]
        return needed_words(*sizes, WordLimits(), reserved_tokens(self.reserved), buckets)

    @property
    def names(self) -> str:
        """The names of the columns, for messages."""
        return ", ".join(map(repr, self._group))


class _ValueFit(VocabularyFit):
    """The vocabulary of columns of values."""

    profile = EVENT_PROFILE
    reserved = (MISSING,)

    def __init__(
        self,
        group: Sequence[str],
        limits: Mapping[str, Any],
        settings: FitSettings,
        parts_by_name: Mapping[str, tuple[str, ...]],
    ) -> None:
        super().__init__(group, limits, settings)
        self._parts_by_name = parts_by_name
        self._counts = RunningCounts(EVENT_PROFILE)

    def add(self, batch: pa.RecordBatch) -> None:
        for name in self._group:
            values = column_values(name, self._parts_by_name[name], batch)
            first_kind = self.kinds.setdefault(name, values.kind)
            if first_kind != values.kind:
                raise TextError(f"the column {name!r} must hold {first_kind} in all rows; received {values.kind}, too")
            self._counts.add(_tally(values))

    @property
    def distinct(self) -> int:
        return self._counts.distinct

    def counts(self, frequent: Frequent = Frequent()) -> TokenCounts:  # noqa: B008 - immutable
        return self._counts.result(frequent)

    def vocabulary(self, counts: TokenCounts) -> Encoder:
        if not counts.rows:
            raise TextError(f"a vocabulary of {self.names} cannot be fitted to a table without rows")
        limits = self._limits
        if self._settings.leave_out_single and _repeats_values(counts):
            limits = {**limits, "min_count": 2}
        try:
            return fit_vocab(counts, **limits, salt=self._salt, reserve=self.reserved)
        except TextError:
            times = "" if limits["min_count"] == 1 else f" {limits['min_count']} times"
            raise TextError(
                f"no value of {self.names} occurs{times} in {counts.rows} rows: leave the column out"
            ) from None


class _TextFit(VocabularyFit):
    """The vocabulary of columns of texts."""

    def __init__(self, group: Sequence[str], limits: Mapping[str, Any], settings: FitSettings) -> None:
        super().__init__(group, limits, settings)
        splitting = settings.splitting
        self.profile = splitting.name
        self._counter = TextCounter(splitting, settings.threads)
        self.kinds = dict.fromkeys(group, "texts")

    def add(self, batch: pa.RecordBatch) -> None:
        for name in self._group:
            for texts in text_batches(column_texts(name, batch)):
                self._counter.add(texts)

    @property
    def distinct(self) -> int:
        return self._counter.distinct

    @property
    def frequent(self) -> Frequent:
        return super().frequent if self._settings.algorithm == "word" else Frequent()  # subwords are parts of all words

    def counts(self, frequent: Frequent = Frequent()) -> TokenCounts:  # noqa: B008 - immutable
        return self._counter.result(frequent)

    def vocabulary(self, counts: TokenCounts) -> Encoder:
        try:
            return fit_vocab(counts, **self._limits, salt=self._salt, algorithm=self._settings.algorithm)
        except TextError as error:
            raise TextError(f"a vocabulary of the texts in {self.names} cannot be fitted: {error}") from None


class NumberFit:
    """The statistics of a column of numbers.

    Attributes:
        name: The name of the column.
        sums: The sums of the numbers.
        missing: The number of missing values.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sums, self.missing = ExactSums(), 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add the numbers of a batch, as ``parse_numbers`` returns them."""
        column = batch.column(self.name)
        self.sums.add(column.drop_null().to_numpy())
        self.missing += column.null_count

    @property
    def statistics(self) -> NumberStatistics:
        """The statistics of all numbers."""
        if not self.sums.count:
            raise TextError(f"the column {self.name!r} has no number in any row: leave the column out")
        return NumberStatistics(self.sums.mean, self.sums.deviation or 1.0, self.missing)


def _fit_of(
    group: Sequence[str],
    limits: Mapping[str, Any],
    values: Mapping[str, tuple[str, ...]],
    settings: FitSettings,
) -> VocabularyFit:
    """Return the fit of the vocabulary of a group of columns, which are all texts or all values."""
    if not any(name in values for name in group):
        return _TextFit(group, limits, settings)
    for name in group:
        if name not in values:
            raise ArgumentError(f"shared must not name texts and values in one group; {name!r} holds texts")
    return _ValueFit(group, limits, settings, values)


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
