"""The ids of the layer are those of the encoder."""

from __future__ import annotations

import base64
import itertools
import json
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

import tokemb
from tests.conftest import CORPORA, EXAMPLES
from tokemb.engine.char_queries import CharQueries
from tokemb.engine.components import normalizer_steps
from tokemb.engine.scan_plan import char_table_of
from tokemb.keras.layers.graph import join_ngrams, pretokenize
from tokemb.keras.layers.text_to_ids import TextToIds, _unicode_table_of
from tokemb.keras.layers.unicode_table import unicode_table
from tokemb.kernels.structs import PAGE, PAGES
from tokemb.vocabulary.profiles import PROFILES
from tokemb.vocabulary.tokenizer_json import tokenizer_json_of

pytestmark = pytest.mark.keras

# What the rules of the profiles are about: case, sigmas and what they pass over, joints, marks of every place in the
# order, characters that become several, that vanish, that are cut alone.
HARD = (
    "aAΣσς'’.: \n\0\u0301\u200d\u00ad\u034fİéßﬁ中ア한1_🙂\ufe0f"
    + "\u08d4\u1baa\u302e\U0001d15e\U0001d160\U0001d165\U0001d16e"
)
TEXT = st.text() | st.text(HARD, max_size=12)
# The characters of many scripts and some of all others, 128 to a text; asking about all would take a minute.
FIRSTS = [*range(0, 0x3000, 128), *range(0xA000, 0xAC00, 128), *range(0xF900, 0x12000, 128), *range(0, 0x110000, 9472)]
if EXAMPLES <= 1:
    FIRSTS = FIRSTS[::3]
SCRIPTS = ["".join(map(chr, range(first, first + 128))).encode("utf-8", "ignore").decode() for first in FIRSTS]
SIDES = ("pre", "post")


def strings(texts):
    return tf.constant([text.encode() for text in texts], tf.string, shape=(len(texts),))


@pytest.fixture(scope="module", params=[*PROFILES, "keras without oov"])
def encoder(request):
    profile, *without = request.param.split(" ", 1)
    some = [text for corpus in CORPORA.values() for text in corpus[::5]]
    return tokemb.fit_vocab([*some, " ".join(HARD), *SCRIPTS[::5]], profile=profile, oov=not without)


@pytest.fixture(scope="module")
def layer(encoder):
    return encoder.layer()


def test_layer_gives_the_ids_of_encode_for_real_texts_in_many_scripts(encoder, layer):
    for texts in (*CORPORA.values(), SCRIPTS):
        ids = layer(strings(texts))
        assert ids.dtype == tf.int32
        np.testing.assert_array_equal(ids, encoder.encode(texts))


def test_layer_in_a_graph_gives_the_ids_of_encode_for_any_text(encoder, layer):
    in_graph = tf.function(layer, input_signature=[tf.TensorSpec((None,), tf.string)])

    @given(st.lists(TEXT, max_size=20))
    def same(texts):
        np.testing.assert_array_equal(in_graph(strings(texts)), encoder.encode(texts))

    same()


# Of each kind that the rules about neighbours tell apart a few: letters, sigmas, joints, marks of several places in the
# order, marks and others that vanish.
NEIGHBOURS = "aΣ'.\u0301\u1baa\u08d4\u034f\u00ad\U0001d160\U0001d16e"


@pytest.mark.parametrize("profile", PROFILES)
def test_pretokens_in_a_graph_equal_those_of_tokenizers_for_any_text(profile):
    tokenizer = PROFILES[profile].tokenizer()
    specification = tokenizer_json_of(tokenizer)
    characters = unicode_table(*(json.dumps(specification[key]) for key in ("normalizer", "pre_tokenizer")))
    in_graph = tf.function(
        lambda texts: pretokenize(texts, characters), input_signature=[tf.TensorSpec((None,), tf.string)]
    )

    @given(st.lists(TEXT | st.text(NEIGHBOURS, max_size=6), max_size=20))
    @example(["".join(some) for some in itertools.product(NEIGHBOURS, repeat=3)])
    def same(texts):
        pieces, rows, _ = in_graph(strings(texts))
        expected = [
            (piece, row)
            for row, text in enumerate(texts)
            for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(
                text if tokenizer.normalizer is None else tokenizer.normalizer.normalize_str(text)
            )
        ]
        assert [(piece.decode(), row) for piece, row in zip(pieces.numpy(), rows.numpy(), strict=True)] == expected

    same()


@pytest.mark.parametrize("padding", SIDES)
@pytest.mark.parametrize("truncating", SIDES)
def test_layer_pads_and_truncates_rows_as_encode_does(encoder, padding, truncating):
    texts = ["", "a", "a b c d e f g", "the very last of them all", " "]
    ids = encoder.layer(4, padding, truncating)(strings(texts))
    np.testing.assert_array_equal(ids, encoder.encode(texts, maxlen=4, padding=padding, truncating=truncating))


