"""Datasets of pairs of texts and of windows, and the validation split of texts."""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa
import pytest

import tokemb
from tests.conftest import eagerly
from tokemb.errors import ArgumentError

pytestmark = pytest.mark.keras

ENCODER = tokemb.fit_vocab(["a b c d e f g"], profile="whitespace", start="<", end=">")
ROWS = 23
TEXTS = [" ".join("abcdefg"[: i % 7]) for i in range(ROWS)]
SECOND = [" ".join("gfedcba"[: i % 5]) for i in range(ROWS)]
LABELS = list(range(ROWS))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "x.csv"
    rows = zip(TEXTS, SECOND, LABELS, strict=True)
    path.write_text("question,answer,label\n" + "".join(f'"{a}","{b}",{label}\n' for a, b, label in rows))
    return path


def batches():
    yield pa.record_batch({"question": TEXTS, "answer": SECOND, "label": LABELS})


def rows_of(dataset):
    """Return the inputs and labels of all batches."""
    found = [(inputs, labels) for inputs, labels in dataset.as_numpy_iterator()]
    inputs = {name: np.concatenate([batch[name] for batch, _ in found]) for name in found[0][0]}
    return inputs, np.concatenate([labels for _, labels in found])


@pytest.mark.parametrize("kind", ["memory", "files", "batches", "buffer"])
def test_pairs_of_a_dataset_are_those_of_encode_pairs(kind, path):
    settings = {"batch_size": 4, "maxlen": 8, "padding": "pre", "pair_truncation": "waterfall"}
    if kind == "memory":
        dataset = ENCODER.dataset(TEXTS, LABELS, second=SECOND, **settings)
    elif kind == "batches":
        dataset = ENCODER.dataset(batches, "label", second="answer", **settings)
    else:
        settings["buffer"] = 5 if kind == "buffer" else None
        dataset = ENCODER.dataset(path, "label", column="question", second="answer", **settings)
    inputs, labels = rows_of(dataset)
    expected = ENCODER.encode_pairs(TEXTS, SECOND, maxlen=8, padding="pre", pair_truncation="waterfall")
    assert list(inputs) == list(expected) == sorted(expected, key=list(dataset.element_spec[0]).index)
    for name, array in expected.items():
        np.testing.assert_array_equal(inputs[name], array)
    assert labels.tolist() == LABELS
    [batch] = ENCODER.dataset(TEXTS, second=SECOND, batch_size=ROWS, maxlen=8)
    assert sorted(batch) == sorted(expected)


def test_shuffled_buckets_of_pairs_keep_type_ids_with_their_ids():
    dataset = ENCODER.py_dataset(TEXTS, LABELS, second=SECOND, batch_size=4, shuffle=True, seed=1, bucket=True)
    seen = []
    for number in range(len(dataset)):
        inputs, labels = dataset[number]
        expected = ENCODER.encode_pairs([TEXTS[i] for i in labels], [SECOND[i] for i in labels])
        for name, array in expected.items():
            np.testing.assert_array_equal(inputs[name], array)
        seen += labels.tolist()
    assert sorted(seen) == LABELS


@eagerly
def test_model_with_inputs_of_these_names_is_trained():
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((None,), name=name, dtype="int32") for name in ("ids", "type_ids", "attention_mask")}
    sizes = ENCODER.input_dim, 2
    vectors = [keras.layers.Embedding(size, 2)(inputs[name]) for name, size in zip(inputs, sizes, strict=False)]
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.add(vectors), mask=inputs["attention_mask"])
    model = keras.Model(inputs, keras.layers.Dense(1)(pooled))
    model.compile("sgd", "mse")
    model.fit(ENCODER.dataset(TEXTS, np.float32(LABELS), second=SECOND), epochs=1, shuffle=False, verbose=0)
    assert model.predict(ENCODER.encode_pairs(TEXTS, SECOND, maxlen=9), verbose=0).shape == (ROWS, 1)


