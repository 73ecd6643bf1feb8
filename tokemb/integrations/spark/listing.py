"""The files that Spark reads for a path, and those that it would leave out without a message."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from tokemb.errors import ArgumentError, TextError

_GLOB_CHARACTER = re.compile(r"[\\{}\[\]*?]")
_FOLDER_COLUMN = re.compile(r"/([^/=]+)=[^/]*(?=/)")


def name_or_glob(session: SparkSession, file: str) -> str:
    """Return a path for Spark's readers, which is a glob only if no file has exactly this name."""
    if not _GLOB_CHARACTER.search(file):
        return file
    java: Any = session.sparkContext._jvm
    path = java.org.apache.hadoop.fs.Path(file)
    system = path.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
    return as_name(file) if system.exists(path) else file


def as_name(path: str) -> str:
    """Escape the characters of globs in a path."""
    return _GLOB_CHARACTER.sub(r"\\\g<0>", path)


def files_of(session: SparkSession, read: Callable[[str], DataFrame], path: str) -> list[str]:
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


def folder_columns(found: Sequence[str]) -> set[str]:
    """Return the columns that Spark reads from the names of folders, such as ``n`` from ``n=1``."""
    return {name for file in found for name in _FOLDER_COLUMN.findall(file)}
