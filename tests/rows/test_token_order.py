"""The order of tokens by their counts and their bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokemb._arrays import STRINGS
from tokemb.counts.spilled_counts import release_memory
from tokemb.rows.token_order import token_order

COUNTS = st.integers(1, 3) | st.integers(1, 1 << 40)
TOKENS = st.text("ab\x00é中", max_size=3) | st.text("ab", min_size=8, max_size=10)


@pytest.mark.parametrize("ties", ["ascending", "descending"])
@given(st.dictionaries(TOKENS, COUNTS))
def test_order_is_that_of_counts_and_then_of_bytes(ties, counts):
    tokens = [*counts]
    order = token_order(pa.array(tokens, STRINGS), np.array([*counts.values()], np.int64), ties)
    by_bytes = sorted(tokens, key=str.encode, reverse=ties == "descending")
    assert [tokens[index] for index in order] == sorted(by_bytes, key=lambda token: -counts[token])


def test_memory_in_use_is_unchanged_after_unused_memory_is_released():
    array = pa.array(["a", "b"])
    release_memory()
    assert array.to_pylist() == ["a", "b"]
