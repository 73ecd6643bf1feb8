"""Stop words, words to keep, and limits of document frequency."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, ok
from tokemb.counts.word_limits import read_words
from tokemb.errors import ArgumentError, TextError

WORDS = "abcdefg"
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=1, max_size=9)
LIMIT = st.one_of(st.integers(1, 5), st.floats(0, 1))


def selected(texts, **arguments):
    return tokemb.fit_vocab(texts, profile="whitespace", **arguments).vocabulary[2:]


def slow_selection(texts, max_size, min_count, least, most, stop, keep):
    """Return what ``fit_vocab`` must select, with loops over the words."""
    rows = [text.split() for text in texts]
    counts = {word: sum(row.count(word) for row in rows) for word in WORDS}
    documents = {word: sum(word in row for row in rows) for word in WORDS}
    ranked = sorted((word for word in WORDS if counts[word]), key=lambda word: (-counts[word], word))
    kept = [word for word in ranked if word in keep]
    others = [
        word
        for word in ranked
        if word not in keep and word not in stop and counts[word] >= min_count and least <= documents[word] <= most
    ]
    chosen = {*kept, *others[: max_size - len(kept)]}
    return [word for word in ranked if word in chosen]


@given(
    texts=TEXTS,
    max_size=st.integers(2, 8),
    min_count=st.integers(1, 3),
    limits=st.tuples(LIMIT, LIMIT),
    stop=st.sets(st.sampled_from("abc")),
    keep=st.sets(st.sampled_from("efg"), max_size=2),
)
def test_selection_equals_loops_over_the_words(texts, max_size, min_count, limits, stop, keep):
    least, most = (limit * len(texts) if isinstance(limit, float) else limit for limit in limits)
    arguments = {"max_size": max_size, "min_count": min_count, "stop_words": stop, "keep_words": keep}
    arguments |= {"min_documents": limits[0], "max_documents": limits[1]}
    if least > most:
        with pytest.raises(ArgumentError, match="max_documents must not be less than min_documents"):
            selected(texts, **arguments)
        return
    expected = slow_selection(texts, max_size, min_count, least, most, stop, keep)
    if expected:
        assert selected(texts, **arguments) == expected
    else:
        with pytest.raises(TextError, match="a vocabulary requires at least one token"):
            selected(texts, **arguments)


@pytest.mark.parametrize("limits", [(2, 0.5), (0.05, 30), (0.1, 1.0), (1, 3)])
def test_document_limits_select_the_words_of_count_vectorizer(limits):
    text = pytest.importorskip("sklearn.feature_extraction.text")
    texts = [f"the word{i % 5} is word{i % 3} of {'the rest ' * (i % 7 == 0)}{i % 11} and {i}" for i in range(40)]
    vectorizer = text.CountVectorizer(
        tokenizer=str.split, token_pattern=None, lowercase=False, min_df=limits[0], max_df=limits[1], stop_words=["the"]
    )
    expected = sorted(vectorizer.fit(texts).vocabulary_)
    found = selected(texts, min_documents=limits[0], max_documents=limits[1], stop_words=["the"])
    assert sorted(found) == expected


def test_stop_words_are_normalized_as_texts_are():
    texts = ["The film was good", "Don't!"]
    encoder = tokemb.fit_vocab(texts, stop_words=["THE", " Was\u3000", "DON'T", "not here", "好的"])
    assert encoder.vocabulary[2:] == ["film", "good"]
    assert encoder.encode(["the film"]).tolist() == [[1, 2]]
    assert encoder.corpus.oov == 3


def test_stop_word_of_several_tokens_leaves_out_none_of_them():
    assert tokemb.fit_vocab(["我 们"], stop_words=["我们"]).vocabulary[2:] == ["们", "我"]


def test_stop_words_of_a_file_are_stripped(tmp_path):
    path = tmp_path / "stop.txt"
    path.write_bytes(codecs.BOM_UTF8 + "the\u3000\r\n\u3000 of\n\n\ufeff的\n".encode())
    assert read_words("stop_words", path) == ["the", "of", "的"]
    assert selected(["the a of 的"], stop_words=path) == ["a"]


def test_stop_words_stay_left_out_when_the_vocabulary_grows(tmp_path):
    tokemb.fit_vocab(["a b b"], stop_words=["the"], max_documents=1.0).save(tmp_path / "v")
    encoder = tokemb.Encoder.load(tmp_path / "v")
    assert encoder.settings["stop_words"] == ["the"]
    assert encoder.settings["max_documents"] == 1.0
    assert "min_documents" not in encoder.settings
    assert encoder.grow(["the c the"]).vocabulary[2:] == ["b", "a", "c"]


def test_vocabulary_without_limits_has_the_same_settings_as_before():
    assert set(tokemb.fit_vocab(["a"]).settings) == {"max_size", "min_count", "reserve"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_documents": 0}, "min_documents must be an integer of at least 1; received 0"),
        ({"max_documents": 1.5}, "max_documents must be a number of rows, or a share from 0.0 to 1.0; received 1.5"),
        ({"stop_words": "the"}, "stop_words must be a list of words"),
        ({"keep_words": [1]}, "keep_words must contain words; received 1"),
        ({"stop_words": ["a"], "keep_words": ["A"]}, "keep_words must not contain stop words; received 'a'"),
        ({"keep_words": ["a", "b"], "max_size": 1}, "max_size must be at least 2, the number of keep_words"),
        ({"stop_words": ["a"], "algorithm": "bpe"}, 'stop_words must be left out unless algorithm="word"'),
    ],
)
def test_invalid_argument_raises(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        tokemb.fit_vocab(["a b"], **arguments)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "texts.txt").write_text("the film\nthe end\nthe rare word\n", "utf-8")
    (tmp_path / "stop.txt").write_text("The\n", "utf-8")
    (tmp_path / "keep.txt").write_text("rare\n", "utf-8")
    (tmp_path / "latin.txt").write_bytes("é\n".encode("latin-1"))
    return tmp_path


def test_options_select_as_the_arguments(folder):
    arguments = ("fit-vocab", "texts.txt", "-o", "v", "--stop-words", "stop.txt", "--keep-words", "keep.txt")
    ok(command_here(*arguments, "--max-size", "2", "--max-documents", "0.5", cwd=folder))
    assert tokemb.Encoder.load(folder / "v").vocabulary[2:] == ["end", "rare"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--stop-words", "latin.txt"), 1, "latin.txt"),
        (("--stop-words", "absent.txt"), 1, "absent.txt"),
        (("--min-documents", "0"), 2, "must be a number of rows, such as 5, or a share of them, such as 0.5"),
        (("--min-documents", "3", "--max-documents", "1"), 2, "--max-documents must not be less than --min-documents"),
        (("--stop-words", "stop.txt", "--keep-words", "stop.txt"), 2, "--keep-words must not contain stop words"),
        (("--stop-words", "stop.txt", "--algorithm", "bpe"), 2, "--stop-words must be left out unless"),
        (("--stop-words", "stop.txt", "--engine", "spark"), 2, "--engine spark does not support --stop-words"),
        (("--min-documents", "9"), 1, "a vocabulary requires at least one token"),
    ],
)
def test_error_is_one_sentence_and_nothing_is_written(folder, arguments, code, message):
    run = command_here("fit-vocab", "texts.txt", "-o", "v", *arguments, cwd=folder)
    assert run.returncode == code
    assert message in run.stderr.decode()
    assert not (folder / "v").exists()


def test_columns_have_no_stop_words(folder):
    (folder / "t.csv").write_text("a,b\n1,2\n", "utf-8")
    arguments = ("fit-vocab", "t.csv", "--column", "a", "--column", "b", "-o", "v", "--stop-words", "stop.txt")
    run = command_here(*arguments, cwd=folder)
    assert run.returncode == 2
    assert b"--stop-words is for vocabularies of texts" in run.stderr
