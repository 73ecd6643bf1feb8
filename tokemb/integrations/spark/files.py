"""Files that a cluster can access, read as by ``tokemb.read_corpus``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's convention
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import DecimalType, LongType, StructField, StructType

from tokemb._validation import check_choice
from tokemb.errors import ArgumentError, TextError
from tokemb.integrations.spark.columns import map_partitions, quoted, workers_errors
from tokemb.integrations.spark.listing import as_name, files_of, folder_columns, name_or_glob
from tokemb.integrations.spark.worker import json_partition
from tokemb.sources.columns import TEXT, Columns

FORMATS = ("text", "csv", "tsv", "jsonl", "parquet")

_FORMAT = re.compile(r"\.(txt|csv|tsv|jsonl|ndjson|json|parquet)(\.gz|\.bz2|\.zst|\.xz)?/?$")
_NAMES = {"txt": "text", "ndjson": "jsonl", "json": "jsonl"}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_QUOTINGS = {"csv": "minimal", "tsv": "none"}
# Spark reads "" as NUL, which texts may contain. U+FFFF is not a character.
_NO_QUOTE = "\uffff"


def read_files(
    session: SparkSession,
    files: Sequence[str],
    *,
    column: str | None = None,
    others: Sequence[str] = (),
    keep: Iterable[str] = (),
    format: str | None = None,  # noqa: A002 - the name in read_corpus
    errors: str = "strict",
    header: bool = True,
    quoting: str | None = None,
    in_order: bool = False,
) -> tuple[DataFrame, str]:
    """Read texts, and further columns, from files, folders and globs that the cluster can access.

    Args:
        session: The Spark session.
        files: Paths or globs.
        column: As for ``tokemb.read_corpus``.
        others: Further columns of texts or values.
        keep: As for ``tokemb.read_corpus``.
        format: As for ``tokemb.read_corpus``.
        errors: As for ``tokemb.read_corpus``.
        header: As for ``tokemb.read_corpus``.
        quoting: As for ``tokemb.read_corpus``.
        in_order: Whether rows are in the order of ``files``, and of the file names in a folder. Otherwise Spark assigns
            files to partitions in any order.

    Returns:
        The DataFrame and the name of its text column.

    Raises:
        ArgumentError: If the format is unknown.
        TextError: If a column does not exist or has different types, or if Spark would leave out files.
    """
    if format is not None:
        check_choice("format", format, FORMATS)
    columns, frames, name = Columns(column, [*others, *keep]), [], ""
    with workers_errors():
        for file in files:
            kind = format or _format_of(file)
            if quoting is not None and kind not in _DELIMITERS:
                raise ArgumentError(f"quoting requires CSV or TSV files; {file} is read as {kind}: leave out quoting")
            read = partial(_read, session, kind=kind, header=header, quoting=quoting)
            path_or_glob = name_or_glob(session, file)
            found = files_of(session, read, path_or_glob)
            paths: Iterable[str | list[str]] = map(as_name, found)
            for path in paths if in_order else [_with_columns_of_files(read, path_or_glob, found)]:
                frame, shown = read(path), path if isinstance(path, str) else file
                name, keep_names = columns.choose(frame.columns, shown)
                if kind == "parquet" and not in_order:
                    # Where folders have columns, Spark reads these from the names of the folders.
                    of_folders = folder_columns(found) if isinstance(path, str) else set()
                    _check_columns(session, found, {name, *others, *keep_names} - of_folders)
                frames.append(_selected(session, frame, path, kind, [name, *others], keep_names, errors))
                _check_types(frames[0], frames[-1], shown)
        return reduce(DataFrame.unionByName, frames), name


def _selected(
    session: SparkSession,
    frame: DataFrame,
    path: str | list[str],
    kind: str,
    texts: Sequence[str],
    keep: Sequence[str],
    errors: str,
) -> DataFrame:
    """Return the columns of texts and the kept columns of ``frame``, which Spark read from ``path``."""
    names = list(dict.fromkeys([*texts, *keep]))
    if kind == "jsonl":
        frame = _parsed_json(session, path, StructType([frame.schema[name] for name in names]), errors)
    elif kind in _DELIMITERS:
        frame = frame.select(*(_field(name, errors) for name in names))
    expressions = [_text_expression(frame, text, kind, errors) for text in texts]
    return frame.select(*expressions, *(quoted(name) for name in keep if name not in texts[1:]))


def _with_columns_of_files(read: Callable[[str], DataFrame], path: str, found: Sequence[str]) -> str | list[str]:
    """Return ``path``, or its files if Spark would replace a column of them by that of a folder such as ``n=1``."""
    folders = folder_columns(found)
    files = list(map(as_name, found))
    return files if folders and folders.intersection(read(files[0]).columns) else path


def _check_columns(session: SparkSession, found: Sequence[str], names: set[str]) -> None:
    """Raise ``TextError`` if a Parquet file lacks a column. Spark would read nulls, or not see the column at all."""
    java: Any = session.sparkContext._jvm
    settings = session.sparkContext._jsc.hadoopConfiguration()
    parquet = java.org.apache.parquet.hadoop
    for file in found:
        source = parquet.util.HadoopInputFile.fromPath(java.org.apache.hadoop.fs.Path(file), settings)
        reader = parquet.ParquetFileReader.open(source)
        try:
            schema = reader.getFileMetaData().getSchema()
            lacking = sorted(name for name in names if not schema.containsField(name))
        finally:
            reader.close()
        if lacking:
            raise TextError(f"{file} has no column {lacking[0]!r}, which other files have")


def _check_types(first: DataFrame, frame: DataFrame, path: str) -> None:
    """Raise ``TextError`` if columns of the same name have different types. Spark would convert texts to numbers."""
    for name in first.columns:
        expected, received = first.schema[name].dataType, frame.schema[name].dataType
        if received != expected:
            raise TextError(
                f"the column {name!r} must be of one type in all files: {path} contains {received.simpleString()}, "
                f"previous files {expected.simpleString()}"
            )


def _format_of(file: str) -> str:
    match = _FORMAT.search(file)
    if match is None:
        raise ArgumentError(
            f"the format of {file} is not clear from its name: pass format=..., one of {', '.join(FORMATS)}"
        )
    return _NAMES.get(match[1], match[1])


def _read(session: SparkSession, path: str | list[str], *, kind: str, header: bool, quoting: str | None) -> DataFrame:
    if kind == "parquet":
        return session.read.parquet(*([path] if isinstance(path, str) else path))
    if kind == "jsonl":
        return session.read.json(path)  # only for the types of the columns
    if kind == "text":
        return session.read.option("lineSep", "\n").text(path).withColumnRenamed("value", TEXT)
    # A quoted field may contain a newline, so Spark cannot split such files.
    is_quoted = (quoting or _QUOTINGS[kind]) != "none"
    quote = '"' if is_quoted else _NO_QUOTE
    options: dict[str, bool | str] = {"sep": _DELIMITERS[kind], "quote": quote, "escape": quote, "multiLine": is_quoted}
    # By default, Spark takes the columns of all files in the order of those of one file, whatever their names are.
    frame = session.read.options(header=header, enforceSchema=False, mode="FAILFAST", **options).csv(path)
    return frame if header else frame.toDF(*map(str, range(len(frame.columns))))


def _parsed_json(session: SparkSession, path: str | list[str], schema: StructType, errors: str) -> DataFrame:
    """Read lines of JSON as ``tokemb.read_corpus`` does.

    Spark's own parser rounds integers beside other numbers, ignores what follows the object of a line, and replaces
    lone surrogates.
    """
    # Integers of 64 bits or more are an error, as elsewhere.
    fields = [
        StructField(field.name, LongType()) if isinstance(field.dataType, DecimalType) else field for field in schema
    ]
    parsed = StructType(fields)
    run = partial(json_partition, schema=to_arrow_schema(parsed), errors=errors)
    return map_partitions(session.read.option("lineSep", "\n").text(path), run, parsed)


def _field(name: str, errors: str) -> Column:
    """Return a column of a CSV file. Spark has replaced bytes that are not UTF-8 by U+FFFD, and empty texts by null."""
    text = F.coalesce(quoted(name), F.lit(""))
    if errors == "strict":
        message = (
            f"the column {name!r} has U+FFFD, or bytes that are not UTF-8, which Spark has replaced by it: save the "
            'file as UTF-8 first, or read it with errors="replace"'
        )
        error = F.raise_error(F.lit(f"\n{TextError.__module__}.TextError: {message}\n"))
        text = F.when(text.contains("\ufffd"), error).otherwise(text)
    return text.alias(name)


def _text_expression(frame: DataFrame, name: str, kind: str, errors: str) -> Column:
    text = quoted(name)
    if kind == "text":
        # A regular expression would make Spark replace bytes that are not UTF-8.
        text = F.when(text.endswith("\r"), F.substring(text, F.lit(1), F.length(text) - 1)).otherwise(text)
    if errors == "replace" and frame.schema[name].dataType.simpleString() == "string":
        text = F.make_valid_utf8(text)
    return text.alias(name)
