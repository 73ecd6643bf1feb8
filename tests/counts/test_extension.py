"""Vocabularies that grow: ids stay, counts are added."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED, command_here, tokemb_command
from tokemb.errors import ArgumentError, TextTypeError, VocabularyError
from tokemb.vocabulary.profiles import PROFILES

TEXTS = st.lists(st.text(alphabet="aAbBΣ '[]1 \t学", max_size=12), max_size=8)
SETTINGS = st.fixed_dictionaries({}, optional={"max_new": st.integers(1, 3), "min_count": st.integers(1, 3)})


def fitted(texts, profile, **settings):
    # Something must be there to make a vocabulary of.
    return tokemb.fit_vocab([*texts, "zz"], profile=profile, **settings)


def by_token(encoder):
    table = encoder.table.to_pylist()
    return {row["token"]: (row["count"], row["documents"]) for row in table if row["count"] is not None}


@given(TEXTS, TEXTS, SETTINGS, st.sampled_from(list(PROFILES)), st.booleans(), st.integers(1, 4))
def test_old_ids_stay_and_new_ones_follow(before, after, settings, profile, oov, max_size):
    old = fitted(before, profile, max_size=max_size, oov=oov or profile != "keras", reserve=["bb", "[X]"], maxlen=3)
    new = old.grow(after, **settings)
    assert new.vocabulary[: old.input_dim] == old.vocabulary
    # A vocabulary of the new texts alone, without the old tokens, is what follows.
    counts = tokemb.TokenCounts.from_texts(after, profile=profile)
    fresh = fitted(after, profile, min_count=1).vocabulary
    frequent = dict(zip(counts.tokens.to_pylist(), counts.counts.tolist(), strict=True))
    expected = [token for token in fresh if token not in old.vocabulary and token in frequent]
    expected = [token for token in expected if frequent[token] >= settings.get("min_count", 1)]
    assert new.vocabulary[old.input_dim :] == expected[: settings.get("max_new")]
    assert (new.pad_id, new.unk_id, new.oov, new.profile) == (old.pad_id, old.unk_id, old.oov, old.profile)
    assert (new.maxlen, new.padding, new.truncating) == (3, "post", "post")
    assert (new.fingerprint == old.fingerprint) == (new.input_dim == old.input_dim)
    # What the old vocabulary knew, it still gives the same ids.
    known = [[token for token in old.vocabulary[1 + oov :] if token != "[UNK]"]]
    np.testing.assert_array_equal(new.encode_ragged(known).values, old.encode_ragged(known).values)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from([name for name in PROFILES if name not in ("whitespace", "bert", "chars")]))
def test_the_whole_is_the_sum(first, second, third, profile):
    """Where no token is left out, growing gives the counts and statistics of all texts together."""
    grown = fitted(first, profile, reserve=["bb"]).grow(second).grow(third)
    assert grown.corpus == fitted([*first, *second, *third], profile, reserve=["bb"]).corpus
    at_once = fitted(first, profile, reserve=["bb"]).grow([*second, *third])
    whole = fitted([*first, *second, *third], profile, reserve=["bb"])
    assert by_token(grown) == by_token(at_once) == by_token(whole)
    assert (at_once.corpus, set(at_once.vocabulary)) == (grown.corpus, set(grown.vocabulary))
    counts = [tokemb.TokenCounts.from_texts(texts, profile=profile) for texts in (second, third)]
    assert fitted(first, profile, reserve=["bb"]).grow(sum(counts)).fingerprint == at_once.fingerprint


def test_by_count_and_ties_as_the_profile_has_them():
    texts = ["old z y y x x"]
    for profile, expected in (("words", "xyz"), ("text-vectorization", "yxz"), ("keras", "yxz")):
        new = tokemb.fit_vocab(["old"], profile=profile).grow(texts)
        assert "".join(new.vocabulary[3:]) == expected


def test_what_the_first_fit_left_out_stays_unknown_in_the_statistics():
    old = tokemb.fit_vocab(["a a b", "c"], max_size=1)
    new = old.grow(["b b d"], max_new=1)
    assert new.vocabulary == ["", "[UNK]", "a", "b"]
    assert by_token(new) == {"a": (2, 1), "b": (2, 1)}
    assert vars(new.corpus) == {
        "rows": 3,
        "tokens": 7,
        "distinct": 5,  # a, b, c of the first texts, and b, d: which tokens were left out is not known any more
        "encoded": 7,
        "oov": 3,
        "row_lengths": {1: 1, 3: 2},
    }
    assert new.settings == {"max_size": 1, "min_count": 1, "reserve": [], "grown_from": [old.fingerprint]}


def test_without_an_unknown_token_new_words_stop_being_dropped():
    old = tokemb.fit_vocab(["deep learning is very deep"], profile="keras", oov=False)
    new = old.grow(["more learning more"])
    assert old.encode(["more learning"]).tolist() == [[2]]
    assert new.encode(["more learning is other"]).tolist() == [[5, 2, 3]]
    assert new.vocabulary == ["", "deep", "learning", "is", "very", "more"]


def test_a_grown_vocabulary_is_kept_like_any_other(tmp_path):
    old = tokemb.fit_vocab(MIXED[:5], reserve=["[BOS]"], maxlen=7, padding="pre")
    old.save(tmp_path / "v")
    new = tokemb.Encoder.load(tmp_path / "v").grow(MIXED)
    new.save(tmp_path / "w")
    loaded = tokemb.Encoder.load(tmp_path / "w")
    for other in (loaded, pickle.loads(pickle.dumps(new)), old.grow(MIXED)):
        assert (other.fingerprint, other.corpus, other.settings) == (new.fingerprint, new.corpus, new.settings)
        assert other.table.equals(new.table)
        np.testing.assert_array_equal(other.encode(MIXED), new.encode(MIXED))
    assert loaded.grow(["word"]).settings["grown_from"] == [old.fingerprint, new.fingerprint]


def test_files_and_rows_of_tokens(tmp_path):
    old = tokemb.fit_vocab(["a"], profile="whitespace")
    (tmp_path / "new.txt").write_text("b c\nb\n")
    of_file = old.grow(tmp_path / "new.txt")
    of_tokens = old.grow([["b", "c"], ["b"]], threads=1)
    assert of_file.vocabulary == of_tokens.vocabulary == ["", "[UNK]", "a", "b", "c"]
    assert of_file.corpus == of_tokens.corpus


def test_what_cannot_grow(tmp_path):
    with pytest.raises(VocabularyError, match="only word vocabularies can grow; this one has the algorithm bpe"):
        tokemb.fit_vocab(MIXED, algorithm="bpe", max_size=300).grow(["a"])
    old = tokemb.fit_vocab(["a"])
    old.save(tmp_path / "v")
    with pytest.raises(VocabularyError, match="a foreign tokenizer.json does not name a profile"):
        tokemb.Encoder.load(tmp_path / "v" / "tokenizer.json").grow(["a"])
    with pytest.raises(ArgumentError, match="the profile of the vocabulary, 'words'; received 'chars'"):
        old.grow(tokemb.TokenCounts.from_texts(["a"], profile="chars"))
    with pytest.raises(ArgumentError, match="max_new must be an integer of at least 1; received 0"):
        old.grow(["a"], max_new=0)
    with pytest.raises(ArgumentError, match="min_count must be"):
        old.grow(["a"], min_count=0)
    with pytest.raises(ArgumentError, match="threads must be"):
        old.grow(tokemb.TokenCounts.from_texts(["b"]), threads=0)
    with pytest.raises(TextTypeError, match="not one str"):
        old.grow("a")


# The command


def run(*arguments, cwd, code=0, command=command_here):
    done = command(*arguments, cwd=cwd)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode().splitlines()


def test_the_command(tmp_path):
    tokemb.fit_vocab(["a a b", "c"], max_size=2).save(tmp_path / "v")
    (tmp_path / "new.txt").write_text("d d e e f b\n\n")
    out, notes = run("grow", "new.txt", "--vocab", "v", "-o", "w", "--max-new", 2, cwd=tmp_path, command=tokemb_command)
    assert out == ""
    assert notes == [
        "read       2 rows, 6 tokens",
        "added      2 tokens: d, e",
        "covering   83.33% of the new text",
        "input_dim  6, before 4",
        "wrote      w",
    ]
    grown = tokemb.Encoder.load(tmp_path / "w")
    assert grown.fingerprint == tokemb.Encoder.load(tmp_path / "v").grow(["d d e e f b", ""], max_new=2).fingerprint
    run("count", "new.txt", "-o", "c.parquet", cwd=tmp_path)
    run("grow", "c.parquet", "c.parquet", "--vocab", "v", "-o", "v", "--min-count", 4, cwd=tmp_path)
    twice = tokemb.Encoder.load(tmp_path / "v")
    assert twice.vocabulary == ["", "[UNK]", "a", "b", "d", "e"]
    assert by_token(twice)["d"] == (4, 2)
    _, notes = run("grow", "new.txt", "--vocab", "w", "-o", "w", "--min-count", 2, cwd=tmp_path)
    assert notes[1:4] == ["added      0 tokens", "covering   83.33% of the new text", "input_dim  6, before 6"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("grow new.txt --vocab v -o w --model m.keras", 2, "--model and --grown-model require each other"),
        ("grow new.txt --vocab v -o w --grown-model m.keras", 2, "--model and --grown-model require each other"),
        ("grow new.txt --vocab v -o w --embedding x", 2, "--embedding and --no-compile require --model"),
        ("grow new.txt --vocab v -o w --model m.keras --grown-model m.h5", 2, "must end in .keras; received m.h5"),
        ("grow new.txt c.parquet --vocab v -o w", 2, "texts and counts cannot be mixed"),
        ("grow none.txt --vocab v -o w", 1, "none.txt"),
        ("grow new.txt --vocab v -o w --model none.keras --grown-model m.keras", 1, "there is no model at none.keras"),
    ],
)
def test_the_command_says_what_is_wrong_and_writes_nothing(tmp_path, arguments, code, message):
    tokemb.fit_vocab(["a"]).save(tmp_path / "v")
    tokemb.TokenCounts.from_texts(["a"]).save(tmp_path / "c.parquet")
    (tmp_path / "new.txt").write_text("b\n")
    _, notes = run(*arguments.split(), cwd=tmp_path, code=code)
    assert message in notes[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.parquet", "new.txt", "v"]
