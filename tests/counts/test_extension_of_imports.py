"""Imported vocabularies grow as the library that they are from splits text."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tokemb
from tests.conftest import MIXED, command_here
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.keras.legacy.text import Tokenizer

pytestmark = pytest.mark.keras

OLD = [*MIXED[:4], "aa bb aa"]
NEW = [text for text in MIXED if "[UNK]" not in text]  # which names unknown words where the original drops them


def imported(tmp_path, tokenizer, name="t.json"):
    (tmp_path / name).write_text(tokenizer.to_json(), "utf-8")
    return tokemb.import_vocabulary(tmp_path / name)


def fitted(texts, **settings):
    tokenizer = Tokenizer(**settings)
    tokenizer.fit_on_texts(texts)
    return tokenizer


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"oov_token": "<OOV>"},
        {"oov_token": "<OOV>", "num_words": 10},
        {"filters": "", "lower": False},
        {"filters": "x", "split": "e", "oov_token": ""},
        {"char_level": True},
        {"char_level": True, "lower": False, "oov_token": "UNK"},
    ],
)
def test_imported_tokenizer_appends_the_words_that_keras_would_count(tmp_path, settings):
    tokenizer = fitted(OLD, **settings)
    old = imported(tmp_path, tokenizer)
    old.save(tmp_path / "v")
    new = tokemb.Encoder.load(tmp_path / "v").grow(NEW)
    assert new.vocabulary[: old.input_dim] == old.vocabulary
    known = {word for word, index in tokenizer.word_index.items() if index < old.input_dim}
    expected = [word for word in fitted(NEW, **{**settings, "oov_token": None}).word_index if word not in known]
    assert new.vocabulary[old.input_dim :] == expected
    assert (new.oov, new.unk_id, new.pad_id, new.padding) == (old.oov, old.unk_id, old.pad_id, "pre")
    # The grown vocabulary gives the ids of a Tokenizer with the same words.
    tokenizer.num_words = None
    tokenizer.word_index = {**{word: tokenizer.word_index[word] for word in known}}
    tokenizer.word_index.update({word: index for index, word in enumerate(expected, old.input_dim)})
    assert [row.tolist() for row in new.encode_ragged(NEW)] == tokenizer.texts_to_sequences(NEW)
    new.save(tmp_path / "w")
    assert tokemb.Encoder.load(tmp_path / "w").grow(["brandnew ☃"]).settings["grown_from"] == [
        old.fingerprint,
        new.fingerprint,
    ]


def test_counts_of_the_file_and_of_new_texts_are_added(tmp_path):
    old = imported(tmp_path, fitted(["b b a"]))
    table = old.grow(["b c c", "c"]).table.to_pydict()
    assert (table["token"], table["count"], table["documents"]) == (
        ["", "b", "a", "c"],
        [None, 3, 1, 3],
        [None, 2, 1, 2],
    )


def test_words_that_share_an_id_are_not_appended_again(tmp_path):
    (tmp_path / "t.json").write_text(json.dumps({"word_index": {"a": 1, "b": 1, "c": 2}, "oov_token": None}))
    new = tokemb.import_vocabulary(tmp_path / "t.json").grow(["b d a"])
    assert new.encode_ragged(["a b c d"])[0].tolist() == [1, 1, 2, 3]


@pytest.mark.parametrize("standardize", ["lower_and_strip_punctuation", "lower", None])
@pytest.mark.parametrize("split", ["whitespace", "character"])
def test_imported_text_vectorization_grows_as_the_layer_splits(tmp_path, standardize, split):
    import keras

    layer = keras.layers.TextVectorization(standardize=standardize, split=split, vocabulary=["a", "b"])
    value = {"config": layer.get_config(), "vocabulary": layer.get_vocabulary()}
    (tmp_path / "tv.json").write_text(json.dumps(value))
    texts = ["A c, c", "b D"]
    new = tokemb.import_vocabulary(tmp_path / "tv.json").grow(texts)
    again = keras.layers.TextVectorization(standardize=standardize, split=split, vocabulary=new.vocabulary[2:])
    np.testing.assert_array_equal(new.encode(texts), np.asarray(again(texts)))
    assert not (new.encode_ragged(texts).values == new.unk_id).any()


def test_word_lists_and_gensim_files_grow(tmp_path):
    (tmp_path / "w.txt").write_text("b\na\n")
    assert tokemb.import_vocabulary(tmp_path / "w.txt").grow(["c a-c"]).vocabulary[2:] == ["b", "a", "a-c", "c"]
    (tmp_path / "d.txt").write_text("0\tb\t5\n1\ta\t2\n")
    new = tokemb.import_vocabulary(tmp_path / "d.txt").grow(["c a"])
    assert new.encode_ragged(["a c b z"])[0].tolist() == [1, 2, 0]


def test_what_cannot_grow_says_why(tmp_path):
    old = imported(tmp_path, fitted(["a"], filters=""))
    with pytest.raises(ArgumentError, match="counts with the profile 'keras' cannot grow it: pass the texts"):
        old.grow(tokemb.TokenCounts.from_texts(["a"], profile="keras"))
    plain = imported(tmp_path, fitted(["a"]))
    assert plain.grow(tokemb.TokenCounts.from_texts(["b"], profile="keras")).vocabulary == ["", "a", "b"]
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    with pytest.raises(VocabularyError, match="only word vocabularies can grow; this one has the algorithm wordpiece"):
        tokemb.import_vocabulary(tmp_path / "vocab.txt").grow(["b"])


def test_the_command_grows_an_imported_vocabulary_and_its_model(tmp_path):
    old = imported(tmp_path, fitted(["a b"], oov_token="<OOV>", filters=""))
    old.save(tmp_path / "v")
    tokemb.embedding_model(old, output_dim=2, seed=0).save(tmp_path / "m.keras")
    (tmp_path / "new.txt").write_text("c! A\n")
    names = ("--model", "m.keras", "--grown-model", "n.keras")
    run = command_here("grow", "new.txt", "--vocab", "v", "-o", "w", *names, cwd=tmp_path)
    assert run.returncode == 0, run.stderr.decode()
    assert run.stderr.decode().splitlines()[:2] == ["added      1 tokens: c!", "input_dim  5, before 4"]
    assert tokemb.Encoder.load(tmp_path / "w").vocabulary == ["", "<OOV>", "a", "b", "c!"]
