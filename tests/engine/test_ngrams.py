"""N-grams: rows of ids, counts and runs of characters, compared with loops, Keras and scikit-learn."""

from __future__ import annotations

import json
import pickle
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED, command_here, ok
from tokemb import engine
from tokemb.engine import batch_encoder, ngram_counting, ngrams
from tokemb.errors import ArgumentError, CountsError, TextError
from tokemb.vocabulary import character_ranges
from tokemb.vocabulary.character_ranges import Letters
from tokemb.vocabulary.character_runs import split_runs
from tokemb.vocabulary.profiles import get_profile

TEXT = st.lists(st.sampled_from("abcdefgh"), max_size=9).map(" ".join)
TEXTS = st.lists(TEXT, min_size=1, max_size=9)
LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True)
ALONE = Letters({"a": character_ranges.ALONE})
JOINERS = "\u200c\u200d\ufe0e\ufe0f"


def ngrams_of_runs(runs, lengths):
    """Return the n-grams of lists of tokens, with loops."""
    return [
        " ".join(run[start : start + length])
        for length in lengths
        for run in runs
        for start in range(len(run) - length + 1)
    ]


def runs_of(text):
    """Return the runs of a text of the profile ``words`` from the offsets of `tokenizers`, with loops."""
    profile = get_profile("words")
    text = profile.normalizer.normalize_str(text)
    runs, end = [[]], None
    for token, (start, stop) in profile.pre_tokenizer.pre_tokenize_str(text):
        separated = end is not None and any(character not in JOINERS for character in text[end:start])
        if separated and "a" in (ALONE[ord(text[end - 1])], ALONE[ord(text[start])]):
            runs.append([])
        runs[-1].append(token)
        end = stop
    return runs


def expected_ids(encoder, rows):
    ids = {token: index for index, token in enumerate(encoder.vocabulary) if token}
    return [[ids.get(ngram, encoder.unk_id) for ngram in row] for row in rows]


@given(TEXTS, TEXTS, LENGTHS, st.integers(1, 12))
def test_ids_and_counts_equal_loops_over_the_ngrams(fitted, encoded, lengths, max_size):
    counts = Counter(ngram for text in fitted for ngram in ngrams_of_runs([text.split()], lengths))
    if not counts:
        return
    encoder = tokemb.fit_vocab(fitted, profile="whitespace", ngrams=lengths, max_size=max_size)
    ranked = sorted(counts, key=lambda ngram: (-counts[ngram], ngram))
    assert encoder.vocabulary[2:] == ranked[:max_size]
    assert encoder.table["count"].to_pylist()[2:] == [counts[ngram] for ngram in ranked[:max_size]]
    rows = [ngrams_of_runs([text.split()], lengths) for text in encoded]
    assert [row.tolist() for row in encoder.encode_ragged(encoded)] == expected_ids(encoder, rows)
    assert encoder.encode_ragged([text.split() for text in encoded]).values.tolist() == sum(
        expected_ids(encoder, rows), []
    )


@given(st.lists(st.text(st.sampled_from("ab 。，今天気'’ก👍\ufe0f\u200dé-")) | st.text(), min_size=1))
def test_characters_form_ngrams_only_with_their_direct_neighbours(texts):
    rows = [ngrams_of_runs(runs_of(text), (1, 2, 3)) for text in texts]
    if not any(rows):
        return
    encoder = tokemb.fit_vocab(texts, ngrams=3)
    assert sorted(encoder.vocabulary[2:]) == sorted({ngram for row in rows for ngram in row})
    assert [row.tolist() for row in encoder.encode_ragged(texts)] == expected_ids(encoder, rows)


def test_words_form_ngrams_across_punctuation_and_characters_do_not():
    assert tokemb.fit_vocab(["good, movie. 好。看"], ngrams=[2], profile="words").vocabulary[2:] == ["good movie"]
    assert tokemb.fit_vocab(["好看"], ngrams=2).vocabulary[2:] == ["好", "好 看", "看"]
    assert tokemb.fit_vocab(["a b"], ngrams=2, profile="chars").vocabulary[2:] == [" ", "  b", "a", "a  ", "b"]


