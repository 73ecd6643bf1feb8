"""Datasets of rows that are filled with several texts."""

from __future__ import annotations

import logging

import keras
import numpy as np
import pytest

import tokemb
from tests.conftest import eagerly
from tokemb.errors import ArgumentError
from tokemb.rows import packing

pytestmark = pytest.mark.keras

ENCODER = tokemb.fit_vocab(["a b c d e f g"], profile="whitespace", start="<", end=">")
TEXTS = [" ".join("abcdefg"[: i * 3 % 8]) for i in range(50)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    return path


def arrays(dataset):
    batches = list(dataset.as_numpy_iterator()) if hasattr(dataset, "as_numpy_iterator") else None
    batches = [dataset[number][0] for number in range(len(dataset))] if batches is None else batches
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


@pytest.mark.parametrize("overlap", [None, 1])
@pytest.mark.parametrize("kind", ["dataset", "py_dataset", "files", "buffer"])
def test_batches_are_the_rows_of_encode_packed(kind, overlap, path, monkeypatch):
    monkeypatch.setattr(packing, "_POOL_SIZE", 100)
    settings = {"maxlen": 7, "overlap": overlap}
    make = ENCODER.py_dataset if kind == "py_dataset" else ENCODER.dataset
    buffer = {"buffer": 8} if kind == "buffer" else {}
    texts = path if kind in ("files", "buffer") else TEXTS
    dataset = make(texts, batch_size=4, pack=True, **settings, **buffer)
    expected = ENCODER.encode_packed(TEXTS, **settings).inputs
    found = arrays(dataset)
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    if kind != "buffer":
        assert len(dataset) == -(-len(expected["ids"]) // 4)


def test_shuffled_rows_and_validation_split_have_each_text_once():
    counts = np.zeros(ENCODER.input_dim, int)
    for subset in ("training", "validation"):
        settings = {"validation_split": 0.3, "subset": subset, "seed": 1}
        dataset = ENCODER.dataset(TEXTS, maxlen=10, pack=True, batch_size=3, shuffle=True, **settings)
        epochs = [arrays(dataset), arrays(dataset)]
        assert not np.array_equal(epochs[0]["ids"], epochs[1]["ids"])
        assert sorted(epochs[0]["ids"].tolist()) == sorted(epochs[1]["ids"].tolist())
        counts += np.bincount(epochs[0]["ids"][epochs[0]["segment_ids"] > 0], minlength=ENCODER.input_dim)
    everything = ENCODER.encode_ragged(TEXTS, maxlen=10).values
    assert counts.tolist() == np.bincount(everything, minlength=ENCODER.input_dim).tolist()


def test_share_of_padding_is_logged(caplog):
    with caplog.at_level(logging.INFO, "tokemb"):
        ENCODER.py_dataset(["a b", "c d", "e"], maxlen=8, pack=True)
    assert caplog.messages == ["packed 3 texts into 2 rows of 8 ids, 31.25% padding"]


@eagerly
def test_packed_texts_have_the_outputs_of_single_texts():
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((None,), name=name, dtype="int32") for name in ("ids", "segment_ids", "positions")}
    vectors = keras.layers.Embedding(ENCODER.input_dim, 4)(inputs["ids"])
    vectors += keras.layers.Embedding(9, 4)(inputs["positions"])
    segments = inputs["segment_ids"]
    mask = keras.ops.equal(segments[:, :, None], segments[:, None, :])
    model = keras.Model(inputs, keras.layers.MultiHeadAttention(2, 4)(vectors, vectors, attention_mask=mask))
    packed = ENCODER.encode_packed(TEXTS[:6], maxlen=9)
    outputs = packed.unpack(np.asarray(model(packed.inputs)))
    for number, output in zip(packed.text, outputs, strict=True):
        alone = ENCODER.encode_packed([TEXTS[number]], maxlen=9)
        np.testing.assert_allclose(output, alone.unpack(np.asarray(model(alone.inputs)))[0], atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "maxlen must be given for packed rows"),
        ({"maxlen": 8, "labels": [1] * 50}, "labels must be left out with pack=True"),
        ({"maxlen": 8, "second": TEXTS}, "second must be left out with pack=True"),
        ({"maxlen": 8, "bucket": True}, "bucket must be left out with pack=True"),
    ],
)
def test_setting_that_does_not_fit_is_an_error(settings, message):
    with pytest.raises(ArgumentError, match=message):
        ENCODER.py_dataset(TEXTS, pack=True, **settings)
