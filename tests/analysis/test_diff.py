"""How two vocabularies differ."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

import tokemb
from tests.conftest import MIXED, command_here, tokemb_command
from tokemb.analysis.diff import Token

TEXTS = st.lists(st.text(alphabet="aAbc '[]1 ", max_size=12), max_size=6)


def test_tokens_ids_settings_and_counts():
    first = tokemb.fit_vocab(["a a b c"], max_size=2, maxlen=3)
    second = tokemb.fit_vocab(["b b a d d d"], reserve=["[BOS]"])
    difference = tokemb.diff(first, second)
    assert difference.only_first == []
    assert difference.only_second == [Token("[BOS]", 2, None), Token("d", 3, 3)]
    assert difference.moved == {"a": (2, 5), "b": (3, 4)}
    assert difference.counts == {"a": (2, 1), "b": (1, 2)}
    assert difference.components == []
    assert difference.settings == {"maxlen": (3, None), "max_size": (2, None), "reserve": ([], ["[BOS]"])}
    assert difference.corpus == {"tokens": (4, 6), "oov": (1, 0)}
    assert (difference.same_ids, difference.grown, difference.input_dim) == (False, False, (4, 6))
    back = tokemb.diff(second, first)
    assert (back.only_first, back.only_second) == (difference.only_second, [])


def test_the_same_tokens_of_other_texts_have_the_same_ids():
    difference = tokemb.diff(tokemb.fit_vocab(["a a b"]), tokemb.fit_vocab(["a a a b"], padding="pre", maxlen=9))
    assert difference.same_ids
    assert difference.counts == {"a": (2, 3)}
    assert set(difference.settings) == {"padding", "maxlen"}


def test_another_way_of_splitting_is_another_vocabulary():
    first, second = (tokemb.fit_vocab(["a b"], profile=profile) for profile in ("words", "whitespace"))
    difference = tokemb.diff(first, second)
    assert not difference.same_ids
    assert difference.components == ["normalizer", "pre_tokenizer"]
    assert difference.settings == {"profile": ("words", "whitespace")}


def test_merges_and_scores_are_compared():
    first, second = (tokemb.fit_vocab([text], algorithm="unigram", max_size=10) for text in ("ab abc ab", "ab abc abc"))
    assert first.vocabulary == second.vocabulary
    difference = tokemb.diff(first, second)
    assert (difference.same_ids, difference.components) == (False, ["model"])


@pytest.mark.parametrize(
    ("settings", "name"), [({"unk_token": "b"}, "unk_id"), ({"unk_token": "a", "pad_token": "b"}, "pad_id")]
)
def test_padding_and_unknown_tokens_decide_ids(settings, name):
    def foreign(unk_token, pad_token="[PAD]"):
        vocabulary = {"a": 0, "[PAD]": 1, "b": 5}
        return tokemb.Encoder.from_tokenizer(Tokenizer(WordLevel(vocabulary, unk_token=unk_token)), pad_token=pad_token)

    difference = tokemb.diff(foreign("a"), foreign(**settings))
    assert name in difference.settings
    assert not difference.same_ids
    assert tokemb.diff(foreign("a"), foreign("a")).same_ids
    assert difference.corpus == difference.counts == {}


def test_a_token_in_a_gap_of_the_other():
    first, second = (
        tokemb.Encoder.from_tokenizer(Tokenizer(WordLevel(vocabulary, unk_token="a")))
        for vocabulary in ({"a": 0, "c": 2}, {"a": 0, "b": 1, "c": 2})
    )
    difference = tokemb.diff(first, second)
    assert (difference.same_ids, difference.grown, difference.input_dim) == (False, True, (3, 3))


@given(TEXTS, TEXTS, st.sampled_from(["words", "keras", "whitespace"]))
def test_same_ids_is_what_the_fingerprint_says(first, second, profile):
    one, other = (tokemb.fit_vocab([*texts, "zz"], profile=profile) for texts in (first, second))
    difference = tokemb.diff(one, other)
    assert difference.same_ids == (one.fingerprint == other.fingerprint)
    assert tokemb.diff(one, one.grow(second)).grown
    assert difference.grown == (other.vocabulary[: one.input_dim] == one.vocabulary)
    names = {token.token for token in difference.only_first} | {token.token for token in difference.only_second}
    assert names == set(one.vocabulary) ^ set(other.vocabulary)
    assert tokemb.diff(one, one).to_json() == {
        "same_ids": True,
        "grown": True,
        "input_dim": (one.input_dim, one.input_dim),
        **{name: [] for name in ("only_first", "only_second", "components")},
        **{name: {} for name in ("moved", "settings", "corpus", "counts")},
    }


# The command


def run(*arguments, cwd):
    done = command_here("diff", *arguments, cwd=cwd)
    assert done.stderr == b""
    return done.returncode, done.stdout.decode()


def test_the_command(tmp_path):
    first = tokemb.fit_vocab(["a a b", "b c"], profile="chars", maxlen=3)
    first.save(tmp_path / "v")
    first.grow(["d a"]).save(tmp_path / "w")
    code, shown = run("v", "w", cwd=tmp_path)
    assert code == 1
    assert shown.splitlines()[:3] == [
        "same ids        no; the second vocabulary extends the first",
        "input_dim       6 -> 7",
        "only in second  1: d 6",
    ]
    assert "tokens          8 -> 11" in shown
    assert "counts          2: ' ' 3 -> 4, a 2 -> 3" in shown
    assert "counts          2\n" in run("v", "w", "--top", 0, cwd=tmp_path)[1]
    code, shown = run("v", "w", "--json", cwd=tmp_path)
    assert (code, json.loads(shown)["only_second"]) == (1, [{"token": "d", "id": 6, "count": 1}])
    assert run("v", "v/tokenizer.json", cwd=tmp_path)[0] == 0
    code, shown = run("v", "v", cwd=tmp_path)
    assert (code, shown) == (0, "same ids        yes\ninput_dim       6 -> 6\n")
    tokemb.fit_vocab(MIXED).save(tmp_path / "x")
    code, shown = run("x", "v", cwd=tmp_path)
    assert code == 1
    assert shown.startswith("same ids        no\n")
    assert "normalizer      differs\n" in shown
    assert "maxlen          None -> 3\n" in shown
    assert "moved           1: b 5 -> 4\n" in shown
    assert ", ...\n" in shown


def test_the_command_needs_two_vocabularies(tmp_path):
    run = tokemb_command("diff", "v", "w", cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (1, b"", b"Error: there is no vocabulary at v\n")
