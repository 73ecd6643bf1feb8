"""Whatever way texts go, however many threads: the ids and counts are those of the reference."""

from __future__ import annotations

import functools
import multiprocessing
import pickle
import threading

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED, python
from tests.test_parity_tokenizers import COMBINATIONS, TEXTS, fitted, foreign
from tokemb import engine
from tokemb._arrays import STRINGS
from tokemb.engine import scan, scanner
from tokemb.pipeline.inspect import inspect

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def no_input_is_small(monkeypatch):
    monkeypatch.setattr(engine, "SMALL_BYTES", 0)


def assert_same(rows, expected):
    np.testing.assert_array_equal(rows.row_splits, expected.row_splits)
    np.testing.assert_array_equal(rows.values, expected.values)
    assert rows.values.dtype == np.int32


def both(encoder, texts, threads=2):
    """The rows of the encoder's own way, after these of the reference."""
    column = pa.array(texts, STRINGS)
    chosen = encoder._encoding.engine
    return chosen._reference.encode(column, threads), chosen.encode(column, threads)


@pytest.mark.parametrize(("profile", "algorithm"), COMBINATIONS)
def test_scanner_gives_the_ids_of_the_reference_for_every_profile_and_algorithm(profile, algorithm, corpus):
    encoder, _ = fitted(profile, algorithm)
    assert encoder.explain().backend == "scanner"
    expected, rows = both(encoder, corpus)
    assert_same(rows, expected)
    again = encoder._encoding.engine.encode(pa.array(corpus, STRINGS), 2)  # now that the pieces are known
    assert_same(again, expected)


@pytest.mark.parametrize(("profile", "algorithm"), COMBINATIONS)
@given(texts=TEXTS)
def test_scanner_gives_the_ids_of_the_reference_for_any_text(profile, algorithm, texts):
    expected, rows = both(fitted(profile, algorithm)[0], texts)
    assert_same(rows, expected)


@functools.cache
def load(path):
    return tokemb.Encoder.load(path)


@foreign
def test_foreign_tokenizer_gives_the_ids_of_the_reference_for_real_texts(path, corpus):
    expected, rows = both(load(path), corpus)
    assert_same(rows, expected)


@foreign
@given(texts=TEXTS)
def test_foreign_tokenizer_gives_the_ids_of_the_reference_for_any_text(path, texts):
    expected, rows = both(load(path), texts)
    assert_same(rows, expected)


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("profile", ["words", "keras", "chars"])
def test_number_of_threads_changes_neither_vocabulary_nor_ids(profile, threads):
    texts = MIXED * 20
    encoder = tokemb.fit_vocab(texts, profile=profile, max_size=50, threads=threads)
    alone = tokemb.fit_vocab(texts, profile=profile, max_size=50, threads=1)
    assert encoder.vocabulary == alone.vocabulary
    assert encoder.corpus == alone.corpus
    assert encoder.table == alone.table
    np.testing.assert_array_equal(
        encoder.encode(texts, maxlen=9, threads=threads), alone.encode(texts, maxlen=9, threads=1)
    )
    assert_same(encoder.encode_ragged(texts, threads=threads), alone.encode_ragged(texts, threads=1))


@pytest.mark.parametrize(
    "settings", [{"maxlen": 1}, {"maxlen": 7}, {"maxlen": 7, "padding": "pre"}, {"maxlen": 7, "truncating": "pre"}]
)
@pytest.mark.parametrize("oov", [True, False])
def test_encode_equals_ragged_rows_that_are_padded(oov, settings, corpus):
    encoder = tokemb.fit_vocab(MIXED[::2], profile="keras", oov=oov)
    expected, _ = both(encoder, corpus)
    if not oov:
        expected = expected.select(expected.values != encoder.input_dim)
    np.testing.assert_array_equal(encoder.encode(corpus, **settings), expected.pad(**settings))
    np.testing.assert_array_equal(encoder.encode(iter(corpus), **settings), expected.pad(**settings))
    np.testing.assert_array_equal(encoder.encode(pa.array(corpus), **settings), expected.pad(**settings))


@foreign
def test_encode_with_special_tokens_equals_ragged_rows_that_are_padded(path, corpus):
    encoder = load(path)
    if encoder.pad_id is not None:
        expected = encoder.encode_ragged(corpus, maxlen=12).pad(12, value=encoder.pad_id)
        np.testing.assert_array_equal(encoder.encode(corpus, maxlen=12, padding="post", truncating="post"), expected)


def test_pickled_encoder_gives_the_same_ids(corpus):
    for encoder in (tokemb.fit_vocab(MIXED, profile="keras", oov=False), tokemb.fit_vocab(MIXED, algorithm="bpe")):
        encoder.encode(corpus)
        again = pickle.loads(pickle.dumps(encoder))
        assert again.fingerprint == encoder.fingerprint
        assert again.table == encoder.table
        np.testing.assert_array_equal(again.encode(corpus), encoder.encode(corpus))


