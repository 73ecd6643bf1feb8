"""Rows of events, grouped by who they belong to and put in order: a sequence for each."""

from __future__ import annotations

from collections.abc import Sequence
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
from tokemb.tables.tables import flat_names, table_batches

# Texts that read as numbers have an order as texts that nobody wants: 10 before 9.
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"

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
    """Group rows by ``key``, put each group in order, and make a row of each, whose columns are lists.

    ``table``: what ``ColumnEncoder.fit`` takes. All rows of the columns that are named here are in memory at once.
    ``key``: the column, or columns, of which a group has one value, a user or a session.
    ``order``: the column, or columns, that rows are sorted by within a group, smallest first: numbers, times, or texts
    in the order of their UTF-8 bytes. Rows that it does not tell apart stay as they come, and all do without it.
    ``columns``: the ones that become lists; ``None`` for all others, of those that files have too.
    ``first``: columns of which a group keeps the value of its first row.
    ``reading``: of files, the settings of ``tokemb.sources.corpus.read_table``; the key and ``columns`` of a CSV file
    are read as texts, ``order`` and ``first`` as numbers where they are.

    Returns a table with a row a group, in the order in which groups are first met: the key, ``first``, then the lists,
    ``large_list``.
    Raises ``TextError`` for a missing key or order, and for an order of texts that read as numbers; ``TextTypeError``
    and ``ArgumentError`` as ``ColumnEncoder.fit``.

    >>> rows = {"user": ["u", "v", "u"], "time": [9, 1, 3], "item": ["a", "b", "c"]}
    >>> group_events(rows, "user", "time").to_pydict()
    {'user': ['u', 'v'], 'item': [['c', 'a'], ['b']]}
    """
    keys, orders, kept = _names(key), _names(order), _names(first)
    lists = None if columns is None else _names(columns)
    if not keys:
        raise ArgumentError("key must name a column")
    wanted = None if lists is None else flat_names([*keys, *orders, *kept, *lists])
    batches = table_batches(table, wanted, [*orders, *(name for name in kept if name not in keys)], **reading)
    count = RowCount()
    rows = pa.Table.from_batches(list(count.reading(batches)))
    for name in (*keys, *orders, *kept):
        if name not in rows.column_names:
            raise TextError(f"the table has no column {name!r}; its columns are {', '.join(rows.column_names)}")
    if lists is None:
        lists = [name for name in rows.column_names if name not in (*keys, *orders, *kept)]
    codes = _codes([_sound(name, rows[name]) for name in keys])
    taken, row_splits = _in_order(codes, {name: _ordered(name, rows[name]) for name in orders})
    count.check(int(row_splits[-1]), "grouped")
    starts = taken.take(pa.array(row_splits[:-1]))
    made = {name: rows[name].take(starts) for name in dict.fromkeys((*keys, *kept))}
    for name in lists:
        if name in made:
            raise ArgumentError(f"the column {name!r} cannot be both a list and the first value of it")
        values = _whole(rows[name]).take(taken)
        made[name] = pa.LargeListArray.from_arrays(pa.array(row_splits), values)
    return pa.table(made)


def token_rows(rows: pa.Table, parts: Sequence[str], missing: str = "error") -> pa.LargeListArray:
    """The events of what ``group_events`` gave as tokens, ``large_list<large_string>`` (rows,), for ``fit_vocab``.

    ``parts``: the columns that an event is made of. ``missing``: as for ``tokemb.read_corpus``.
    Raises ``TextError`` for a missing event, unless ``missing`` is ``"empty"``.
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


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, without a dictionary, as which any length of text fits."""
    if pt.is_dictionary(column.type):
        column = pa.chunked_array([decode_dictionary(chunk) for chunk in column.chunks], column.type.value_type)
    if pt.is_string(column.type) or pt.is_string_view(column.type):
        column = column.cast(STRINGS)
    return column.combine_chunks()


def _sound(name: str, column: pa.ChunkedArray) -> pa.Array:
    """A column without missing values; raises ``TextError``, naming the first, if there is one."""
    whole = _whole(column)
    missing = pc.is_null(whole, nan_is_null=pt.is_floating(whole.type))
    if pt.is_large_string(whole.type):
        missing = pc.or_(missing, pc.fill_null(pc.equal(whole, ""), False))
    row = pc.index(missing, True).as_py()
    if row >= 0:
        raise TextError(f"row {row + 1} has no {name!r}: rows are grouped and ordered by it; fill it, or drop the row")
    return whole


def _ordered(name: str, column: pa.ChunkedArray) -> pa.Array:
    """A column that rows can be sorted by."""
    whole = _sound(name, column)
    if pt.is_large_string(whole.type):
        numeric = pc.index(pc.match_substring_regex(whole, _NUMBER), True).as_py()
        if numeric >= 0:
            raise TextError(
                f"the column {name!r} holds texts, one of which is {whole[numeric].as_py()!r}, and as texts 10 comes "
                "before 9: make all of them numbers, or times as 2024-05-17 10:00:00"
            )
    elif not (pt.is_integer(whole.type) or pt.is_floating(whole.type) or pt.is_temporal(whole.type)):
        raise TextTypeError(f"the column {name!r} holds {whole.type}: rows are ordered by numbers, times or texts")
    return whole


def _codes(keys: Sequence[pa.Array]) -> pa.Array:
    """The number of each row's group, groups numbered as they are first met."""
    codes = np.zeros(len(keys[0]), np.int64)
    for values in keys:
        each = values.dictionary_encode()
        numbers = each.indices.cast(pa.int64()).to_numpy()
        codes = codes * max(len(each.dictionary), 1) + numbers
        codes = pa.array(codes).dictionary_encode().indices.to_numpy().astype(np.int64)
    return pa.array(codes)


def _in_order(codes: pa.Array, orders: dict[str, pa.Array]) -> tuple[pa.Array, Int64]:
    """The rows of all groups, one group after the other, and where each begins, int64 (groups + 1,)."""
    sorted_by = {"0": codes} | {str(number): values for number, values in enumerate(orders.values(), 1)}
    # Arrow's sort is stable: rows that are equal stay as they come.
    keys = [(name, "ascending") for name in sorted_by]
    taken = pc.sort_indices(pa.table(sorted_by), sort_keys=keys)
    sizes = np.bincount(codes.to_numpy())
    return taken, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
