"""Files that a cluster can access: read as by ``tokemb.read_corpus``, and written as a folder of Parquet files."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's convention
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import DecimalType, LongType, StructField, StructType

from tokemb._validation import check_choice
from tokemb.errors import ArgumentError, OutputExistsError, TextError
from tokemb.integrations.spark.columns import map_partitions, quoted, workers_errors
from tokemb.integrations.spark.worker import json_partition
from tokemb.sources.columns import TEXT, Columns

FORMATS = ("text", "csv", "tsv", "jsonl", "parquet")

_FORMAT = re.compile(r"\.(txt|csv|tsv|jsonl|ndjson|json|parquet)(\.gz|\.bz2|\.zst|\.xz)?/?$")
_NAMES = {"txt": "text", "ndjson": "jsonl", "json": "jsonl"}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_QUOTINGS = {"csv": "minimal", "tsv": "none"}
# Spark reads "" as NUL, which texts may contain. U+FFFF is not a character.
_NO_QUOTE = "\uffff"
_GLOB_CHARACTER = re.compile(r"[\\{}\[\]*?]")
_FOLDER_COLUMN = re.compile(r"/([^/=]+)=[^/]*(?=/)")
_SUCCESS = "_SUCCESS"
IDS = "ids"


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
        TextError: If the column does not exist.
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
            name_or_glob = _name_or_glob(session, file)
            found = _files_of(session, read, name_or_glob)
            paths: Iterable[str | list[str]] = map(_as_name, found)
            for path in paths if in_order else [_with_columns_of_files(read, name_or_glob, found)]:
                frame, shown = read(path), path if isinstance(path, str) else file
                name, keep_names = columns.choose(frame.columns, shown)
                names = list(dict.fromkeys([name, *others, *keep_names]))
                if kind == "parquet" and not in_order:
                    # Where folders have columns, Spark reads these from the names of the folders.
                    of_folders = _folder_columns(found) if isinstance(path, str) else set()
                    _check_columns(session, found, [each for each in names if each not in of_folders])
                if kind == "jsonl":
                    frame = _parsed_json(session, path, StructType([frame.schema[each] for each in names]), errors)
                elif kind in _DELIMITERS:
                    frame = frame.select(*(_field(each, errors) for each in names))
                texts = [_text_expression(frame, text, kind, errors) for text in [name, *others]]
                frames.append(frame.select(*texts, *(quoted(kept) for kept in keep_names if kept not in others)))
                _check_types(frames[0], frames[-1], shown)
        return reduce(DataFrame.unionByName, frames), name


def _name_or_glob(session: SparkSession, file: str) -> str:
    """Return a path for Spark's readers, which is a glob only if no file has exactly this name."""
    if not _GLOB_CHARACTER.search(file):
        return file
    java: Any = session.sparkContext._jvm
    path = java.org.apache.hadoop.fs.Path(file)
    system = path.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
    return _as_name(file) if system.exists(path) else file


def _as_name(path: str) -> str:
    """Escape the characters of globs in a path."""
    return _GLOB_CHARACTER.sub(r"\\\g<0>", path)


def _files_of(session: SparkSession, read: Callable[[str], DataFrame], path: str) -> list[str]:
    """Return the files that Spark reads for ``path``, sorted by their names.

    Raises:
        TextError: If there is none, or Spark leaves out those in subfolders of ``path``.
        ArgumentError: If Spark cannot decompress them.
    """
    try:
        found = sorted(map(unquote, read(path).inputFiles()))
    except AnalysisException as error:
        if "UNABLE_TO_INFER_SCHEMA" not in str(error):
            raise
        found = []
    if not found:
        raise TextError(f"Spark finds no file at {path}: it skips names that begin with _ or ., and subfolders")
    if compressed := [name for name in found if name.endswith(".xz")]:
        raise ArgumentError(f"Spark does not decompress .xz: decompress {compressed[0]} first")
    below = session.read.format("binaryFile").option("recursiveFileLookup", "true").load(path).inputFiles()
    if left_out := sorted(set(map(unquote, below)) - set(found)):
        raise TextError(
            f"Spark reads no subfolders, and {left_out[0]} is in one: pass it as well, or pass globs such as {path}/*"
        )
    return found


def _folder_columns(found: Sequence[str]) -> set[str]:
    """Return the columns that Spark reads from the names of folders, such as ``n`` from ``n=1``."""
    return {name for file in found for name in _FOLDER_COLUMN.findall(file)}


