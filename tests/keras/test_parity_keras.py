"""The profiles `keras` and `text-vectorization` against the classes that they imitate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import CORPORA

pytestmark = pytest.mark.keras

# Without unassigned characters (Python's Unicode tables may be older than those of `tokenizers`) and NUL, which
# TensorFlow drops at the end of the tokens that its vocabulary shows.
TEXT = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z"])) | st.text("aA'-. \t\nΣσ中ß")


@pytest.fixture(scope="module")
def keras_tokenizer():
    import tensorflow as tf

    return tf.keras.preprocessing.text.Tokenizer


@pytest.mark.parametrize("oov", [True, False])
def test_keras_equals_the_tokenizer(keras_tokenizer, corpus, oov):
    _same_as_tokenizer(keras_tokenizer, corpus, corpus[::-1], oov)


@given(st.lists(TEXT), st.lists(TEXT), st.booleans())
def test_keras_equals_the_tokenizer_on_any_text(keras_tokenizer, fitted, encoded, oov):
    if any(text.lower().strip('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n ') for text in fitted):
        _same_as_tokenizer(keras_tokenizer, fitted, encoded, oov)


def _same_as_tokenizer(keras_tokenizer, fitted, encoded, oov):
    original = keras_tokenizer(oov_token="[UNK]" if oov else None)
    original.fit_on_texts(fitted)
    encoder = tokemb.fit_vocab(fitted, profile="keras", oov=oov)
    assert {token: index for index, token in enumerate(encoder.vocabulary) if index} == original.word_index
    assert encoder.input_dim == len(original.word_index) + 1
    assert [row.tolist() for row in encoder.encode_ragged(encoded)] == original.texts_to_sequences(encoded)


def test_num_words_is_max_size(keras_tokenizer):
    texts = CORPORA["mixed"]
    original = keras_tokenizer(num_words=12, oov_token="[UNK]")  # 0, [UNK] and ten words
    original.fit_on_texts(texts)
    encoder = tokemb.fit_vocab(texts, profile="keras", max_size=10)
    assert [row.tolist() for row in encoder.encode_ragged(texts)] == original.texts_to_sequences(texts)


def test_keras_counts_are_those_of_the_tokenizer(keras_tokenizer, corpus):
    original = keras_tokenizer()
    original.fit_on_texts(corpus)
    counts = tokemb.TokenCounts.from_texts(corpus, profile="keras")
    tokens = counts.tokens.to_pylist()
    assert list(zip(tokens, counts.counts.tolist(), strict=True)) == list(original.word_counts.items())
    assert dict(zip(tokens, counts.documents.tolist(), strict=True)) == original.word_docs
    assert counts.rows == original.document_count


@pytest.fixture(scope="module")
def text_vectorization():
    import keras

    return keras.layers.TextVectorization


@pytest.mark.parametrize("max_size", [None, 20])
def test_text_vectorization_equals_the_layer(text_vectorization, corpus, max_size):
    fitted = [text.replace("\0", "") for text in corpus]
    layer = text_vectorization(max_tokens=max_size and max_size + 2)
    layer.adapt(fitted)
    encoder = tokemb.fit_vocab(fitted, profile="text-vectorization", max_size=max_size)
    assert encoder.vocabulary == layer.get_vocabulary()
    np.testing.assert_array_equal(encoder.encode(corpus), np.asarray(layer(corpus)))
    layer = text_vectorization(output_sequence_length=7, vocabulary=layer.get_vocabulary())
    np.testing.assert_array_equal(encoder.encode(corpus, maxlen=7), np.asarray(layer(corpus)))


@given(st.lists(TEXT, min_size=1))
def test_text_vectorization_splits_as_the_layer_on_any_text(text_vectorization, texts):
    try:
        encoder = tokemb.fit_vocab(texts, profile="text-vectorization")
    except tokemb.TokembError:
        return  # no token in these texts
    # A token that the layer splits otherwise is not in its vocabulary, and comes out as 1.
    layer = text_vectorization(vocabulary=encoder.vocabulary[2:])
    np.testing.assert_array_equal(encoder.encode(texts), np.asarray(layer(texts)))
    assert 1 not in encoder.encode(texts)


def test_jieba_equals_the_plain_script_of_jieba_and_the_tokenizer(keras_tokenizer):
    jieba = pytest.importorskip("jieba")
    keras = pytest.importorskip("keras")
    texts = [
        "深度学习很深，Deep Learning 3.5",
        "味道不错！！\u3000送餐快",
        " ",
        "C++和Wi-Fi\r\n很快",
    ]
    script = keras_tokenizer(num_words=15)
    words = [" ".join(jieba.cut(text)) for text in texts]
    script.fit_on_texts(words)
    expected = keras.utils.pad_sequences(script.texts_to_sequences(words), maxlen=6, padding="post", truncating="post")
    encoder = tokemb.fit_vocab(texts, segmenter="jieba", oov=False, max_size=14)
    np.testing.assert_array_equal(encoder.encode(texts, maxlen=6), expected)
