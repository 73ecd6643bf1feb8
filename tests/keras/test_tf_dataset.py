"""``Encoder.dataset``: the same batches in TensorFlow, and those of files."""

from __future__ import annotations

import threading
from functools import partial
from itertools import islice

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import python
from tokemb import Ragged
from tokemb.keras.datasets.examples import Examples
from tokemb.keras.datasets.files import rechunk

pytestmark = pytest.mark.keras

ENCODER = tokemb.fit_vocab(["a b c d e f g"], profile="whitespace")
ROWS = 30
TEXTS = [" ".join("abcdefg"[: i % 7]) for i in range(ROWS)]


def arrays(dataset):
    """The batches of a pass."""
    return [tuple(part.numpy() for part in (batch if isinstance(batch, tuple) else (batch,))) for batch in dataset]


def assert_same(one, other):
    for batch, same in zip(one, other, strict=True):
        for array, expected in zip(batch, same, strict=True):
            assert array.dtype == expected.dtype
            np.testing.assert_array_equal(array, expected)


def model():
    keras.utils.set_random_seed(0)
    made = keras.Sequential(
        [
            keras.layers.Embedding(ENCODER.input_dim, 4),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    made.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    return made


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"maxlen": 5}, (None, 5)),
        ({"maxlen": 5, "drop_remainder": True}, (4, 5)),
        ({"shuffle": True}, (None, None)),
        ({"shuffle": True, "bucket": True, "maxlen": 5}, (None, None)),
        ({"shuffle": True, "bucket": [2, 7], "padding": "pre"}, (None, None)),
    ],
)
@pytest.mark.parametrize(
    "labels", [None, list(range(ROWS)), np.arange(3 * ROWS, dtype=np.float32).reshape(ROWS, 3)], ids=["no", "one", "3"]
)
def test_the_batches_of_py_dataset_pass_by_pass(settings, shape, labels):
    settings = {"batch_size": 4, "seed": 3, **settings}
    dataset, other = (make(TEXTS, labels, **settings) for make in (ENCODER.dataset, ENCODER.py_dataset))
    assert int(dataset.cardinality()) == len(other)
    spec = dataset.element_spec
    ids, *rest = spec if labels is not None else (spec,)
    assert (tuple(ids.shape), ids.dtype) == (shape, tf.int32)
    if labels is not None:
        assert rest[0].shape.as_list() == [shape[0], *np.shape(labels)[1:]]
    for _ in range(3):
        assert_same(arrays(dataset), [other[i] for i in range(len(other))])
        other.on_epoch_end()


def test_passes_go_on_through_repeat():
    labels = range(ROWS)
    dataset, other = (ENCODER.dataset(TEXTS, labels, shuffle=True, seed=1) for _ in range(2))
    assert_same(arrays(dataset.repeat(2)), arrays(other) + arrays(other))


def test_fit_learns_from_it():
    texts, labels = ["a b", "c d", "b a b", "d"] * 20, [1, 0, 1, 0] * 20
    data = ENCODER.dataset(texts, labels, batch_size=8, shuffle=True, seed=0, bucket=True)
    held = ENCODER.dataset(["b", "c"], [1, 0])
    trained = model()
    history = trained.fit(data, validation_data=held, epochs=10, verbose=0, shuffle=False)
    assert history.history["val_accuracy"][-1] == 1
    assert trained.evaluate(held, verbose=0, return_dict=True)["accuracy"] == 1
    predicted = trained.predict(ENCODER.dataset(texts, batch_size=8), verbose=0)
    np.testing.assert_allclose(predicted[:4], trained.predict(ENCODER.encode(texts[:4]), verbose=0), rtol=1e-5)


@pytest.fixture
def files(tmp_path):
    """The same rows in files of several formats, and in two."""
    table = pa.table({"label": list(range(ROWS)), "text": TEXTS, "kind": [["x", "y"][i % 2] for i in range(ROWS)]})
    pq.write_table(table, tmp_path / "all.parquet")
    lines = [f"{i},{text},{'xy'[i % 2]}\n" for i, text in enumerate(TEXTS)]
    (tmp_path / "all.csv").write_text("label,text,kind\n" + "".join(lines))
    (tmp_path / "1.csv").write_text("label,text,kind\n" + "".join(lines[:11]))
    (tmp_path / "2.csv").write_text("label,text,kind\n" + "".join(lines[11:]))
    return tmp_path