def _with_columns_of_files(read: Callable[[str], DataFrame], path: str, found: Sequence[str]) -> str | list[str]:
    """Return ``path``, or its files if Spark would replace a column of them by that of a folder such as ``n=1``."""
    folders = _folder_columns(found)
    files = list(map(_as_name, found))
    return files if folders and folders.intersection(read(files[0]).columns) else path


def _check_columns(session: SparkSession, found: Sequence[str], names: Sequence[str]) -> None:
    """Raise ``TextError`` if a Parquet file lacks a column. Spark would read nulls, or not see the column at all."""
    java: Any = session.sparkContext._jvm
    settings = session.sparkContext._jsc.hadoopConfiguration()
    parquet = java.org.apache.parquet.hadoop
    for file in found:
        source = parquet.util.HadoopInputFile.fromPath(java.org.apache.hadoop.fs.Path(file), settings)
        reader = parquet.ParquetFileReader.open(source)
        try:
            schema = reader.getFileMetaData().getSchema()
            lacking = [name for name in names if not schema.containsField(name)]
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


def write_parquet(df: DataFrame, output: str, *, force: bool = False) -> int:
    """Write a folder of Parquet files. It appears complete or not at all.

    Args:
        df: The DataFrame.
        output: The folder. A folder of ids that Spark wrote is replaced.
        force: Whether to replace a folder of other columns that Spark wrote.

    Returns:
        The number of rows.

    Raises:
        OutputExistsError: If a folder of other columns is there and ``force`` is false.
        ArgumentError: If something else is there, or if the DataFrame is read from the folder.
        OSError: If the complete folder cannot be renamed.
    """
    session = df.sparkSession
    java: Any = session.sparkContext._jvm
    target = java.org.apache.hadoop.fs.Path(output)
    system = target.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
    if system.exists(target) and not system.exists(java.org.apache.hadoop.fs.Path(target, _SUCCESS)):
        raise ArgumentError(f"there is something at {output} that Spark did not write: pass another folder")
    if system.exists(target) and not force and not _holds_ids(session, output, df):
        raise OutputExistsError(f"{output} holds no ids: pass force=True to replace it, or pass another folder")
    if system.exists(target):
        folder = f"{_resolved(system.resolvePath(target).toUri().toString()).rstrip('/')}/"
        if any(_resolved(file).startswith(folder) for file in df.inputFiles()):
            raise ArgumentError(f"the output is also an input: {output}: pass another folder")
    temporary = java.org.apache.hadoop.fs.Path(f"{output.rstrip('/')}.tokemb-{uuid4().hex[:12]}")
    try:
        with workers_errors():
            df.write.parquet(temporary.toString())
            rows = session.read.parquet(temporary.toString()).count()
    except BaseException:
        system.delete(temporary, True)
        raise
    system.delete(target, True)
    _rename(system, temporary, target, java.org.apache.hadoop.fs.Path(target, temporary.getName()))
    return rows


def _rename(system: Any, temporary: Any, target: Any, inside: Any) -> None:  # noqa: ANN401 - objects of Java
    """Rename a folder to ``target``, or raise ``OSError``. ``inside`` is a folder of the same name within ``target``.

    If another run has written ``target`` in the meantime, Hadoop moves the folder into it.
    """
    if not system.rename(temporary, target):
        raise OSError(errno.EIO, "the ids were written but cannot be renamed to the output", temporary.toString())
    if system.exists(inside):
        system.rename(inside, temporary)
        raise OSError(
            errno.EEXIST, "another run wrote the output at the same time; the ids are in", temporary.toString()
        )


def _resolved(uri: str) -> str:
    """Return the path of a local file, without links, or the URI of another file."""
    parts = urlsplit(uri)
    return os.path.realpath(unquote(parts.path)) if parts.scheme == "file" else uri


def _holds_ids(session: SparkSession, folder: str, df: DataFrame) -> bool:
    """Return whether a folder of Parquet files has a column of ids, or the columns and types of ``df``."""
    try:
        schema = session.read.parquet(folder).schema
    except Exception:  # Spark raises errors of many types
        return False
    fields, expected = ([(each.name, each.dataType.simpleString()) for each in kind] for kind in (schema, df.schema))
    return IDS in schema.names or fields == expected


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
