"""The column that holds the texts, and what went wrong with it in the workers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - as Spark's users write it
from pyspark.sql.types import ArrayType, DataType, IntegralType, NullType, StringType

from tokemb import errors
from tokemb.errors import ArgumentError, MissingPackageError, TextError

_OURS = re.compile(r"^(?:\S*: )?tokemb\.errors\.(\w+): (.*)$", re.MULTILINE)
_NOT_THERE = re.compile(r"ModuleNotFoundError: No module named '(\w+)")


def text_column(df: DataFrame, column: str) -> Column:
    """The column of that name; raises ``ArgumentError`` if there is none or two, ``TextError`` if it holds no texts."""
    if df.columns.count(column) != 1:
        times = "no column" if column not in df.columns else "more than one column"
        raise ArgumentError(f"the DataFrame has {times} {column!r}; it has {', '.join(map(repr, df.columns))}")
    kind = df.schema[column].dataType
    if not _is_text(kind) and not (isinstance(kind, ArrayType) and _is_text(kind.elementType)):
        raise TextError(
            f"the column {column!r} holds {kind.simpleString()}: pass a column of texts, integers, or lists of those"
        )
    return quoted(column)


@contextmanager
def workers_errors() -> Iterator[None]:
    """Raise what a worker raised in the block as if it were raised here, without Spark's tracebacks."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:  # the same failure comes as one or the other
        ours, not_there = _OURS.search(str(error)), _NOT_THERE.search(str(error))
        if ours:
            raise getattr(errors, ours[1])(ours[2]) from error
        if not_there:
            raise MissingPackageError(
                f"Spark's workers have no {not_there[1]}: install tokemb on every node, for the Python of "
                "PYSPARK_PYTHON (docs/spark.md)"
            ) from error
        raise


def _is_text(kind: DataType) -> bool:
    return isinstance(kind, (StringType, IntegralType, NullType))


def quoted(name: str) -> Column:
    """The column of exactly this name, whatever characters it holds."""
    return F.col("`" + name.replace("`", "``") + "`")
