"""Numbers of tokens in memory that grows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokemb.engine import token_numbers
from tokemb.engine.pretoken_cache import free_slots
from tokemb.engine.scan_plan import char_table_of
from tokemb.engine.token_numbers import TokenNumbers

BATCHES = st.lists(st.lists(st.text("abé中", max_size=3) | st.text("ab", min_size=14, max_size=40), max_size=30))


@given(BATCHES)
def test_numbers_are_in_the_order_of_the_first_occurrences(batches):
    with_little_memory = TokenNumbers.__new__(TokenNumbers)
    before = token_numbers._TOKENS, token_numbers._BYTES
    token_numbers._TOKENS, token_numbers._BYTES = 2, 8
    try:
        with_little_memory.__init__()
    finally:
        token_numbers._TOKENS, token_numbers._BYTES = before
    expected: dict[str, int] = {}
    for batch in batches:
        numbers = [expected.setdefault(token, len(expected)) for token in batch]
        assert with_little_memory.add(pa.array(batch, pa.large_string())).tolist() == numbers
        assert with_little_memory.size == len(expected)
    assert with_little_memory.texts().to_pylist() == list(expected)


@pytest.mark.parametrize(("slots", "alignment"), [(4, 64), (1 << 14, 64), (1 << 15, 1 << 21), (1 << 17, 1 << 21)])
def test_free_slots_are_zeros_at_the_start_of_a_cache_line_or_huge_page(slots, alignment):
    for _ in range(2):  # the second time in memory that was written to
        words = free_slots(slots)
        assert words.shape == (4 * slots,)
        assert words.ctypes.data % alignment == 0
        assert not words.any()
        words[:] = 1


def test_characters_that_are_added_later_have_their_numbers():
    table = char_table_of(
        "null", '{"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": false}'
    )
    table.query_tokenizers([0])
    numbers = TokenNumbers()
    for batch in (["ab", "b"], ["a", "b", "c"]):
        numbers.add(pa.array(batch, pa.large_string()))
        found = numbers.character_ids(table.table)
    known = np.flatnonzero(found)
    assert {chr(code): found[code] - 1 for code in known} == {"b": 1, "a": 2, "c": 3}
