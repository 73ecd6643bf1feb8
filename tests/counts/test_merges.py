"""The merges are those of the trainers of tokenizers."""

from __future__ import annotations

import json
from itertools import chain, repeat

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import tokemb
from tests.conftest import examples
from tokemb.counts.merges import learn_merges
from tokemb.errors import ArgumentError

# Few letters give overlapping pairs, merges that make existing tokens, and equal counts.
WORDS = st.dictionaries(
    st.text("ab", min_size=1, max_size=12) | st.text("abcde#é中😀", min_size=1, max_size=6),
    st.integers(1, 20),
    min_size=1,
    max_size=40,
)


def first_tokens(words, prefix):
    inside = sorted({prefix + character for word in words for character in word[1:]}) if prefix else []
    return inside, [*inside, *sorted(set("".join(words)) - set(inside))]


def of_tokenizers(words, size, prefix):
    """The vocabulary and the merges that tokenizers learns."""
    special_tokens, _ = first_tokens(words, prefix)
    settings = {"continuing_subword_prefix": prefix} if prefix else {}
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special_tokens, show_progress=False, **settings)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.CharDelimiterSplit(" ")
    tokenizer.train_from_iterator(chain.from_iterable(repeat(*item) for item in words.items()), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def learned(words, size, prefix, **settings):
    merges = learn_merges([*words], [*words.values()], first_tokens(words, prefix)[1], size, prefix, **settings)
    return {token: index for index, token in enumerate(merges.tokens)}, merges.pairs


@examples(50)
@given(WORDS, st.integers(1, 150), st.sampled_from(["", "##"]))
def test_merges_of_random_words_are_those_of_tokenizers(words, size, prefix):
    assert learned(words, size, prefix, capacity=1) == of_tokenizers(words, size, prefix)


@pytest.mark.parametrize("prefix", ["", "##"])
def test_merges_of_real_words_are_those_of_tokenizers(corpus, prefix):
    words = {
        word: 1 + index % 7 for index, word in enumerate(sorted({w for text in corpus for w in text.split(" ")} - {""}))
    }
    assert learned(words, 4000, prefix) == of_tokenizers(words, 4000, prefix)


def test_a_merge_that_makes_an_existing_token_uses_its_id():
    words = {"#": 9, "##": 8, "##a": 20, "ba": 5}  # joining "##" and "##a" makes the first token of "ba", "##a"
    tokens, pairs = learned(words, 50, "##")
    assert ("##", "##a") in pairs
    assert (tokens, pairs) == of_tokenizers(words, 50, "##")


def test_counts_above_32_bits_do_not_overflow():
    _, pairs = learned({"ab": 1 << 40, "cd": (1 << 40) + 1, "ef": 3}, 50, "")
    assert pairs == [("c", "d"), ("a", "b"), ("e", "f")]


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
def test_counts_whose_sums_exceed_int64_are_an_error(algorithm):
    tokens, counts = pa.array(["aaaa", "ab"], pa.large_string()), np.array([2**61, 5])
    huge = tokemb.TokenCounts("words", tokens, counts, np.array([1, 1]), {2**61 + 5: 1})
    with pytest.raises(ArgumentError, match="fewer than 1e\\+18 characters; received 1"):
        tokemb.fit_vocab(huge, algorithm=algorithm, max_size=8)


def test_unigram_reads_a_bounded_number_of_words_of_any_counts(monkeypatch):
    monkeypatch.setattr("tokemb.counts.subwords._UNIGRAM_WORDS", 1000)
    words = ["low", "lower", "lowest", "slow", "new"]
    counts = np.array([400, 300, 150, 100, 50])
    fitted = []
    for factor in (1, 10**12):
        counted = tokemb.TokenCounts(
            "words", pa.array(words, pa.large_string()), counts * factor, np.ones(5, int), {1000 * factor: 1}
        )
        encoder = tokemb.fit_vocab(counted, algorithm="unigram", max_size=12)
        assert encoder.table["count"].to_pylist()[2] is not None
        fitted.append(encoder.vocabulary)
    assert fitted[0] == fitted[1]
