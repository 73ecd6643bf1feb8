from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

import tokemb
from tests.conftest import MIXED, python
from tokemb import Encoder, Ragged
from tokemb.sources import texts
from tokemb.vocabulary.bag_of_words import count_matrix

pytestmark = pytest.mark.keras

SENTENCES = ["deep learning is very deep", "", "learning is fun", "what is it"]


def assert_canonical(matrix, shape):
    from scipy.sparse import csr_matrix

    assert type(matrix) is csr_matrix
    assert matrix.shape == shape
    assert (matrix.data.dtype, matrix.indices.dtype, matrix.indptr.dtype) == (np.float32, np.int32, np.int32)
    for row in range(shape[0]):
        indices = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
        assert (np.diff(indices) > 0).all(), "ascending and distinct"
    assert matrix.data.all()


@given(st.lists(st.lists(st.lists(st.integers(0, 6), max_size=9), max_size=5), max_size=4))
def test_counting_is_counting(parts):
    matrix = count_matrix(map(Ragged.from_rows, parts), 7)
    rows = [row for part in parts for row in part]
    assert_canonical(matrix, (len(rows), 7))
    expected = [[Counter(row)[index] for index in range(7)] for row in rows]
    np.testing.assert_array_equal(matrix.toarray(), np.array(expected).reshape(-1, 7))


def test_the_ids_stay_as_they_are():
    rows = Ragged.from_rows([[3, 1, 3], [2, 0]])
    count_matrix([rows], 4)
    assert rows.values.tolist() == [3, 1, 3, 2, 0]


@pytest.mark.parametrize("profile", ["words", "chars", "bert"])
def test_the_columns_are_the_ids(profile, monkeypatch):
    monkeypatch.setattr(texts, "BATCH_BYTES", 100)  # in many batches
    encoder = tokemb.fit_vocab(MIXED, profile=profile, max_size=40, maxlen=2)
    rows = encoder.encode_ragged(MIXED, maxlen=5000)
    expected = np.zeros((len(MIXED), encoder.input_dim), np.float32)
    for row, ids in enumerate(rows):
        np.add.at(expected[row], ids, 1)
    assert expected[:, encoder.unk_id].any()
    assert not expected[:, encoder.pad_id].any()
    for mode, dense in (("count", expected), ("multi_hot", expected > 0)):
        matrix = encoder.vectorize(MIXED, mode=mode)
        assert_canonical(matrix, expected.shape)
        np.testing.assert_array_equal(matrix.toarray(), dense)
    assert (encoder.vectorize(MIXED) != matrix).nnz == 0, "multi_hot unless told"


@pytest.mark.parametrize("max_size", [None, 20])
@pytest.mark.parametrize("mode", ["multi_hot", "count", "tf_idf"])
def test_text_vectorization_gives_the_same(corpus, mode, max_size):
    import keras

    fitted, texts = [text.replace("\0", "") for text in corpus], [*corpus[::-1], "never seen", ""]
    layer = keras.layers.TextVectorization(max_tokens=max_size and max_size + 1, output_mode=mode)
    layer.adapt(fitted)
    encoder = tokemb.fit_vocab(fitted, profile="text-vectorization", max_size=max_size)
    # These modes of Keras have no column for padding.
    assert layer.get_vocabulary() == encoder.vocabulary[1:]
    matrix = encoder.vectorize(texts, mode=mode).toarray()
    assert not matrix[:, 0].any()
    np.testing.assert_allclose(matrix[:, 1:], np.asarray(layer(texts)), rtol=1e-5 if mode == "tf_idf" else 0)


