"""Count on a cluster: workers count their partitions, Spark's shuffle adds the counts, and the driver collects them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's convention

from tokemb import fit
from tokemb._arrays import STRINGS, Int64
from tokemb._validation import check_choice, check_count, check_optional_count
from tokemb.counts.select_tokens import reserved_tokens
from tokemb.counts.token_counts import TokenCounts
from tokemb.encoder import Encoder
from tokemb.integrations.spark.columns import text_column, workers_errors
from tokemb.integrations.spark.sums import PACKED, SUMMED, sum_partition
from tokemb.integrations.spark.worker import count_partition
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import Profile, get_profile
from tokemb.vocabulary.special_tokens import start_end_tokens

_MAY_CHANGE = "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning"

# The order of equally frequent tokens: a column, and whether it is ascending.
_TIES = {"ascending": ("token", True), "descending": ("token", False), "first seen": ("first", True)}


def count_tokens(
    df: DataFrame,
    column: str,
    *,
    profile: str = "words",
    min_count: int = 1,
    max_size: int | None = None,
    reserve: Iterable[str] = (),
    missing: str = "error",
) -> TokenCounts:
    """Count the texts in a column of a Spark DataFrame, in one pass over it.

    Args:
        df: The DataFrame.
        column: The name of a column of strings or integers, or of lists of these, which are used as tokens.
        profile: The way text is split, as for ``tokemb.fit_vocab``.
        min_count: The minimum count of a token that is collected to the driver.
        max_size: The maximum number of tokens that are collected to the driver. Other tokens count as ``left_out``. The
            numbers of rows, tokens and distinct tokens and the row lengths are exact in any case.
        reserve: Tokens that are always collected.
        missing: ``"error"``, or ``"empty"`` to treat missing texts as empty.

    Returns:
        The counts, ordered by the UTF-8 bytes of the tokens. For the profile ``"keras"`` they are ordered by first
        occurrence, in the order of the partitions and of their rows (docs/spark.md).

    Raises:
        ArgumentError: If an argument is invalid.
        TextError: If a row is not text.
        MissingPackageError: If the workers lack a package.
    """
    splitting = get_profile(profile)
    check_choice("missing", missing, ("error", "empty"))
    min_count, max_size = check_count("min_count", min_count), check_optional_count("max_size", max_size)
    names = reserved_tokens(reserve)
    count = partial(count_partition, column=column, profile=profile, missing=missing)
    with summed_counts(df.select(text_column(df, column)), count) as totals:
        return collect_counts(totals, splitting, names, min_count, max_size)


def fit_vocab(
    df: DataFrame,
    column: str,
    *,
    profile: str = "words",
    algorithm: str = "word",
    max_size: int | None = None,
    min_count: int = 1,
    reserve: Iterable[str] = (),
    oov: bool = True,
    maxlen: int | None = None,
    padding: str = "post",
    truncating: str = "post",
    start: str | None = None,
    end: str | None = None,
    missing: str = "error",
) -> Encoder:
    """Fit a vocabulary to a column of a Spark DataFrame.

    Subword models are trained on the driver, to which all distinct words are collected. The other arguments are those
    of ``tokemb.fit_vocab``.

    Args:
        df: The DataFrame.
        column: The name of the column, as for ``count_tokens``.
        profile: The way text is split.
        algorithm: The algorithm.
        max_size: The maximum number of regular tokens.
        min_count: The minimum count of a token.
        reserve: Reserved tokens.
        oov: Whether a token out of vocabulary has an id.
        maxlen: The saved length of rows.
        padding: The saved side of padding.
        truncating: The saved side of truncation.
        start: A token that begins every row.
        end: A token that ends every row.
        missing: ``"error"`` or ``"empty"``, as for ``count_tokens``.

    Returns:
        The vocabulary. Its saved folder has the same bytes as that of ``tokemb.fit_vocab``.
    """
    fit.check_combination(get_profile(profile), algorithm, bool(oov))
    around = start_end_tokens(start, end)
    collected = reserved_tokens(reserve, oov=bool(oov), first=around)[1 + bool(oov) :]
    # Invalid arguments raise before the texts are counted.
    PadTruncate().override(maxlen, padding, truncating).room(around)
    selection: dict[str, Any] = {"min_count": min_count, "max_size": max_size} if algorithm == "word" else {}
    counts = count_tokens(df, column, profile=profile, reserve=collected, missing=missing, **selection)
    return fit.fit_vocab(
        counts,
        algorithm=algorithm,
        max_size=max_size,
        min_count=min_count,
        reserve=collected[len(around) :],
        oov=oov,
        maxlen=maxlen,
        padding=padding,
        truncating=truncating,
        start=start,
        end=end,
    )


@contextmanager
def summed_counts(df: DataFrame, count: Callable[..., Any]) -> Iterator[DataFrame]:
    """Yield the rows of ``SUMMED`` of a DataFrame whose partitions ``count`` turns into rows of ``PACKED``.

    They are cached during the block. Errors of workers are raised as if they were raised here.
    """
    totals = df.mapInArrow(count, PACKED).repartition("vocabulary", "bucket").mapInArrow(sum_partition, SUMMED)
    with _coalesced_cache(df.sparkSession), workers_errors():
        totals = totals.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        with workers_errors():
            yield totals
    finally:
        totals.unpersist()


def collect_counts(
    totals: DataFrame, splitting: Profile, names: list[str], min_count: int, max_size: int | None
) -> TokenCounts:
    """Collect the counts of one vocabulary.

    Args:
        totals: The rows of ``SUMMED`` of the vocabulary.
        splitting: The profile that split the texts.
        names: Tokens that are always collected.
        min_count: The minimum count of other tokens.
        max_size: The maximum number of other tokens.
    """
    lengths, left_out, table = _collect_tokens(totals, names, min_count, max_size, _TIES[splitting.ties])
    table = table.sort_by("first" if splitting.ties == "first seen" else "token").combine_chunks()
    return TokenCounts(
        splitting.name,
        pa.chunked_array(table["token"].cast(STRINGS).chunks, STRINGS).combine_chunks(),
        table["count"].to_numpy(),
        table["documents"].to_numpy(),
        lengths,
        left_out,
    )


@contextmanager
def _coalesced_cache(session: SparkSession) -> Iterator[None]:
    """Cache DataFrames with as many partitions as their sizes require, not ``spark.sql.shuffle.partitions``."""
    before = session.conf.get(_MAY_CHANGE, None)
    session.conf.set(_MAY_CHANGE, "true")
    try:
        yield
    finally:
        if before is None:
            session.conf.unset(_MAY_CHANGE)
        else:
            session.conf.set(_MAY_CHANGE, before)


def _collect_tokens(
    totals: DataFrame, names: list[str], min_count: int, max_size: int | None, order: tuple[str, bool]
) -> tuple[dict[int, int], int, pa.Table]:
    """Collect the tokens called ``names`` and the most frequent other ones.

    No machine sees all tokens: the driver gets the number of tokens with each count, and selects a threshold from it.

    Returns:
        The number of rows of each length, the number of tokens left out, and the collected tokens.
    """
    token, count, named = F.col("token"), F.col("count"), F.col("token").isin(names)
    others = totals.where(token.isNull() | ~named)
    lengths, tokens_per_count = _count_frequencies(others)
    min_whole_count, tied_count, tied_limit = _threshold(
        tokens_per_count["count"].to_numpy(), tokens_per_count["number"].to_numpy(), min_count, max_size
    )
    table = totals.where(token.isNotNull() & (named | (count >= min_whole_count))).toArrow()
    if tied_limit:
        order_column, ascending = order
        ties = others.where(token.isNotNull() & (count == tied_count))
        direction = F.col(order_column).asc() if ascending else F.col(order_column).desc()
        best = ties.orderBy(direction).limit(tied_limit).toArrow()
        table = pa.concat_tables([table, best])
    distinct = int(tokens_per_count["number"].to_numpy().sum())
    collected_names = int(pc.is_in(table["token"], pa.array(names, pa.string())).to_numpy().sum())
    return lengths, distinct + collected_names - len(table), table


def _count_frequencies(totals: DataFrame) -> tuple[dict[int, int], pa.Table]:
    """Return, in one job, the number of rows of each length, and the number of tokens (``number``) with each ``count``.

    Counts are in descending order.
    """
    is_token, count = F.col("token").isNotNull(), F.col("count")
    groups = totals.groupBy("length", F.when(is_token, count).alias("count"))
    numbers = groups.agg(F.sum(F.when(is_token, 1).otherwise(count)).alias("number")).toArrow()
    lengths = numbers.filter(pc.field("length").is_valid()).sort_by("length")
    tokens = numbers.filter(pc.field("count").is_valid()).sort_by([("count", "descending")])
    return dict(zip(lengths["length"].to_pylist(), lengths["number"].to_pylist(), strict=True)), tokens


def _threshold(counts: Int64, tokens_per_count: Int64, min_count: int, max_size: int | None) -> tuple[int, int, int]:
    """Select which tokens to collect.

    Args:
        counts: The distinct counts, descending, int64 ``(counts,)``.
        tokens_per_count: The number of tokens with each count, int64 ``(counts,)``.
        min_count: The minimum count of a token.
        max_size: The maximum number of tokens.

    Returns:
        The count from which all tokens are collected, the next lower count, and how many tokens with it are collected.
    """
    is_frequent = counts >= min_count
    counts, cumulative = counts[is_frequent], np.cumsum(tokens_per_count[is_frequent])
    if max_size is None or not len(counts) or cumulative[-1] <= max_size:
        return min_count, 0, 0
    first_excluded = int(np.searchsorted(cumulative, max_size, "right"))
    before = int(cumulative[first_excluded - 1]) if first_excluded else 0
    return int(counts[first_excluded]) + 1, int(counts[first_excluded]), max_size - before
