"""Fit the vocabularies of tables on a cluster: workers count all columns in one pass, and the driver selects tokens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - Spark's convention
from pyspark.sql.pandas.types import to_arrow_schema

from tokemb._arrays import STRINGS
from tokemb.counts.token_counts import TokenCounts
from tokemb.encoder import Encoder
from tokemb.engine.tally import Tally
from tokemb.integrations.spark.columns import check_column, quoted
from tokemb.integrations.spark.counting import collect_counts, summed_counts
from tokemb.integrations.spark.sums import pack_tally
from tokemb.integrations.spark.worker import MAX_DISTINCT, PARTITION_TOKENS, Batches, partition_number
from tokemb.sources.cells import parse_cells
from tokemb.sources.columns import Location
from tokemb.tables.column import named_parts
from tokemb.tables.encoder import ColumnEncoder
from tokemb.tables.exact_sums import ExactSums
from tokemb.tables.fitting import FitSettings, Salt, Setting, TableFit, VocabularyFit
from tokemb.tables.selection import Selection
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import get_profile

# The statistics of the rows of a partition are in the shuffle as a token, JSON, of this vocabulary.
_STATISTICS = -1


def fit_columns(
    df: DataFrame,
    *,
    columns: Sequence[str | Sequence[str]] | None = None,
    texts: Iterable[str] | Mapping[str, Encoder | None] = (),
    multi: Iterable[str] | Mapping[str, str | None] = (),
    numbers: Iterable[str] = (),
    shared: Iterable[Sequence[str]] = (),
    max_size: Setting = None,
    min_count: Setting = 1,
    num_oov_buckets: Setting = None,
    hash_buckets: Setting = None,
    salt: Salt = None,
    maxlen: Setting = None,
    padding: str = "post",
    truncating: str = "post",
    profile: str = "words",
    algorithm: str = "word",
) -> ColumnEncoder:
    """Fit vocabularies to the columns of a Spark DataFrame, in one pass over it, as ``ColumnEncoder.fit`` does.

    The arguments are those of ``ColumnEncoder.fit``. Subword models are trained on the driver, to which all distinct
    words are collected, as are all distinct values and words of vocabularies with buckets.

    Args:
        df: The DataFrame.
        columns: The columns of values.
        texts: The columns of texts, or a mapping from them to the ``Encoder`` of each.
        multi: The columns of lists in cells.
        numbers: The columns of numbers.
        shared: Groups of columns that share a vocabulary.
        max_size: The maximum number of values of a vocabulary.
        min_count: The minimum count of a word or value.
        num_oov_buckets: The number of ids of values out of vocabulary.
        hash_buckets: The number of ids of hashing without a vocabulary.
        salt: An integer or two for another hash.
        maxlen: The default length of encoded lists and texts.
        padding: The default side of padding.
        truncating: The default side of truncation.
        profile: How texts are split.
        algorithm: The algorithm that makes the tokens of texts.

    Returns:
        The encoder. Its saved folder has the same bytes as that of ``ColumnEncoder.fit``, also the means of numbers,
        whose sums are exact.

    Raises:
        ArgumentError: If an argument is invalid, or a column is missing.
        TextTypeError: If a column does not hold categories or texts.
        TextError: If a value is not a category, a list or a number, as its column requires.
    """
    shape = PadTruncate().override(None, padding, truncating)
    selection = Selection.of(columns, texts, multi, numbers)
    names = df.columns if selection.parts is None else selection.parts
    for name in names:
        check_column(df, name)
    table = df.select([quoted(name) for name in names])
    settings = FitSettings(
        [*map(list, shared)],
        max_size,
        min_count,
        maxlen,
        num_oov_buckets,
        hash_buckets,
        salt,
        profile,
        algorithm,
        threads=1,
    )
    fit = TableFit(names, selection, settings)
    # A table without rows has the types of the columns, which decide their kinds.
    _add(fit, pa.RecordBatch.from_pylist([], to_arrow_schema(table.schema)), selection, Location("the table", "row", 1))
    run = partial(count_columns, selection=_counted(names, selection), settings=settings)
    with summed_counts(table, run) as totals:
        for statistics in _of_vocabulary(totals, _STATISTICS).select("token").toArrow()["token"].to_pylist():
            _add_statistics(fit, json.loads(statistics))
        counts = [_collect(_of_vocabulary(totals, number), each) for number, each in enumerate(fit.vocabularies)]
    fitted, encoders, rows = fit.result(counts)
    return ColumnEncoder(fitted, encoders, rows=rows, padding=shape.padding, truncating=shape.truncating)


def count_columns(batches: Batches, *, selection: Selection, settings: FitSettings) -> Batches:
    """Count the columns of one partition and yield rows of ``sums.PACKED``. A token can occur several times."""
    fit, source, row = TableFit((), selection, settings), f"partition {partition_number()}", 1
    packed: Counter[int] = Counter()
    for batch in batches:
        _add(fit, batch, selection, Location(source, "row", row))
        row += len(batch)
        if fit.distinct > MAX_DISTINCT:
            yield from _pack(fit, packed)
            fit = TableFit((), selection, settings)
    yield from _pack(fit, packed)


def _add(fit: TableFit, batch: pa.RecordBatch, selection: Selection, location: Location) -> None:
    fit.add(parse_cells(batch, selection.cells, location))


def _counted(names: Sequence[str], selection: Selection) -> Selection:
    """Return the selection without vocabularies that need not be fitted."""
    values = named_parts(names) if selection.values is None else selection.values
    return replace(selection, values=values, texts={name: None for name, each in selection.texts.items() if not each})


def _pack(fit: TableFit, packed: Counter[int]) -> Batches:
    """Yield the counts and statistics as rows of ``sums.PACKED``. ``packed`` counts the tokens of each vocabulary."""
    first = partition_number() * PARTITION_TOKENS
    for number, each in enumerate(fit.vocabularies):
        counts = each.counts()
        tally = Tally(counts.tokens, counts.counts, counts.documents, dict(counts.row_lengths))
        yield from pack_tally(tally, first + packed[number], number)
        packed[number] += len(counts.tokens)
    numbers = [[each.missing, each.sums.count, each.sums.total, each.sums.squares] for each in fit.numbers]
    # The first part makes the texts of all partitions different, so that their counts are not added.
    statistics = json.dumps([[partition_number(), packed[_STATISTICS]], fit.rows, numbers])
    one = np.ones(1, np.int64)
    yield from pack_tally(Tally(pa.array([statistics], STRINGS), one, one, {}), first, _STATISTICS)
    packed[_STATISTICS] += 1


def _add_statistics(fit: TableFit, statistics: tuple[object, int, Sequence[tuple[int, int, int, int]]]) -> None:
    """Add the statistics of a partition."""
    _, rows, numbers = statistics
    fit.rows += rows
    for each, (missing, *sums) in zip(fit.numbers, numbers, strict=True):
        each.missing += missing
        each.sums.merge(ExactSums(*sums))


def _of_vocabulary(totals: DataFrame, number: int) -> DataFrame:
    return totals.where(F.col("vocabulary") == number)


def _collect(totals: DataFrame, fit: VocabularyFit) -> TokenCounts:
    """Collect the counts that the selection of a vocabulary needs."""
    frequent = fit.frequent
    limits = (frequent.min_count, frequent.top) if frequent.buckets is None else (1, None)
    return collect_counts(totals, get_profile(fit.profile), [*frequent.keep], *limits)
