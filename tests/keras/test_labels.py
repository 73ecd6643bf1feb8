"""What labels may be."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import tokemb
from tokemb.keras.datasets.labels import encode_labels
from tokemb.sources import texts


@pytest.mark.parametrize(
    ("labels", "expected", "dtype"),
    [
        ([1, 0], [1, 0], "int64"),
        ((1, 0), [1, 0], "int64"),
        (range(2), [0, 1], "int64"),
        ([True, False], [1, 0], "int32"),
        (np.array([True, False]), [1, 0], "int32"),
        ([0.5, 1], [0.5, 1], "float32"),
        ([np.float64(0.5), np.float64(1)], [0.5, 1], "float32"),
        (np.array([1, 2], np.int8), [1, 2], "int8"),
        (np.array([1, 2], np.float16), [1, 2], "float32"),
        (np.array([1, 2], object), [1, 2], "int64"),
        (pa.array([1, 2], pa.int16()), [1, 2], "int16"),
        (pa.chunked_array([[1], [2]]), [1, 2], "int64"),
        (pa.array([1, 1]).dictionary_encode(), [1, 1], "int64"),
        ([[1, 0], [0, 1]], [[1, 0], [0, 1]], "int64"),
        ([np.array([1.0, 0.0]), np.array([0.0, 1.0])], [[1, 0], [0, 1]], "float32"),
        (np.eye(2), [[1, 0], [0, 1]], "float32"),
        (np.zeros((2, 3, 4), int), np.zeros((2, 3, 4)), "int64"),
        ([[[1, 2]], [[3, 4]]], [[[1, 2]], [[3, 4]]], "int64"),
        (pa.array([[1, 2], [3, 4]]).slice(1), [[3, 4]], "int64"),
        (pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4]), 2), [[1, 2], [3, 4]], "int64"),
        (pa.array([], pa.int64()), [], "int64"),
    ],
)
def test_columns_of_numbers(labels, expected, dtype):
    numbers = encode_labels(labels)
    assert numbers.dtype == dtype
    np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_other_libraries(library):
    series = pytest.importorskip(library).Series
    for labels in ([1, 0], [0.5, 1.0], [True, False]):
        np.testing.assert_array_equal(encode_labels(series(labels)), labels)
    assert encode_labels(series(["x", "y"]), ["y", "x"]).tolist() == [1, 0]
    with pytest.raises(tokemb.errors.ArgumentError, match=r"labels\[1\] is missing"):
        encode_labels(series([0.5, None]))


def test_masked_arrays_without_masked_labels_are_labels():
    labels = encode_labels(np.ma.array([3, 4], mask=[False, False]))
    assert (type(labels), labels.tolist()) == (np.ndarray, [3, 4])
    assert encode_labels(np.array([np.inf, 1.0])).tolist() == [np.inf, 1.0]


def test_strings_are_numbered_by_classes():
    for labels in (["x", "y", "x"], np.array(["x", "y", "x"]), pa.array(["x", "y", "x"]).dictionary_encode()):
        numbers = encode_labels(labels, ["y", "z", "x"])
        assert (numbers.dtype, numbers.tolist()) == (np.int32, [2, 0, 2])


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (["b", "a", "b"], None, r"received strings: pass their order, classes=\['a', 'b'\]"),
        (["d", "c", "b", "a"], None, r"classes=\['a', 'b', 'c', \.\.\.\]"),
        (["a", "x"], ["a", "b"], r"labels\[1\] must be one of the classes; received 'x'"),
        ([1, 2], ["a", "b"], "classes are for labels that are strings; received int64"),
        (np.array([1, 2]), ["a", "b"], "classes are for labels that are strings; received int64"),
        ([1, None], None, r"labels\[1\] is missing: fill it"),
        ([None, None], None, r"labels\[0\] is missing"),
        (["a", None], ["a"], r"labels\[1\] is missing"),
        ([0.5, float("nan")], None, r"labels\[1\] is missing \(nan\)"),
        (np.array([[0, 1], [np.nan, 1]]), None, r"labels\[1\] is missing \(nan\)"),
        (np.ma.array([1, 0, 1], mask=[False, True, False]), None, r"labels\[1\] is missing \(masked\)"),
        (np.ma.array([[1, 0], [1, 0]], mask=[[0, 0], [0, 1]]), None, r"labels\[1\] is missing \(masked\)"),
        (np.array([1.0, -1e300]), None, r"labels\[1\] must fit float32; received -1e\+300"),
        ([1.0, 1e39], None, r"labels\[1\] must fit float32; received 1e\+39"),
        ([[1, 2], [3]], None, "the same shape; received lists of 1 to 2"),
        ([[1, 2], [3, None]], None, r"labels\[1\] contains a missing number"),
        ([b"a"], None, "labels must be numbers; received binary"),
        (pa.array([{"a": 1}]), None, "labels must be numbers; received struct"),
        ([1, "a"], None, "labels must be a column of numbers"),
        (7, None, "labels must be a column of numbers"),
        (np.int64(7), None, "labels must be a column of numbers"),
        (np.array(7), None, "labels must be a column with one label per row; received array"),
        ("label", None, "received 'label': column names are for files"),
    ],
)
def test_what_labels_cannot_be(labels, classes, message):
    with pytest.raises(tokemb.errors.ArgumentError, match=message):
        encode_labels(labels, classes)


def test_rows_are_counted_from_the_first():
    for labels in ([1, None], [1.0, float("nan")], ["a", "x"], [[1], [None]]):
        with pytest.raises(tokemb.errors.ArgumentError, match=r"labels\[101\]"):
            encode_labels(labels, ["a"] if labels[0] == "a" else None, 100)


@pytest.mark.keras
def test_names_of_classes_in_a_csv_file_may_be_numbers_whatever_the_blocks(tmp_path, monkeypatch):
    labels = ["1", "2"] * 20 + ["a"] * 5
    (tmp_path / "rows.csv").write_text("text,label\n" + "".join(f"deep,{label}\n" for label in labels))
    monkeypatch.setattr(texts, "BATCH_BYTES", 50)
    encoder = tokemb.fit_vocab(["deep"])
    arguments = {"column": "text", "classes": ["a", "1", "2"], "batch_size": 100}
    [(_, found)] = encoder.dataset(tmp_path / "rows.csv", "label", **arguments)
    assert found.numpy().tolist() == [arguments["classes"].index(label) for label in labels]