def test_runs_of_a_slice_are_those_of_its_rows():
    texts = pa.array(MIXED, pa.large_string())
    runs, first_runs = split_runs(texts.slice(3, 6))
    assert ["".join(runs.to_pylist()[a:b]) for a, b in zip(first_runs, first_runs[1:], strict=False)] == MIXED[3:9]


def without_small_inputs(patch):
    """Let the kernels process inputs of any size."""
    for module in (engine, batch_encoder, ngram_counting):
        patch.setattr(module, "is_small", lambda _: False)
    patch.setattr(ngrams, "worth_kernel", lambda _: True)


@pytest.mark.parametrize("lengths", [(1, 2), (3, 1, 2), (2,)])
@pytest.mark.parametrize("profile", ["words", "text-vectorization"])
def test_kernels_give_the_ids_and_counts_of_small_inputs(monkeypatch, lengths, profile):
    texts = MIXED * 2
    small = tokemb.fit_vocab(texts, ngrams=lengths, profile=profile, max_size=200)
    rows = small.encode_ragged(texts)
    assert (pickle.loads(pickle.dumps(small)).encode_ragged(texts).values == rows.values).all()
    without_small_inputs(monkeypatch)
    large = tokemb.fit_vocab(texts, ngrams=lengths, profile=profile, max_size=200)
    assert large.table.equals(small.table) and large.corpus == small.corpus
    assert np.array_equal(large.encode_ragged(texts).values, rows.values)
    for maxlen in (1, 2, 9, 20, 300):
        assert np.array_equal(large.encode(texts, maxlen=maxlen), rows.pad(maxlen))
        assert np.array_equal(large.encode(texts, maxlen=maxlen, truncating="pre"), rows.pad(maxlen, truncating="pre"))
        with monkeypatch.context() as patch:
            patch.setattr(ngrams, "worth_kernel", lambda _: False)
            assert np.array_equal(large.encode(texts, maxlen=maxlen), rows.pad(maxlen))


@pytest.mark.keras
def test_vocabulary_and_ids_equal_text_vectorization(corpus):
    import keras

    texts = [text.replace("\0", "") for text in corpus]  # which TensorFlow drops at the end of a token
    layer = keras.layers.TextVectorization(ngrams=(1, 3, 2), max_tokens=200)
    layer.adapt(texts)
    encoder = tokemb.fit_vocab(texts, profile="text-vectorization", ngrams=(1, 3, 2), max_size=198)
    assert encoder.vocabulary == layer.get_vocabulary()
    assert np.array_equal(encoder.encode(texts), layer(texts))
    assert np.array_equal(encoder.to_text_vectorization()(texts), layer(texts))


def test_counts_equal_count_vectorizer(corpus):
    from sklearn.feature_extraction.text import CountVectorizer

    split = get_profile("whitespace").pre_tokenizer.pre_tokenize_str
    vectorizer = CountVectorizer(
        lowercase=False,
        tokenizer=lambda text: [token for token, _ in split(text)],
        token_pattern=None,
        ngram_range=(1, 3),
    )
    matrix = vectorizer.fit_transform(corpus)
    encoder = tokemb.fit_vocab(corpus, profile="whitespace", ngrams=3)
    columns = [vectorizer.vocabulary_[token] for token in encoder.vocabulary[2:]]
    assert (encoder.vectorize(corpus, mode="count")[:, 2:] != matrix[:, columns]).nnz == 0
    assert encoder.table["count"].to_pylist()[2:] == matrix.sum(axis=0).A1[columns].tolist()
    assert encoder.table["documents"].to_pylist()[2:] == (matrix > 0).sum(axis=0).A1[columns].tolist()


def test_keras_profile_without_oov_drops_ngrams_out_of_vocabulary():
    encoder = tokemb.fit_vocab(["b a b a"], profile="keras", oov=False, ngrams=2)
    assert encoder.vocabulary == ["", "b", "a", "b a", "a b"]
    assert encoder.encode(["a x b", "b a"], maxlen=3).tolist() == [[2, 1, 0], [1, 2, 3]]


