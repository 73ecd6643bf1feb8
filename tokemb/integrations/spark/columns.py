"""The columns of a DataFrame, what is sent to workers, and errors that workers raise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError
from pyspark import Broadcast
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - as Spark's users write it
from pyspark.sql.types import ArrayType, DataType, IntegralType, NullType, StringType, StructType

from tokemb import errors
from tokemb.errors import ArgumentError, MissingPackageError, TextError
from tokemb.integrations.spark.worker import call_with_names

_TOKEMB_ERROR = re.compile(r"^(?:\S*: )?tokemb\.errors\.(\w+): (.*)$", re.MULTILINE)
_FAILED_FILE = re.compile(r"\[FAILED_READ_FILE\S*\] Encountered error while reading file (\S+?)\.?\s")
_NOT_UTF8 = re.compile(r"\[INVALID_UTF8_STRING\] (Invalid UTF8 byte sequence found in string: \S+?)\.")
_CAUSE = re.compile(r"^\s*Caused by: (?:\S+\.)?(\w+(?:: .*)?)$", re.MULTILINE)
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '(\w+)")


def text_column(df: DataFrame, column: str) -> Column:
    """Return the column of this name.

    Raises:
        ArgumentError: If the DataFrame has no or several columns of this name.
        TextError: If the column does not contain texts.
    """
    check_column(df, column)
    data_type = df.schema[column].dataType
    if not _is_text(data_type) and not (isinstance(data_type, ArrayType) and _is_text(data_type.elementType)):
        raise TextError(
            f"the column {column!r} holds {data_type.simpleString()}: "
            "pass a column of strings, integers, or lists of these"
        )
    return quoted(column)


def check_column(df: DataFrame, column: str) -> None:
    """Raise ``ArgumentError`` unless the DataFrame has exactly one column of this name that Spark can find."""
    if df.columns.count(column) != 1:
        problem = "no column" if column not in df.columns else "more than one column"
        raise ArgumentError(
            f"the DataFrame has {problem} {column!r}; its columns are {', '.join(map(repr, df.columns))}"
        )
    same = [name for name in df.columns if name.lower() == column.lower()]
    if len(same) > 1 and df.sparkSession.conf.get("spark.sql.caseSensitive") != "true":
        raise ArgumentError(
            f"Spark does not distinguish the columns {', '.join(map(repr, same))}: rename one, or set "
            "spark.sql.caseSensitive to true"
        )


@contextmanager
def workers_errors() -> Iterator[None]:
    """Raise errors of tokemb in a worker as if they were raised here, without Spark's tracebacks."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:  # Spark raises either for the same failure
        tokemb_error, missing_module = _TOKEMB_ERROR.search(str(error)), _MISSING_MODULE.search(str(error))
        if tokemb_error:
            raise getattr(errors, tokemb_error[1])(tokemb_error[2]) from error
        if wrong := _NOT_UTF8.search(str(error)):
            raise TextError(f'{wrong[1]}: write UTF-8, or read it with errors="replace"') from error
        if file := _FAILED_FILE.search(str(error)):
            reasons = _CAUSE.findall(str(error)) or ["it is truncated, corrupt, or was removed"]
            name = unquote(file[1]).removeprefix("file://")
            raise TextError(f"Spark cannot read {name}: {reasons[-1]:.200}") from error
        if missing_module:
            raise MissingPackageError(
                f"Spark's workers have no {missing_module[1]}: install tokemb on every node, for the Python of "
                "PYSPARK_PYTHON (docs/spark.md)"
            ) from error
        raise


def _is_text(data_type: DataType) -> bool:
    return isinstance(data_type, (StringType, IntegralType, NullType))


def quoted(name: str) -> Column:
    """Return the column of exactly this name, which may contain any characters."""
    return F.col("`" + name.replace("`", "``") + "`")


def map_partitions(df: DataFrame, function: Callable[..., Any], schema: StructType | str) -> DataFrame:
    """Return what a function makes of the batches of each partition. The columns may have any names.

    ``mapInArrow`` looks each column up by its name, in which dots and backticks have another meaning, so that it does
    not find the column ``"a.b"``.

    Args:
        df: The DataFrame.
        function: A function from an iterator of batches with the columns of ``df`` to one of batches with ``schema``.
        schema: The columns of the result.
    """
    positions = [f"column_{number}" for number in range(len(df.columns))]
    run = partial(call_with_names, function=function, names=df.columns)
    return df.toDF(*positions).mapInArrow(run, schema)


def broadcast(df: DataFrame, content: bytes) -> Broadcast[bytes]:
    """Send ``content`` to the workers.

    Raises:
        ArgumentError: If the session cannot do that.
    """
    try:
        return df.sparkSession.sparkContext.broadcast(content)
    except PySparkException as error:
        raise ArgumentError(
            "a session of Spark Connect cannot broadcast a vocabulary: use a classic one (SparkSession.builder.master)"
        ) from error
