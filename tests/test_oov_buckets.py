"""Vocabularies with hash buckets for tokens out of vocabulary, and hashing without a vocabulary."""

from __future__ import annotations

import json
import pickle
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import CORPORA, MIXED, examples
from tokemb.engine.hash_tokens import hash_tokens
from tokemb.errors import ArgumentError, TextError, VocabularyError
from tokemb.vocabulary.folder import checksum
from tokemb.vocabulary.oov_buckets import OovBuckets

TEXTS = ["deep learning is deep", "deep waters are still", "learning to swim"]


def test_buckets_come_after_padding_and_before_the_tokens():
    encoder = tokemb.fit_vocab(TEXTS, min_count=2, num_oov_buckets=3, reserve=["[BOS]"])
    assert encoder.vocabulary == ["", "[UNK]", "[UNK]", "[UNK]", "[BOS]", "deep", "learning"]
    assert encoder.table["token"].to_pylist() == encoder.vocabulary
    assert (encoder.input_dim, encoder.unk_id, encoder.oov_ids) == (7, 1, range(1, 4))
    words = ["is", "waters", "are"]
    hashed = hash_tokens(pa.array(words, pa.large_string()), OovBuckets(3))
    assert encoder.encode([words]).tolist() == [(1 + hashed).tolist()]
    assert encoder.decode([[5, 1, 3, 0]]) == ["deep [UNK] [UNK]"]