def test_slice_of_an_arrow_array_gives_the_ids_of_its_rows():
    encoder = tokemb.fit_vocab(MIXED)
    column = pa.array(["never read", *MIXED, "neither"], STRINGS).slice(1, len(MIXED))
    assert_same(encoder._encoding.engine.encode(column, 2), both(encoder, MIXED)[0])
    assert_same(encoder._encoding.engine.encode(column.slice(3, 0), 2), both(encoder, [])[0])


def test_row_longer_than_a_chunk_gives_the_ids_of_the_reference():
    """Longer than a chunk, with pieces that are, and with nothing but separators."""
    texts = ["ab " * 300_000 + "x" * 100_000, "y" * 300_000, " " * 300_000, "", "é" * 50_000 + " z", "学" * 20_000]
    encoder = tokemb.fit_vocab(["ab x y z 学", "x" * 100_000])
    expected, rows = both(encoder, texts)
    assert_same(rows, expected)
    subwords = tokemb.fit_vocab(["ab x y z é 学"], algorithm="bpe")
    expected, rows = both(subwords, [text[:5000] for text in texts])
    assert_same(rows, expected)


def test_pretoken_cache_that_overflows_gives_the_ids_of_the_reference(monkeypatch):
    monkeypatch.setattr(scan, "_MAX_MISS_BYTES", 64)
    monkeypatch.setattr(scan, "_MAX_MISSES", 5)
    monkeypatch.setattr(scanner, "_MAX_PRETOKENS", 20)
    encoder = tokemb.fit_vocab(MIXED, algorithm="wordpiece", max_size=300)
    expected, rows = both(encoder, MIXED)
    assert_same(rows, expected)
    assert_same(both(encoder, MIXED[::-1])[1], both(encoder, MIXED[::-1])[0])
    counts = tokemb.TokenCounts.from_texts(MIXED, profile="keras")
    monkeypatch.undo()
    assert counts.tokens.equals(tokemb.TokenCounts.from_texts(MIXED, profile="keras").tokens)


@given(rows=st.lists(st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=40), max_size=9), max_size=9))
def test_pretokens_of_every_length_are_counted(rows):
    """Keys of short pieces are their bytes, of longer ones hashes."""
    texts = [" ".join(row) for row in rows]
    counts = tokemb.TokenCounts.from_texts(texts, profile="whitespace")
    assert dict(zip(counts.tokens.to_pylist(), counts.counts.tolist(), strict=True)) == {
        token: sum(row.count(token) for row in rows) for row in rows for token in row
    }


def test_threads_that_share_an_encoder_get_the_same_ids():
    encoder = tokemb.fit_vocab(MIXED, algorithm="bpe", max_size=300)
    expected, _ = both(encoder, MIXED)
    failures = []

    def work(texts, rows):
        for _ in range(5):
            if encoder.encode_ragged(texts).values.tolist() != rows:
                failures.append(texts)

    threads = [threading.Thread(target=work, args=(MIXED, expected.values.tolist())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


FORK = """
import logging, multiprocessing, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # that of Python 3.12 about threads and fork
import tokemb
from tokemb import engine
engine.SMALL_BYTES = {small}
texts = ["deep learning is very deep"] * 50
encoder = tokemb.fit_vocab(texts)
first = encoder.encode(texts, maxlen=8)
def work(_):
    return encoder.encode(texts, maxlen=8)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(all((each == first).all() for each in pool.map_async(work, range(6)).get(300)))
"""


@pytest.mark.parametrize("parallelism", [None, "true"])
@pytest.mark.parametrize("small", [0, 1 << 18])
def test_forked_workers_encode_without_warnings(small, parallelism):
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("this system does not fork")
    environment = {} if parallelism is None else {"TOKENIZERS_PARALLELISM": parallelism}
    run = python(FORK.format(small=small), **environment)
    assert run.stdout == "True\n", run.stderr
    assert run.stderr.replace("tokemb compiles its kernels for this machine, once: up to half a minute\n", "") == ""


def test_explain_of_a_text_names_the_character_that_needs_the_reference():
    encoder = tokemb.fit_vocab(MIXED, profile="keras")
    assert encoder.explain("plain").backend == "scanner"
    assert str(encoder.explain("ΟΔΟΣ")) == "reference: the result for U+03A3 depends on the characters around it"


def test_inspect_names_the_backend_of_a_vocabulary_and_of_a_text(tmp_path):
    tokemb.fit_vocab(MIXED, profile="keras").save(tmp_path / "v")
    assert inspect(tmp_path / "v")["backend"].startswith("scanner: ")
    assert inspect(tmp_path / "v", text="ΟΔΟΣ")["backend"].startswith("reference: the result for U+03A3")
    (tmp_path / "x.npy").write_bytes(b"")
    with pytest.raises(tokemb.TokembError, match="is not a vocabulary"):
        inspect(tmp_path / "x.npy", text="a")


def test_small_input_is_encoded_without_loading_kernels():
    code = "import sys, tokemb; tokemb.fit_vocab(['a b']).encode(['a'], maxlen=3); print('llvmlite' in sys.modules)"
    assert python(code).stdout == "False\n"
