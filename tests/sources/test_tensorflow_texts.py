"""Texts of TensorFlow: datasets, iterators and tensors of strings, which are bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

import tokemb
from tests.conftest import MIXED, python
from tokemb.errors import TextError, TextTypeError
from tokemb.sources import tensorflow_texts
from tokemb.sources.texts import batches, tee_if_iterator

pytestmark = pytest.mark.keras

ENCODER = tokemb.fit_vocab(MIXED)
LABELS = list(range(len(MIXED)))


def dataset():
    return tf.data.Dataset.from_tensor_slices(MIXED)


FORMS = {
    "dataset": dataset,
    "batched": lambda: dataset().batch(4),
    "batched evenly": lambda: dataset().batch(3, drop_remainder=True),
    "mapped": lambda: tf.data.Dataset.from_tensor_slices((MIXED, LABELS)).map(lambda text, label: text),
    "unknown shape": lambda: tf.data.Dataset.from_generator(lambda: MIXED, tf.string),
    "tensor": lambda: tf.constant(MIXED),
    "NumPy iterator": lambda: dataset().as_numpy_iterator(),
    "NumPy iterator of batches": lambda: dataset().batch(5).as_numpy_iterator(),
    "iterator": lambda: iter(dataset()),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_entry_takes_texts_of_tensorflow(form):
    make = FORMS[form]
    assert [text for column in batches(make()) for text in column.to_pylist()] == MIXED
    assert tokemb.fit_vocab(make()).fingerprint == ENCODER.fingerprint
    assert tokemb.TokenCounts.from_texts(make()).rows == len(MIXED)
    np.testing.assert_array_equal(ENCODER.encode(make(), maxlen=5), ENCODER.encode(MIXED, maxlen=5))
    np.testing.assert_array_equal(ENCODER.encode_ragged(make()).values, ENCODER.encode_ragged(MIXED).values)
    assert ENCODER.grow(make()).input_dim == ENCODER.input_dim
    same, again = (next(iter(ENCODER.dataset(texts, batch_size=30))).numpy() for texts in (make(), MIXED))
    np.testing.assert_array_equal(same, again)
    first, second = tee_if_iterator(make())
    for texts in (first, second):
        assert [text for column in batches(texts) for text in column.to_pylist()] == MIXED


def test_rows_of_a_dataset_are_bounded(monkeypatch):
    monkeypatch.setattr(tensorflow_texts, "_BATCH_ROWS", 4)
    monkeypatch.setattr(tensorflow_texts, "_ROWS", 2)
    assert max(map(len, batches(dataset()))) == 4


def test_dataset_is_read_as_it_goes_and_can_be_read_again():
    texts = dataset()
    assert tokemb.fit_vocab(texts).encode(texts).shape[0] == len(MIXED)
    assert tokemb.fit_vocab(tf.data.Dataset.from_tensor_slices(["a", "b"]).take(1)).vocabulary[2:] == ["a"]


PAIRS = tf.data.Dataset.from_tensor_slices((["a", "b"], [0, 1]))
ROWS = tf.data.Dataset.from_tensor_slices({"label": [0, 1], "review": ["a", "b"]})


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (PAIRS, r"tuples of 2: pass dataset.map\(lambda text, label: text\)"),
        (PAIRS.batch(2), r"tuples of 2: pass dataset.map\(lambda text, label: text\)"),
        (PAIRS.map(lambda text, label: (label, text)), r"pass dataset.map\(lambda \*row: row\[1\]\)"),
        (PAIRS.as_numpy_iterator(), r"tuples of 2: pass dataset.map\(lambda text, label: text\)"),
        (ROWS, r"dicts with the keys label, review: pass dataset.map\(lambda row: row\['review'\]\)"),
        (ROWS.as_numpy_iterator(), r"pass dataset.map\(lambda row: row\['review'\]\)"),
        (tf.data.Dataset.range(3), "must be a dataset of strings; the elements of this one are int64"),
        (tf.data.Dataset.from_tensor_slices([["a"], ["b"]]).batch(2), r"shape \(None, 1\): pass dataset.map\(lambda"),
        (
            tf.data.Dataset.from_tensors(tf.ragged.constant([["a"], ["b", "c"]])),
            "the elements of this one are RaggedTensorSpec",
        ),
        (dataset().repeat(), r"must be finite; .* pass the dataset before repeat\(\)"),
        (tf.constant([["a"]]), r"received ndarray of shape \(1, 1\)"),
        (tf.constant([1]), "must be a column of strings"),
        (list(dataset())[:2], "is a tensor: pass the dataset itself"),
        (
            [b"a", b"b"],
            r"texts\[0\] is b'a', which is bytes: decode each text, .* \[text.decode\(\) for text in texts\]",
        ),
        (iter([b"a"]), r"\[text.decode\(\) for text in texts\]"),
        (np.array([b"a"]), r"\[text.decode\(\) for text in texts\]"),
        (pa.array([b"a"]), r"received Arrow binary: pass texts.cast\(pa.string\(\)\)"),
    ],
)
def test_what_is_no_column_of_texts_names_the_remedy(texts, message):
    for use in (tokemb.fit_vocab, ENCODER.encode, ENCODER.encode_ragged, tokemb.TokenCounts.from_texts):
        with pytest.raises(TextTypeError, match=message):
            use(texts)
        if hasattr(texts, "__next__"):  # which gives its rows only once
            return


def test_string_that_is_not_utf8_names_its_row(monkeypatch):
    texts = ["a"] * 9 + [b"caf\xe9"]
    for _ in range(2):
        with pytest.raises(TextError, match=r"texts\[9\] is not UTF-8: b'caf.xe9'; .*unicode_transcode"):
            tokemb.fit_vocab(tf.data.Dataset.from_tensor_slices(texts))
        monkeypatch.setattr(tensorflow_texts, "_BATCH_ROWS", 4)
        monkeypatch.setattr(tensorflow_texts, "_ROWS", 2)


def test_texts_that_are_not_of_tensorflow_do_not_import_it():
    run = python(
        "import sys, tokemb\n"
        "tokemb.fit_vocab(iter(['a b'])).encode(text for text in ['a'])\n"
        "print('tensorflow' in sys.modules)"
    )
    assert run.stdout == "False\n", run.stderr
