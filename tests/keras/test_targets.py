"""Datasets of texts and target texts, for sequence-to-sequence training."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import tokemb
from tokemb.errors import ArgumentError

pytestmark = pytest.mark.keras

SOURCE = tokemb.fit_vocab(["a b c d e f g"], profile="whitespace")
TARGET = tokemb.fit_vocab(["t u v w x y z"], profile="whitespace", start="<", end=">")
ROWS = 23
TEXTS = [" ".join("abcdefg"[: 1 + i % 7]) for i in range(ROWS)]
TARGETS = [" ".join("zyxwvut"[: i % 8]) for i in range(ROWS)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("targets") / "x.csv"
    path.write_text("source,target\n" + "".join(f"{a},{b}\n" for a, b in zip(TEXTS, TARGETS, strict=True)))
    return path


def batches():
    yield pa.record_batch({"source": TEXTS, "target": TARGETS})


def expected(rows, maxlen):
    """Return the arrays of a batch, made from padded rows as docs/keras.md shows."""
    length = max(len(TARGETS[row].split()) for row in rows) + 2 if maxlen is None else maxlen + 1
    ids = TARGET.encode([TARGETS[row] for row in rows], maxlen=length)
    return ids[:, :-1], ids[:, 1:], np.float32(ids[:, 1:] != 0)


def check(batch, rows, maxlen):
    inputs, *outputs = batch
    assert list(inputs) == ["ids", "decoder_ids"]
    np.testing.assert_array_equal(inputs["ids"], SOURCE.encode([TEXTS[row] for row in rows], maxlen=5))
    for found, array in zip([inputs["decoder_ids"], *outputs], expected(rows, maxlen), strict=True):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


@pytest.mark.parametrize("maxlen", [None, 5])
@pytest.mark.parametrize("kind", ["memory", "files", "batches", "buffer"])
def test_batches_have_shifted_targets_with_weight_0_on_padding(kind, maxlen, path):
    settings = {"batch_size": 8, "maxlen": 5, "target_encoder": TARGET, "target_maxlen": maxlen}
    if kind == "memory":
        dataset = SOURCE.dataset(TEXTS, targets=TARGETS, **settings)
    elif kind == "batches":
        dataset = SOURCE.dataset(batches, targets="target", **settings)
    else:
        settings["buffer"] = 8 if kind == "buffer" else None
        dataset = SOURCE.dataset(path, column="source", targets="target", **settings)
    found = list(dataset.as_numpy_iterator())
    assert len(found) == 3
    for number, batch in enumerate(found):
        check(batch, range(8 * number, min(8 * number + 8, ROWS)), maxlen)


def test_shuffled_buckets_and_splits_keep_targets_with_their_texts():
    settings = {"batch_size": 4, "bucket": True, "shuffle": True, "seed": 1, "validation_split": 0.3}
    seen = []
    for subset in ("training", "validation"):
        dataset = SOURCE.py_dataset(TEXTS, targets=TARGETS, target_encoder=TARGET, subset=subset, **settings)
        for number in range(len(dataset)):
            inputs, targets, _ = dataset[number]
            seen += zip(SOURCE.decode(inputs["ids"]), TARGET.decode(targets), strict=True)
    assert sorted(seen) == sorted(zip(TEXTS, TARGETS, strict=True))


def test_truncated_targets_keep_their_end_token():
    long = ["a"], ["z y x w v"]
    [(inputs, targets, weights)] = SOURCE.dataset(long[0], targets=long[1], target_encoder=TARGET, target_maxlen=3)
    assert TARGET.decode(inputs["decoder_ids"].numpy(), skip_special_tokens=False) == ["< z y"]
    assert TARGET.decode(targets.numpy(), skip_special_tokens=False) == ["z y >"]
    assert weights.numpy().tolist() == [[1, 1, 1]]


def test_no_length_of_the_two_batches_that_keras_samples_is_that_of_all_batches():
    texts, targets = ["a b", "a b", "a b c"], ["x y", "x y", "x y z"]
    for fixed, ids_vary, targets_vary in (
        ({}, True, True),
        ({"maxlen": 4}, False, True),
        ({"target_maxlen": 4}, True, False),
    ):
        data = SOURCE.py_dataset(texts, targets=targets, target_encoder=TARGET, batch_size=1, **fixed)
        plain = [part.shape[1] for part in (data[1][0]["ids"], data[1][0]["decoder_ids"], *data[1][1:])]
        assert data.num_batches == 3
        shapes = [
            [part.shape[1] for part in (inputs["ids"], inputs["decoder_ids"], *others)]
            for inputs, *others in (data[0], data[1])
        ]
        differs = [first != second for first, second in zip(*shapes, strict=True)]
        assert differs == [ids_vary, targets_vary, targets_vary, targets_vary]
        assert [part.shape[1] for part in (data[1][0]["ids"], data[1][0]["decoder_ids"], *data[1][1:])] == plain


def test_one_vocabulary_and_its_saved_length_serve_both_texts():
    both = tokemb.fit_vocab(["a b c d e f g t u v w x y z"], profile="whitespace", start="<", end=">", maxlen=6)
    [(inputs, targets, weights)] = both.dataset(TEXTS, targets=TARGETS, batch_size=ROWS)
    assert inputs["ids"].shape == inputs["decoder_ids"].shape == targets.shape == weights.shape == (ROWS, 6)
    np.testing.assert_array_equal(inputs["ids"], both.encode(TEXTS))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": TARGETS[1:]}, "targets must have one text for each text; received 22 targets for 23 texts"),
        ({"targets": TARGETS, "target_encoder": SOURCE}, "target_encoder must be a vocabulary whose rows"),
        ({"targets": TARGETS, "labels": [1] * ROWS}, "labels must be left out with targets"),
        ({"targets": TARGETS, "second": TARGETS}, "second must be left out with targets"),
        ({"targets": TARGETS, "maxlen": 4, "pack": True}, "pack must be left out with targets"),
        ({"targets": TARGETS, "maxlen": 4, "overlap": 1}, "overlap must be left out with targets"),
        ({"targets": TARGETS, "target_maxlen": 0}, "target_maxlen must be"),
        ({"targets": None}, "target_encoder must be left out without targets"),
        ({"targets": None, "target_encoder": None, "target_maxlen": 3}, "target_maxlen must be left out without"),
        ({"targets": "target"}, "is for files and record batches"),
    ],
)
def test_setting_that_does_not_fit_is_an_error(settings, message):
    with pytest.raises(ArgumentError, match=message):
        SOURCE.py_dataset(TEXTS, **{"target_encoder": TARGET, **settings})


def test_targets_of_files_must_be_a_column(path):
    for settings, message in (
        ({"targets": TARGETS, "column": "source"}, "targets must be the name of a column"),
        ({"targets": "target"}, "column must name the texts in files"),
    ):
        with pytest.raises(ArgumentError, match=message):
            SOURCE.dataset(path, target_encoder=TARGET, buffer=4, **settings)
    with pytest.raises(ArgumentError, match="there is no column 'no'; .* as targets"):
        SOURCE.dataset(batches, targets="no", target_encoder=TARGET)
