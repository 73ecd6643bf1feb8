from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED
from tests.vocabulary.test_profiles import split
from tokemb import TokenCounts
from tokemb.counts import token_counts
from tokemb.sources import texts

TEXTS = st.lists(st.text("ab cA'é中\n"), max_size=12)


def by_hand(rows):
    """The obvious way."""
    total, documents, lengths = Counter(), Counter(), Counter()
    for tokens in rows:
        total.update(tokens)
        documents.update(set(tokens))
        lengths[len(tokens)] += 1
    return total, documents, lengths


def assert_same(counted, rows):
    total, documents, lengths = by_hand(rows)
    tokens = counted.tokens.to_pylist()
    assert tokens == list(total), "in the order of first appearance"
    assert counted.counts.tolist() == list(total.values())
    assert dict(zip(tokens, counted.documents.tolist(), strict=True)) == documents
    assert counted.row_lengths == lengths
    assert (counted.rows, counted.total) == (len(rows), total.total())
    assert (counted.counts.dtype, counted.documents.dtype) == (np.int64, np.int64)


@pytest.mark.parametrize("profile", ["words", "keras", "whitespace"])
@given(rows=TEXTS, batch=st.integers(1, 30))
def test_texts_in_batches_of_any_size(profile, rows, batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "BATCH_BYTES", batch)
        patch.setattr(token_counts, "_MERGE_TOKENS", 1)
        assert_same(TokenCounts.from_texts(rows, profile=profile), [split(profile, row) for row in rows])


@pytest.mark.filterwarnings("ignore:every row is a list of one token")
@given(st.lists(st.lists(st.sampled_from(["a", "b c", "", "é"]), max_size=5), max_size=8), st.integers(1, 60))
def test_rows_of_tokens_are_counted_as_they_are(rows, batch):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "BATCH_BYTES", batch)
        assert_same(TokenCounts.from_texts(rows), rows)


@given(TEXTS, TEXTS)
def test_the_sum_is_that_of_both_texts(first, second):
    both = TokenCounts.from_texts(first) + TokenCounts.from_texts(second)
    assert_same(both, [split("words", row) for row in first + second])


def test_a_sum_of_counts_beyond_int64_is_an_error():
    counts = TokenCounts("words", pa.array(["a"], pa.large_string()), np.array([2**62]), np.array([1]), {2**62: 1})
    with pytest.raises(tokemb.TokembError, match="the sum of counts must fit int64; received counts of 9223372036854"):
        counts + counts
    encoder = tokemb.fit_vocab(counts)
    with pytest.raises(tokemb.TokembError, match="the sum of old and new counts must fit int64"):
        encoder.grow(counts)


def test_counts_of_different_profiles_cannot_be_added():
    with pytest.raises(tokemb.TokembError, match="counts to add must have the same profile; received words and bert"):
        TokenCounts.from_texts(["a"]) + TokenCounts.from_texts(["a"], profile="bert")


@pytest.mark.parametrize("algorithm", ["word", "bpe", "wordpiece", "unigram"])
def test_a_vocabulary_of_counts_is_that_of_the_texts(algorithm):
    counted = TokenCounts.from_texts(MIXED[:9]) + TokenCounts.from_texts(MIXED[9:])
    settings = {"algorithm": algorithm, "max_size": 400, "min_count": 1}
    of_counts, of_texts = tokemb.fit_vocab(counted, **settings), tokemb.fit_vocab(MIXED, **settings)
    assert of_counts.fingerprint == of_texts.fingerprint
    assert of_counts.table.equals(of_texts.table)
    assert of_counts.corpus == of_texts.corpus


def test_counts_have_their_profile():
    counted = TokenCounts.from_texts(["A a"], profile="whitespace")
    assert tokemb.fit_vocab(counted).profile == "whitespace"
    with pytest.raises(
        tokemb.TokembError, match="these counts require profile='whitespace', .*; received profile='words'"
    ):
        tokemb.fit_vocab(counted, profile="words")