def test_folder_with_ngrams_has_their_lengths_and_a_fingerprint_of_its_own(tmp_path):
    encoder = tokemb.fit_vocab(["a b c"], ngrams=(2, 1))
    encoder.save(tmp_path / "v")
    metadata = json.loads((tmp_path / "v" / "tokemb.json").read_text())
    assert (metadata["format_version"], metadata["ngrams"]) == (2, [2, 1])
    loaded = tokemb.Encoder.load(tmp_path / "v")
    assert loaded.ngrams == (2, 1) and (loaded.encode(["c a b"]) == encoder.encode(["c a b"])).all()
    alone = tokemb.Encoder.load(tmp_path / "v" / "tokenizer.json")
    assert loaded.fingerprint == encoder.fingerprint != alone.fingerprint


def test_vocabulary_with_ngrams_grows_by_ngrams():
    encoder = tokemb.fit_vocab(["a b"], ngrams=2)
    grown = encoder.grow(["b c", "c b"])
    assert grown.vocabulary == [*encoder.vocabulary, "c", "b c", "c b"]
    assert grown.encode(["a b c"]).tolist() == [[2, 4, 5, 3, 6]]


def test_counts_with_ngrams_are_saved_added_and_fitted(tmp_path):
    counts = tokemb.TokenCounts.from_texts(["a b"], ngrams=[2]) + tokemb.TokenCounts.from_texts(["b c"], ngrams=[2])
    counts.save(tmp_path / "counts.parquet")
    loaded = tokemb.TokenCounts.load(tmp_path / "counts.parquet")
    assert (loaded.ngrams, loaded.tokens.to_pylist()) == ((2,), ["a b", "b c"])
    assert tokemb.fit_vocab(loaded).ngrams == (2,)
    with pytest.raises(ArgumentError, match=r"must have the same n-grams; received the lengths \(2,\) and \(1,\)"):
        counts + tokemb.TokenCounts.from_texts(["a b"])
    with pytest.raises(ArgumentError, match=r"require ngrams=\[2\]"):
        tokemb.fit_vocab(loaded, ngrams=2)
    with pytest.raises(ArgumentError, match="must have the n-grams of the vocabulary"):
        tokemb.fit_vocab(["a b"]).grow(loaded)
    with pytest.raises(CountsError):
        tokemb.TokenCounts.load(tmp_path)


@pytest.mark.parametrize("lengths", [0, -1, 101, True, 1.5, "2", (), (1, 1), (0, 2), [[1]]])
def test_invalid_lengths_are_an_error(lengths):
    with pytest.raises(ArgumentError, match="ngrams must be an integer from 1 to 100"):
        tokemb.fit_vocab(["a b"], ngrams=lengths)


def test_what_ngrams_cannot_do_is_an_error():
    encoder = tokemb.fit_vocab(["a b"], ngrams=2)
    with pytest.raises(ArgumentError, match="n-grams cannot be decoded"):
        encoder.decode([[2]])
    with pytest.raises(ArgumentError, match="ngrams must be left out unless"):
        tokemb.fit_vocab(["a b"], algorithm="bpe", ngrams=2)
    with pytest.raises(TextError, match="must not contain a space"):
        tokemb.fit_vocab([["a b", "c"]], ngrams=2)


def test_command_line_fits_and_encodes_ngrams(tmp_path):
    (tmp_path / "texts.txt").write_text("deep learning is deep\nvery deep learning\n")
    ok(command_here("fit-vocab", "texts.txt", "-o", "v", "--ngrams", "2", cwd=tmp_path))
    ok(command_here("encode", "texts.txt", "--vocab", "v", "-o", "ids.npy", "--maxlen", "6", cwd=tmp_path))
    encoder = tokemb.Encoder.load(tmp_path / "v")
    assert encoder.ngrams == (1, 2) and "deep learning" in encoder.vocabulary
    assert np.array_equal(np.load(tmp_path / "ids.npy"), encoder.encode(tmp_path / "texts.txt", maxlen=6))
    ok(command_here("count", "texts.txt", "-o", "c.parquet", "--ngrams", "3,", cwd=tmp_path))
    assert tokemb.TokenCounts.load(tmp_path / "c.parquet").ngrams == (3,)


@pytest.mark.parametrize("value", ["0", "101", "2,2", "1-3", "two", ""])
def test_command_line_rejects_invalid_lengths(tmp_path, value):
    run = command_here("fit-vocab", "texts.txt", "-o", "v", "--ngrams", value, cwd=tmp_path)
    assert run.returncode == 2 and b"must be a length from 1 to 100" in run.stderr