@pytest.mark.parametrize("buffer", [None, 1000])
def test_files(files, buffer):
    settings = {"batch_size": 4, "shuffle": True, "seed": 5}
    expected = arrays(ENCODER.dataset(TEXTS, range(ROWS), **settings))
    several = [files / "1.csv", files / "2.csv"]
    reader = partial(tokemb.read_corpus, files / "all.csv", keep=["label"])
    for source in (files / "all.parquet", files / "all.csv", several, reader):
        assert_same(arrays(ENCODER.dataset(source, "label", buffer=buffer, **settings)), expected)
    kinds = ENCODER.dataset(files / "all.csv", "kind", classes=["y", "x"], buffer=buffer)
    assert [labels.tolist() for _, labels in arrays(kinds)] == [[1, 0] * 15]
    texts = ENCODER.dataset(files / "all.csv", column="kind", buffer=buffer)
    assert_same(arrays(texts), [(ENCODER.encode(["x", "y"] * 15),)])
    assert_same(arrays(ENCODER.dataset(reader, buffer=buffer)), [(ENCODER.encode(TEXTS),)])


def test_iterators_of_paths_and_batches(files):
    expected = arrays(ENCODER.dataset(TEXTS, range(ROWS)))
    assert_same(arrays(ENCODER.dataset(iter([files / "1.csv", files / "2.csv"]), "label")), expected)
    assert_same(arrays(ENCODER.dataset(tokemb.read_corpus(files / "all.csv", keep="label"), "label")), expected)
    (files / "text.txt").write_text("".join(text + "\n" for text in TEXTS))
    assert_same(arrays(ENCODER.dataset(files / "text.txt", range(ROWS))), expected)
    assert_same(arrays(ENCODER.dataset(files / "all.csv", range(ROWS), column="text")), expected)


def test_a_buffer_holds_so_many_rows(files):
    dataset = ENCODER.dataset(files / "all.csv", "label", batch_size=4, shuffle=True, seed=5, buffer=9)
    assert int(dataset.cardinality()) == tf.data.UNKNOWN_CARDINALITY
    passes = [[labels.tolist() for _, labels in arrays(dataset)] for _ in range(3)]
    for batches in passes:
        assert [len(batch) for batch in batches] == [4] * 7 + [2], "9 rows are 12, whole batches"
        parts = [sorted(sum(batches[i : i + 3], [])) for i in (0, 3, 6)]
        assert parts == [list(range(12)), list(range(12, 24)), list(range(24, 30))]
    assert len({str(batches) for batches in passes}) == 3
    assert passes[0][:3] != [[i - 12 for i in batch] for batch in passes[0][3:6]], "each part has an order of its own"
    again = ENCODER.dataset(files / "all.csv", "label", batch_size=4, shuffle=True, seed=5, buffer=9)
    assert passes == [[labels.tolist() for _, labels in arrays(again)] for _ in range(3)]


def test_with_a_buffer_each_pass_reads_the_files(files):
    dataset = ENCODER.dataset(files / "1.csv", "label", buffer=4)
    assert sum(len(ids) for ids, _ in arrays(dataset)) == 11
    (files / "2.csv").replace(files / "1.csv")
    assert sum(len(ids) for ids, _ in arrays(dataset)) == 19
    (files / "1.csv").write_text("label,text\n1,a\n,b\n")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"labels\[1\] is missing"):
        arrays(dataset)


def test_a_reader_that_nobody_waits_for_ends(files):
    def readers():
        return [thread for thread in threading.enumerate() if thread.name == "tokemb-read-ahead"]

    dataset = ENCODER.dataset(files / "all.csv", "label", batch_size=1, buffer=1)
    assert len(list(islice(dataset, 2))) == 2
    # TensorFlow has made some batches beyond these, and waits for room.
    for thread in readers():
        thread.join(10)
    assert not readers()


def test_fit_takes_a_buffered_one(files):
    dataset = ENCODER.dataset(files / "all.csv", "kind", classes=["x", "y"], batch_size=4, buffer=8, shuffle=True)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(8))
    history = model().fit(dataset, epochs=2, verbose=0, shuffle=False)
    assert len(history.history["loss"]) == 2