@pytest.mark.parametrize("maxlen", [None, 3])
def test_layer_returns_padding_for_no_texts_and_for_empty_texts(encoder, maxlen):
    layer = encoder.layer(maxlen)
    for texts in ([], [""], ["", ""]):
        ids = layer(strings(texts))
        assert ids.shape == (len(texts), maxlen or 0)
        assert not np.any(ids)


@pytest.mark.parametrize("profile", PROFILES)
def test_unicode_table_holds_what_tokenizers_returns_for_each_character(profile):
    specification = tokenizer_json_of(PROFILES[profile].tokenizer())
    components = [json.dumps(specification[key]) for key in ("normalizer", "pre_tokenizer")]
    characters, char_table = unicode_table(*components), char_table_of(*components)
    queries = CharQueries(
        normalizer_steps(specification["normalizer"]), char_table.neighbor_split, list(map(ord, char_table.runs))
    )
    for page in [*range(0, 0xD8, 9), *range(0xE0, PAGES, 97)]:
        for code in range(page * PAGE, (page + 1) * PAGE):
            parts = queries.describe(chr(code))
            if parts is None:
                continue
            mine = characters.page_of[page] * PAGE + code % PAGE
            classes = characters.classes[mine, : len(parts)].tolist()
            assert classes == [char_class for _, char_class in parts], hex(code)
            assert np.all(characters.classes[mine, len(parts) :] == 0x80)
            kept = [
                chr(code + by) for by, kind in zip(characters.becomes[mine].tolist(), classes, strict=False) if kind
            ]
            assert kept == [part for part, kind in parts if kind], hex(code)


def test_bytes_that_are_not_utf8_are_an_error():
    layer = tokemb.fit_vocab(["a"], profile="whitespace").layer()
    for wrong in (b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\x80"):
        with pytest.raises(tf.errors.InvalidArgumentError):
            layer(tf.constant([b"a", wrong]))


def test_layer_uses_the_maxlen_and_sides_of_the_vocabulary():
    encoder = tokemb.fit_vocab(["a b c"], profile="whitespace", maxlen=2, padding="pre", truncating="pre")
    np.testing.assert_array_equal(encoder.layer()(strings(["a b c", "a"])), encoder.encode(["a b c", "a"]))


def test_layer_of_a_vocabulary_that_it_cannot_reproduce_is_refused(tmp_path):
    with pytest.raises(tokemb.TokembError, match="needs a vocabulary of words, .*; received the algorithm bpe"):
        tokemb.fit_vocab(["deep learning"], algorithm="bpe").layer()
    tokemb.fit_vocab(["a"]).save(tmp_path / "v")
    with pytest.raises(tokemb.TokembError, match="a layer needs a vocabulary that tokemb fitted"):
        tokemb.Encoder.load(tmp_path / "v" / "tokenizer.json").layer()


def test_layer_refuses_invalid_arguments_and_shapes():
    encoder = tokemb.fit_vocab(["a"], profile="whitespace")
    with pytest.raises(tokemb.TokembError, match="maxlen"):
        encoder.layer(0)
    with pytest.raises(tokemb.TokembError, match="padding"):
        encoder.layer(2, "left")
    with pytest.raises(
        tokemb.TokembError, match=r"strings of shape \(batch,\), \(batch, 1\) or \(\); received \(2, 2\)"
    ):
        encoder.layer(2)(tf.constant([["a", "b"], ["a", "b"]]))


TEXTS = ["deep learning is very deep", "ΣΑΣ not deep", "", "it isn't"]
LABELS = np.array([[1.0], [0.0], [0.0], [1.0]])


def text_model(encoder, maxlen=6):
    texts = keras.Input((), dtype="string", name="texts")
    ids = encoder.layer(maxlen)(texts)
    vectors = keras.layers.Embedding(encoder.input_dim, 3, mask_zero=True)(ids)
    pooled = keras.layers.GlobalAveragePooling1D()(vectors)
    return keras.Model(texts, keras.layers.Dense(1, activation="sigmoid")(pooled))


def test_layer_works_in_a_dataset_and_in_a_model():
    encoder = tokemb.fit_vocab(TEXTS, profile="keras")
    data = tf.data.Dataset.from_tensor_slices(TEXTS).batch(3).map(encoder.layer(5))
    assert data.element_spec.shape.as_list() == [None, 5]
    np.testing.assert_array_equal(np.concatenate(list(data)), encoder.encode(TEXTS, maxlen=5))
    model = text_model(encoder)
    assert model.layers[1].output.shape == (None, 6)
    assert model.layers[1].output.dtype == "int32"
    model.compile(loss="binary_crossentropy")
    model.fit(strings(TEXTS), LABELS, verbose=0)
    of_ids = keras.Model(model.layers[2].input, model.output)
    expected = of_ids.predict(encoder.encode(TEXTS, maxlen=6), verbose=0)
    np.testing.assert_allclose(model.predict(strings(TEXTS), verbose=0), expected, rtol=1e-6)


@pytest.mark.parametrize("maxlen", [5, None])
def test_layer_maps_one_text_to_one_row(maxlen):
    encoder = tokemb.fit_vocab(TEXTS, profile="whitespace")
    layer = encoder.layer(maxlen)
    for text in TEXTS:
        np.testing.assert_array_equal(layer(tf.constant(text)), encoder.encode([text], maxlen=maxlen)[0])
    rows = tf.data.Dataset.from_tensor_slices(TEXTS).map(layer)
    assert rows.element_spec.shape.as_list() == [maxlen]
    np.testing.assert_array_equal(list(rows.padded_batch(4)), [encoder.encode(TEXTS, maxlen=maxlen)])
    assert layer(keras.KerasTensor((), dtype="string")).shape == (maxlen,)


def test_model_with_the_layer_predicts_the_same_after_saving_cloning_and_exporting(tmp_path):
    encoder = tokemb.fit_vocab(TEXTS, profile="keras", oov=False)
    model = text_model(encoder)
    expected = model.predict(strings(TEXTS), verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(strings(TEXTS), verbose=0), expected)
    assert again.layers[1].fingerprint == encoder.fingerprint
    again.save(tmp_path / "m2.keras")
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(strings(TEXTS), verbose=0), expected)
    model.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(served.serve(strings(TEXTS)), expected, rtol=1e-6)