def test_one_bucket_is_the_vocabulary_without_buckets(tmp_path):
    tokemb.fit_vocab(TEXTS, num_oov_buckets=1).save(tmp_path / "one")
    tokemb.fit_vocab(TEXTS).save(tmp_path / "none")
    for file in (tmp_path / "none").iterdir():
        assert (tmp_path / "one" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("profile", ["words", "chars"])
def test_kernels_and_reference_give_the_same_ids(monkeypatch, profile):
    texts = [*MIXED, *(text for corpus in CORPORA.values() for text in corpus[:5])]
    encoder = tokemb.fit_vocab(texts, profile=profile, max_size=30, num_oov_buckets=50, salt=4)
    by_reference = pickle.loads(pickle.dumps(encoder)).encode(texts, maxlen=40)
    monkeypatch.setattr("tokemb.engine.SMALL_BYTES", 0)
    assert (encoder.encode(texts, maxlen=40) == by_reference).all()
    assert (encoder.encode_ragged(texts).pad(40) == by_reference).all()
    assert len(set(by_reference.reshape(-1).tolist()) & set(encoder.oov_ids)) > 40


@pytest.mark.parametrize("profile", ["words", "chars"])
def test_ngrams_out_of_vocabulary_get_buckets_by_their_hash(monkeypatch, profile):
    texts = [*(text for corpus in CORPORA.values() for text in corpus[:3]), "今天，天气 a b"]
    every = tokemb.fit_vocab(texts, profile=profile, ngrams=(1, 3))
    encoder = tokemb.fit_vocab(texts, profile=profile, ngrams=(1, 3), max_size=30, num_oov_buckets=50, salt=4)
    ids = {token: index for index, token in enumerate(encoder.vocabulary) if index not in encoder.oov_ids}
    ngrams = pa.array(every.vocabulary, pa.large_string())
    hashed = (1 + hash_tokens(ngrams, encoder.buckets)).tolist()
    id_of = np.array([ids.get(ngram, bucket) for ngram, bucket in zip(every.vocabulary, hashed, strict=True)])
    rows = every.encode_ragged(texts)
    for small in (1 << 30, 0):
        monkeypatch.setattr("tokemb.engine.SMALL_BYTES", small)
        found = pickle.loads(pickle.dumps(encoder)).encode_ragged(texts)
        assert found.row_splits.tolist() == rows.row_splits.tolist()
        assert found.values.tolist() == id_of[rows.values].tolist()
    assert (encoder.encode(texts, maxlen=40) == found.pad(40)).all()


def test_ngrams_of_rows_of_tokens_are_hashed(tmp_path):
    encoder = tokemb.Encoder.hashing(1000, profile="whitespace", ngrams=2)
    fitted = tokemb.fit_vocab(["a b", "b c a"], profile="whitespace", ngrams=2, hash_buckets=1000)
    assert fitted.fingerprint == encoder.fingerprint
    encoder.save(tmp_path / "v")
    loaded = tokemb.Encoder.load(tmp_path / "v")
    assert loaded.encode([["b", "c", "a"]]).tolist() == fitted.encode(["b c a"]).tolist()
    with pytest.raises(TextError, match="must not contain a space"):
        loaded.encode([["b c", "a"]])
    assert "others go to 999 buckets" in str(loaded.explain("a b"))


def test_grown_ngram_leaves_its_bucket():
    encoder = tokemb.fit_vocab(TEXTS, ngrams=2, min_count=2, num_oov_buckets=3)
    grown = encoder.grow(["deep waters", "deep waters"], min_count=2)
    before, after = (each.encode(["deep waters are"])[0].tolist() for each in (encoder, grown))
    assert grown.vocabulary[after[3]] == "deep waters"
    assert before[3] in encoder.oov_ids
    assert [after[2], after[4]] == [before[2], before[4]]


def test_folder_records_the_buckets(tmp_path):
    encoder = tokemb.fit_vocab(TEXTS, min_count=2, num_oov_buckets=5, salt=(3, -4))
    encoder.save(tmp_path / "v")
    content = json.loads((tmp_path / "v" / "tokemb.json").read_text())
    assert content["format_version"] == 2
    assert content["buckets"] == {"count": 5, "hash": "siphash-2-4", "salt": [3, -4]}
    loaded = tokemb.Encoder.load(tmp_path / "v")
    assert loaded.buckets == encoder.buckets
    assert vars(loaded.buckets.statistics) == content["bucket_statistics"]
    assert loaded.fingerprint == encoder.fingerprint
    assert (loaded.encode(TEXTS) == encoder.encode(TEXTS)).all()


def test_fingerprint_depends_on_number_and_salt():
    settings = [{}, {"num_oov_buckets": 2}, {"num_oov_buckets": 3}, {"num_oov_buckets": 3, "salt": 1}]
    assert len({tokemb.fit_vocab(TEXTS, **each).fingerprint for each in settings}) == len(settings)


@pytest.mark.parametrize(
    "buckets",
    [
        {"count": 0, "hash": "farmhash64", "salt": None},
        {"count": 3, "hash": "md5", "salt": None},
        {"count": 3, "hash": "farmhash64", "salt": [1, 2]},
        {"count": 3, "hash": "siphash-2-4", "salt": [1]},
        {"count": 3, "hash": "siphash-2-4", "salt": [1, 2**63]},
        {"count": 10**8, "hash": "farmhash64", "salt": None},
        [3],
    ],
)
def test_invalid_buckets_in_a_folder_are_an_error(tmp_path, buckets):
    tokemb.fit_vocab(TEXTS, num_oov_buckets=3).save(tmp_path / "v")
    file = tmp_path / "v" / "tokemb.json"
    content = {**json.loads(file.read_text()), "buckets": buckets}
    file.write_text(json.dumps({**content, "checksum": checksum(content)}))
    with pytest.raises(VocabularyError, match="buckets"):
        tokemb.Encoder.load(tmp_path / "v")


def test_hashing_needs_no_texts(tmp_path):
    encoder = tokemb.Encoder.hashing(100, maxlen=6, reserve=["[BOS]"])
    assert (encoder.input_dim, encoder.oov_ids, encoder.is_hashed) == (101, range(1, 100), True)
    fitted = tokemb.fit_vocab(TEXTS, hash_buckets=100, maxlen=6, reserve=["[BOS]"])
    assert fitted.fingerprint == encoder.fingerprint
    assert (fitted.encode(TEXTS) == encoder.encode(TEXTS)).all()
    encoder.save(tmp_path / "v")
    loaded = tokemb.Encoder.load(tmp_path / "v")
    assert loaded.is_hashed
    assert (loaded.encode(TEXTS) == encoder.encode(TEXTS)).all()
    assert loaded.encode(["[BOS]"], maxlen=1).tolist() == encoder.encode([["bos"]], maxlen=1).tolist()
    assert loaded.encode([["[BOS]"]], maxlen=1).tolist() == [[100]]


@examples(8)
@given(
    texts=st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=9), min_size=1, max_size=4).filter(any),
    max_size=st.integers(1, 4),
    buckets=st.integers(2, 5),
)
def test_collisions_are_counted_as_by_hand(texts, max_size, buckets):
    encoder = tokemb.fit_vocab(texts, max_size=max_size, num_oov_buckets=buckets)
    occurrences = defaultdict(lambda: defaultdict(int))
    for token in (token for row in texts for token in row if token not in encoder.vocabulary):
        occurrences[encoder.encode([[token]]).item()][token] += 1
    statistics = encoder.buckets.statistics
    assert statistics.used == len(occurrences)
    assert statistics.tokens == sum(map(len, occurrences.values()))
    assert statistics.occurrences == sum(sum(tokens.values()) for tokens in occurrences.values())
    others = [sum(tokens.values()) - max(tokens.values()) for tokens in occurrences.values()]
    assert statistics.collisions == sum(others)


