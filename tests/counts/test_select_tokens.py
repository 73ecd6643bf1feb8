"""The order of tokens and their counts, compared with Python's."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tokemb.counts.select_tokens import rank_tokens, word_counts
from tokemb.counts.token_counts import TokenCounts

PARTS = st.sampled_from(["a", "b", "\0", "é", "中", "abcdefgh"])
TOKENS = st.lists(PARTS, min_size=1, max_size=4).map("".join)
ORDERS = {
    "ascending": lambda counts: sorted(counts, key=lambda token: (-counts[token], token.encode())),
    "descending": lambda counts: sorted(sorted(counts, key=str.encode, reverse=True), key=lambda token: -counts[token]),
    "first seen": lambda counts: sorted(counts, key=lambda token: -counts[token]),
}


def token_counts(counts):
    numbers = np.array([*counts.values()], np.int64)
    return TokenCounts("whitespace", pa.array(list(counts), pa.large_string()), numbers, numbers + 1, {})


@given(st.dictionaries(TOKENS, st.integers(1, 3), min_size=1), st.sampled_from([*ORDERS]), st.integers(1, 20))
def test_tokens_are_in_the_order_of_counts_and_ties(counts, ties, max_size):
    ranks = rank_tokens(token_counts(counts), ties=ties, max_size=max_size)
    tokens = list(counts)
    assert [tokens[rank] for rank in ranks] == ORDERS[ties](counts)[:max_size]


@given(st.dictionaries(TOKENS, st.integers(1, 3)), st.lists(TOKENS, unique=True), st.data())
def test_counts_of_tokens_are_null_where_tokens_do_not_occur(counts, tokens, data):
    ranks = np.array(data.draw(st.lists(st.integers(0, len(counts) - 1), unique=True)) if counts else [], np.int64)
    tokens = ["", "[UNK]", "[UNK]", *tokens]
    occurrences, documents = word_counts(tokens, token_counts(counts), ranks)
    tokens += [list(counts)[rank] for rank in ranks]
    assert occurrences.to_pylist() == [counts.get(token) for token in tokens]
    assert documents.to_pylist() == [counts[token] + 1 if token in counts else None for token in tokens]
