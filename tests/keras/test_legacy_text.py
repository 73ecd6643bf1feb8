"""The drop-in for ``keras.preprocessing.text`` against the original."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
from collections import OrderedDict, defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import CORPORA, TOKENIZERS, python
from tokemb.keras.legacy import splitting, text
from tokemb.keras.legacy.word_lookup import WordLookup
from tokemb.vocabulary.expressions import KERAS_FILTERS

pytestmark = pytest.mark.keras

ARTEFACTS = sorted((TOKENIZERS.parent / "keras").glob("*/tokenizer.json"))

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("aAbB'-. \t\n\r\0ΣσςİıßÉé中|^]\\[")
TOKENS = st.lists(st.sampled_from(["a", "A", "b", "", "a b", "İ", "<u>", "Σ"]))
ROWS = st.lists(TEXT | TOKENS) | st.lists(TEXT)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "num_words": st.none() | st.integers(0, 9),
        "filters": st.sampled_from(["", "a.", "]^-[\\", "é中\0", KERAS_FILTERS[:-1]]),
        "lower": st.booleans(),
        "split": st.sampled_from(["|", "a", "\\", "^", "ab"]),
        "char_level": st.booleans(),
        "oov_token": st.sampled_from(["<u>", "a", ""]),
    },
)


@pytest.fixture(scope="module")
def original():
    import tensorflow as tf

    return tf.keras.preprocessing.text


@pytest.fixture(params=["python", "engine"])
def way(request, monkeypatch):
    """Few texts are done in Python, many by the engine; here those that are few go both ways."""
    few = 0 if request.param == "engine" else 1 << 62
    monkeypatch.setattr(splitting, "_WORTH_KERNELS", few)
    monkeypatch.setattr(splitting, "_WORTH_LOADING", few)
    monkeypatch.setattr("tokemb.engine.SMALL_BYTES", 0)
    return request.param


def same_state(ours, theirs):
    assert list(ours.word_counts.items()) == list(theirs.word_counts.items())
    assert list(ours.word_index.items()) == list(theirs.word_index.items())
    assert list(ours.index_word.items()) == list(theirs.index_word.items())
    for name in ("word_docs", "index_docs", "document_count"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert list(ours.word_docs) == list(ours.word_counts)


def same_sequences(ours, theirs, texts):
    expected = theirs.texts_to_sequences(texts)
    got = ours.texts_to_sequences(texts)
    assert got == expected
    assert {type(index) for row in got for index in row} <= {int, type(None)}
    assert list(ours.texts_to_sequences_generator(iter(texts))) == expected
    return expected


def outcome(function, *arguments, **settings):
    """What a function returns, or the error that it raises."""
    try:
        return function(*arguments, **settings)
    except Exception as error:
        return next(kind for kind in (KeyError, ValueError, TypeError, AttributeError) if isinstance(error, kind))


@given(SETTINGS, ROWS, ROWS, ROWS)
def test_the_tokenizer_equals_the_original(original, way, settings, first, second, encoded):
    ours, theirs = text.Tokenizer(**settings), original.Tokenizer(**settings)
    for rows in (first, second):
        assert ours.fit_on_texts(rows) == theirs.fit_on_texts(rows)
        same_state(ours, theirs)
    for rows in (encoded, first):
        sequences = same_sequences(ours, theirs, rows)
        for each in (sequences, [[0, 1, 2, 99]]):
            assert outcome(ours.sequences_to_texts, each) == outcome(theirs.sequences_to_texts, each)


@given(
    SETTINGS, ROWS, st.lists(st.lists(st.integers(0, 9))), st.sampled_from(["binary", "count", "freq", "tfidf", "x"])
)
def test_matrices_equal_those_of_the_original(original, settings, fitted, sequences, mode):
    ours, theirs = text.Tokenizer(**settings), original.Tokenizer(**settings)
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(fitted)
        tokenizer.fit_on_sequences(sequences)
    assert ours.index_docs == theirs.index_docs
    for name, rows in (("texts_to_matrix", fitted), ("sequences_to_matrix", sequences)):
        expected, got = (outcome(getattr(each, name), rows, mode=mode) for each in (theirs, ours))
        if isinstance(expected, type):
            assert got is expected
        else:
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected)  # to the last bit


def test_matrices_of_long_rows(original, corpus):
    ours, theirs = text.Tokenizer(), original.Tokenizer()
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(corpus)
    for mode in ("freq", "tfidf"):
        np.testing.assert_array_equal(ours.texts_to_matrix(corpus, mode), theirs.texts_to_matrix(corpus, mode))


@pytest.mark.parametrize("settings", [{}, {"num_words": 30, "oov_token": "[UNK]"}, {"char_level": True}])
def test_on_real_texts(original, way, corpus, settings):
    ours, theirs = text.Tokenizer(**settings), original.Tokenizer(**settings)
    half = len(corpus) // 2
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(tuple(corpus[:half]))
        tokenizer.fit_on_texts(iter(corpus[half:]))
    same_state(ours, theirs)
    same_sequences(ours, theirs, corpus)


def test_many_texts_go_through_the_engine(original):
    """Past the thresholds as they are, in several chunks, among them some that only Python can do."""
    texts = [" ".join(CORPORA["mixed"])] * 3000 + [["Some", "tokens"]] + ["a \ud800 B"] + ["Last one"] * 40_000
    ours, theirs = text.Tokenizer(num_words=50), original.Tokenizer(num_words=50)
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(texts[:3000])
        tokenizer.fit_on_texts(texts[3000:])
    same_state(ours, theirs)
    assert ours._lookup is None
    assert ours.texts_to_sequences(texts) == theirs.texts_to_sequences(texts)


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(splitting, "_WORTH_KERNELS", 0)
    monkeypatch.setattr(splitting, "_WORTH_LOADING", 0)


def test_the_engine_does_what_it_can(engine, monkeypatch):
    def fail(*_):
        raise AssertionError("Python split this")

    monkeypatch.setattr(text, "split_words", fail)
    for settings in ({}, {"filters": "", "split": "a", "lower": False}, {"char_level": True, "split": "ab"}):
        tokenizer = text.Tokenizer(**settings)
        tokenizer.fit_on_texts(["Ein Text", "noch éiner"])
        if not tokenizer.char_level:
            with pytest.raises(AssertionError):
                tokenizer.texts_to_sequences(["\ud800"])
        assert all(tokenizer.texts_to_sequences(["Ein Text", "noch éiner"]))
        assert tokenizer._lookup is not None


def test_a_word_index_that_was_changed_counts(original, way):
    tokenizers = text.Tokenizer(oov_token="<u>"), original.Tokenizer(oov_token="<u>")
    texts = ["a b c d", "a b e"]
    for tokenizer in tokenizers:
        tokenizer.fit_on_texts(texts)
    texts.append("a new one")
    same_sequences(*tokenizers, texts)
    changes = [
        lambda each: each.word_index.pop("<u>"),
        lambda each: each.word_index.update({"<u>": 1}),
        lambda each: each.word_index.update({"b": 7}),
        lambda each: each.word_index.pop("a"),
        lambda each: each.word_index.update({"<pad>": 0, "c": -3, "d": 2**40, "e": 7}),
        lambda each: setattr(each, "num_words", 3),
        lambda each: setattr(each, "filters", "ab"),
        lambda each: each.word_index.update({"c": None}),
        lambda each: setattr(each, "num_words", None),
        lambda each: each.word_index.update({"c": True, None: 5}),
        lambda each: setattr(each, "oov_token", None),
    ]
    for change in changes:
        for tokenizer in tokenizers:
            change(tokenizer)
        expected = outcome(tokenizers[1].texts_to_sequences, texts)
        assert outcome(tokenizers[0].texts_to_sequences, texts) == expected


def test_rows_that_the_scanner_leaves():
    lookup = WordLookup({"b": 9, "a": 4}, splitting.Splitting(KERAS_FILTERS, True, " ", False))
    column = pa.array(["A b, c", "", "a"], pa.large_string())
    rows = lookup._reference(column, 1)
    assert [row.tolist() for row in rows] == [[1, 0, 2], [], [1]]
    assert lookup.sequences(column, [9, 4, None]) == [[4, 9], [], [4]]


@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_do_not_matter(original, way, monkeypatch, chunk):
    monkeypatch.setattr(splitting, "_CHUNK", chunk)
    texts = ["b a", ["A", "c"], "a \ud800", "d b", "b"]
    ours, theirs = text.Tokenizer(), original.Tokenizer()
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(iter(texts))
    same_state(ours, theirs)
    same_sequences(ours, theirs, texts)


def test_a_generator_is_read_as_it_goes():
    tokenizer = text.Tokenizer()
    tokenizer.fit_on_texts(["a b"])
    read = []
    rows = tokenizer.texts_to_sequences_generator(read.append(row) or row for row in ("a", "b a"))
    assert (next(rows), read) == ([1], ["a"])


@pytest.mark.parametrize(
    "rows", [[None], ["a", 3], [("a", "b")], [b"a"], [[1]], [np.array(["a", "b"])], [float("nan")]]
)
def test_rows_that_are_none_raise_the_same(original, way, rows):
    for name in ("fit_on_texts", "texts_to_sequences", "texts_to_matrix"):
        ours, theirs = (outcome(getattr(module.Tokenizer(num_words=3), name), rows) for module in (text, original))
        assert isinstance(theirs, type)
        assert ours is theirs


@pytest.mark.parametrize("rows", [np.array(["B a", "a"]), np.array(["B a", "a"], object), "aBa", {"B a": 1}, ()])
def test_other_columns(original, way, rows):
    ours, theirs = text.Tokenizer(), original.Tokenizer()
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(rows)
    same_state(ours, theirs)
    assert ours.texts_to_sequences(rows) == theirs.texts_to_sequences(rows)


def test_an_analyzer(original, way):
    ours, theirs = (module.Tokenizer(analyzer=lambda row: row.split("-")) for module in (text, original))
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(["A-b c", "a-A"])
    same_state(ours, theirs)
    same_sequences(ours, theirs, ["A-b c", "a-x"])


def test_what_is_given_to_the_constructor(original):
    for module in (text, original):
        with pytest.warns(UserWarning, match="num_words"):
            tokenizer = module.Tokenizer(nb_words=4, document_count=7)
        assert (tokenizer.num_words, tokenizer.document_count) == (4, 7)
        with pytest.raises(TypeError, match="words_num"):
            module.Tokenizer(words_num=4)
        fresh = module.Tokenizer()
        assert type(fresh.word_counts) is OrderedDict
        assert type(fresh.word_docs) is type(fresh.index_docs) is defaultdict
        with pytest.raises(ValueError, match="num_words"):
            fresh.sequences_to_matrix([[1]])
        with pytest.raises(ValueError, match="tfidf"):
            tokenizer_without = module.Tokenizer(num_words=4)
            tokenizer_without.sequences_to_matrix([[1]], mode="tfidf")


# Keeping


@given(SETTINGS, ROWS)
def test_json_goes_both_ways(original, settings, fitted):
    ours, theirs = text.Tokenizer(**settings), original.Tokenizer(**settings)
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(fitted)
    unordered = ("word_docs", "index_docs")  # in the original in an order that changes from run to run
    configs = [each.get_config() for each in (ours, theirs)]
    assert list(configs[0]) == list(configs[1])
    for name in configs[0]:
        got, expected = (json.loads(each[name]) if name in unordered else each[name] for each in configs)
        assert got == expected, name
    for reader in (text, original):
        for written in (ours, theirs):
            read = reader.tokenizer_from_json(written.to_json(indent=1))
            assert read.get_config() == written.get_config()
            assert read.texts_to_sequences(fitted) == theirs.texts_to_sequences(fitted)


@pytest.mark.skipif(not ARTEFACTS, reason="no tokenizers at hand")
@pytest.mark.parametrize("path", ARTEFACTS, ids=lambda path: path.parent.name)
def test_files_by_others(original, way, path):
    content = json.loads(path.read_text("utf-8"))
    content = json.loads(content) if isinstance(content, str) else content
    content = content.get("tokenizer", content)
    if "config" not in content:
        pytest.skip("a word_index alone")
    ours, theirs = (module.tokenizer_from_json(json.dumps(content)) for module in (text, original))
    assert ours.get_config() == theirs.get_config()
    texts = [row for rows in CORPORA.values() for row in rows] + [" ".join(list(ours.word_index)[::7])]
    sequences = same_sequences(ours, theirs, texts)
    assert any(sequences)
    assert ours.sequences_to_texts(sequences) == theirs.sequences_to_texts(sequences)


def test_what_was_read_can_be_fitted_again(way):
    tokenizer = text.Tokenizer()
    tokenizer.fit_on_texts(["b a", "a"])
    read = text.tokenizer_from_json(tokenizer.to_json())
    for each in (tokenizer, read):
        each.fit_on_texts(["c c c"])
        each.fit_on_sequences([[9, 9], [1]])
    same_state(read, tokenizer)
    assert read.word_index == {"c": 1, "a": 2, "b": 3}


@pytest.mark.parametrize("again", [lambda each: pickle.loads(pickle.dumps(each)), copy.deepcopy, copy.copy])
def test_copies(engine, again):
    tokenizer = text.Tokenizer(oov_token="<u>")
    tokenizer.fit_on_texts(["b a", "a"])
    expected = tokenizer.texts_to_sequences(["a b c"])
    assert tokenizer._lookup is not None
    copied = again(tokenizer)
    same_state(copied, tokenizer)
    assert copied.texts_to_sequences(["a b c"]) == expected
    if again is not copy.copy:
        copied.fit_on_texts(["c"] * 9)
        assert tokenizer.texts_to_sequences(["a b c"]) == expected


# Functions


@given(TEXT, SETTINGS)
def test_functions_equal_the_originals(original, row, settings):
    settings = {name: settings[name] for name in ("filters", "lower", "split") if name in settings}
    assert text.text_to_word_sequence(row, **settings) == original.text_to_word_sequence(row, **settings)
    for function in (None, "md5", hash, len):
        got, expected = (module.hashing_trick(row, 7, function, **settings) for module in (text, original))
        assert got == expected
    assert text.one_hot(row, 7, **settings) == original.one_hot(row, 7, **settings)
    analyzer = list
    assert text.one_hot(row, 7, analyzer=analyzer) == original.one_hot(row, 7, analyzer=analyzer)


@pytest.mark.parametrize("settings", [{"filters": ["a", "b"]}, {"filters": None}, {"filters": ["ab"]}, {"split": ""}])
def test_settings_that_are_rare(original, settings):
    expected = outcome(original.text_to_word_sequence, "cab bac", **settings)
    assert outcome(text.text_to_word_sequence, "cab bac", **settings) == expected


def test_the_collector_is_left_as_it_was(engine):
    import gc

    tokenizer = text.Tokenizer()
    tokenizer.fit_on_texts(["a b"])
    assert gc.isenabled()
    tokenizer.texts_to_sequences(["a b"])
    assert gc.isenabled()
    gc.disable()
    try:
        tokenizer.texts_to_sequences(["a b"])
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_import_is_light():
    heavy = ("tensorflow", "keras", "numba", "llvmlite", "scipy")
    code = "import sys, tokemb.keras.legacy.{} as m; print([name for name in {} if name in sys.modules])"
    for module in ("text", "sequence"):
        run = python(code.format(module, heavy))
        assert run.stdout == "[]\n", run.stderr


def test_small_inputs_do_not_wait_for_numba():
    run = python(
        "import sys; from tokemb.keras.legacy.text import Tokenizer; t = Tokenizer(); t.fit_on_texts(['a b'] * 9999); "
        "t.texts_to_sequences(['a b'] * 9999); print('numba' in sys.modules)"
    )
    assert run.stdout == "False\n", run.stderr


def test_code_with_the_attribute_form_runs_with_one_import_replaced():
    source = (
        "tokenizer = tf.keras.preprocessing.text.Tokenizer(num_words=5, oov_token='?')\n"
        "tokenizer.fit_on_texts(['b b a', 'c'])\n"
        "rows = tokenizer.texts_to_sequences(['a d b'])\n"
        "padded = tf.keras.preprocessing.sequence.pad_sequences(rows, maxlen=4).tolist()\n"
    )
    replaced = source.replace("tf.keras.preprocessing.", "preprocessing.")
    run = python(
        "import sys\nfrom tokemb.keras import legacy as preprocessing\n"
        + replaced
        + "print(rows, padded, 'tensorflow' in sys.modules)"
    )
    assert run.stdout == "[[3, 1, 2]] [[0, 3, 1, 2]] False\n", run.stderr
    assert not hasattr(importlib.import_module("tokemb.keras.legacy"), "image")
