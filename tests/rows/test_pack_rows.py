from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.conftest import python, use_kernels
from tokemb.engine.insert_special_tokens import insert_special_tokens
from tokemb.rows.pack_rows import pack_rows, rows_with
from tokemb.rows.ragged import Ragged
from tokemb.vocabulary.special_tokens import SpecialTokens

ID = st.integers(-(2**31), 2**31 - 1)
AROUND = st.lists(ID, max_size=3).map(tuple)


def by_hand(texts, before, after, filling, fill, fill_first):
    rows = [([fill] * more, [*before, *text, *after]) for text, more in zip(texts, filling, strict=True)]
    return [token for spare, ids in rows for token in (spare + ids if fill_first else ids + spare)]


@given(
    st.lists(st.tuples(st.lists(ID, max_size=6), st.integers(0, 3), st.integers(0, 3)), max_size=9),
    AROUND,
    AROUND,
    ID,
    st.booleans(),
    st.sampled_from([1, 2, 3, 7]),
)
def test_lay_out_by_hand_in_numpy_and_in_kernels(rows, before, after, fill, fill_first, threads):
    """Each row is some ids, how many of them are cut, and how much is filled."""
    ragged = Ragged.from_rows([ids for ids, _, _ in rows])
    cut = np.array([min(less, len(ids)) for ids, less, _ in rows], np.int64)
    filling = [more for _, _, more in rows]
    texts = [ids[less:] for (ids, _, _), less in zip(rows, cut, strict=True)]
    expected = np.array(by_hand(texts, before, after, filling, fill, fill_first), np.int32)
    lengths = np.array([len(text) for text in texts], np.int64)
    splits = np.cumsum([0, *(lengths + len(before) + len(after) + np.array(filling, np.int64))])
    for kernels in (False, True):
        out = np.full(len(expected), 77, np.int32)
        with pytest.MonkeyPatch.context() as patch:
            use_kernels(patch, kernels)
            pack_rows(
                ragged.values,
                ragged.row_splits[:-1] + cut,
                lengths,
                splits,
                out,
                before=before,
                after=after,
                fill=fill,
                fill_first=fill_first,
                threads=threads,
            )
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("kernels", [False, True])
@given(rows=st.lists(st.lists(ID, max_size=5), max_size=5), before=AROUND, after=AROUND)
def test_special_tokens_around_rows(kernels, rows, before, after):
    with pytest.MonkeyPatch.context() as patch:
        use_kernels(patch, kernels)
        whole = SpecialTokens(before, after).add_special_tokens(Ragged.from_rows(rows))
    assert [row.tolist() for row in whole] == [[*before, *row, *after] for row in rows]
    assert (whole.values.dtype, whole.row_splits.dtype) == (np.int32, np.int64)


MARKED = st.lists(st.booleans(), min_size=1, max_size=7)
SMALL_ROWS = st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=9)


def holding(rows, marked):
    """Rows with a marked id; the last is for all beyond."""
    return [any(marked[min(token, len(marked) - 1)] for token in row) for row in rows]


@pytest.mark.parametrize("kernels", [False, True])
@given(rows=SMALL_ROWS, marked=MARKED, skip=st.integers(0, 3), threads=st.sampled_from([1, 2, 5]))
def test_rows_with_marked_ids(kernels, rows, marked, skip, threads):
    ragged = Ragged.from_rows([[-1] * skip, *rows, [-1]])
    with pytest.MonkeyPatch.context() as patch:
        use_kernels(patch, kernels)
        found = rows_with(ragged.values, ragged.row_splits[1:-1], np.array(marked), threads)
    assert found.tolist() == holding(rows, marked)
    assert found.dtype == np.bool_


@pytest.mark.parametrize("kernels", [False, True])
@given(
    rows=SMALL_ROWS,
    marked=MARKED,
    before=AROUND,
    after=AROUND,
    spare=st.integers(-2, 20),
    threads=st.sampled_from([1, 2, 3, 7]),
)
@example(rows=[[1, 0, 0, 0]], marked=[False, True, False], before=(), after=(7,), spare=0, threads=1)
def test_special_tokens_in_place(kernels, rows, marked, before, after, spare, threads):
    """The first row makes room; if there is too little, another array does. No part waits for another one."""
    around = SpecialTokens(before, after)
    room = max(len(around) * len(rows) + spare, 0)
    ragged = Ragged.from_rows([[99] * room, *rows])
    with pytest.MonkeyPatch.context() as patch:
        use_kernels(patch, kernels)
        patch.setattr(
            "tokemb.engine.insert_special_tokens.parallel_map",
            lambda move, moves: [move(*each) for each in reversed(moves)],
        )
        whole, found = insert_special_tokens(ragged, around, np.array(marked), threads)
    assert [row.tolist() for row in whole] == [[*before, *row, *after] for row in rows]
    assert found.tolist() == holding(rows, marked)
    if kernels and room >= len(around) * len(rows) and len(whole.values):
        assert np.shares_memory(whole.values, ragged.values)


def test_memory_that_cannot_be_written_to_and_has_gaps(monkeypatch):
    use_kernels(monkeypatch, True)
    values = np.repeat(np.arange(1, 7, dtype=np.int32), 2)[::2]
    values.flags.writeable = False
    ragged = Ragged(values, np.array([0, 4, 6]))
    assert ragged.pad(3, padding="pre").tolist() == [[1, 2, 3], [0, 5, 6]]
    assert ragged.select(values > 2).pad().tolist() == [[3, 4], [5, 6]]


LARGE = """
import sys
import numpy as np
from tokemb import Ragged, pad
from tokemb.rows.pooling import pool_lookup
matrix = np.ones((5, 3), np.float32)
pool_lookup(matrix, Ragged.from_rows([[1, 2]]), "max")
pad([[1, 2, 3]])
assert "llvmlite" not in sys.modules
rows = Ragged.from_lengths(np.ones(3 << 23, np.int32), np.full(3 << 10, 1 << 13))
assert rows.pad(9000).sum() == 3 << 23
assert "llvmlite" in sys.modules
"""


def test_only_large_inputs_load_kernels():
    run = python(LARGE)
    assert run.returncode == 0, run.stderr


FORKED = """
import os, signal
import numpy as np
from tokemb import Ragged
from tokemb.rows.pooling import pool_lookup
import tokemb.rows.threads
tokemb.rows.threads._WORTH_LOADING = tokemb.rows.threads._WORTH_THREADS = 0
rows = Ragged.from_lengths(np.ones(1000, np.int32), np.full(100, 10))
def work():
    assert rows.pad(12).sum() == 1000
    assert pool_lookup(np.ones((2, 4), np.float32), rows, "sum", 3).sum() == 4000
work()
child = os.fork()
if not child:
    signal.alarm(60)
    work()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_wait_for_threads():
    run = python(FORKED)
    assert run.returncode == 0, run.stderr
