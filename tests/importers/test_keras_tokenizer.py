"""Legacy Keras tokenizers: what is imported gives the ids of TensorFlow's own class."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import DATA, MIXED, ROWS, examples
from tokemb.errors import ArgumentError, VocabularyError
from tokemb.importers import import_vocabulary, read_foreign, verify
from tokemb.importers.options import Options
from tokemb.vocabulary.expressions import KERAS_FILTERS

pytestmark = pytest.mark.keras

REAL = DATA.parent / "tokenizers" / "keras"

TEXT = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z"])) | st.text("abAB|x -Σσ\t\n", max_size=12)


@pytest.fixture(scope="module")
def keras_class():
    import tensorflow as tf

    return tf.keras.preprocessing.text.Tokenizer


def write(path, value):
    path.write_text(json.dumps(value), "utf-8")
    return path


SPLITS = st.sampled_from([" ", "|", "a", "ab", "aa", "aba", "\n", ", ", "Σ"])


@pytest.mark.filterwarnings("ignore:every row is a list of one token")  # words can hold spaces where split is another
@examples(50)
@given(
    st.lists(TEXT, min_size=1, max_size=5),
    st.lists(TEXT, max_size=5),
    st.fixed_dictionaries(
        {
            "filters": st.sampled_from([KERAS_FILTERS, "", "]^-\\[", "x", "Aσ ", "&&[.*"]) | st.text(max_size=3),
            "lower": st.booleans(),
            "split": SPLITS,
            "char_level": st.booleans(),
            "oov_token": st.none() | st.sampled_from(["<OOV>", "b", "[UNK]", "", "\t"]),
            "num_words": st.none() | st.integers(0, 6),
        }
    ),
)
def test_any_tokenizer_keeps_its_ids(keras_class, tmp_path, fitted, encoded, arguments):
    original = keras_class(**arguments)
    original.fit_on_texts(fitted)
    if not original.word_index:
        return
    path = tmp_path / "tokenizer.json"
    path.write_text(original.to_json(), "utf-8")
    encoder = import_vocabulary(path)
    texts = fitted + encoded
    assert [row.tolist() for row in encoder.encode_ragged(texts)] == original.texts_to_sequences(texts)
    if original.word_index:
        rows = [[word] for word in original.word_index if not arguments["lower"] or word == word.lower()]
        assert [row.tolist() for row in encoder.encode_ragged(rows)] == original.texts_to_sequences(rows)
    encoder.save(tmp_path / "v")
    again = tokemb.Encoder.load(tmp_path / "v")
    assert [row.tolist() for row in again.encode_ragged(texts)] == original.texts_to_sequences(texts)


def texts_of(name):
    """Texts that the tokenizer was fitted on, where they are at hand, and others."""
    folder = REAL / name
    texts = list(MIXED)
    if name == "nmt_eng":
        texts += (folder / "dataset.txt").read_text("utf-8").split("\n")[:ROWS]
    if name == "event_tagger":
        texts += [item["description"] for item in json.loads((folder / "labeled_events.json").read_text("utf-8"))][
            :ROWS
        ]
    if name == "indonesian_bilstm":
        with (folder / "dataset_bersih.csv").open(encoding="utf-8", newline="") as file:
            texts += [" ".join(row) for row, _ in zip(csv.reader(file), range(ROWS), strict=False)]
    if name == "pickle_nextword_2025":
        texts += (folder / "hamlet.txt").read_text("utf-8").split("\n")[:ROWS]
    return texts


# Name of the file, words in it, input_dim, the id of unknown words, the profile if it is a known one.
IMPORTED = [
    ("event_tagger/tokenizer.json", 1647, 1648, 1, "keras"),
    ("image_caption/tokenizer.json", 8235, 8235, 1, None),
    ("indonesian_bilstm/tokenizer.json", 1441, 1442, 1, "keras"),
    ("nmt_eng/tokenizer.json", 5544, 5545, 1, None),
    ("nmt_eng/tokenizer.pkl", 5544, 5545, 1, None),
    ("password_char/tokenizer.json", 84, 85, None, None),
    ("phonemes_char/tokenizer.json", 28, 29, 1, None),
    ("pickle_nextword_2025/tokenizer.pickle", 4817, 4818, None, "keras"),
    ("pickle_waf_2019/tokenizer.pickle", 97, 98, None, "chars"),
    ("voicephishing_ko/tokenizer.json", 1665, 200, 1, "keras"),
]

REFUSED = {
    "event_tagger/labeled_events.json": "JSON list",
    "event_tagger/model.h5": "HDF5",
    "indonesian_bilstm/dataset_bersih.csv": "no text gives",
    "nmt_eng/model_config.json": "must have a word_index",
    "nmt_eng/preprocessing_metadata.pkl": "must have a word_index",
    "nmt_eng/dataset.txt": "contain each word once",
    "pickle_waf_2019/word_index.json": "no text gives the word '%'",
}


@pytest.mark.parametrize(("name", "words", "input_dim", "unk_id", "profile"), IMPORTED)
def test_real_tokenizers_keep_their_ids(name, words, input_dim, unk_id, profile):
    if not (REAL / name).exists():
        pytest.skip("the artefacts are not at hand")
    imported = read_foreign(REAL / name)
    encoder = imported.encoder
    assert (imported.facts["words"], encoder.input_dim, encoder.unk_id, encoder.profile) == (
        words,
        input_dim,
        unk_id,
        profile,
    )
    assert (encoder.padding, encoder.truncating, encoder.maxlen, encoder.pad_id) == ("pre", "pre", None, 0)
    texts = texts_of(name.split("/")[0])
    assert verify(imported, texts) == (len(texts), None)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_tokenizer_is_refused(name):
    if not (REAL / name).exists():
        pytest.skip("the artefacts are not at hand")
    with pytest.raises(VocabularyError, match=REFUSED[name]):
        import_vocabulary(REAL / name)


def test_a_word_index_with_what_its_file_does_not_say_is_the_pickle():
    if not REAL.exists():
        pytest.skip("the artefacts are not at hand")
    folder = REAL / "pickle_waf_2019"
    encoder = import_vocabulary(folder / "word_index.json", char_level=True, lowercase=False)
    assert encoder.fingerprint == import_vocabulary(folder / "tokenizer.pickle").fingerprint
    assert encoder.encode(["Aa"]).tolist() == [[41, 10]]


def test_the_empty_word_of_a_tokenizer_fitted_on_lists(tmp_path):
    path = write(tmp_path / "t.json", {**COMPLETE, "word_index": {"": 5, "a": 1}})
    encoder = import_vocabulary(path)
    assert [row.tolist() for row in encoder.encode_ragged([["", "a", "b"]])] == [[5, 1]]
    assert encoder.vocabulary == ["", "a", "", "", "", ""]


COMPLETE = {
    "num_words": None,
    "filters": KERAS_FILTERS,
    "lower": True,
    "split": " ",
    "char_level": False,
    "oov_token": None,
    "word_index": {"b": 1, "a": 2},
}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda config: {
            "class_name": "Tokenizer",
            "config": {**config, "word_index": json.dumps(config["word_index"])},
        },
        lambda config: json.dumps({"class_name": "Tokenizer", "config": config}),
        lambda config: json.dumps(json.dumps({"class_name": "Tokenizer", "config": config})),
        lambda config: {"tokenizer": {"class_name": "Tokenizer", "config": config}, "word_index": {"z": 1}},
        lambda config: {"tokenizer": json.dumps({"class_name": "Tokenizer", "config": config})},
        lambda config: {"word_index": config["word_index"], "num_words": None, "oov_token": None},
        lambda config: config["word_index"],
        lambda config: config,
    ],
)
def test_json_in_the_forms_in_which_it_is_found(tmp_path, wrap):
    encoder = import_vocabulary(write(tmp_path / "t.json", wrap(COMPLETE)))
    assert [row.tolist() for row in encoder.encode_ragged(["A b, c"])] == [[2, 1]]
    assert (encoder.profile, encoder.oov) == ("keras", False)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"word_index": {}}, "contains no words"),
        ({"word_index": None}, "contains no word_index"),
        ({"word_index": "{"}, "must be JSON"),
        ({"word_index": {"a": 1.0}}, "ids must be integers"),
        ({"word_index": {"a": True}}, "ids must be integers"),
        ({"word_index": {"a": -1}}, "ids must be integers"),
        ({"word_index": {"a": 2**31}}, "ids must be integers"),
        ({"word_index": {"a": [[]]}}, "ids must be integers"),
        ({"oov_token": "z"}, "not in the word_index"),
        ({"oov_token": 5}, "not in the word_index"),
        ({"num_words": -1}, "num_words"),
        ({"num_words": "9"}, "num_words"),
        ({"split": ""}, "split"),
        ({"split": None}, "split"),
        ({"split": "\ud800"}, "split"),
        ({"filters": None}, "filters"),
        ({"lower": "yes"}, "lower"),
        ({"oov_token": "\ud800", "word_index": {"\ud800": 1}}, "must be valid text with an id"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, changes, reason):
    path = write(tmp_path / "t.json", {"class_name": "Tokenizer", "config": {**COMPLETE, **changes}})
    with pytest.raises(VocabularyError, match=reason):
        import_vocabulary(path)


def test_two_words_with_one_id_and_gaps(tmp_path):
    index = {"b": 7, "a": 7, "\ud83d": 9, "<pad>": 0}
    imported = read_foreign(write(tmp_path / "t.json", {**COMPLETE, "filters": "", "word_index": index}))
    encoder = imported.encoder
    assert encoder.encode_ragged(["a b <pad> c"])[0].tolist() == [7, 7, 0]
    assert encoder.table["token"].to_pylist() == [
        "<pad>",
        *[""] * 6,
        "b",
    ]  # 9 is that of half a character, which no text has
    assert verify(imported, ["a b c <pad>", "", "A"]) == (3, None)
    assert any("<pad>" in note for note in imported.notes)


def test_counts_come_along(tmp_path):
    counts = {"word_counts": json.dumps({"b": 5, "a": 3}), "word_docs": {"b": 2, "a": "?"}}
    encoder = import_vocabulary(write(tmp_path / "t.json", {**COMPLETE, **counts}))
    assert encoder.table["count"].to_pylist() == [None, 5, 3]
    assert encoder.table["documents"].to_pylist() == [None, 2, None]


def test_what_a_file_says_cannot_be_said_again(tmp_path):
    path = write(tmp_path / "t.json", COMPLETE)
    with pytest.raises(ArgumentError, match="num_words does not apply to this file"):
        import_vocabulary(path, num_words=5)
    path = write(tmp_path / "t.json", {"<OOV>": 1, "a": 2, "b": 3})
    with pytest.raises(VocabularyError, match="oov_token is '<unk>', which is not in the word_index"):
        import_vocabulary(path, oov_token="<unk>")
    encoder = import_vocabulary(path, num_words=3, oov_token="<OOV>", split="|", lowercase=False, maxlen=4)
    assert encoder.encode(["a|b|A"]).tolist() == [[0, 2, 1, 1]]


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_padding_is_saved(tmp_path, padding):
    path = write(tmp_path / "t.json", COMPLETE)
    assert any("pad_sequences" in note for note in read_foreign(path).notes)
    assert read_foreign(path, Options(padding=padding, truncating="post")).notes == ()
    encoder = import_vocabulary(path, maxlen=3, padding=padding, truncating="post")
    encoder.save(tmp_path / "v")
    expected = [[0, 0, 2], [2, 1, 2]] if padding == "pre" else [[2, 0, 0], [2, 1, 2]]
    assert tokemb.Encoder.load(tmp_path / "v").encode(["a", "a b a b b"]).tolist() == expected


def test_a_difference_is_found(tmp_path):
    imported = read_foreign(write(tmp_path / "t.json", COMPLETE), Options())
    wrong = type(imported)(imported.kind, imported.encoder, lambda texts: [[2] for _ in texts])
    rows, difference = verify(wrong, ["a"] * 1500 + ["b"])
    assert rows == 1500
    assert (difference.row, difference.text, difference.ids, difference.original) == (1500, "b", [1], [2])
