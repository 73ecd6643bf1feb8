from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import use_kernels
from tokemb import Ragged

pytestmark = pytest.mark.keras

ROWS = st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=8), max_size=8)
SIDE = st.sampled_from(["pre", "post"])


@pytest.fixture(autouse=True, params=["numpy", "kernels"])
def way(request, monkeypatch):
    """Few ids go through NumPy, many through kernels; here those that are few go through both."""
    use_kernels(monkeypatch, request.param == "kernels")


@given(ROWS.filter(any), st.none() | st.integers(1, 10), SIDE, SIDE, st.integers(-3, 3))
def test_pad_equals_keras_pad_sequences(rows, maxlen, padding, truncating, value):
    from keras.utils import pad_sequences

    expected = pad_sequences(rows, maxlen, "int32", padding, truncating, value)
    got = tokemb.pad(rows, maxlen, padding=padding, truncating=truncating, value=value)
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.int32
    assert got.flags.c_contiguous


@given(ROWS, st.integers(0, 10), SIDE)
def test_truncate_keeps_the_right_end(rows, maxlen, truncating):
    cut = Ragged.from_rows(rows).truncate(maxlen, truncating)
    expected = [row[:maxlen] if truncating == "post" else row[max(len(row) - maxlen, 0) :] for row in rows]
    assert [row.tolist() for row in cut] == expected


@given(ROWS, st.integers(0, 8), st.integers(0, 8))
def test_slice_and_concatenate_are_inverse(rows, a, b):
    ragged = Ragged.from_rows(rows)
    first, second = sorted((min(a, len(rows)), min(b, len(rows))))
    parts = [ragged.slice(0, first), ragged.slice(first, second), ragged.slice(second, len(rows))]
    whole = Ragged.concatenate(parts)
    np.testing.assert_array_equal(whole.values, ragged.values)
    np.testing.assert_array_equal(whole.row_splits, ragged.row_splits)
    assert (whole.values.dtype, whole.row_splits.dtype) == (np.int32, np.int64)


def test_rows_of_numpy_arrays_and_indexing():
    ragged = Ragged.from_rows([np.array([1, 2]), np.array([], np.int64), np.array([3])])
    assert len(ragged) == 3
    assert ragged[-1].tolist() == [3]
    assert ragged.lengths.tolist() == [2, 0, 1]
    with pytest.raises(IndexError):
        ragged[3]


def test_truncate_refuses_what_pad_refuses():
    with pytest.raises(tokemb.TokembError, match="truncating must be one of pre, post; received 'left'"):
        Ragged.from_rows([[1, 2]]).truncate(1, "left")
    with pytest.raises(tokemb.TokembError, match="maxlen must be an integer of at least 0; received -1"):
        Ragged.from_rows([[1, 2]]).truncate(-1)


@given(ROWS, st.data(), st.sampled_from([1, 2, 3, 7]))
def test_select_keeps_the_order(rows, data, threads):
    ragged = Ragged.from_rows(rows)
    keep = [data.draw(st.lists(st.booleans(), min_size=len(row), max_size=len(row))) for row in rows]
    kept = ragged.select(np.array([flag for flags in keep for flag in flags], bool), threads)
    expected = [[value for value, flag in zip(*both, strict=True) if flag] for both in zip(rows, keep, strict=True)]
    assert [row.tolist() for row in kept] == expected
    assert (kept.values.dtype, kept.row_splits.dtype) == (np.int32, np.int64)


@pytest.mark.parametrize("row_splits", [[], [0, 4], [0, 2], [1, 3], [0, 3, 2, 3], [-1, 3], [0, 2**63 - 1, -2, 3]])
def test_row_splits_that_do_not_ascend_from_0_to_the_number_of_values_are_an_error(row_splits):
    with pytest.raises(tokemb.TokembError, match="row_splits must ascend from 0 to the 3 ids in values"):
        Ragged(np.arange(3, dtype=np.int32), np.array(row_splits, np.int64))


@pytest.mark.parametrize("dtype", ["int8", "uint64", ">i8"])
def test_row_splits_and_values_of_another_integer_dtype_are_converted(dtype):
    ragged = Ragged(np.array([2, 3, 4], dtype), np.array([0, 1, 3], dtype))
    assert (ragged.values.dtype, ragged.row_splits.dtype) == (np.dtype("int32"), np.dtype("int64"))
    assert [row.tolist() for row in ragged] == [[2], [3, 4]]


@pytest.mark.parametrize(
    ("values", "row_splits", "message"),
    [
        ([1], np.array([0, np.nan]), "row_splits must be integers; received dtype float64"),
        ([1], np.array([0, 2**64 - 1], np.uint64), "row_splits must fit int64; received 18446744073709551615"),
        ([1], np.array([[0, 1]]), r"must have one axis; received shapes \(1,\) and \(1, 2\)"),
        ([2**31], np.array([0, 1]), "ids must fit int32; received 2147483648"),
    ],
)
def test_values_and_row_splits_of_other_types_or_shapes_are_an_error(values, row_splits, message):
    with pytest.raises(tokemb.TokembError, match=message):
        Ragged(np.array(values), row_splits)


def test_nothing_to_pad():
    assert tokemb.pad([]).shape == (0, 0)
    assert tokemb.pad([], maxlen=3).shape == (0, 3)
    assert tokemb.pad([[], []]).shape == (2, 0)
    assert tokemb.pad([[], []], maxlen=2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        ([[2**31]], {}, "ids must fit int32; received 2147483648"),
        ([[1, 2**70]], {}, "ids must be integers that fit int32"),
        ([np.array([-(2**40)])], {}, "ids must fit int32; received -1099511627776"),
        ([[1.0]], {}, "ids must be integers that fit int32; received dtype float64"),
        ([["a"]], {}, "ids must be integers that fit int32; received dtype <U1"),
        ([1, 2], {}, r"ids must be rows of integers, such as \[\[1, 2\], \[3\]\]; received \[1, 2\]"),
        ([[1]], {"maxlen": 0}, "maxlen must be an integer of at least 1; received 0"),
        ([[1]], {"maxlen": 2.5}, "maxlen must be an integer of at least 1; received 2.5"),
        ([[1]], {"maxlen": True}, "maxlen must be an integer of at least 1; received True"),
        ([[]], {"padding": "left"}, "padding must be one of pre, post; received 'left'"),
        ([[]], {"truncating": "right"}, "truncating must be one of pre, post; received 'right'"),
        ([[1]], {"value": 2**31}, "ids must fit int32"),
    ],
)
def test_errors_say_what_is_wrong(rows, settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        tokemb.pad(rows, **settings)
    assert isinstance(caught.value, tokemb.TokembError)
