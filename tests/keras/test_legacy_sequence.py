"""The drop-in for ``keras.preprocessing.sequence`` against the original."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokemb import Ragged
from tokemb.errors import ArgumentError
from tokemb.keras.legacy import sequence

pytestmark = pytest.mark.keras

SIDE = st.sampled_from(["pre", "post"])
MAXLEN = st.none() | st.integers(1, 6)
NUMBERS = st.integers(-100, 100) | st.booleans()
# What the rows hold, and the dtypes that take it as it is.
KINDS = [
    (NUMBERS, ["int32", "int8", np.int16, ">i4", "int64", "float32", np.float64, "float16", object, "complex64"]),
    (st.integers(0, 2**64 - 1), [np.uint64, "float32", "float64", object]),
    (st.integers(-(2**63), 2**63 - 1), ["int64", "float32", object]),
    (st.integers(-(2**31), 2**31 - 1), ["int32", "int64", "float32"]),
    (st.floats(width=32) | NUMBERS, ["float32", "float64", object]),
    (st.floats() | st.integers(-(2**70), 2**70), ["float64", "float32", object]),
    (st.text("ab", max_size=3), [object, "<U3", "U9", "S3"]),
    (st.tuples(NUMBERS, NUMBERS), ["int32", "float32"]),
    (st.tuples(st.tuples(NUMBERS), st.tuples(NUMBERS)), ["int32"]),
    (st.integers(-2, 2).map(np.int64) | st.floats(-1, 1), ["float32"]),
    (st.sampled_from(["1", "-22"]), ["int32", "float64"]),
]
ROWS = st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.lists(st.lists(kind[0])), st.sampled_from(kind[1])))


@pytest.fixture(scope="module")
def original():
    import tensorflow as tf

    return tf.keras.preprocessing.sequence


def outcome(function, *arguments):
    """What a function returns, or the error that it raises."""
    try:
        with warnings.catch_warnings(), np.errstate(over="ignore"):
            warnings.simplefilter("ignore")
            return function(*arguments)
    except Exception as error:
        return next(kind for kind in (ValueError, TypeError, IndexError) if isinstance(error, kind))


def same(original, *arguments):
    expected = outcome(original.pad_sequences, *arguments)
    got = outcome(sequence.pad_sequences, *arguments)
    if isinstance(expected, type):
        assert got is expected
        return
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    assert got.flags.c_contiguous
    if got.dtype == object:
        assert got.tolist() == expected.tolist() or repr(got.tolist()) == repr(expected.tolist())
    else:
        assert got.tobytes() == expected.tobytes()


@given(ROWS, MAXLEN, SIDE, SIDE, st.sampled_from([0.0, 1, -3, 7]))
def test_lists_are_padded_as_by_the_original(original, rows, maxlen, padding, truncating, value):
    rows, dtype = rows
    if np.dtype(dtype).kind in "US":
        value = str(value)[:3]
    elif np.dtype(dtype).kind == "u":
        value = abs(value)
    same(original, rows, maxlen, dtype, padding, truncating, value)
    same(original, tuple(map(tuple, rows)), maxlen, dtype, padding, truncating, value)


@given(
    st.lists(st.lists(st.integers(-5, 5))),
    st.sampled_from([np.int64, np.int32, np.float64, object]),
    st.sampled_from([(), (2,), (2, 1)]),
    st.sampled_from(["int32", "int8", "float32", "int64"]),
    MAXLEN,
    SIDE,
    SIDE,
)
def test_arrays_are_padded_as_by_the_original(original, rows, given_dtype, shape, dtype, maxlen, padding, truncating):
    arrays = [np.array(row, given_dtype).reshape(-1, *[1] * len(shape)) * np.ones(shape, given_dtype) for row in rows]
    same(original, arrays, maxlen, dtype, padding, truncating, 0.0)
    if arrays and not shape:
        mixed = [*arrays, np.array([1, 2], np.int8), [3]]
        same(original, mixed, maxlen, dtype, padding, truncating, 0.0)


def test_one_array_and_ragged_rows(original):
    same(original, np.arange(12).reshape(3, 4), 3)
    same(original, np.arange(24).reshape(3, 4, 2), 5)
    rows = [[1, 2, 3], [], [4]]
    for maxlen in (None, 2, 5):
        got = sequence.pad_sequences(Ragged.from_rows(rows), maxlen)
        assert got.tobytes() == original.pad_sequences(rows, maxlen).tobytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ([],),
        ([], 3),
        ([[], []],),
        ([[], []], 2, "int32", "middle", "middle"),
        ([[1]], 2, "int32", "middle"),
        ([[1]], 2, "int32", "pre", "middle"),
        ([1, 2],),
        ([[1], None],),
        (iter([[1]]),),
        (7,),
        ([[1, [2]]],),
        ([[[1, 2]], [[1, 2, 3]]],),
        ([[[1, 2]], [3]],),
        ([[1], [[3, 4]]],),
        ([np.zeros((2, 2)), np.zeros((2, 3))], 2, "float32"),
        ([["a"]],),
        ([["a"]], 2, "int32", "pre", "pre", "pad"),
        ([["1"]], 2, "float32", "pre", "pre", "pad"),
        ([[1, 2]], 0),
        ([[1, 2]], 0, "int32", "pre", "post"),
        ([[1, 2]], -1),
        ([[None]],),
        ([[1]], 2, "int33"),
        ([[[1, 2]]], 2, "int32", "pre", "pre", [7, 8]),
        ([["a", None, 3]], 4, object, "pre", "pre", None),
        (["ab", "c"], 2, object),
        ([[1 + 2j]], 2, "complex64"),
    ],
)
def test_what_is_rare(original, arguments):
    if isinstance(arguments[0], type(iter([]))):
        with pytest.raises(ValueError, match="iterable"):
            sequence.pad_sequences(arguments[0])
    else:
        same(original, *arguments)


def test_keras_says_which_dtype_is_wrong():
    with pytest.raises(ValueError, match="`dtype` int32 is not compatible with "):
        sequence.pad_sequences([["1"]], value="pad")


@pytest.mark.parametrize("as_row", [list, tuple, np.array])
@pytest.mark.parametrize(
    ("row", "dtype"),
    [
        ([1, 2**40], "int32"),
        ([1, 300], "int8"),
        ([-1], "uint16"),
        ([-1], "uint64"),
        ([2**63], "int64"),
        ([0.5, 1.0], "int32"),
        ([1e300], "int32"),
        ([float("inf")], "int64"),
        (["long", "s"], "<U3"),
        (["long", "s"], str),
        ([b"long", b"s"], "S1"),
        ([1000], "<U3"),
    ],
)
def test_nothing_is_cut_silently(as_row, row, dtype):
    """Where the original wraps around, drops fractions or cuts strings."""
    for rows in ([as_row(row)], [as_row(row[:0]), [], as_row(row)], [as_row(row)] * 2):
        where = next(number for number, each in enumerate(rows) if len(each))
        with pytest.raises(
            ArgumentError, match=rf"^sequences\[{where}\] must fit {np.empty(0, dtype).dtype}; received"
        ):
            sequence.pad_sequences(rows, dtype=dtype, value="" if np.dtype(dtype).kind in "US" else 0)


@pytest.mark.parametrize(
    ("value", "dtype"), [(0.5, "int32"), (300, "int8"), (-1, "uint8"), ("pad", str), ("pad", "U2")]
)
def test_the_value_is_not_cut_either(value, dtype):
    with pytest.raises(ArgumentError, match="^value must fit"):
        sequence.pad_sequences([[1]], 2, dtype, value=value)


def test_whole_numbers_as_floats_are_kept():
    for row in ([1.0, -2.0], np.array([1.0, -2.0])):
        assert sequence.pad_sequences([row]).tolist() == [[1, -2]]


@pytest.mark.parametrize(("size", "factor"), [(1, 1e-5), (10_000, 1e-5), (50, 0.3)])
def test_the_sampling_table_is_the_original(original, size, factor):
    expected = original.make_sampling_table(size, factor)
    assert sequence.make_sampling_table(size, factor).tobytes() == expected.tobytes()


@given(
    st.lists(st.integers(0, 20)),
    st.integers(2, 30),
    st.integers(0, 5),
    st.sampled_from([0, 0.5, 1.0, 2.7]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.none() | st.integers(0, 99),
    st.integers(0, 99),
)
def test_skipgrams_are_the_original(original, ids, size, window, negative, shuffle, categorical, sampled, seed, before):
    table = original.make_sampling_table(21, 0.01) if sampled else None
    results = []
    for module in (original, sequence):
        random.seed(before)
        arguments = (size, window, negative, shuffle, categorical, table, seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the original's bound, a float
            try:
                results.append((module.skipgrams(ids, *arguments), random.random()))
            except TypeError:
                if module is sequence:
                    raise
                return  # the original without a seed, from Python 3.12 on
    assert results[0] == results[1]
    couples, labels = results[1][0]
    assert len({*map(id, labels)}) == len(labels) if categorical else True
