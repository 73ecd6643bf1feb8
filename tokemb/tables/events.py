"""Events grouped by a key and sorted: one sequence per group."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from tokemb._arrays import STRINGS, TOKEN_ROWS, Int64
from tokemb.errors import ArgumentError, TextError, TextTypeError
from tokemb.rows.row_count import RowCount
from tokemb.sources.texts import decode_dictionary
from tokemb.tables.fitting import column_values
from tokemb.tables.tables import flat_names, joined_batches, table_batches

# Texts that look like numbers would be sorted as texts: 10 before 9.
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"

# An integer whose digits Python converts.
_INTEGER = r"^\s*[+-]?\d{1,999}\s*$"

# From this value on, different integers can be the same 64-bit float.
_EXACT = 2.0**53

Names = str | Sequence[str]


def group_events(
    table: Any,  # noqa: ANN401 - anything a user may hold
    key: Names,
    order: Names | None = None,
    columns: Names | None = None,
    *,
    first: Names = (),
    **reading: Any,  # noqa: ANN401
) -> pa.Table:
    """Group rows by ``key`` and sort each group. Each group becomes one row whose columns are lists.

    All rows of the named columns are in memory at once.

    Args:
        table: A table, as for ``ColumnEncoder.fit``.
        key: The column or columns that identify a group, for example a user or a session.
        order: The column or columns that each group is sorted by in ascending order: numbers, times, or texts in the
            order of their UTF-8 bytes. If all texts are integers, of any size, they are sorted as numbers. The sort is
            stable. Without ``order``, rows stay in the order of the table.
        columns: The columns that become lists. ``None`` for all other columns of the table.
        first: Columns whose value in the first row of a group is kept.
        **reading: Arguments of ``tokemb.sources.corpus.read_table`` for files. ``key`` and ``columns`` of a CSV file
            are read as texts. Numbers in ``order`` and ``first`` are read as numbers.

    Returns:
        A table with one row per group, in the order of their first rows. Its columns are ``key``, ``first`` and the
        lists (``large_list``).

    Raises:
        TextError: If a key or an order is missing in a row, or the texts of an order have other numbers among them.
        TextTypeError: If ``table`` is not a table, or an order cannot be sorted.
        ArgumentError: If an argument is invalid.

    Example:
        >>> rows = {"user": ["u", "v", "u"], "time": [9, 1, 3], "item": ["a", "b", "c"]}
        >>> group_events(rows, "user", "time").to_pydict()
        {'user': ['u', 'v'], 'item': [['c', 'a'], ['b']]}
    """
    keys, orders, first_columns = _names(key), _names(order), _names(first)
    lists = None if columns is None else _names(columns)
    if not keys:
        raise ArgumentError("key must name a column")
    requested = None if lists is None else flat_names([*keys, *orders, *first_columns, *lists])
    typed = [*orders, *(name for name in first_columns if name not in keys)]
    batches = table_batches(table, requested, typed, exact=lists or (), **reading)
    count = RowCount()
    rows = joined_batches(count.reading(batches))
    for name in (*keys, *orders, *first_columns):
        if name not in rows.column_names:
            raise TextError(f"the table has no column {name!r}; its columns are {', '.join(rows.column_names)}")
    if lists is None:
        lists = [name for name in rows.column_names if name not in (*keys, *orders, *first_columns)]
    codes = _group_numbers([_require_values(name, rows[name]) for name in keys])
    sorted_by = {name: _numbers(rows[name]) if name in lists else rows[name] for name in orders}
    indices, row_splits = _order_by_group(codes, {name: _sortable(name, column) for name, column in sorted_by.items()})
    count.check(int(row_splits[-1]), "grouped")
    starts = indices.take(pa.array(row_splits[:-1]))
    result = {name: rows[name].take(starts) for name in dict.fromkeys((*keys, *first_columns))}
    for name in lists:
        if name in result:
            raise ArgumentError(f"the column {name!r} must be in one of key, first and columns; it is in two")
        values = _one_array(rows[name]).take(indices)
        result[name] = pa.LargeListArray.from_arrays(pa.array(row_splits), values)
    return pa.table(result)


def token_rows(rows: pa.Table, parts: Sequence[str], missing: str = "error") -> pa.LargeListArray:
    """Return grouped events as rows of tokens for ``fit_vocab``.

    Args:
        rows: A table of ``group_events``.
        parts: The columns that an event is made of.
        missing: ``"error"`` or ``"empty"``, as for ``tokemb.read_corpus``.

    Returns:
        ``large_list<large_string>`` (rows,).

    Raises:
        TextError: If an event is missing, unless ``missing`` is ``"empty"``.
    """
    lists = [rows[name].combine_chunks() for name in parts]
    events = pa.RecordBatch.from_arrays([column.values for column in lists], names=list(parts))
    values = column_values("_".join(parts), parts, events)
    is_missing = values.positions == len(values.tokens) - 1
    tokens = values.tokens.take(pa.array(values.positions))
    if is_missing.any():
        if missing == "error":
            raise TextError(
                f'{int(is_missing.sum())} events have no {", ".join(parts)}: fill them, or pass missing="empty" to '
                "read them as empty texts"
            )
        tokens = pc.if_else(pa.array(is_missing), pa.scalar("", STRINGS), tokens)
    return pa.LargeListArray.from_arrays(lists[0].offsets, tokens).cast(TOKEN_ROWS)


def _names(names: Names | None) -> list[str]:
    named = [names] if isinstance(names, str) else list(names or ())
    return flat_names(named) if named else []


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array without a dictionary. Texts have large offsets."""
    if pt.is_dictionary(column.type):
        column = pa.chunked_array([decode_dictionary(chunk) for chunk in column.chunks], column.type.value_type)
    if pt.is_string(column.type) or pt.is_string_view(column.type):
        column = column.cast(STRINGS)
    return column.combine_chunks()


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of texts as numbers, if all of them are numbers that keep their order. Others are unchanged."""
    texts = _one_array(column)
    # Arrow would also convert hexadecimal numbers, which are sorted as texts.
    if pt.is_large_string(texts.type) and pc.all(pc.match_substring_regex(texts, _NUMBER)).as_py():
        with suppress(pa.ArrowInvalid):
            return pa.chunked_array([texts.cast(pa.int64())])
        with suppress(pa.ArrowInvalid):
            numbers = texts.cast(pa.float64())
            if not pc.any(pc.greater_equal(pc.abs(numbers), _EXACT)).as_py():
                return pa.chunked_array([numbers])
    return column


def _require_values(name: str, column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array.

    Raises:
        TextTypeError: If values are lists, structures, or of a type that Arrow cannot group.
        TextError: If a value is missing. The message names the first row.
    """
    values = _one_array(column)
    if pt.is_nested(values.type) or isinstance(values.type, pa.BaseExtensionType):
        raise TextTypeError(
            f"rows are grouped and ordered by single values; the column {name!r} holds {values.type}: convert it"
        )
    missing = pc.is_null(values, nan_is_null=pt.is_floating(values.type))
    if pt.is_large_string(values.type):
        missing = pc.or_(missing, pc.fill_null(pc.equal(values, ""), False))
    row = pc.index(missing, True).as_py()
    if row >= 0:
        raise TextError(f"row {row + 1} has no {name!r}: rows are grouped and ordered by it; fill it, or drop the row")
    return values


