"""Word maps that people made: what their special words become, and what a comparison can confirm."""

from __future__ import annotations

import json
import pickle

import pytest

from tests.conftest import command_here
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers import import_vocabulary, read_foreign, verify

pytestmark = pytest.mark.keras


def write(path, value):
    path.write_bytes(json.dumps(value).encode() if path.suffix == ".json" else pickle.dumps(value))
    return path


def rows(encoder, texts):
    return [row.tolist() for row in encoder.encode_ragged(texts)]


@pytest.mark.parametrize("name", ["map.json", "map.pkl"])
def test_word_index_made_with_an_empty_oov_token_keeps_unknown_words(tmp_path, name):
    import tensorflow as tf

    original = tf.keras.preprocessing.text.Tokenizer(oov_token="")
    original.fit_on_texts(["will go home", "will go", "will"])
    assert original.word_index == {"": 1, "will": 2, "go": 3, "home": 4}
    imported = read_foreign(write(tmp_path / name, original.word_index))
    texts = ["will zzz home", "zzz"]
    assert rows(imported.encoder, texts) == original.texts_to_sequences(texts) == [[2, 1, 4], [1]]
    assert any("words out of vocabulary get id 1, since '' looks like oov_token" in note for note in imported.notes)
    assert "oov_token" in imported.assumed


def test_comparison_does_not_confirm_what_both_sides_assume(tmp_path):
    write(tmp_path / "map.json", {"": 1, "will": 2})
    (tmp_path / "texts.txt").write_text("will zzz\n")
    run = command_here("import", "map.json", "-o", "v", "--verify", "texts.txt", cwd=tmp_path)
    told = run.stderr.decode()
    assert run.returncode == 0, told
    assert (
        "1 rows of texts.txt: the ids are those of the original, provided that its num_words, oov_token, filters"
        in told
    )
    run = command_here("import", "map.json", "-o", "v", "--verify", "texts.txt", "--oov-token", "", cwd=tmp_path)
    assert "provided that its num_words, filters, lower, split, char_level are as assumed above" in run.stderr.decode()


def test_file_that_says_oov_token_null_drops_unknown_words(tmp_path):
    path = write(
        tmp_path / "map.json", {"word_index": {"": 1, "<UNK>": 3, "will": 2}, "oov_token": None, "filters": ""}
    )
    assert rows(import_vocabulary(path), ["will zzz"]) == [[2]]


HAND_MADE = {"<PAD>": 0, "<UNK>": 1, "<EOS>": 2, "END": 3, "good": 4, "film": 5}


@pytest.mark.parametrize("name", ["map.json", "map.pkl"])
def test_special_words_put_in_by_hand_keep_their_ids(tmp_path, name):
    imported = read_foreign(write(tmp_path / name, HAND_MADE))
    encoder = imported.encoder
    assert (encoder.pad_id, encoder.unk_id) == (0, 1)
    assert rows(encoder, ["Good film, END <EOS>", "bad"]) == [[4, 5, 1, 1], [1]]
    assert rows(encoder, [["good", "<EOS>", "END", "bad"]]) == [[4, 2, 3, 1]]
    assert encoder.vocabulary == list(HAND_MADE)
    assert any("no text gives <EOS>, END, only rows of tokens do" in note for note in imported.notes)
    assert verify(imported, ["Good film, END <EOS>", "bad", ""]) == (3, None)


def test_special_words_that_texts_spell_are_found_with_the_settings_of_the_original(tmp_path):
    path = write(tmp_path / "map.json", HAND_MADE)
    encoder = import_vocabulary(path, filters="", lowercase=False)
    assert rows(encoder, ["good END <EOS> bad"]) == [[4, 3, 2, 1]]


@pytest.mark.parametrize(
    ("word_map", "pad_id", "unk_id"),
    [
        ({"<unk>": 0, "<pad>": 1, "a": 2, "b": 3}, 1, 0),
        ({"[PAD]": 0, "[OOV]": 7, "a": 2, "b": 3}, 0, 7),
        ({"UNK": 0, "a": 1, "b": 2}, 0, 0),
        ({"a": 1, "b": 2, "__unknown__": 3}, 0, 3),
        ({"oov": 1, "a": 2, "b": 3}, 0, 1),
        ({"a": 1, "unk": 2, "b": 3, "unknown": 4}, 0, None),  # words like any other
        ({"<start>": 1, "<pad>": 2, "a": 3, "b": 4}, 0, None),  # spelled by the texts: 0 is left for padding
    ],
)
def test_padding_and_unknown_words_are_known_by_their_names(tmp_path, word_map, pad_id, unk_id):
    encoder = import_vocabulary(write(tmp_path / "map.json", word_map))
    assert (encoder.pad_id, encoder.unk_id) == (pad_id, unk_id)
    expected = [word_map["a"], *([] if unk_id is None else [unk_id]), word_map["b"]]
    assert rows(encoder, ["a zzz b"]) == [expected]
    assert encoder.encode(["a", "a b"], padding="post").tolist()[0] == [word_map["a"], pad_id]


def test_unknown_words_with_the_id_of_padding_are_noted(tmp_path):
    imported = read_foreign(write(tmp_path / "map.json", {"UNK": 0, "a": 1}))
    assert any("words out of vocabulary have the id of padding" in note for note in imported.notes)


def test_several_words_for_unknown_ones_must_be_chosen_from(tmp_path):
    path = write(tmp_path / "map.json", {"<unk>": 0, "<oov>": 1, "a": 2})
    with pytest.raises(ArgumentError, match="'<unk>', '<oov>': pass one of them, as oov_token='<unk>'"):
        import_vocabulary(path)
    assert import_vocabulary(path, oov_token="<oov>").unk_id == 1


def test_ordinary_words_that_no_text_yields_are_still_refused(tmp_path):
    with pytest.raises(VocabularyError, match="gives the word 'so-so'.*filters"):
        import_vocabulary(write(tmp_path / "map.json", {**HAND_MADE, "so-so": 6}))
    with pytest.raises(VocabularyError, match="gives the word '<a>'"):
        import_vocabulary(write(tmp_path / "map.json", {"<a>": 1, "<b>": 2}))


def test_map_of_single_characters_must_say_how_texts_are_split(tmp_path):
    words = {"OOV": 1, **{character: index for index, character in enumerate("abcdefghij", 2)}}
    path = write(tmp_path / "map.json", words)
    with pytest.raises(VocabularyError, match="10 words is one character.*pass char_level=True or char_level=False"):
        import_vocabulary(path)
    assert rows(import_vocabulary(path, char_level=True), ["Bad!"]) == [[3, 2, 5, 1]]
    assert rows(import_vocabulary(path, char_level=False), ["b a d"]) == [[3, 2, 5]]
