"""Tables in memory and in files, as batches of Arrow columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokemb.errors import ArgumentError, TextError, TextTypeError
from tokemb.sources.corpus import read_table


def table_batches(
    table: Any,  # noqa: ANN401 - anything a user may hold
    names: Sequence[str] | None = None,
    typed: Iterable[str] = (),
    **reading: Any,  # noqa: ANN401
) -> Iterator[pa.RecordBatch]:
    """Yield the columns ``names`` of a table, in this order; ``None`` for all.

    ``table``: names of files or ``pathlib.Path``, one or a list, which ``tokemb.sources.corpus.read_table`` reads; an
    Arrow table, a pandas or Polars data frame, or whatever gives one through Arrow; a dict of columns of one length; or
    record batches, in an iterator or a ``pyarrow.RecordBatchReader``. What is in memory comes as one batch.
    ``typed``: the columns in which numbers of CSV files are numbers; ``reading``: more that ``read_table`` takes.

    Raises ``TextTypeError`` for what is no table, ``TextError`` for a column that is not there, or there twice.
    """
    if isinstance(table, (str, Path)) or _are_files(table):
        yield from read_table(table, names, typed=typed, **reading)
        return
    if reading:
        raise ArgumentError(f"{', '.join(reading)} say how files are read; received a {type(table).__name__}")
    if isinstance(table, pa.RecordBatchReader) or isinstance(table, Iterator):
        for batch in table:
            if not isinstance(batch, (pa.RecordBatch, pa.Table)):
                raise TextTypeError(f"an iterator of record batches is needed; received one of {type(batch).__name__}")
            yield from _selected(batch, names)
    else:
        yield from _selected(arrow_table(table), names)


def arrow_table(table: Any) -> pa.Table:  # noqa: ANN401
    """An Arrow table of what is in memory; NaN of NumPy and pandas is missing."""
    if isinstance(table, (pa.Table, pa.RecordBatch)):
        return table
    if isinstance(table, Mapping):
        columns = {str(name): _column(name, values) for name, values in table.items()}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise TextError(f"the columns of a table must have as many rows each; these have {lengths}")
        return pa.table(columns)
    if not hasattr(table, "columns") and not hasattr(table, "__arrow_c_stream__"):
        raise TextTypeError(
            "a table must be an Arrow table, a data frame, a dict of columns, or files; "
            f"received {type(table).__name__}"
        )
    try:
        # pandas' own way, where there is one: through the protocol, its NaN is not missing.
        return pa.Table.from_pandas(table, preserve_index=False) if hasattr(table, "iloc") else pa.table(table)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TextTypeError(f"this {type(table).__name__} is no table for Arrow: {_one_line(error)}") from None


def _are_files(table: Any) -> bool:  # noqa: ANN401
    return isinstance(table, (list, tuple)) and bool(table) and all(isinstance(item, (str, Path)) for item in table)


def _column(name: object, values: Any) -> pa.Array | pa.ChunkedArray:  # noqa: ANN401
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, (str, bytes)) or (isinstance(values, np.ndarray) and values.ndim != 1):
        met = f"an array of shape {values.shape}" if isinstance(values, np.ndarray) else type(values).__name__
        raise TextTypeError(f"the column {name!r} must have a value for each row; received {met}")
    try:
        if hasattr(values, "__arrow_c_stream__") and not hasattr(values, "iloc"):
            return pa.chunked_array(values)
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise TextTypeError(f"the column {name!r} must hold values of one type: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _selected(table: pa.Table | pa.RecordBatch, names: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
    there = table.schema.names
    names = there if names is None else names
    for name in names:
        if there.count(name) != 1:
            times = "more than one" if name in there else "no"
            shown = ", ".join(map(repr, there[:20])) or "none"
            raise TextError(f"the table has {times} column {name!r}; its columns are {shown}")
    yield pa.RecordBatch.from_arrays([_whole(table.column(name)) for name in names], names=list(names))


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece, whose texts may be more than 2 GB."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    whole = column.combine_chunks()
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole


def flat_names(columns: Iterable[str | Sequence[str]]) -> list[str]:
    """The columns of the table that ``columns`` are made of, each once.

    Raises ``ArgumentError`` for what is not names, or tuples of them.
    """
    if isinstance(columns, str):
        raise ArgumentError(f"columns must be a list of names; received {columns!r}")
    parts = [[column] if isinstance(column, str) else list(column) for column in columns]
    names = list(dict.fromkeys(chain.from_iterable(parts)))
    if not names or not all(parts) or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"columns must be names, or tuples of names, at least one; received {parts!r:.80}")
    return names
