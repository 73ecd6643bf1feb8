"""What the values of a column are as tokens, against plain Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokemb.errors import TextError, TextTypeError
from tokemb.tables.values import MISSING, join, values_of

TEXTS = st.none() | st.sampled_from(["", "a", "b", "a|b", "\\", "|", "a\\", MISSING, "7", "é"]) | st.text(max_size=3)


def tokens_of(values):
    flat = [values.tokens[position].as_py() for position in values.positions.tolist()]
    if values.row_splits is None:
        return flat
    splits = values.row_splits.tolist()
    return [flat[start:stop] for start, stop in zip(splits, splits[1:], strict=False)]


def is_missing(value):
    return value is None or value in ("", MISSING) or value != value


def token(value):
    if is_missing(value):
        return MISSING
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) else str(value)


def arrow_types(values):
    yield pa.array(values)
    yield pa.array([None, *values]).slice(1)
    yield pa.array(values).dictionary_encode()
    if any(isinstance(value, str) for value in values):
        yield pa.array(values, pa.large_string())
        yield pa.array(values, pa.string_view())


@given(
    st.lists(TEXTS)
    | st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))
    | st.lists(st.none() | st.booleans())
    | st.lists(st.none() | st.just(float("nan")) | st.integers(-(2**53), 2**53).map(float))
)
def test_scalars(values):
    for column in arrow_types(values):
        made = values_of("c", column)
        assert tokens_of(made) == [token(value) for value in values]
        assert made.positions.dtype == np.int32
        assert len(set(made.tokens.to_pylist())) == len(made.tokens)
        assert made.tokens[-1].as_py() == MISSING


@given(st.lists(st.none() | st.lists(TEXTS, max_size=3)))
def test_lists(rows):
    expected = [[MISSING] if row is None else [token(value) for value in row] for row in rows]
    for kind in (pa.list_(pa.string()), pa.large_list(pa.large_string())):
        for column in (pa.array(rows, kind), pa.array([["x"], *rows], kind).slice(1)):
            assert tokens_of(values_of("c", column)) == expected


def test_lists_of_one_size():
    column = pa.array([[1, 2], None, [None, 1]], pa.list_(pa.int64(), 2))
    assert tokens_of(values_of("c", column)) == [["1", "2"], [MISSING], [MISSING, "1"]]


@pytest.mark.parametrize("value", [1.5, float("inf"), 2.0**54, -0.5])
def test_numbers_that_are_no_ids(value):
    with pytest.raises(TextError, match="the column 'c' holds .*integers up to"):
        values_of("c", pa.array([1.0, value]))


def test_minus_zero_is_zero():
    values = values_of("c", pa.array([0.0, -0.0]))
    assert tokens_of(values) == ["0", "0"]
    assert len(values.tokens) == 2


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"a"]),
        pa.array([0], pa.timestamp("s")),
        pa.array([{"a": 1}]),
        pa.array([[["a"]]]),
        pa.array([None], pa.decimal128(5, 2)),
    ],
    ids=lambda column: str(column.type),
)
def test_types_that_are_no_categories(column):
    with pytest.raises(TextTypeError, match="the column 'c' holds .*cast it to texts"):
        values_of("c", column)


def test_bytes_that_are_not_utf8():
    column = pa.array([b"\xff"]).view(pa.string())
    with pytest.raises(TextError, match="'c' is not valid"):
        values_of("c", column)


PAIRS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=20)


@given(PAIRS)
def test_events_are_one_if_and_only_if_their_parts_are(rows):
    parts = [values_of("p", pa.array(column, pa.string())) for column in zip(*rows, strict=True)]
    if not rows:
        return
    events = tokens_of(join("e", parts))
    known = [tuple(None if is_missing(value) else value for value in row) for row in rows]
    for one, its_parts in zip(events, known, strict=True):
        assert (one == MISSING) == (its_parts == (None, None, None))
        for other, others in zip(events, known, strict=True):
            assert (one == other) == (its_parts == others)
        if not any("\\" in part or "|" in part for part in its_parts if part) and one != MISSING:
            assert one == "|".join(part or "" for part in its_parts)


def test_how_events_are_written():
    parts = [values_of("p", pa.array(column)) for column in (["7", "a|b", "\\", None, None], [1, 0, None, 1, None])]
    assert tokens_of(join("e", parts)) == ["7|1", r"a\|b|0", r"\\|", "|1", MISSING]


def test_events_of_lists():
    parts = [values_of("p", pa.array(column)) for column in ([["a", "b"], [], None], [[1, 0], [], None])]
    assert tokens_of(join("e", parts)) == [["a|1", "b|0"], [], [MISSING]]


@pytest.mark.parametrize("other", [[[1], [2]], [[1, 0], []], [1, 0]])
def test_events_need_lists_of_one_length(other):
    parts = [values_of("p", pa.array(column)) for column in ([["a"], ["b"]], other)]
    if other == [[1], [2]]:
        assert tokens_of(join("e", parts)) == [["a|1"], ["b|2"]]
        return
    with pytest.raises(TextError, match="event 'e' must all hold single values, or lists of one length"):
        join("e", parts)


def test_missing_values_may_be_of_any_kind():
    nothing = values_of("c", pa.nulls(2))
    assert tokens_of(nothing.as_kind("lists")) == [[MISSING], [MISSING]]
    assert tokens_of(nothing.as_kind("lists").as_kind("single values")) == [MISSING, MISSING]
    some = values_of("c", pa.array([None, "a"]))
    assert some.as_kind("lists") is some
    empty = values_of("c", pa.array([[], []], pa.list_(pa.string())))
    assert empty.as_kind("single values") is empty
