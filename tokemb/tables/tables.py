"""Tables in memory and in files, as batches of Arrow columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.errors import ArgumentError, TextError, TextTypeError, one_line
from tokemb.sources.cells import CellParser, parse_cells
from tokemb.sources.columns import Location
from tokemb.sources.corpus import read_table
from tokemb.sources.numpy_strings import from_numpy


def table_batches(
    table: Any,  # noqa: ANN401 - anything a user may hold
    names: Sequence[str] | None = None,
    typed: Iterable[str] = (),
    cells: Mapping[str, CellParser] | None = None,
    exact: Iterable[str] = (),
    **reading: Any,  # noqa: ANN401
) -> Iterator[pa.RecordBatch]:
    """Yield columns of a table as record batches. A table in memory gives one batch.

    Args:
        table: One or several names of files, as ``str`` or ``pathlib.Path``; an Arrow table, a pandas or Polars data
            frame, or another object with the Arrow protocol; a dict of columns of one length; or an iterator of record
            batches.
        names: The names of the columns, in order. ``None`` for all.
        typed: The columns of CSV files whose numbers are read as numbers.
        cells: Parsers of the cells of some columns, for numbers and lists.
        exact: Columns of files, as for ``tokemb.sources.corpus.read_table``.
        **reading: Further arguments of ``tokemb.sources.corpus.read_table`` for files.

    Raises:
        TextTypeError: If ``table`` is not a table.
        TextError: If a column is missing or occurs twice.
        ArgumentError: If there are arguments for files and ``table`` is in memory.
    """
    if isinstance(table, (str, Path)) or _are_files(table):
        yield from read_table(table, names, typed=typed, cells=cells, exact=exact, **reading)
        return
    if reading:
        raise ArgumentError(f"{', '.join(reading)} must be given only for files; the table is a {type(table).__name__}")
    row = 1
    for batch in _in_memory(table):
        selected = _select(batch, names)
        yield parse_cells(selected, cells, Location("the table", "row", row)) if cells else selected
        row += len(selected)


def _in_memory(table: Any) -> Iterator[pa.Table | pa.RecordBatch]:  # noqa: ANN401
    if not isinstance(table, (pa.RecordBatchReader, Iterator)):
        yield arrow_table(table)
        return
    for batch in table:
        if not isinstance(batch, (pa.RecordBatch, pa.Table)):
            raise TextTypeError(f"an iterator must yield record batches or tables; received {type(batch).__name__}")
        yield batch


def arrow_table(table: Any) -> pa.Table:  # noqa: ANN401
    """Convert a table in memory to Arrow. NaN of NumPy and pandas becomes null.

    Raises:
        TextTypeError: If ``table`` is not a table.
        TextError: If its columns have different lengths.
    """
    if isinstance(table, (pa.Table, pa.RecordBatch)):
        return table
    if isinstance(table, Mapping):
        columns = {str(name): _column(name, values) for name, values in table.items()}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise TextError(f"the columns of a table must have the same number of rows; received {lengths}")
        return pa.table(columns)
    if not hasattr(table, "columns") and not hasattr(table, "__arrow_c_stream__"):
        raise TextTypeError(
            "a table must be an Arrow table, a data frame, a dict of columns, or files; "
            f"received {type(table).__name__}"
        )
    try:
        # The protocol would not convert NaN of pandas to null.
        return pa.Table.from_pandas(table, preserve_index=False) if hasattr(table, "iloc") else pa.table(table)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TextTypeError(
            f"this {type(table).__name__} cannot be converted to an Arrow table: {one_line(error):.300}"
        ) from None


def _are_files(table: Any) -> bool:  # noqa: ANN401
    return isinstance(table, (list, tuple)) and bool(table) and all(isinstance(item, (str, Path)) for item in table)


def _column(name: object, values: Any) -> pa.Array | pa.ChunkedArray:  # noqa: ANN401
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, (str, bytes)) or (isinstance(values, np.ndarray) and values.ndim != 1):
        received = f"an array of shape {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise TextTypeError(f"the column {name!r} must have a value for each row; received {received}")
    try:
        if hasattr(values, "__arrow_c_stream__") and not hasattr(values, "iloc"):
            return pa.chunked_array(values)
        if isinstance(values, np.ndarray):
            return from_numpy(values, from_pandas=True)
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise TextTypeError(f"the column {name!r} must hold values of one type: {one_line(error):.300}") from None


def _select(table: pa.Table | pa.RecordBatch, names: Sequence[str] | None) -> pa.RecordBatch:
    available = table.schema.names
    names = available if names is None else names
    for name in names:
        if available.count(name) != 1:
            times = "more than one" if name in available else "no"
            shown = ", ".join(map(repr, available[:20])) or "none"
            raise TextError(f"the table has {times} column {name!r}; its columns are {shown}")
    return pa.RecordBatch.from_arrays([one_array(table.column(name)) for name in names], names=list(names))


def joined_batches(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Return the batches of ``table_batches`` as a table.

    Raises:
        TextTypeError: If a column has another type than in the first batch, which an iterator may yield.
        TextError: If there is no batch.
    """
    parts = list(batches)
    if not parts:
        raise TextError("the table must have rows; received an iterator without record batches")
    for part in parts[1:]:
        for first, other in zip(parts[0].schema, part.schema, strict=True):
            if first.type != other.type:
                raise TextTypeError(
                    f"the column {first.name!r} must have one type in all record batches; received {first.type} and "
                    f"{other.type}"
                )
    return pa.Table.from_batches(parts)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array. Its texts may exceed 2 GB."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    array = column.combine_chunks()
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def flat_names(columns: Iterable[str | Sequence[str]]) -> list[str]:
    """Return the columns of the table that ``columns`` are made of, without duplicates.

    Raises:
        ArgumentError: If ``columns`` are not names or tuples of names.
    """
    if isinstance(columns, str):
        raise ArgumentError(f"columns must be a list of names; received {columns!r}")
    parts = [[column] if isinstance(column, str) else list(column) for column in columns]
    names = list(dict.fromkeys(chain.from_iterable(parts)))
    if not names or not all(parts) or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"columns must be names, or tuples of names, at least one; received {parts!r:.80}")
    return names
