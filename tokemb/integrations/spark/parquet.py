"""Parquet files that Spark reads, whose columns must have the same types in all files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's convention
from pyspark.sql.types import ArrayType, DataType, StringType, StructField, StructType

from tokemb.errors import TextError
from tokemb.files.parquet_tokens import COUNTS_KEY
from tokemb.integrations.spark.columns import quoted
from tokemb.integrations.spark.listing import File, as_name, base_of, check_read, name_of
from tokemb.sources.columns import Columns


class ParquetSelection(NamedTuple):
    """The selected columns: the texts, the kept ones, and those that are read from the names of folders."""

    texts: list[str]
    keep: list[str]
    folders: list[str]


def read_parquet(session: SparkSession, found: Sequence[File], selected: ParquetSelection, errors: str) -> DataFrame:
    """Return columns of Parquet files as a DataFrame. Texts that are not UTF-8 are an error, or are replaced."""
    reader = session.read.options(ignoreCorruptFiles=False, ignoreMissingFiles=False, mergeSchema=False)
    if selected.folders:
        # Spark finds the columns of folders if it lists the folders itself.
        reader = reader.option("basePath", base_of(found))
    frame = reader.parquet(*[as_name(file.path) for file in found])
    check_read(frame, found)
    names = dict.fromkeys([*selected.texts, *selected.keep])
    return frame.select(*(_valid(name, frame.schema[name].dataType, errors).alias(name) for name in names))


def _valid(name: str, kind: DataType, errors: str) -> Column:
    def valid(text: Column) -> Column:
        return F.make_valid_utf8(text) if errors == "replace" else F.validate_utf8(text)

    if isinstance(kind, StringType):
        return valid(quoted(name))
    if isinstance(kind, ArrayType) and isinstance(kind.elementType, StringType):
        return F.transform(quoted(name), valid)
    return quoted(name)


def select_columns(
    session: SparkSession, found: Sequence[File], columns: Columns, others: Sequence[str], folders: Sequence[str]
) -> ParquetSelection:
    """Return the selected columns of Parquet files. Only their footers are read.

    Args:
        session: The Spark session.
        found: The files.
        columns: The selection of columns of all files of the run.
        others: Further columns of texts.
        folders: The columns of folders, which are used if the files have no such columns.

    Raises:
        TextError: If a file is corrupt, lacks a column, or has another type. Spark would read nulls.
    """
    first: dict[str, DataType] = {}
    selected = ParquetSelection([], [], [])
    for file in found:
        schema = _schema(session, file)
        names = [field.name for field in schema]
        of_folders = [name for name in folders if name not in names]
        text, keep = columns.choose([*names, *of_folders], name_of(file.path))
        selected = ParquetSelection([text, *others], keep, [name for name in of_folders if name in (text, *keep)])
        types = {field.name: field.dataType for field in schema if field.name in (text, *keep)}
        first = first or types
        _check_types(first, types, name_of(file.path))
        _check_case({*types}, names, name_of(file.path))
    return selected


def _check_types(first: dict[str, DataType], types: dict[str, DataType], name: str) -> None:
    """Raise ``TextError`` if columns differ between files. Spark reads those of folders only if no file has them."""
    if lacking := sorted(first.keys() ^ types.keys()):
        raise TextError(f"{name} has other columns than previous files: {lacking[0]!r} is in one of them only")
    for column, kind in types.items():
        if kind != first[column]:
            raise TextError(
                f"the column {column!r} must be of one type in all files: {name} contains {kind.simpleString()}, "
                f"previous files {first[column].simpleString()}"
            )


def _check_case(selected: set[str], names: Sequence[str], name: str) -> None:
    for column in selected:
        same = [each for each in names if each.lower() == column.lower()]
        if len(same) > 1:
            raise TextError(
                f"Spark does not distinguish the columns {', '.join(map(repr, same))} of {name}: rename one"
            )


def _schema(session: SparkSession, file: File) -> list[StructField]:
    """Return the columns of a Parquet file from its footer."""
    java: Any = session.sparkContext._jvm
    parquet = java.org.apache.parquet.hadoop
    settings = session.sparkContext._jsc.hadoopConfiguration()
    with _footer_errors(file):
        source = parquet.util.HadoopInputFile.fromPath(java.org.apache.hadoop.fs.Path(file.path), settings)
        reader = parquet.ParquetFileReader.open(source)
        try:
            footer = reader.getFileMetaData()
            has_counts = footer.getKeyValueMetaData().containsKey(COUNTS_KEY.decode())
            spark = java.org.apache.spark.sql.execution.datasources.parquet
            conf = session._jsparkSession.sessionState().conf()
            converted = spark.ParquetToSparkSchemaConverter(conf).convert(footer.getSchema()).json()
        finally:
            reader.close()
    if has_counts:
        raise TextError(f"{name_of(file.path)} contains token counts, not texts: pass them to fit_vocab")
    return list(StructType.fromJson(json.loads(converted)))


@contextmanager
def _footer_errors(file: File) -> Iterator[None]:
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        message = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else error
        reason = str(message).strip().splitlines()[0]
        raise TextError(f"{name_of(file.path)} is not a Parquet file that Spark reads: {reason:.300}") from None
