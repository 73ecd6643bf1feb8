"""Counts that exceed memory are written to disk, and are those that memory would hold."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tokemb.counts import token_counts
from tokemb.counts.spilled_counts import Frequent, SpilledCounts
from tokemb.counts.token_counts import RunningCounts, tally_tokens
from tokemb.errors import ArgumentError

ROWS = st.lists(st.lists(st.text("abé中𠮷", max_size=2), max_size=6), min_size=1, max_size=6)
TOKEN_ROWS = pa.large_list(pa.large_string())


@pytest.fixture
def little_memory(monkeypatch, tmp_path):
    monkeypatch.setattr(token_counts, "_MERGE_TOKENS", 2)
    monkeypatch.setattr(token_counts, "_MEMORY_TOKENS", 5)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def running(batches):
    counts = RunningCounts("whitespace")
    for rows in batches:
        counts.add(tally_tokens(pa.array(rows, TOKEN_ROWS)))
    return counts


def content(counts):
    return dict(zip(counts.tokens.to_pylist(), zip(counts.counts, counts.documents, strict=True), strict=True))


@given(st.lists(ROWS, min_size=3, max_size=8), st.integers(1, 4), st.none() | st.integers(1, 6), st.sets(st.just("ab")))
def test_frequent_tokens_of_spilled_counts_are_those_of_counts_in_memory(little_memory, batches, min_count, top, keep):
    everything = tokemb.TokenCounts.from_texts([row for rows in batches for row in rows], profile="whitespace")
    spilled = running(batches).result()
    assert content(spilled) == content(everything) and spilled.row_lengths == everything.row_lengths
    assert spilled.tokens.equals(everything.tokens) and spilled.left_out == 0
    frequent = running(batches).result(Frequent(min_count, top, tuple(keep)))
    counts = content(everything)
    ranked = sorted((count for count, _ in counts.values()), reverse=True)
    least = max(min_count, ranked[top - 1] if top and top <= len(ranked) else 0)
    needed = {token: count for token, count in counts.items() if count[0] >= least or token in keep}
    assert content(frequent).items() >= needed.items() and content(frequent).items() <= counts.items()
    assert frequent.distinct == everything.distinct


def test_vocabulary_of_spilled_counts_is_that_of_counts_in_memory(monkeypatch, little_memory):
    texts = [f"w{number % 7} x{number % 5} y{number}" for number in range(40)]
    arrays = [pa.array(texts[start : start + 4], pa.large_string()) for start in range(0, 40, 4)]
    arguments = {"profile": "keras", "ngrams": 2, "max_size": 9, "reserve": ["w0"]}
    with monkeypatch.context() as patch:
        patch.setattr(token_counts, "_MEMORY_TOKENS", 1000)
        expected = tokemb.fit_vocab(texts, **arguments)
    monkeypatch.setattr(token_counts, "text_batches", lambda _: arrays)
    encoder = tokemb.fit_vocab(texts, **arguments)
    assert encoder.table.equals(expected.table) and encoder.corpus == expected.corpus
    counts = tokemb.TokenCounts.from_texts(texts, ngrams=2)
    assert counts.left_out == 0 and counts.distinct == len(counts.tokens)
    assert not list(Path(little_memory).iterdir())


def test_buckets_and_reserved_tokens_of_spilled_counts_are_those_of_counts_in_memory(monkeypatch, little_memory):
    texts = [f"w{number % 7} x{number % 5} y{number}" for number in range(40)]
    arguments = {"profile": "whitespace", "max_size": 6, "min_count": 2, "num_oov_buckets": 5, "reserve": ["y7"]}
    with monkeypatch.context() as patch:
        patch.setattr(token_counts, "_MEMORY_TOKENS", 1000)
        expected = tokemb.fit_vocab(texts, **arguments)
    monkeypatch.setattr("tokemb.engine.SMALL_BYTES", 0)
    batches = [pa.array(texts[start : start + 4], pa.large_string()) for start in range(0, 40, 4)]
    monkeypatch.setattr(token_counts, "text_batches", lambda _: batches)
    encoder = tokemb.fit_vocab(texts, **arguments)
    assert encoder.buckets.statistics == expected.buckets.statistics is not None
    assert encoder.table.equals(expected.table) and encoder.corpus == expected.corpus
    with pytest.raises(ArgumentError, match="start must be a token that the texts do not contain; the count of 'y7'"):
        tokemb.fit_vocab(texts, profile="whitespace", min_count=2, start="y7")


def test_texts_of_a_table_have_the_buckets_and_counts_of_memory(monkeypatch, little_memory):
    texts = [f"w{number % 7} x{number % 5} y{number}" for number in range(40)] + ["[UNK]"]
    tables = [pa.table({"t": texts[start : start + 4]}) for start in range(0, 41, 4)]

    def fitted():
        settings = {"profile": "whitespace", "min_count": 2, "max_size": 3, "num_oov_buckets": 4, "ngrams": 2}
        return tokemb.ColumnEncoder.fit(iter(tables), texts=["t"], **settings).vocabularies["t"]

    spilled = fitted()
    monkeypatch.setattr(token_counts, "_MEMORY_TOKENS", 1000)
    in_memory = fitted()
    assert spilled.buckets.statistics == in_memory.buckets.statistics is not None
    assert spilled.table.equals(in_memory.table) and spilled.corpus == in_memory.corpus


def test_folder_of_a_killed_run_is_removed_by_the_next_run(little_memory):
    abandoned = little_memory / ".tokemb-0123456789ab"
    abandoned.mkdir()
    (abandoned / "0.arrow").write_bytes(b"a part")
    counts = running([[["a", "b", "c"]], [["d", "e", "f"]], [["a", "g", "h"]]])
    assert not abandoned.exists() and list(little_memory.iterdir())
    del counts
    assert not list(little_memory.iterdir())


def test_counts_of_which_tokens_were_left_out_cannot_be_added(little_memory):
    counts = running([[["a", "b", "c"]], [["d", "e", "f"]], [["a", "g", "h"]]]).result(Frequent(2))
    assert (counts.tokens.to_pylist(), counts.left_out) == (["a"], 7)
    with pytest.raises(ArgumentError, match="counts from which tokens were left out"):
        counts + counts


def test_words_beyond_memory_are_counted_as_in_memory(monkeypatch, little_memory):
    texts = [f"w{number % 7} x{number % 5} y{number}" for number in range(40)]
    expected = tokemb.TokenCounts.from_texts(texts)
    assert expected.distinct == 52
    monkeypatch.setattr("tokemb.engine.SMALL_BYTES", 0)
    spilled = []
    monkeypatch.setattr(SpilledCounts, "add", recording(SpilledCounts.add, spilled))
    batches = [pa.array(texts[start : start + 4], pa.large_string()) for start in range(0, 40, 4)]
    monkeypatch.setattr(token_counts, "text_batches", lambda _: [*batches, pa.array([["y7", "z"]], TOKEN_ROWS)])
    counts = tokemb.TokenCounts.from_texts(texts)
    assert len(spilled) > 3
    assert counts.tokens.to_pylist() == [*expected.tokens.to_pylist(), "z"]
    changed = {"y7": (2, 2), "z": (1, 1)}
    assert content(counts) == content(expected) | changed and counts.rows == 41
    assert not list(Path(little_memory).iterdir())


def recording(method, calls):
    def record(self, *arguments):
        calls.append(arguments)
        return method(self, *arguments)

    return record