def test_tf_idf_weights_all_buckets_by_the_mean():
    encoder = tokemb.fit_vocab(TEXTS, min_count=2, num_oov_buckets=4)
    bags = encoder.vectorize(["is waters are to", "deep"], mode="tf_idf").toarray()
    one = tokemb.fit_vocab(TEXTS, min_count=2).vectorize(["x", "deep"], mode="tf_idf").toarray()
    counts = encoder.vectorize(["is waters are to"], mode="count").toarray()
    np.testing.assert_allclose(bags[0], counts[0] * one[0, 1], rtol=1e-6)
    np.testing.assert_allclose(bags[1, 5], one[1, 2], rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_oov_buckets": 0}, "num_oov_buckets must be an integer of at least 1; received 0"),
        ({"num_oov_buckets": 2.5}, "num_oov_buckets must be an integer of at least 1; received 2.5"),
        ({"num_oov_buckets": 20_000_000}, "num_oov_buckets must be at most 10000000; received 20000000"),
        ({"num_oov_buckets": 2, "oov": False, "profile": "keras"}, "num_oov_buckets must be left out with oov=False"),
        ({"num_oov_buckets": 2, "algorithm": "bpe"}, 'num_oov_buckets must be left out unless algorithm="word"'),
        ({"num_oov_buckets": 2, "hash_buckets": 9}, "hash_buckets must be left out with num_oov_buckets"),
        ({"hash_buckets": 1}, "hash_buckets must be an integer of at least 2; received 1"),
        ({"hash_buckets": 9, "max_size": 3}, "max_size must be left out with hash_buckets"),
        ({"hash_buckets": 9, "min_count": 3}, "min_count must be left out with hash_buckets"),
        ({"hash_buckets": 9, "stop_words": ["a"]}, "stop_words must be left out with hash_buckets"),
        ({"salt": 3}, "salt must be left out without num_oov_buckets or hash_buckets; received salt=3"),
        ({"hash_buckets": 9, "salt": "x"}, "salt must be an integer of 64 bits or two of them; received 'x'"),
        ({"hash_buckets": 9, "salt": [1, 2, 3]}, "salt must be an integer of 64 bits or two of them"),
        ({"hash_buckets": 9, "salt": 2**63}, "salt must be an integer of 64 bits or two of them"),
        ({"hash_buckets": 9, "salt": True}, "salt must be an integer of 64 bits or two of them; received True"),
    ],
)
def test_contradictory_settings_are_errors(settings, message):
    with pytest.raises(ArgumentError) as error:
        tokemb.fit_vocab(TEXTS, **settings)
    assert str(error.value).startswith(message)
