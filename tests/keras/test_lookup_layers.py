"""What Keras tests of ``StringLookup`` and ``Hashing``, for the options that tokemb has.

Lookups by importing a layer are in ``tests/importers/test_keras_layer.py``, and hashes of many tokens in
``test_oov_buckets.py``. tokemb has no one-hot vectors, sparse tensors and ids of floats.
"""

from __future__ import annotations

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

import tokemb
from tokemb.errors import ArgumentError

pytestmark = pytest.mark.keras

# Counts without ties, whose order depends on the profile.
VALUES = ["oak", "fir", "oak", "elm", "fir", "oak"]
ROWS = [["oak", "fir", "ash"], ["elm", "yew", "oak"], ["oak", "oak", "[UNK]"]]
SOURCES = {
    "list": list,
    "tuple": tuple,
    "generator": iter,
    "NumPy": np.array,
    "Arrow": pa.array,
    "tensor": tf.constant,
    "dataset": lambda values: tf.data.Dataset.from_tensor_slices(values).batch(4),
}


def adapted(buckets=1, **settings):
    layer = keras.layers.StringLookup(num_oov_indices=buckets, mask_token="", **settings)
    layer.adapt(VALUES)
    return layer


@pytest.mark.parametrize("source", SOURCES)
def test_vocabulary_of_any_source_is_that_of_adapt(source):
    encoder = tokemb.fit_vocab(SOURCES[source](VALUES), profile="whitespace")
    assert encoder.vocabulary == adapted().get_vocabulary()
    assert encoder.vocabulary[encoder.oov_ids.stop :] == adapted().get_vocabulary(include_special_tokens=False)


@pytest.mark.parametrize("size", [1, 2, 3, 9])
@pytest.mark.parametrize("buckets", [1, 3])
def test_max_size_is_max_tokens_without_padding_and_buckets(size, buckets):
    encoder = tokemb.fit_vocab(VALUES, profile="whitespace", max_size=size, num_oov_buckets=buckets)
    layer = adapted(buckets, max_tokens=1 + buckets + size)
    assert encoder.vocabulary == layer.get_vocabulary()
    assert encoder.encode(ROWS).tolist() == layer(ROWS).numpy().tolist()


@pytest.mark.parametrize("buckets", [1, 3])
def test_ids_of_lists_tensors_and_datasets_are_those_of_the_layer(buckets):
    encoder, layer = tokemb.fit_vocab(VALUES, profile="whitespace", num_oov_buckets=buckets), adapted(buckets)
    values = [value for row in ROWS for value in row]
    expected = layer(values).numpy()[:, None].tolist()
    for source in SOURCES.values():
        assert encoder.encode(source(values)).tolist() == expected
    batches = tf.data.Dataset.from_tensor_slices(values).batch(5).map(encoder.layer(1))
    assert np.concatenate(list(batches.as_numpy_iterator())).tolist() == expected


@pytest.mark.parametrize("buckets", [1, 3])
def test_decode_is_the_inverted_layer(buckets):
    encoder = tokemb.fit_vocab(VALUES, profile="whitespace", num_oov_buckets=buckets)
    inverted = adapted(buckets, invert=True)
    ids = list(range(1, encoder.input_dim))
    assert encoder.decode([[index] for index in ids]) == [token.decode() for token in inverted(ids).numpy()]


@pytest.mark.parametrize("buckets", [1, 3])
@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_bags_are_the_outputs_of_the_layer_without_padding(mode, buckets):
    encoder = tokemb.fit_vocab([[value] for value in VALUES], num_oov_buckets=buckets)
    bags = encoder.vectorize(ROWS, mode=mode).toarray()
    np.testing.assert_allclose(bags[:, 1:], adapted(buckets, output_mode=mode)(ROWS).numpy(), rtol=1e-6)
    assert not bags[:, 0].any()


def test_documents_of_tf_idf_are_rows():
    rows = [["oak", "oak"], ["oak", "fir"], ["fir", "elm"]]
    layer = keras.layers.StringLookup(mask_token="", output_mode="tf_idf")
    layer.adapt(rows)
    encoder = tokemb.fit_vocab(rows, profile="text-vectorization")
    assert encoder.vocabulary[1:] == layer.get_vocabulary()
    bags = encoder.vectorize(ROWS, mode="tf_idf").toarray()[:, 1:]
    np.testing.assert_allclose(bags, layer(ROWS).numpy(), rtol=1e-6)


@pytest.mark.parametrize("salt", [None, 21, (21, 22)])
@pytest.mark.parametrize("bins", [2, 3, 100])
def test_hashed_rows_are_those_of_the_layer(bins, salt):
    encoder, layer = tokemb.Encoder.hashing(bins, salt=salt), keras.layers.Hashing(bins, mask_value="", salt=salt)
    assert encoder.encode(ROWS).tolist() == layer(tf.constant(ROWS)).numpy().tolist()
    padded = encoder.encode([["oak"], [], ["fir", "elm"]])
    assert padded.tolist() == layer(tf.constant([["oak", ""], ["", ""], ["fir", "elm"]])).numpy().tolist()
    assert padded.dtype == np.int32


def test_bags_of_hashed_rows_are_the_outputs_of_the_layer():
    for mode in ("multi_hot", "count"):
        layer = keras.layers.Hashing(6, mask_value="", output_mode=mode)
        bags = tokemb.Encoder.hashing(6).vectorize(ROWS, mode=mode)
        assert bags.toarray().tolist() == layer(tf.constant(ROWS)).numpy().tolist()


@pytest.mark.parametrize("salt", [None, (21, 22)])
def test_integers_are_hashed_as_their_decimal_digits(salt):
    numbers = [0, 7, -12, 2**40, 7]
    layer = keras.layers.Hashing(50, mask_value=-1, salt=salt)
    encoder = tokemb.ColumnEncoder.hashing({"n": numbers}, 50, salt=salt)
    assert encoder.encode({"n": numbers})["n"].tolist() == layer(tf.constant(numbers, tf.int64)).numpy().tolist()


@pytest.mark.parametrize("bins", [None, 0, -1, 1, 2.0, "8"])
def test_invalid_number_of_bins_is_an_error(bins):
    with pytest.raises(ArgumentError, match="hash_buckets must be an integer of at least 2"):
        tokemb.Encoder.hashing(bins)


@pytest.mark.parametrize("settings", [{"num_oov_buckets": -1}, {"max_size": 0}, {"num_oov_buckets": 2, "salt": [1]}])
def test_invalid_settings_of_look_ups_are_errors(settings):
    with pytest.raises(ArgumentError, match=" must be "):
        tokemb.fit_vocab(VALUES, **settings)