@given(st.lists(st.integers(0, 9)), st.integers(1, 7))
def test_parts_are_of_so_many_rows(sizes, rows):
    starts = np.cumsum([0, *sizes])
    examples = (
        Examples(Ragged.from_lengths(np.arange(first, last, dtype=np.int32), np.ones(last - first, int)), None)
        for first, last in zip(starts, starts[1:], strict=False)
    )
    parts = list(rechunk(examples, rows))
    assert all(len(part) == rows for part in parts[:-1])
    assert all(0 < len(part) <= rows for part in parts)
    assert [i for part in parts for i in part.rows.values.tolist()] == list(range(sum(sizes)))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"labels": "stars"}, "TextError", "has no column 'stars'; it has the columns 'label', 'text', 'kind'"),
        ({"column": "review"}, "TextError", "has no column 'review'"),
        ({"labels": "kind"}, "ArgumentError", r"received strings: pass their order, classes=\['x', 'y'\]"),
        (
            {"labels": "kind", "classes": ["x"]},
            "ArgumentError",
            r"labels\[1\] must be one of the classes; received 'y'",
        ),
        (
            {"labels": "text", "column": "kind", "classes": ["a"]},
            "ArgumentError",
            r"labels\[0\] must be one of the classes; received ''",
        ),
    ],
)
@pytest.mark.parametrize("buffer", [None, 4])
def test_what_files_cannot_be(files, settings, error, message, buffer):
    with pytest.raises(getattr(tokemb.errors, error), match=message):
        ENCODER.dataset(files / "all.csv", buffer=buffer, **settings)


def test_record_batches_without_the_column():
    for buffer in (None, 4):
        with pytest.raises(tokemb.errors.ArgumentError, match="there is no column 'label'; there are 'text'"):
            ENCODER.dataset(lambda: iter([pa.record_batch({"text": ["a"]})]), "label", buffer=buffer)
    with pytest.raises(tokemb.errors.ArgumentError, match="column is for files: record batches must"):
        ENCODER.dataset(iter([pa.record_batch({"text": ["a"]})]), column="text")


@pytest.mark.parametrize("later", [[0.5, 0.25], [500, 2**40]])
def test_labels_of_record_batches_never_change(later):
    def batches():
        yield pa.record_batch({"text": ["a", "b"], "label": pa.array([1, 2], pa.int8())})
        yield pa.record_batch({"text": ["a", "b"], "label": later})

    whole = np.concatenate([labels for _, labels in arrays(ENCODER.dataset(batches, "label"))])
    assert whole.tolist() == [1, 2, *later]
    assert whole.dtype == (np.float32 if later[0] < 1 else np.int64)
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels must have one type in all record batches"):
        list(ENCODER.dataset(batches, "label", buffer=2, batch_size=2))


def test_labels_of_different_shapes_are_an_error():
    def batches():
        yield pa.record_batch({"text": ["a"], "label": [[1, 2]]})
        yield pa.record_batch({"text": ["a"], "label": [[1]]})

    with pytest.raises(tokemb.errors.ArgumentError, match="all labels must have the same shape; received"):
        ENCODER.dataset(batches, "label")


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (TEXTS, None, "with buffer, texts are read again in each epoch: .* received list"),
        (iter(TEXTS), None, "received list_iterator"),
        (lambda: iter([]), [1], "with buffer, labels must be the name of a column"),
        (lambda: iter([]), None, "at least one batch; received 0 rows"),
    ],
)
def test_what_a_buffer_is_not_for(texts, labels, message):
    with pytest.raises(tokemb.errors.ArgumentError, match=message):
        ENCODER.dataset(texts, labels, buffer=3)
    with pytest.raises(tokemb.errors.ArgumentError, match="buffer must be an integer of at least 1; received 0"):
        ENCODER.dataset(texts, labels, buffer=0)


def test_without_tensorflow_it_says_what_to_do():
    run = python(
        "import sys; sys.modules['tensorflow'] = None\n"
        "import tokemb\n"
        "try: tokemb.fit_vocab(['a']).dataset(['a'])\n"
        "except tokemb.errors.MissingPackageError as error: print(error)"
    )
    assert run.stdout == "dataset needs TensorFlow: pip install tensorflow, or use py_dataset\n", run.stderr
