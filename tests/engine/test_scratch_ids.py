"""Memory for ids that is used again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tokemb import engine
from tokemb.engine import TokenCounter, scan
from tokemb.engine.scan import ScratchIds
from tokemb.vocabulary.pad_truncate import PadTruncate
from tokemb.vocabulary.profiles import segmented_profile

ROWS = st.lists(st.text("ab cé中", max_size=20), min_size=1, max_size=8)


@pytest.mark.parametrize("threads", [1, 2])
def test_ids_are_unchanged_after_other_texts_were_encoded(monkeypatch, threads):
    monkeypatch.setattr(engine, "SMALL_BYTES", 0)
    encoder = tokemb.fit_vocab(["a b c d"])

    def encode(text):
        return encoder.encode_column(pa.array([text] * 3, pa.large_string()), PadTruncate(), threads).rows

    rows = encode("a b c")
    expected = rows.values.tolist()
    encode("d d d")  # needs no more memory
    assert rows.values.tolist() == expected


@given(st.lists(ROWS, min_size=1, max_size=4), st.integers(1, 3))
def test_counts_of_several_batches_are_those_of_all_texts(batches, threads):
    before, engine.SMALL_BYTES = engine.SMALL_BYTES, 0
    try:
        counter = TokenCounter(segmented_profile("whitespace", None, None), threads)
        for batch in batches:
            counter.add(pa.array(batch, pa.large_string()))
        counts = counter.result()
    finally:
        engine.SMALL_BYTES = before
    rows = [text.split() for batch in batches for text in batch]
    occurrences = Counter(token for row in rows for token in row)
    documents = Counter(token for row in rows for token in set(row))
    assert counts.tokens.to_pylist() == list(occurrences)
    assert counts.counts.tolist() == list(occurrences.values())
    assert counts.documents.tolist() == [documents[token] for token in occurrences]
    assert counts.row_lengths == dict(sorted(Counter(map(len, rows)).items()))


def test_arrays_are_lent_once_until_they_are_released():
    free: list[np.ndarray] = []
    scratch, other = ScratchIds(free), ScratchIds(free)
    first = scratch.take(10)
    assert other.take(10) is not first
    scratch.release()
    assert other.take(10) is first
    assert len(other.take(1000)) >= 1000


def test_large_arrays_and_more_than_the_maximum_are_not_kept(monkeypatch):
    monkeypatch.setattr(scan, "_MAX_SCRATCH_IDS", 100)
    monkeypatch.setattr(scan, "_MAX_SCRATCH", 2)
    free: list[np.ndarray] = []
    scratch = ScratchIds(free)
    for size in (10, 1000, 10, 10):
        scratch.take(size)
    scratch.release()
    assert [len(ids) for ids in free] == [12, 12]
