"""Ids of OOV buckets and of hashing are those of Keras' ``StringLookup`` and ``Hashing``."""

from __future__ import annotations

import re
import string

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import CORPORA, EXAMPLES, examples
from tokemb.errors import ArgumentError
from tokemb.models.saved_model import export_saved_model

pytestmark = pytest.mark.keras

WORDS = ["earth", "wind", "and", "fire", "été", "東京", "🙂"]
SALTS = (None, 7, (133, 137))
# The characters of most scripts and some of all others.
SCRIPTS = [*range(0x20, 0x3000, 7), *range(0x3000, 0xD800, 701), *range(0xE000, 0x110000, 9001)]


def tokens_of_all_scripts(count, seed=0):
    random = np.random.default_rng(seed)
    codes = random.choice(SCRIPTS, count * 12)
    starts, lengths = random.integers(0, len(codes) - 80, count), random.integers(1, 80, count)
    return ["".join(map(chr, codes[start : start + length])) for start, length in zip(starts, lengths, strict=True)]


def lookup(tokens, buckets, salt, words=WORDS):
    layer = keras.layers.StringLookup(vocabulary=words, num_oov_indices=buckets, mask_token="", salt=salt)
    return layer(tf.constant([token.encode() for token in tokens], tf.string, shape=(len(tokens),))).numpy()


def encoder_of(buckets, salt, words=WORDS):
    rows = [[word] * (len(words) - number) for number, word in enumerate(words)]
    return tokemb.fit_vocab(rows, num_oov_buckets=buckets, salt=salt)


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("buckets", [1, 3, 1000])
def test_ids_of_oov_buckets_are_those_of_string_lookup(buckets, salt):
    encoder = encoder_of(buckets, None if buckets == 1 else salt)
    tokens = [*WORDS, "[UNK]", "unseen", *tokens_of_all_scripts(int(500 * EXAMPLES))]
    expected = lookup(tokens, buckets, salt)
    assert (encoder.encode_ragged([tokens]).values == expected).all()
    layer = keras.layers.StringLookup(vocabulary=WORDS, num_oov_indices=buckets, mask_token="")
    assert encoder.vocabulary == layer.get_vocabulary()
    assert encoder.input_dim == layer.vocabulary_size()


@examples(4)
@given(tokens=st.lists(st.text(min_size=1), min_size=1), buckets=st.integers(2, 2**20), salt=st.sampled_from(SALTS))
def test_ids_of_any_tokens_are_those_of_string_lookup(tokens, buckets, salt):
    assert encoder_of(buckets, salt).encode_ragged([tokens]).values.tolist() == lookup(tokens, buckets, salt).tolist()


@pytest.mark.parametrize("salt", SALTS)
@pytest.mark.parametrize("bins", [2, 10_000])
def test_ids_of_hashing_are_those_of_the_layer(bins, salt):
    tokens = tokens_of_all_scripts(int(500 * EXAMPLES), seed=1)
    layer = keras.layers.Hashing(bins, mask_value="", salt=salt)
    expected = layer(tf.constant(tokens)).numpy()
    encoder = tokemb.Encoder.hashing(bins, salt=salt)
    assert (encoder.encode_ragged([tokens]).values == expected).all()
    assert encoder.input_dim == bins


@pytest.mark.parametrize("kernels", [False, True])
def test_ids_of_texts_are_those_of_text_vectorization_with_string_lookup(monkeypatch, kernels):
    monkeypatch.setattr("tokemb.engine.SMALL_BYTES", 0 if kernels else 1 << 30)
    texts = [text for corpus in CORPORA.values() for text in corpus[:20] if "\0" not in text]
    encoder = tokemb.fit_vocab(texts, profile="text-vectorization", max_size=50, num_oov_buckets=20)
    lower = tf.strings.lower(tf.constant([text.encode() for text in texts]))
    words = tf.strings.split(tf.strings.regex_replace(lower, f"[{re.escape(string.punctuation)}]", ""))
    expected = lookup([word.decode() for word in words.flat_values.numpy()], 20, None, encoder.vocabulary[21:])
    rows = encoder.encode_ragged(texts)
    assert rows.values.tolist() == expected.tolist()
    assert rows.row_splits.tolist() == words.row_splits.numpy().tolist()


@pytest.mark.parametrize("salt", SALTS[:2])
def test_ids_of_ngrams_are_those_of_string_lookup_of_the_ngrams(salt):
    texts = [text for corpus in CORPORA.values() for text in corpus[:5] if "\0" not in text]
    encoder = tokemb.fit_vocab(texts, profile="whitespace", ngrams=2, max_size=50, num_oov_buckets=20, salt=salt)
    ngrams = tf.strings.ngrams(tf.strings.split([text.encode() for text in texts]), ngram_width=(1, 2), separator=" ")
    expected = lookup([each.decode() for each in ngrams.flat_values.numpy()], 20, salt, encoder.vocabulary[21:])
    rows = encoder.encode_ragged(texts)
    assert (rows.values.tolist(), rows.row_splits.tolist()) == (expected.tolist(), ngrams.row_splits.numpy().tolist())
    padded = encoder.encode(texts, maxlen=12)
    assert (encoder.layer(12)(tf.constant([text.encode() for text in texts])).numpy() == padded).all()


@pytest.mark.parametrize("salt", SALTS[:2])
def test_layer_gives_the_ids_of_encode(salt):
    texts = [text for corpus in CORPORA.values() for text in corpus[:5]]
    strings = tf.constant([text.encode() for text in texts])
    fitted = tokemb.fit_vocab(texts, profile="whitespace", max_size=50, num_oov_buckets=20, salt=salt)
    for encoder in (fitted, tokemb.Encoder.hashing(30, profile="whitespace", salt=salt)):
        expected = encoder.encode(texts, maxlen=12)
        layer = encoder.layer(12)
        assert (layer(strings).numpy() == expected).all()
        assert (type(layer).from_config(layer.get_config())(strings).numpy() == expected).all()


def test_saved_model_gives_the_ids_of_encode(tmp_path):
    texts = ["deep learning is deep", "new words", "東京 été"]
    encoder = tokemb.fit_vocab(texts, profile="whitespace", max_size=2, num_oov_buckets=20)
    export_saved_model(encoder, tmp_path / "served", maxlen=5)
    signature = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    assert (signature(texts=tf.constant(texts))["ids"].numpy() == encoder.encode(texts, maxlen=5)).all()


def test_layer_of_a_vocabulary_without_buckets_has_the_config_of_before():
    assert "buckets" not in tokemb.fit_vocab(["a"], profile="whitespace").layer().get_config()


def test_text_vectorization_cannot_have_buckets():
    encoder = tokemb.fit_vocab(["a b"], profile="text-vectorization", num_oov_buckets=2)
    with pytest.raises(ArgumentError, match="has one id for tokens out of vocabulary; this vocabulary has 2 buckets"):
        encoder.to_text_vectorization()