@pytest.mark.parametrize("oov", [True, False])
@pytest.mark.parametrize(("mode", "legacy"), [("multi_hot", "binary"), ("count", "count")])
def test_the_legacy_tokenizer_gives_the_same(corpus, mode, legacy, oov):
    import tensorflow as tf

    tokenizer = tf.keras.preprocessing.text.Tokenizer(oov_token="[UNK]" if oov else None)
    tokenizer.fit_on_texts(corpus)
    encoder = tokemb.fit_vocab(corpus, profile="keras", oov=oov)
    texts = [*corpus[::-1], "never seen", ""]
    np.testing.assert_array_equal(
        encoder.vectorize(texts, mode=mode).toarray(), tokenizer.texts_to_matrix(texts, mode=legacy)
    )


def test_tf_idf_by_hand(tmp_path):
    encoder = tokemb.fit_vocab(SENTENCES, reserve=["[NEW]", "is"], max_size=3)
    assert encoder.vocabulary == ["", "[UNK]", "[NEW]", "is", "deep", "learning", "fun"]
    documents = {"[NEW]": 0, "is": 3, "deep": 1, "learning": 2, "fun": 1}
    weights = {token: np.log(1 + 4 / (1 + held)) for token, held in documents.items()}
    counted = [weights[token] for token in ("is", "deep", "learning", "fun")]
    weights |= {"": 0, "[UNK]": np.mean(counted)}  # a token of no document is not among those that are averaged
    encoder.save(tmp_path / "v")
    for each in (encoder, Encoder.load(tmp_path / "v")):
        matrix = each.vectorize([encoder.vocabulary[1:] * 2], mode="tf_idf")
        assert_canonical(matrix, (1, 7))
        expected = [2 * weights[token] for token in encoder.vocabulary]
        np.testing.assert_allclose(matrix.toarray()[0], expected, rtol=1e-6)


def test_no_texts_and_empty_texts():
    encoder = tokemb.fit_vocab(SENTENCES)
    for mode in ("multi_hot", "count", "tf_idf"):
        assert_canonical(encoder.vectorize([], mode=mode), (0, encoder.input_dim))
        assert_canonical(encoder.vectorize(["", "  "], mode=mode), (2, encoder.input_dim))


def foreign(**settings):
    tokenizer = Tokenizer(WordLevel({"[PAD]": 0, "<s>": 1, "</s>": 2, "a": 3, "?": 4}, **settings))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> <s> $A </s>", pair="$A $B", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer.enable_truncation(4)
    return Encoder.from_tokenizer(tokenizer)


def test_special_tokens_around_a_text_are_left_out_and_so_is_padding():
    matrix = foreign(unk_token="?").vectorize(["a <s> a a", "", "[PAD] b </s>"], mode="count")
    assert matrix.toarray().tolist() == [[0, 1, 0, 3, 0], [0] * 5, [0, 0, 1, 0, 1]]
    assert_canonical(matrix, (3, 5))
    # Where padding is also out-of-vocabulary, neither counts.
    assert foreign(unk_token="[PAD]").vectorize(["a b"], mode="count").toarray().tolist() == [[0, 0, 0, 1, 0]]


@pytest.mark.parametrize("encoder", [foreign(unk_token="?"), tokemb.fit_vocab(SENTENCES, algorithm="bpe", max_size=30)])
def test_tf_idf_needs_documents(encoder):
    with pytest.raises(
        tokemb.TokembError,
        match="requires document counts, which subword, hashed and foreign vocabularies do not have: use mode='count'",
    ):
        encoder.vectorize(["a"], mode="tf_idf")
    assert encoder.vectorize(["a"], mode="count").sum() >= 1


def test_other_modes():
    with pytest.raises(tokemb.TokembError, match="mode must be one of multi_hot, count, tf_idf; received 'binary'"):
        tokemb.fit_vocab(SENTENCES).vectorize([], mode="binary")


def test_without_scipy_the_error_says_what_to_install():
    run = python(
        "import sys; sys.modules['scipy'] = None; import tokemb\n"
        "try: tokemb.fit_vocab(['a']).vectorize(['a'])\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    assert run.stdout == "MissingPackageError bags of words require SciPy: pip install tokemb[scipy]\n", run.stderr
