"""N-grams with buckets for those out of vocabulary, compared with loops over n-grams and the hashes of strings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED
from tests.engine.test_ngrams import LENGTHS, TEXTS, ngrams_of_runs, runs_of, without_small_inputs
from tokemb.engine.hash_tokens import hash_tokens


def expected_ids(encoder, rows):
    ids = {token: index for index, token in enumerate(encoder.vocabulary) if token not in ("", "[UNK]")}
    distinct = sorted({ngram for row in rows for ngram in row})
    hashed = hash_tokens(pa.array(distinct, pa.large_string()), encoder.buckets)
    buckets = {ngram: encoder.unk_id + int(bucket) for ngram, bucket in zip(distinct, hashed, strict=True)}
    return [[ids.get(ngram, buckets[ngram]) for ngram in row] for row in rows]


@given(TEXTS, TEXTS, LENGTHS, st.integers(1, 12), st.sampled_from([None, 7]))
def test_ids_equal_loops_over_the_ngrams(fitted, encoded, lengths, max_size, salt):
    if not any(len(text.split()) >= min(lengths) for text in fitted):
        return
    arguments = {"max_size": max_size, "num_oov_buckets": 5, "salt": salt}
    encoder = tokemb.fit_vocab(fitted, profile="whitespace", ngrams=lengths, **arguments)
    rows = expected_ids(encoder, [ngrams_of_runs([text.split()], lengths) for text in encoded])
    assert [row.tolist() for row in encoder.encode_ragged(encoded)] == rows
    assert [row.tolist() for row in encoder.encode_ragged([text.split() for text in encoded])] == rows


@pytest.mark.parametrize("hashing", [{"max_size": 60, "num_oov_buckets": 9}, {"hash_buckets": 50}])
@pytest.mark.parametrize("lengths", [(1, 2), (3, 1)])
def test_kernels_give_the_ids_of_small_inputs_and_of_loops(monkeypatch, lengths, hashing):
    texts = MIXED * 2
    encoder = tokemb.fit_vocab(texts, ngrams=lengths, **hashing)
    rows = encoder.encode_ragged(texts)
    assert [row.tolist() for row in rows] == expected_ids(encoder, [ngrams_of_runs(runs_of(t), lengths) for t in texts])
    without_small_inputs(monkeypatch)
    large = tokemb.fit_vocab(texts, ngrams=lengths, **hashing)
    assert np.array_equal(large.encode_ragged(texts).values, rows.values)
    for maxlen in (1, 9, 300):
        assert np.array_equal(large.encode(texts, maxlen=maxlen), rows.pad(maxlen))
        assert np.array_equal(large.encode(texts, maxlen=maxlen, truncating="pre"), rows.pad(maxlen, truncating="pre"))


def test_no_rows_and_rows_without_tokens_have_no_ids():
    encoder = tokemb.Encoder.hashing(10, ngrams=2)
    assert encoder.encode_ragged([]).lengths.tolist() == []
    assert encoder.encode_ragged(["", "!"]).lengths.tolist() == [0, 0]
