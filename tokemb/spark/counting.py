"""Counting on a cluster: workers count their partitions, Spark's shuffle adds, the driver gets what it asked for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - as Spark's users write it

import tokemb
from tokemb.arguments import check_choice, check_count, check_optional_count
from tokemb.counts import TokenCounts
from tokemb.encoder import Encoder
from tokemb.fit import check_combination
from tokemb.profiles import get_profile
from tokemb.ragged import Int64
from tokemb.row_shape import RowShape
from tokemb.spark.columns import text_column, workers_errors
from tokemb.spark.worker import count_partition
from tokemb.texts import STRINGS
from tokemb.vocabulary import reserved_tokens

_COUNTED = "token string, length bigint, count bigint, documents bigint, first bigint"

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
    counted = df.select(text_column(df, column)).mapInArrow(count, _COUNTED)
    by, ascending = _TIES[splitting.ties]
    # Spark drops what nobody asks for: the order in which tokens were seen is shuffled only where it decides.
    totals = counted.groupBy("token", "length").agg(
        F.sum("count").alias("count"), F.sum("documents").alias("documents"), F.min("first").alias("first")
    )
    totals = totals.select("token", "length", "count", "documents", *(["first"] if by == "first" else []))
    totals = totals.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        with workers_errors():
            lengths = totals.where(F.col("token").isNull()).toArrow()
            tokens = totals.where(F.col("token").isNotNull())
            if min_count == 1 and max_size is None:
                table, left_out = tokens.toArrow(), 0
            else:
                order = F.col(by).asc() if ascending else F.col(by).desc()
                table, left_out = _frequent(tokens, names, min_count, max_size, order)
    finally:
        totals.unpersist()
    table = table.sort_by(by).combine_chunks()
    row_lengths = zip(lengths["length"].to_pylist(), lengths["count"].to_pylist(), strict=True)
    return TokenCounts(
        profile,
        pa.chunked_array(table["token"].cast(STRINGS).chunks, STRINGS).combine_chunks(),
        table["count"].to_numpy(),
        table["documents"].to_numpy(),
        dict(sorted(row_lengths)),
        left_out,
    )


def fit_vocab(
    df: DataFrame,
    column: str,
    *,
    profile: str = "words",
    model: str = "word",
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
    check_combination(get_profile(profile), model, bool(oov))
    reserve = list(reserved_tokens(reserve, oov=bool(oov)))[1 + bool(oov) :]
    RowShape().override(maxlen, padding, truncating)  # what cannot be is told before the texts are counted
    pushed: dict[str, Any] = {"min_count": min_count, "max_size": max_size} if model == "word" else {}
    counts = count_tokens(df, column, profile=profile, reserve=reserve, missing=missing, **pushed)
    return tokemb.fit_vocab(
        counts,
        model=model,
        max_size=max_size,
        min_count=min_count,
        reserve=reserve,
        oov=oov,
        maxlen=maxlen,
        padding=padding,
        truncating=truncating,
    )


def _frequent(
    tokens: DataFrame, names: list[str], min_count: int, max_size: int | None, order: Column
) -> tuple[pa.Table, int]:
    """The tokens called ``names`` and the most frequent others, and how many distinct tokens are left out.

    No machine sees all tokens: the driver gets how many of them have each count, and from that where to cut.
    """
    named = F.col("token").isin(names)
    others = tokens.where(~named)
    frequencies = others.groupBy("count").agg(F.count("*").alias("tokens")).toArrow().sort_by([("count", "descending")])
    counts, having = frequencies["count"].to_numpy(), frequencies["tokens"].to_numpy()
    least, tied, room = _threshold(counts, having, min_count, max_size)
    parts = [tokens.where(named).toArrow(), others.where(F.col("count") >= least).toArrow()]
    if room:
        parts.append(others.where(F.col("count") == tied).orderBy(order).limit(room).toArrow())
    table = pa.concat_tables(parts)
    return table, int(having.sum()) + len(parts[0]) - len(table)


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
