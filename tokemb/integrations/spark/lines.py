"""Files of text, CSV, TSV and JSON Lines: Spark finds their lines, and its workers parse them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's convention
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructType

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.integrations.spark.columns import map_partitions, quoted
from tokemb.integrations.spark.file_rows import FileColumns, Reading, parse_partition, probe_partition, probed
from tokemb.integrations.spark.listing import File, as_name, base_of, check_read, name_of, read_end
from tokemb.sources.columns import TEXT
from tokemb.sources.listing import format_of

_METADATA = ("file_path", "file_block_start", "file_block_length", "file_size")
# The bytes that opening a file costs, and those of a partition, in Spark's default configuration.
_OPEN_COST, _USUAL_BYTES = 4 << 20, 128 << 20


class FirstRows(NamedTuple):
    """The selected columns and their types in the first rows of a run, and all columns of that file."""

    schema: pa.Schema
    names: list[str]


def read_first_rows(session: SparkSession, found: Sequence[File], reading: Reading) -> FirstRows | None:
    """Return the columns of the first file that has rows. ``None`` if there is none."""
    if reading.kind == "text":
        name = FileColumns(reading).choose_lines(name_of(found[0].path))
        return FirstRows(pa.schema([(name, STRINGS)]), [name])
    for file in found:
        if file.size:
            run = partial(probe_partition, reading=reading)
            rows = map_partitions(_lines(_without_splits(session, [file]), [file], ()), run, "schema binary").take(1)
            if rows:
                return FirstRows(*probed(bytes(rows[0][0])))
    return None


def read_lines(session: SparkSession, found: Sequence[File], reading: Reading, first: FirstRows | None) -> DataFrame:
    """Return the rows of files as a DataFrame.

    Args:
        session: The Spark session.
        found: The files.
        reading: How to read them.
        first: The columns of the first file that has rows. ``None`` if there is none.

    Raises:
        TextError: If Spark has no type for a column.
    """
    if first is None:
        names = dict.fromkeys([reading.column or TEXT, *reading.others, *reading.keep])
        first = FirstRows(pa.schema([(name, pa.string()) for name in names]), [])
    folders = [name for name in reading.folders if name not in first.schema.names]
    folders = [name for name in folders if name in {*reading.others, *reading.keep}]
    can_split = reading.can_split and not (reading.kind == "text" and _ends_in_cr(session, found))
    lines = _lines(session if can_split else _without_splits(session, found), found, folders)
    result = StructType([*_spark_schema(first.schema), *(lines.schema[name] for name in folders)])
    run = partial(
        parse_partition,
        reading=reading.with_folders(folders),
        schema=first.schema,
        names=first.names,
        result=to_arrow_schema(result),
    )
    return map_partitions(lines, run, result)


def _spark_schema(schema: pa.Schema) -> StructType:
    for field in schema:
        try:
            from_arrow_schema(pa.schema([field]))
        except Exception:  # of several types
            raise TextError(f"Spark has no type for the column {field.name!r}, which contains {field.type}") from None
    return from_arrow_schema(schema)


def _lines(session: SparkSession, found: Sequence[File], folders: Sequence[str]) -> DataFrame:
    """Return the lines of files in ``LINE_COLUMNS``, and the columns of folders."""
    reader = session.read.options(lineSep="\n", ignoreCorruptFiles=False, ignoreMissingFiles=False)
    if folders:
        # Spark finds the columns of folders if it lists the folders itself.
        frame = reader.option("basePath", base_of(found)).text([as_name(file.path) for file in found])
    else:
        frame = reader.text([as_name(file.path) for file in found])
    check_read(frame, found)
    line = F.concat(F.col("value").cast("binary"), F.lit(b"\n"))
    return frame.select(line, *(F.col(f"_metadata.{name}") for name in _METADATA), *map(quoted, folders))


def _ends_in_cr(session: SparkSession, found: Sequence[File]) -> bool:
    r"""Return whether a text file that Spark may split ends in ``\r``, which belongs to its last row.

    Spark gives its last line in the same way as one that ends in ``\r\n``. Only the size of a whole file tells more.
    """
    settings = session._jsparkSession.sessionState().conf()
    smallest = min(settings.filesMaxPartitionBytes(), settings.filesOpenCostInBytes())
    return any(
        file.size > smallest and format_of(file.path)[1] is None and read_end(session, file, 1) == b"\r"
        for file in found
    )


def _without_splits(session: SparkSession, found: Sequence[File]) -> SparkSession:
    """Return a session in which one worker reads a whole file, since a quoted field may contain a newline."""
    sizes = [file.size + _OPEN_COST for file in found]
    share = sum(sizes) // session.sparkContext.defaultParallelism
    other = session.newSession()
    other.conf.set("spark.sql.files.maxPartitionBytes", str(max(*sizes, min(share, _USUAL_BYTES))))
    other.conf.set("spark.sql.files.minPartitionNum", "1")
    return other