@pytest.mark.parametrize("kind", ["memory", "files", "buffer"])
def test_windows_of_a_dataset_have_the_label_of_their_text(kind, path):
    settings = {"batch_size": 4, "maxlen": 5, "overlap": 1, "buffer": 5 if kind == "buffer" else None}
    texts = (TEXTS, LABELS) if kind == "memory" else (path, "label")
    dataset = ENCODER.dataset(*texts, column=None if kind == "memory" else "question", **settings)
    found = list(dataset.as_numpy_iterator())
    windows = ENCODER.encode_windows(TEXTS, maxlen=5, overlap=1)
    assert len(windows.ids) > ROWS
    np.testing.assert_array_equal(np.concatenate([ids for ids, _ in found]), windows.ids)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in found]), windows.row)


@pytest.mark.parametrize("kind", ["memory", "buffer"])
def test_windows_of_pairs_of_a_dataset_have_the_label_of_their_pair(kind, path):
    settings = {"batch_size": 4, "maxlen": 8, "overlap": 1, "buffer": 5 if kind == "buffer" else None}
    if kind == "memory":
        dataset = ENCODER.dataset(TEXTS, LABELS, second=SECOND, **settings)
    else:
        dataset = ENCODER.dataset(path, "label", column="question", second="answer", **settings)
    inputs, labels = rows_of(dataset)
    windows = ENCODER.encode_pair_windows(TEXTS, SECOND, maxlen=8, overlap=1)
    assert len(windows.row) > ROWS
    for name, array in windows.inputs.items():
        np.testing.assert_array_equal(inputs[name], array)
    np.testing.assert_array_equal(labels, windows.row)


@pytest.mark.parametrize("rows", [{"overlap": 1}, {"second": SECOND}, {}], ids=str)
def test_validation_split_keeps_all_rows_of_a_text_together(rows):
    def labels(subset, seed=3):
        settings = {"batch_size": 4, "maxlen": 5, "validation_split": 0.3, "subset": subset, "seed": seed}
        dataset = ENCODER.py_dataset(TEXTS, LABELS, **settings, **rows)
        return [label for number in range(len(dataset)) for label in dataset[number][1].tolist()]

    training, validation = labels("training"), labels("validation")
    assert set(training).isdisjoint(validation)
    assert sorted(set(training + validation)) == LABELS
    assert len(set(validation)) == round(0.3 * ROWS)
    every = ENCODER.encode_windows(TEXTS, maxlen=5, overlap=1).row.tolist() if "overlap" in rows else LABELS
    assert sorted(training + validation) == every
    assert validation == labels("validation") != labels("validation", seed=4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"second": SECOND[1:]}, "first has more than the 22 of second"),
        ({"second": SECOND, "overlap": 3, "maxlen": 8}, "overlap must be smaller"),
        ({"pair_truncation": "waterfall"}, "pair_truncation must be left out for single texts: pass second="),
        ({"second": SECOND, "pair_truncation": "both"}, "pair_truncation must be one of longest_first"),
        ({"overlap": 1}, "pass maxlen"),
        ({"overlap": 3, "maxlen": 5}, "overlap must be smaller"),
        ({"overlap": 1, "maxlen": 5, "truncating": "pre"}, "truncating must be left out with overlap"),
        ({"validation_split": 0.2, "subset": "training"}, "validation_split, subset and seed must be passed together"),
        ({"validation_split": 0.2, "seed": 1}, "validation_split, subset and seed must be passed together"),
        ({"validation_split": 2, "seed": 1, "subset": "training"}, "validation_split must be between 0 and 1"),
        ({"validation_split": 0.2, "seed": 1, "subset": "test"}, "subset must be one of training, validation"),
        ({"validation_split": 0.01, "seed": 1, "subset": "validation"}, "a dataset must have at least one batch"),
        ({"second": "answer"}, "is for files and record batches"),
    ],
)
def test_setting_that_does_not_fit_is_an_error(settings, message):
    with pytest.raises(ArgumentError, match=message):
        ENCODER.py_dataset(TEXTS, LABELS, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"column": "question", "second": SECOND}, "second must be the name of a column if texts are in files"),
        ({"second": "answer"}, "column must name the texts in files"),
        ({"buffer": 5, "validation_split": 0.2, "seed": 1, "subset": "training"}, "must be left out with buffer"),
    ],
)
def test_setting_that_does_not_fit_files_is_an_error(settings, message, path):
    with pytest.raises(ArgumentError, match=message):
        ENCODER.dataset(path, "label", **settings)
    with pytest.raises(ArgumentError, match="there is no column 'no'"):
        ENCODER.dataset(batches, "label", second="no")
