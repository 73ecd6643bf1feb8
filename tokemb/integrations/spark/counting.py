"""Counting on a cluster: workers count their partitions, Spark's shuffle adds, the driver gets what it asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as Spark's users write it

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
from tokemb.vocabulary.profiles import get_profile

_MAY_CHANGE = "spark.sql.optimizer.canChangeCachedPlanOutputPartitioning"

# What puts one of two equally frequent tokens first: a column, and whether it is the lower of two.
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

    ``column``: of strings or whole numbers, or of lists of those, which are tokens as they are.
    ``profile``: how text is split, as for ``tokemb.fit_vocab``.
    ``min_count``, ``max_size``: which tokens are brought to the driver: those that a vocabulary with these settings,
    and the tokens ``reserve`` beside, can hold. The others stay out, and are ``left_out`` of the counts; how many rows
    and tokens there are, how many of those differ and how long rows are is exact in any case.
    ``missing``: ``"error"``, or ``"empty"`` for missing texts to be empty ones.

    The tokens are in the order of their UTF-8 bytes; those of the profile ``"keras"`` in the order in which they were
    first seen, which is that of the partitions and of the rows in them (docs/spark.md).

    Raises ``ArgumentError`` for settings that cannot be, ``TextError`` for rows that are not text,
    ``MissingPackageError`` if the workers lack a package.
    """
    splitting = get_profile(profile)
    check_choice("missing", missing, ("error", "empty"))
    min_count, max_size = check_count("min_count", min_count), check_optional_count("max_size", max_size)
    names = reserved_tokens(reserve)
    count = partial(count_partition, column=column, profile=profile, missing=missing)
    counted = df.select(text_column(df, column)).mapInArrow(count, PACKED)
    totals = counted.repartition("bucket").mapInArrow(sum_partition, SUMMED)
    with _few_partitions(df.sparkSession), workers_errors():
        totals = totals.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        with workers_errors():
            lengths, left_out, table = _frequent(totals, names, min_count, max_size, _TIES[splitting.ties])
    finally:
        totals.unpersist()
    table = table.sort_by("first" if splitting.ties == "first seen" else "token").combine_chunks()
    return TokenCounts(
        profile,
        pa.chunked_array(table["token"].cast(STRINGS).chunks, STRINGS).combine_chunks(),
        table["count"].to_numpy(),
        table["documents"].to_numpy(),
        lengths,
        left_out,
    )


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
    missing: str = "error",
) -> Encoder:
    """Fit a vocabulary to a column of a Spark DataFrame: saved, the folder has the bytes of ``tokemb.fit_vocab``'s.

    ``column``, ``missing``: as for ``count_tokens``; all else is as for ``tokemb.fit_vocab``. Subword models are
    trained on the driver, to which all distinct words are brought.
    """
    fit.check_combination(get_profile(profile), algorithm, bool(oov))
    reserve = list(reserved_tokens(reserve, oov=bool(oov)))[1 + bool(oov) :]
    PadTruncate().override(maxlen, padding, truncating)  # what cannot be is told before the texts are counted
    pushed: dict[str, Any] = {"min_count": min_count, "max_size": max_size} if algorithm == "word" else {}
    counts = count_tokens(df, column, profile=profile, reserve=reserve, missing=missing, **pushed)
    return fit.fit_vocab(
        counts,
        algorithm=algorithm,
        max_size=max_size,
        min_count=min_count,
        reserve=reserve,
        oov=oov,
        maxlen=maxlen,
        padding=padding,
        truncating=truncating,
    )


@contextmanager
def _few_partitions(session: SparkSession) -> Iterator[None]:
    """Let what is kept have as many partitions as its bytes need, and not ``spark.sql.shuffle.partitions``."""
    before = session.conf.get(_MAY_CHANGE, None)
    session.conf.set(_MAY_CHANGE, "true")
    try:
        yield
    finally:
        if before is None:
            session.conf.unset(_MAY_CHANGE)
        else:
            session.conf.set(_MAY_CHANGE, before)


def _frequent(
    totals: DataFrame, names: list[str], min_count: int, max_size: int | None, order: tuple[str, bool]
) -> tuple[dict[int, int], int, pa.Table]:
    """How many rows have each length, how many tokens are left out, and the tokens called ``names`` and the most
    frequent others.

    No machine sees all tokens: the driver gets how many of them have each count, and from that where to cut.
    """
    token, count, named = F.col("token"), F.col("count"), F.col("token").isin(names)
    others = totals.where(token.isNull() | ~named)
    lengths, having = _numbers(others)
    least, tied, room = _threshold(having["count"].to_numpy(), having["number"].to_numpy(), min_count, max_size)
    table = totals.where(token.isNotNull() & (named | (count >= least))).toArrow()
    if room:
        by, ascending = order
        ties = others.where(token.isNotNull() & (count == tied))
        best = ties.orderBy(F.col(by).asc() if ascending else F.col(by).desc()).limit(room).toArrow()
        table = pa.concat_tables([table, best])
    distinct = int(having["number"].to_numpy().sum())
    chosen = int(pc.is_in(table["token"], pa.array(names, pa.string())).to_numpy().sum())
    return lengths, distinct + chosen - len(table), table


def _numbers(totals: DataFrame) -> tuple[dict[int, int], pa.Table]:
    """How many rows have each length, and how many tokens (``number``) each ``count``, descending; in one job."""
    is_token, count = F.col("token").isNotNull(), F.col("count")
    groups = totals.groupBy("length", F.when(is_token, count).alias("count"))
    numbers = groups.agg(F.sum(F.when(is_token, 1).otherwise(count)).alias("number")).toArrow()
    lengths = numbers.filter(pc.field("length").is_valid()).sort_by("length")
    tokens = numbers.filter(pc.field("count").is_valid()).sort_by([("count", "descending")])
    return dict(zip(lengths["length"].to_pylist(), lengths["number"].to_pylist(), strict=True)), tokens


def _threshold(counts: Int64, having: Int64, min_count: int, max_size: int | None) -> tuple[int, int, int]:
    """Where to cut: all tokens of at least so many occurrences, and of those that occur ``tied`` times so many.

    ``counts``: the counts there are, descending, int64 (counts,); ``having``: how many tokens have each.
    """
    enough = counts >= min_count
    counts, reached = counts[enough], np.cumsum(having[enough])
    if max_size is None or not len(counts) or reached[-1] <= max_size:
        return min_count, 0, 0
    first_out = int(np.searchsorted(reached, max_size, "right"))
    before = int(reached[first_out - 1]) if first_out else 0
    return int(counts[first_out]) + 1, int(counts[first_out]), max_size - before