def test_tables_of_characters_that_are_too_large_or_truncated_are_refused():
    config = tokemb.fit_vocab(["deep learning"]).layer().get_config()
    whole = zlib.decompress(base64.b64decode(config["characters"]["page_of"]))
    for packed in (zlib.compress(bytes((1 << 26) + 1)), zlib.compress(whole)[:-1]):
        characters = {**config["characters"], "page_of": base64.b64encode(packed).decode()}
        with pytest.raises(ValueError, match="a table of characters must be complete and at most 67,108,864 bytes"):
            TextToIds(**{**config, "characters": characters})


@pytest.mark.parametrize("lengths", [(1, 2), (3, 1)])
@pytest.mark.parametrize("profile", ["words", "chars", "keras"])
def test_layer_gives_the_ngrams_of_encode(tmp_path, profile, lengths):
    texts = [text for corpus in CORPORA.values() for text in corpus[:4]] + [
        "",
        HARD,
        "今天，天气 a好b 好。b 好️，🙂‍🙂 'ア",
    ]
    encoder = tokemb.fit_vocab(texts[1:], profile=profile, ngrams=lengths, max_size=2000, oov=profile != "keras")
    layer = encoder.layer(padding="pre")
    assert np.array_equal(layer(strings(texts)), encoder.encode(texts, padding="pre"))
    assert layer(strings([])).shape == (0, 0)
    keras.Sequential([keras.Input((), dtype="string"), encoder.layer(maxlen=9)]).save(tmp_path / "m.keras")
    model = keras.models.load_model(tmp_path / "m.keras")
    assert np.array_equal(model(strings(texts)), encoder.encode(texts, maxlen=9))


@given(st.lists(TEXT, max_size=9))
def test_layer_forms_ngrams_within_the_runs_of_any_text(texts):
    encoder = tokemb.fit_vocab([*texts, HARD], ngrams=(2, 1))
    table = _unicode_table_of(encoder)
    tokens, rows = join_ngrams(*pretokenize(strings(texts), table), (2, 1))
    ids = {token: index for index, token in enumerate(encoder.vocabulary)}
    expected = encoder.encode_ragged(texts)
    assert [ids[token.decode()] for token in tokens.numpy()] == expected.values.tolist()
    assert rows.numpy().tolist() == np.repeat(np.arange(len(texts)), expected.lengths).tolist()


def test_layer_begins_a_sequential_model_under_mixed_precision(tmp_path):
    encoder, texts = tokemb.fit_vocab(["deep learning", "x"]), ["deep x", "zz", ""]
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([encoder.layer(maxlen=3), keras.layers.Embedding(encoder.input_dim, 2)])
        embedded = model.predict(strings(texts), verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    weights = model.layers[-1].get_weights()[0].astype(np.float16)
    np.testing.assert_array_equal(embedded, weights[encoder.encode(texts, maxlen=3)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(strings(texts), verbose=0), embedded)
