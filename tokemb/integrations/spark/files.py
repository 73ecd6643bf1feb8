"""Files that a cluster can see: read as ``tokemb.read_corpus`` reads them, and a folder of Parquet written."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Sequence
from functools import partial, reduce
from typing import Any
from uuid import uuid4

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as Spark's users write it

from tokemb.errors import ArgumentError, OutputExistsError
from tokemb.integrations.spark.columns import quoted, workers_errors
from tokemb.sources.columns import TEXT, Columns

FORMATS = ("text", "csv", "tsv", "jsonl", "parquet")

_FORMAT = re.compile(r"\.(txt|csv|tsv|jsonl|ndjson|json|parquet)(\.gz|\.bz2|\.zst|\.xz)?/?$")
_NAMES = {"txt": "text", "ndjson": "jsonl", "json": "jsonl"}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_QUOTINGS = {"csv": "minimal", "tsv": "none"}
# Spark takes "" for NUL, which texts may hold. This is no character.
_NO_QUOTE = "\uffff"
_SUCCESS = "_SUCCESS"
IDS = "ids"


def read_files(
    session: SparkSession,
    files: Sequence[str],
    *,
    column: str | None = None,
    keep: Iterable[str] = (),
    format: str | None = None,  # noqa: A002 - as read_corpus has it
    errors: str = "strict",
    header: bool = True,
    quoting: str | None = None,
    in_order: bool = False,
) -> tuple[DataFrame, str]:
    """Texts, and columns beside them, from files, folders and patterns that the cluster can see.

    The arguments are those of ``tokemb.read_corpus``. ``in_order``: the rows are in the order of ``files``, and of the
    names of the files in a folder; otherwise Spark packs files into partitions as it likes.

    Returns the DataFrame, and the name of the column that holds the texts.
    Raises ``ArgumentError`` where the format is not known, ``TextError`` where the column is not.
    """
    columns, parts, name = Columns(column, keep), [], ""
    with workers_errors():
        for file in files:
            kind = format or _format_of(file)
            if quoting is not None and kind not in _DELIMITERS:
                raise ArgumentError(f"quoting is for CSV and TSV files, but {file} is read as {kind}")
            read = partial(_read, session, kind=kind, header=header, quoting=quoting)
            for path in sorted(read(file).inputFiles()) if in_order else [file]:
                frame = read(path)
                name, kept = columns.choose(frame.columns, path)
                parts.append(frame.select(_text(frame, name, kind, errors), *(quoted(other) for other in kept)))
        return reduce(DataFrame.unionByName, parts), name


def write_parquet(df: DataFrame, output: str, *, force: bool = False) -> int:
    """Write a folder of Parquet files, whole or not at all; returns the number of rows.

    A folder of ids that Spark wrote is replaced, and with ``force`` one of other columns too. Raises
    ``OutputExistsError`` for such a folder otherwise, ``ArgumentError`` if anything else is there, ``OSError`` if the
    whole folder cannot be renamed.
    """
    session = df.sparkSession
    java: Any = session.sparkContext._jvm
    target = java.org.apache.hadoop.fs.Path(output)
    system = target.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
    if system.exists(target) and not system.exists(java.org.apache.hadoop.fs.Path(target, _SUCCESS)):
        raise ArgumentError(f"there is something at {output} that Spark did not write: name another folder")
    if system.exists(target) and not force and IDS not in _columns(session, output):
        raise OutputExistsError(f"{output} holds no ids: pass force=True to replace it, or name another folder")
    temporary = java.org.apache.hadoop.fs.Path(f"{output.rstrip('/')}.tokemb-{uuid4().hex[:12]}")
    try:
        with workers_errors():
            df.write.parquet(temporary.toString())
            rows = session.read.parquet(temporary.toString()).count()
    except BaseException:
        system.delete(temporary, True)
        raise
    system.delete(target, True)
    if not system.rename(temporary, target):
        raise OSError(errno.EIO, "the ids are written, but cannot be renamed to the output", temporary.toString())
    return rows


def _columns(session: SparkSession, folder: str) -> list[str]:
    """The columns of a folder of Parquet files, none if it is anything else."""
    try:
        return session.read.parquet(folder).columns
    except Exception:  # Spark raises all kinds
        return []


def _format_of(file: str) -> str:
    found = _FORMAT.search(file)
    if found is None:
        raise ArgumentError(
            f"the format of {file} is not clear from its name: pass format=..., one of {', '.join(FORMATS)}"
        )
    return _NAMES.get(found[1], found[1])


def _read(session: SparkSession, path: str, *, kind: str, header: bool, quoting: str | None) -> DataFrame:
    if kind == "parquet":
        return session.read.parquet(path)
    if kind == "jsonl":
        return session.read.option("mode", "FAILFAST").json(path)
    if kind == "text":
        return session.read.option("lineSep", "\n").text(path).withColumnRenamed("value", TEXT)
    # A quoted field may hold a newline, so that Spark cannot split such files.
    is_quoted = (quoting or _QUOTINGS[kind]) != "none"
    quote = '"' if is_quoted else _NO_QUOTE
    frame = session.read.options(
        sep=_DELIMITERS[kind], header=header, quote=quote, escape=quote, multiLine=is_quoted, mode="FAILFAST"
    ).csv(path)
    return frame if header else frame.toDF(*map(str, range(len(frame.columns))))


def _text(frame: DataFrame, name: str, kind: str, errors: str) -> Column:
    text = quoted(name)
    if kind == "text":
        # Not by a pattern, for which Spark would replace bytes that are not UTF-8.
        text = F.when(text.endswith("\r"), F.substring(text, F.lit(1), F.length(text) - 1)).otherwise(text)
    elif kind in _DELIMITERS:
        text = F.coalesce(text, F.lit(""))  # a field without anything in it is an empty text
    if errors == "replace" and frame.schema[name].dataType.simpleString() == "string":
        text = F.make_valid_utf8(text)
    return text.alias(name)
