"""Batches of ids and labels, as ``py_dataset`` gives them; ``tests/keras/test_tf_dataset.py`` compares ``dataset``."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import use_kernels
from tokemb.keras.datasets import order

pytestmark = pytest.mark.keras

ENCODER = tokemb.fit_vocab(["a b c d e f g"], profile="whitespace")
TEXTS = st.lists(st.lists(st.sampled_from("abcdefgx"), max_size=9).map(" ".join), min_size=1, max_size=40)
SIDE = st.sampled_from(["pre", "post"])


def passes(data, times=1):
    """All batches of some passes, the way that Keras goes through them."""
    for _ in range(times):
        yield [data[i] for i in range(len(data))]
        data.on_epoch_end()


def texts_of(lengths):
    return [" ".join("abcdefg"[i % 7] for i in range(length)) for length in lengths]


@given(
    TEXTS,
    st.integers(1, 12),
    st.booleans(),
    st.sampled_from([False, True, [3, 9], [1, 2, 5, 20]]),
    st.none() | st.integers(1, 9),
    SIDE,
    SIDE,
    st.booleans(),
    st.booleans(),
)
def test_every_row_is_there_once_with_its_label(
    texts, batch_size, shuffle, bucket, maxlen, padding, truncating, drop_remainder, kernels
):
    settings = {"padding": padding, "maxlen": maxlen, "truncating": truncating}
    rows = ENCODER.encode_ragged(texts, maxlen=maxlen, truncating=truncating)
    kept = {"batch_size": batch_size, "shuffle": shuffle, "bucket": bucket, "drop_remainder": drop_remainder}
    with pytest.MonkeyPatch.context() as patch:
        use_kernels(patch, kernels)
        try:
            data = ENCODER.py_dataset(texts, list(range(len(texts))), seed=1, **kept, **settings)
        except tokemb.TokembError:  # no whole batch
            assert drop_remainder
            return
        both = list(passes(data, 2))
    assert len(both[0]) == len(both[1])
    for batches in both:
        seen = [row for _, labels in batches for row in labels.tolist()]
        assert len(seen) == len(set(seen))
        assert drop_remainder or len(seen) == len(texts)
        for ids, labels in batches:
            assert ids.dtype == np.int32
            assert 0 < len(ids) <= batch_size
            assert len(ids) == batch_size or not drop_remainder
            longest = max(len(rows[row]) for row in labels)
            if bucket is True:
                assert ids.shape[1] == max(longest, 1)
            elif bucket:
                assert {np.searchsorted(bucket, len(rows[row])) for row in labels} == {bucket.index(ids.shape[1])}
            else:
                assert ids.shape[1] == (maxlen or max(longest, 1))
            expected = tokemb.pad([rows[row] for row in labels], ids.shape[1], padding=padding)
            np.testing.assert_array_equal(ids, expected)


def test_without_shuffling_batches_are_what_encode_gives():
    texts = texts_of([3, 0, 5, 2, 2, 9, 1])
    got = [ids for (ids,) in next(passes(ENCODER.py_dataset(texts, batch_size=3, maxlen=4)))]
    np.testing.assert_array_equal(np.concatenate(got), ENCODER.encode(texts, maxlen=4))
    assert [len(ids) for ids in got] == [3, 3, 1]
    got = [ids for (ids,) in next(passes(ENCODER.py_dataset(texts, batch_size=3)))]
    for ids, expected in zip(got, ENCODER.encode_batches([texts[:3], texts[3:6], texts[6:]]), strict=True):
        np.testing.assert_array_equal(ids, expected)
    # What drop_remainder leaves out are the last ones.
    data = ENCODER.py_dataset(texts, range(7), batch_size=3, drop_remainder=True)
    assert [labels.tolist() for _, labels in data] == [[0, 1, 2], [3, 4, 5]]


def test_the_saved_settings_of_the_vocabulary_hold():
    encoder = tokemb.fit_vocab(["a b c d e"], maxlen=3, padding="pre", truncating="pre")
    ((ids,),) = encoder.py_dataset(["a b c d e", "b"])
    np.testing.assert_array_equal(ids, encoder.encode(["a b c d e", "b"]))
    ((ids,),) = encoder.py_dataset(["a b", "b"], bucket=True)
    assert ids.tolist() == [[0, 3], [2, 3]], "its maxlen cuts, but rows are not padded to it"


def labels_of(data, times=1):
    return [[labels.tolist() for _, labels in batches] for batches in passes(data, times)]


@pytest.mark.parametrize("bucket", [False, True, [4, 40]])
def test_a_seed_repeats_its_passes_and_every_pass_differs(bucket):
    texts = texts_of(range(40))

    def make(seed):
        return ENCODER.py_dataset(texts, range(40), batch_size=4, shuffle=True, seed=seed, bucket=bucket)

    first = labels_of(make(1), 3)
    assert first == labels_of(make(1), 3)
    others = [*first, *labels_of(make(2), 3), *labels_of(make(None), 1), *labels_of(make(None), 1)]
    assert len({str(batches) for batches in others}) == 8
    ordered = labels_of(ENCODER.py_dataset(texts, range(40), batch_size=4, bucket=bucket), 2)
    assert ordered[0] == ordered[1]


@pytest.mark.parametrize("bucket", [False, True, [4, 40]])
def test_every_row_comes_in_every_place(bucket):
    """The first batch of many passes: shuffled by length too, any row can be in it, and any number of batches away."""
    texts = texts_of(np.arange(32) % 8)
    data = ENCODER.py_dataset(texts, range(32), batch_size=4, shuffle=True, seed=0, bucket=bucket)
    firsts = [batches[0] for batches in labels_of(data, 200)]
    counts = np.bincount([row for batch in firsts for row in batch], minlength=32)
    assert counts.min() > 5, counts
    together = {(min(a, b), max(a, b)) for batch in firsts for a in batch for b in batch if a != b}
    assert len(together) > 32 * 31 / 2 * 0.3, "rows meet many others"


def test_rows_of_similar_length_come_together():
    lengths = np.random.default_rng(0).integers(0, 200, 2000)
    texts = texts_of(lengths)

    def size(bucket, shuffle=True):
        return sum(
            ids.size for (ids,) in ENCODER.py_dataset(texts, batch_size=16, bucket=bucket, shuffle=shuffle, seed=0)
        )

    assert size(True) < 1.05 * lengths.sum() < 0.6 * size(False)
    assert size(True, shuffle=False) < size(True)
    widths = [ids.shape[1] for (ids,) in ENCODER.py_dataset(texts, batch_size=16, bucket=True)]
    assert widths == sorted(widths)
    widths = [ids.shape[1] for (ids,) in ENCODER.py_dataset(texts, batch_size=16, bucket=True, shuffle=True, seed=0)]
    assert np.corrcoef(widths, np.arange(len(widths)))[0, 1] < 0.3, "short and long batches come mixed"


def test_without_shuffling_rows_keep_their_order_where_length_leaves_it_open():
    texts = texts_of(np.arange(600) % 3)
    for bucket, groups in ((True, 3), ([1, 2], 2)):
        (batches,) = labels_of(ENCODER.py_dataset(texts, range(600), batch_size=100, bucket=bucket))
        rows = np.concatenate(batches)
        assert np.count_nonzero(np.diff(rows) < 0) == groups - 1


def test_pools_are_no_larger_than_they_should_be(monkeypatch):
    monkeypatch.setattr(order, "_POOL_BATCHES", 2)
    data = ENCODER.py_dataset(texts_of(range(80)), range(80), batch_size=4, shuffle=True, seed=0, bucket=True)
    spans = [max(batch) - min(batch) for batch in labels_of(data)[0]]
    assert np.mean(spans) > 20, "of 8 random rows, 4"


def test_without_tokens_a_batch_has_a_length():
    ((ids,),) = ENCODER.py_dataset(["", ""])
    assert ids.tolist() == [[0], [0]]


def test_it_goes_to_other_processes():
    data = ENCODER.py_dataset(["a b", "c"], [0, 1], shuffle=True)
    (ids, labels), (again, same) = data[0], pickle.loads(pickle.dumps(data))[0]
    np.testing.assert_array_equal(ids, again)
    np.testing.assert_array_equal(labels, same)
    with pytest.raises(IndexError):
        data[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer of at least 1; received 0"),
        ({"batch_size": 2.5}, "batch_size must be an integer of at least 1; received 2.5"),
        ({"maxlen": 0}, "maxlen must be an integer of at least 1; received 0"),
        ({"padding": "left"}, "padding must be one of pre, post; received 'left'"),
        ({"truncating": "left"}, "truncating must be one of pre, post; received 'left'"),
        ({"seed": -1}, "seed must be an integer of at least 0; received -1"),
        ({"threads": 0}, "threads must be an integer of at least 1; received 0"),
        ({"bucket": []}, r"bucket must be True, False or ascending lengths, \[64, 256\]; received \[\]"),
        ({"bucket": [4, 4]}, r"bucket must be .* received \[4, 4\]"),
        ({"bucket": [4, 2]}, r"bucket must be .* received \[4, 2\]"),
        ({"bucket": 4}, "bucket must be .* received 4"),
        ({"bucket": None}, "bucket must be .* received None"),
        ({"bucket": [0, 2]}, "bucket must be an integer of at least 1; received 0"),
        ({"bucket": [1, 2]}, "rows must fit the longest bucket, 2 ids; received a row of 3: .* maxlen=2"),
        (
            {"drop_remainder": True},
            "at least one batch; received 2 rows, fewer than a batch of 32: pass drop_remainder=False",
        ),
        ({"column": "text"}, "column is for files and record batches"),
        ({"classes": "ab", "labels": ["a", "b"]}, "classes must be a list of distinct strings; received 'ab'"),
        ({"classes": ["a", "a"], "labels": ["a", "b"]}, "classes must be a list of distinct strings"),
        ({"labels": [1]}, "labels must have one row for each text; received 1 labels for 2 texts"),
        ({"labels": "label"}, "the name of a column of labels is for files and record batches"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(tokemb.errors.ArgumentError, match=message):
        ENCODER.py_dataset(["a b c", "c"], **settings)


def test_a_bucket_holds_rows_that_maxlen_cuts():
    for bucket in ([1, 2], (1, 2), np.array([1, 2])):
        data = ENCODER.py_dataset(["a b c", "c"], bucket=bucket, maxlen=2)
        assert [ids.tolist() for (ids,) in data] == [[[4]], [[2, 3]]]


def test_texts_are_refused_as_encode_refuses_them():
    with pytest.raises(tokemb.errors.TextTypeError, match="one bare|not one str"):
        ENCODER.py_dataset("a b")
    with pytest.raises(tokemb.errors.TextError, match=r"texts\[1\] is missing"):
        ENCODER.py_dataset(["a", None])
    with pytest.raises(tokemb.errors.ArgumentError, match="at least one batch; received 0 rows$"):
        ENCODER.py_dataset([])


def test_a_vocabulary_without_padding_is_refused():
    from tokenizers import Tokenizer, models

    encoder = tokemb.Encoder.from_tokenizer(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")))
    with pytest.raises(tokemb.errors.ArgumentError, match="names no padding token"):
        encoder.py_dataset(["a"])


def test_batches_after_two_of_one_length_can_have_another_length():
    import keras

    data = ENCODER.py_dataset(["a b c", "b c d", "a b", "a"], [0.0, 1, 0, 1], batch_size=1)
    layers = [keras.layers.Embedding(ENCODER.input_dim, 2), keras.layers.GlobalAveragePooling1D()]
    model = keras.Sequential([*layers, keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    for _ in range(2):
        model.fit(data, epochs=2, verbose=0)
        assert model.predict(data, verbose=0).shape == (4, 1)
    assert [batch[0].shape[1] for batch in next(passes(data))] == [3, 3, 2, 1]


@pytest.mark.parametrize("name", ["buffer", "batchsize"])
def test_an_unknown_argument_is_rejected_by_its_name(name):
    with pytest.raises(TypeError, match=f"^py_dataset has no argument {name}: "):
        tokemb.fit_vocab(["a b"]).py_dataset(["a"], **{name: 2})
