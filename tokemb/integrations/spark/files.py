"""Files that a cluster can access, read as by ``tokemb.read_corpus``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from tokemb._validation import check_choice
from tokemb.errors import ArgumentError, TextError
from tokemb.integrations.spark.columns import workers_errors
from tokemb.integrations.spark.file_rows import Reading
from tokemb.integrations.spark.lines import FirstRows, read_first_rows, read_lines
from tokemb.integrations.spark.listing import File, find_files, folder_columns, name_of
from tokemb.integrations.spark.parquet import read_parquet, select_columns
from tokemb.sources.columns import Columns
from tokemb.sources.listing import format_of

FORMATS = ("text", "csv", "tsv", "jsonl", "parquet")
_DELIMITED = ("csv", "tsv")


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
        ArgumentError: If the format is unknown, or Spark cannot read a file as tokemb does.
        FileNotFoundError: If there is no file.
        TextError: If a column does not exist or has different types, or if Spark would leave out files.
    """
    if format is not None:
        check_choice("format", format, FORMATS)
    run = _Run(session, column, tuple(others), tuple(keep), errors, header)
    with workers_errors():
        for file in files:
            kind = format or _format_of(file)
            if quoting is not None and kind not in _DELIMITED:
                raise ArgumentError(f"quoting requires CSV or TSV files; {file} is read as {kind}: leave out quoting")
            found = find_files(session, file)
            if format is None:
                _check_formats(found, kind)
            run.add(found, kind, quoting, in_order)
        frames = run.frames or run.empty
        return reduce(DataFrame.unionByName, frames), frames[0].columns[0]


class _Run:
    """The files of one run, whose columns are those of the first file with rows."""

    def __init__(
        self,
        session: SparkSession,
        column: str | None,
        others: tuple[str, ...],
        keep: tuple[str, ...],
        errors: str,
        header: bool,
    ) -> None:
        self._session, self._column, self._others, self._keep = session, column, others, keep
        self._errors, self._header = errors, header
        self._first: FirstRows | None = None
        self.frames: list[DataFrame] = []
        self.empty: list[DataFrame] = []

    def add(self, found: Sequence[File], kind: str, quoting: str | None, in_order: bool) -> None:
        """Append the DataFrames of files of one format, one for each file if rows are ``in_order``.

        Those of files without rows before the first row, whose types are not known, are only in ``empty``.
        """
        folders = folder_columns(found)
        parts = [[file] for file in found] if in_order else [found]
        if kind == "parquet":
            columns = Columns(self._column, [*self._others, *self._keep])
            selected = select_columns(self._session, found, columns, self._others, folders)
            frames = [read_parquet(self._session, part, selected, self._errors) for part in parts]
        else:
            frames = self._frames_of_lines(found, parts, self._reading(kind, quoting, folders))
        if kind != "parquet" and self._first is None:
            self.empty += frames
            return
        for frame in frames:
            self.frames.append(frame)
            _check_types(self.frames[0], frame, name_of(found[0].path))
        self._column = self.frames[0].columns[0]

    def _reading(self, kind: str, quoting: str | None, folders: Sequence[str]) -> Reading:
        return Reading(
            kind, self._column, self._others, self._keep, tuple(folders), self._errors, self._header, quoting
        )

    def _frames_of_lines(
        self, found: Sequence[File], parts: Sequence[Sequence[File]], reading: Reading
    ) -> list[DataFrame]:
        self._first = self._first or read_first_rows(self._session, found, reading)
        return [read_lines(self._session, part, reading, self._first) for part in parts]


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
    kind, _ = format_of(file)
    if kind is None:
        raise ArgumentError(
            f"the format of {file} is not clear from its name: pass format=..., one of {', '.join(FORMATS)}"
        )
    return check_choice("format", kind, FORMATS)


def _check_formats(found: Sequence[File], kind: str) -> None:
    """Raise ``ArgumentError`` if the name of a file in a folder or of a glob has the extension of another format."""
    for file in found:
        if format_of(file.path)[0] not in (None, kind):
            raise ArgumentError(f"{name_of(file.path)} is not read as {kind}: pass format=... to read all files alike")
