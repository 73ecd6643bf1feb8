"""A folder of Parquet files that Spark writes, which appears complete or not at all."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from tokemb.errors import ArgumentError, OutputExistsError
from tokemb.integrations.spark.columns import workers_errors
from tokemb.integrations.spark.listing import as_name, name_of

_SUCCESS = "_SUCCESS"
# Spark's default, INT96, has no time zone, and other readers convert it to nanoseconds, which end in the year 2262.
_TIMESTAMPS, _MICROSECONDS = "spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS"
_IDS = "ids"


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
    _report_abandoned(system, java.org.apache.hadoop.fs.Path(f"{as_name(output.rstrip('/'))}.tokemb-*"))
    temporary = java.org.apache.hadoop.fs.Path(f"{output.rstrip('/')}.tokemb-{uuid4().hex[:12]}")
    _check_writable(system, temporary, output)
    try:
        with workers_errors(), _timestamps_in_microseconds(session):
            df.write.parquet(temporary.toString())
            rows = session.read.parquet(temporary.toString()).count()
    except BaseException:
        system.delete(temporary, True)
        raise
    system.delete(target, True)
    _rename(system, temporary, target, java.org.apache.hadoop.fs.Path(target, temporary.getName()))
    return rows


@contextmanager
def _timestamps_in_microseconds(session: SparkSession) -> Iterator[None]:
    before = session.conf.get(_TIMESTAMPS)
    session.conf.set(_TIMESTAMPS, _MICROSECONDS)
    try:
        yield
    finally:
        session.conf.set(_TIMESTAMPS, str(before))


def _check_writable(system: Any, folder: Any, output: str) -> None:  # noqa: ANN401 - objects of Java
    """Raise ``OSError`` if a folder cannot be created, before the texts are read."""
    try:
        is_created = system.mkdirs(folder)
        system.delete(folder, True)
    except Py4JJavaError:
        is_created = False
    if not is_created:
        raise OSError(errno.EACCES, "the folder of the output cannot be created", output)


def _report_abandoned(system: Any, glob: Any) -> None:  # noqa: ANN401 - objects of Java
    """Warn of folders of other runs. Without locks, which a cluster lacks, it is not known whether these have ended."""
    for status in system.globStatus(glob) or []:
        logging.getLogger("tokemb").warning(
            "%s belongs to a run that was killed or still writes the same output: remove it if no other run is active",
            name_of(status.getPath().toString()),
        )


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
    return _IDS in schema.names or fields == expected
