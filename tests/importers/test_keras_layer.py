"""``TextVectorization`` and ``StringLookup`` in saved models give the layers' own ids."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import CORPORA, DATA, MIXED, examples
from tokemb.errors import ArgumentError, ModelError, VocabularyError
from tokemb.importers import import_vocabulary, read_foreign, verify

pytestmark = pytest.mark.keras

REAL = DATA.parent / "tokenizers" / "other" / "textvectorization_keras3" / "vectorizer.keras"
TEXTS = [text.replace("\0", "") for text in MIXED]


@pytest.fixture(scope="module")
def keras():
    import keras

    return keras


def saved(keras, path, *layers):
    """A model of one layer, or of several that take inputs of their own."""
    inputs = [keras.Input((1,), dtype="string") for _ in layers]
    keras.Model(inputs, [layer(one) for layer, one in zip(layers, inputs, strict=True)]).save(path)
    return path


@pytest.mark.parametrize("standardize", ["lower_and_strip_punctuation", "lower", "strip_punctuation", None])
@pytest.mark.parametrize("split", ["whitespace", "character", None])
def test_text_vectorization_keeps_its_ids(keras, tmp_path, standardize, split):
    layer = keras.layers.TextVectorization(standardize=standardize, split=split, output_sequence_length=None)
    fitted = [text for text in TEXTS if split == "whitespace" or "\n" not in text]
    layer.adapt(np.array(fitted)[:, None] if split is None else fitted)
    imported = read_foreign(saved(keras, tmp_path / "m.keras", layer))
    encoder = imported.encoder
    texts = fitted + ["never seen", "A b C."]
    assert verify(imported, texts) == (len(texts), None)
    expected = np.asarray(layer(np.array(texts)[:, None]))
    np.testing.assert_array_equal(encoder.encode(texts), expected)
    assert encoder.vocabulary == layer.get_vocabulary()
    assert encoder.profile == ("text-vectorization" if (standardize, split) == tuple(DEFAULTS.values()) else None)


DEFAULTS = {"standardize": "lower_and_strip_punctuation", "split": "whitespace"}


def test_the_length_of_rows_comes_along(keras, tmp_path):
    layer = keras.layers.TextVectorization(vocabulary=["b", "a"], output_sequence_length=3)
    path = saved(keras, tmp_path / "m.keras", layer)
    import_vocabulary(path).save(tmp_path / "v")
    assert tokemb.Encoder.load(tmp_path / "v").encode(["a", "b a z b"]).tolist() == [[3, 0, 0], [2, 3, 1]]
    assert import_vocabulary(path, maxlen=2, padding="pre").encode(["a"]).tolist() == [[0, 3]]


@pytest.mark.parametrize(
    "arguments",
    [
        {"mask_token": ""},
        {"mask_token": "[PAD]", "oov_token": "b"},
        {"mask_token": None},
        {"mask_token": None, "oov_token": "?"},
    ],
)
def test_string_lookup_keeps_its_ids(keras, tmp_path, arguments):
    layer = keras.layers.StringLookup(vocabulary=["b", "New York", "A"], **arguments)
    imported = read_foreign(saved(keras, tmp_path / "m.keras", layer))
    texts = ["New York", "b", "B", "A ", "A", "[UNK]", "?"]
    assert verify(imported, texts) == (len(texts), None)
    assert imported.encoder.encode_ragged(texts).values.tolist() == np.asarray(layer(texts)).tolist()
    assert imported.encoder.pad_id == (None if arguments["mask_token"] is None else 0)


@pytest.mark.parametrize("salt", [None, 5])
@pytest.mark.parametrize("mask", ["", "[PAD]", None])
def test_layers_with_buckets_keep_their_ids(keras, tmp_path, mask, salt):
    lookup = keras.layers.StringLookup(vocabulary=["b", "é"], num_oov_indices=3, mask_token=mask, salt=salt)
    hashing = keras.layers.Hashing(num_bins=6, mask_value=mask, salt=salt)
    texts = ["b", "new", "é", "東京", "[UNK]", "a b", "x" * 70]
    for layer, input_dim in ((lookup, 5 if mask is None else 6), (hashing, 6)):
        imported = read_foreign(saved(keras, tmp_path / f"{layer.name}.keras", layer))
        assert verify(imported, texts) == (len(texts), None)
        assert imported.encoder.encode_ragged(texts).values.tolist() == np.asarray(layer(texts)).tolist()
        assert imported.encoder.input_dim == input_dim
        imported.encoder.save(tmp_path / "v")
        loaded = tokemb.Encoder.load(tmp_path / "v")
        assert loaded.encode_ragged(texts * 3).values.tolist() == np.asarray(layer(texts * 3)).tolist()
    assert loaded.is_hashed


@examples(10)
@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), min_size=1, max_size=5, unique=True))
def test_any_vocabulary_of_a_layer(keras, tmp_path, words):
    layer = keras.layers.StringLookup(vocabulary=words, mask_token="")
    imported = read_foreign(saved(keras, tmp_path / "m.keras", layer))
    assert verify(imported, [*words, "\ue000"]) == (len(words) + 1, None)


@pytest.mark.parametrize("ngrams", [2, (1, 3), (3, 2)])
@pytest.mark.parametrize("split", ["whitespace", "character"])
def test_ngrams_of_a_layer_keep_their_ids(keras, tmp_path, ngrams, split):
    layer = keras.layers.TextVectorization(ngrams=ngrams, split=split, standardize="lower", max_tokens=60)
    layer.adapt(["a b c a", "b  c d. A", "x"])
    imported = read_foreign(saved(keras, tmp_path / "m.keras", layer))
    texts = ["a b c", "", "b  c", "X a", "x b c d.", " "]
    assert verify(imported, texts) == (len(texts), None)
    assert np.array_equal(imported.encoder.encode(texts), np.asarray(layer(texts)))
    assert imported.encoder.grow(["e e e"]).input_dim > imported.encoder.input_dim


def test_characters_that_no_text_gives_do_not_hide_others(keras, tmp_path):
    layer = keras.layers.TextVectorization(ngrams=2, split="character", vocabulary=["ab", "a", "a  ", "b c"])
    imported = read_foreign(saved(keras, tmp_path / "m.keras", layer))
    assert np.array_equal(imported.encoder.encode(["a bc", "b"]), np.asarray(layer(["a bc", "b"])))


def test_layers_of_one_class_are_told_apart(keras, tmp_path):
    layers = [keras.layers.TextVectorization(name=name) for name in ("title", "body")]
    for layer, texts in zip(layers, (["x y", "x"], ["q", "q r"]), strict=True):
        layer.adapt(texts)
    inner = keras.Sequential([keras.Input((1,), dtype="string"), layers[1]], name="inner")
    inputs = keras.Input((1,), dtype="string")
    keras.Model(inputs, [layers[0](inputs), inner(inputs)]).save(tmp_path / "nested.keras")
    for path in (saved(keras, tmp_path / "flat.keras", *layers), tmp_path / "nested.keras"):
        with pytest.raises(ArgumentError, match="title, body"):
            read_foreign(path)
        assert import_vocabulary(path, layer="title").vocabulary == layers[0].get_vocabulary()
        assert import_vocabulary(path, layer="body").vocabulary == layers[1].get_vocabulary()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"ngrams": 2, "split": None}, "has n-grams of texts that it does not split"),
        ({"output_mode": "multi_hot"}, "output_mode='multi_hot'"),
        ({"encoding": "latin-1"}, "encoding='latin-1'"),
    ],
)
def test_settings_that_words_cannot_follow_are_refused(keras, tmp_path, arguments, reason):
    layer = keras.layers.TextVectorization(vocabulary=["b", "a"], **arguments)
    with pytest.raises(VocabularyError, match=reason):
        read_foreign(saved(keras, tmp_path / "m.keras", layer))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"num_oov_indices": 0}, "num_oov_indices must be an integer of at least 1; received 0"),
        ({"num_oov_indices": 2, "salt": "x"}, "salt must be an integer"),
        ({"invert": True}, "invert=True"),
        ({"output_mode": "one_hot"}, "output_mode"),
    ],
)
def test_look_ups_that_words_cannot_follow_are_refused(tmp_path, arguments, reason):
    path = rewritten(tmp_path / "m.keras", [("StringLookup", {"vocabulary": ["a"], "output_mode": "int", **arguments})])
    with pytest.raises(VocabularyError, match=reason):
        read_foreign(path)


def rewritten(path, layers, **assets):
    """A ``.keras`` file by hand: the class and config of every layer, and the vocabulary of the first."""
    config = {
        "config": {"layers": [{"class_name": kind, "config": {"name": "l", **config}} for kind, config in layers]}
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(config))
        for name, content in assets.items():
            archive.writestr(f"assets/layers/{name}/vocabulary.txt", content)
            archive.writestr(f"../../{name}/vocabulary.txt", "outside")
    return path


LAYER = {"output_mode": "int", "standardize": "lower", "split": "whitespace"}


@pytest.mark.parametrize(
    ("config", "content", "reason"),
    [
        ({"standardize": {"class_name": "function", "config": "custom"}}, "a", "a custom function"),
        ({"split": {"class_name": "function"}}, "a", "split="),
        ({"vocabulary": "/etc/passwd"}, "a", "must be a list of texts in the file"),
        ({}, None, "must be adapted"),
        ({}, "\n[UNK]\ncaf\xe9".encode("latin-1"), "not UTF-8"),
        ({"vocabulary_size": 4}, "\n[UNK]\na\n\n", "contains a line end"),
        ({}, "\n[UNK]\na\x85b", "contains a line end"),
        ({}, "\n[UNK]\na\na", "twice"),
        ({"vocabulary": ["a", ""]}, None, "twice"),
    ],
)
def test_files_whose_ids_cannot_be_told_are_refused(tmp_path, config, content, reason):
    assets = {} if content is None else {"text_vectorization": content}
    path = rewritten(tmp_path / "m.keras", [("TextVectorization", {**LAYER, **config})], **assets)
    with pytest.raises(VocabularyError, match=reason):
        read_foreign(path)


def test_a_file_of_windows_and_names_that_lead_outside(tmp_path):
    path = rewritten(tmp_path / "m.keras", [("TextVectorization", LAYER)], text_vectorization="\r\n[UNK]\r\nb\r\na")
    assert import_vocabulary(path).vocabulary == ["", "[UNK]", "b", "a"]
    assert [item.name for item in tmp_path.iterdir()] == ["m.keras"]
    # A line end of Unicode, where the layer says how many tokens there are.
    config = {**LAYER, "vocabulary_size": 3}
    path = rewritten(tmp_path / "m.keras", [("TextVectorization", config)], text_vectorization="\n[UNK]\na\x85b")
    assert import_vocabulary(path).vocabulary == ["", "[UNK]", "a\x85b"]


def test_what_is_no_model(tmp_path):
    path = tmp_path / "m.keras"
    path.write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(ModelError, match=r"not a \.keras model"):
        read_foreign(path)
    with pytest.raises(VocabularyError, match="contains no TextVectorization"):
        read_foreign(rewritten(path, [("Dense", {})]))
    with pytest.raises(ArgumentError, match="num_words does not apply to this file"):
        import_vocabulary(rewritten(path, [("TextVectorization", {**LAYER, "vocabulary": ["a"]})]), num_words=3)


def test_the_real_one_has_pairs_of_words():
    if not REAL.exists():
        pytest.skip("the artefact is not at hand")
    imported = read_foreign(REAL)
    assert imported.encoder.ngrams == (1, 2) and imported.facts["ngrams"] == "1, 2"
    assert verify(imported, CORPORA["imdb"]) == (len(CORPORA["imdb"]), None)