def _sortable(name: str, column: pa.ChunkedArray) -> pa.Array:
    """Return a column that rows can be sorted by.

    Raises:
        TextTypeError: If its type cannot be sorted.
        TextError: If a value is missing, or its texts look like numbers.
    """
    values = _require_values(name, column)
    if pt.is_large_string(values.type):
        if (ranks := _integer_ranks(values)) is not None:
            return ranks
        numeric = pc.index(pc.match_substring_regex(values, _NUMBER), True).as_py()
        if numeric >= 0:
            raise TextError(
                f"rows cannot be sorted by the column {name!r}: it holds texts that look like numbers, for example "
                f"{values[numeric].as_py()!r}, and as texts 10 comes before 9: convert all to numbers, or times such "
                "as 2024-05-17 10:00:00"
            )
    if pt.is_float16(values.type):
        return values.cast(pa.float32())  # Arrow does not sort it
    is_number = pt.is_decimal(values.type) or pt.is_integer(values.type) or pt.is_floating(values.type)
    is_time = pt.is_temporal(values.type) and not pt.is_interval(values.type)
    if not (is_number or is_time or pt.is_large_string(values.type)):
        raise TextTypeError(
            f"rows are sorted by numbers, times or texts; the column {name!r} holds {values.type}: convert it"
        )
    return values


def _integer_ranks(texts: pa.LargeStringArray) -> pa.Array | None:
    """Return the ranks of integers of any size that are texts, int64 (rows,), or ``None`` if others are among them."""
    encoded = texts.dictionary_encode()
    if not pc.all(pc.match_substring_regex(encoded.dictionary, _INTEGER)).as_py():
        return None
    integers = [int(text) for text in encoded.dictionary.to_pylist()]
    ranks = {integer: rank for rank, integer in enumerate(sorted(set(integers)))}
    return pa.array([ranks[integer] for integer in integers], pa.int64()).take(encoded.indices)


def _group_numbers(keys: Sequence[pa.Array]) -> pa.Array:
    """Return the number of the group of each row, int64 (rows,). Groups are in the order of their first rows."""
    codes = np.zeros(len(keys[0]), np.int64)
    for values in keys:
        each = values.dictionary_encode()
        numbers = each.indices.cast(pa.int64()).to_numpy()
        codes = codes * max(len(each.dictionary), 1) + numbers
        codes = pa.array(codes).dictionary_encode().indices.to_numpy().astype(np.int64)
    return pa.array(codes)


def _order_by_group(codes: pa.Array, orders: dict[str, pa.Array]) -> tuple[pa.Array, Int64]:
    """Sort rows by group and then by ``orders``.

    Returns:
        The indices of the sorted rows, and the offset of each group and of the end, int64 (groups + 1,).
    """
    sorted_by = {"0": codes} | {str(number): values for number, values in enumerate(orders.values(), 1)}
    # The sort of Arrow is stable.
    keys = [(name, "ascending") for name in sorted_by]
    indices = pc.sort_indices(pa.table(sorted_by), sort_keys=keys)
    sizes = np.bincount(codes.to_numpy())
    return indices, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
