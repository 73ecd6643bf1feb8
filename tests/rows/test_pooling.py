"""A look-up and its pooling: NumPy, kernels and any number of threads give the same bits."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import MIXED, tokemb_command, use_kernels
from tokemb import Ragged
from tokemb.models.embedding_lookup import EmbeddingLookup, embedding_lookup_of
from tokemb.rows.pooling import pool_lookup

pytestmark = pytest.mark.keras

THREADS = [1, 2, 3, 7]
POOLING = st.sampled_from(["mean", "sum", "max"])
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, 3e38], np.float32)


def pairwise(vectors):
    """The order in which NumPy adds, written out."""
    if len(vectors) < 8:
        total = vectors[0].copy()
        for vector in vectors[1:]:
            total += vector
        return total
    if len(vectors) > 128:
        half = len(vectors) // 2
        half -= half % 8
        return pairwise(vectors[:half]) + pairwise(vectors[half:])
    whole = len(vectors) - len(vectors) % 8
    lanes = vectors[:8].copy()
    for start in range(8, whole, 8):
        lanes += vectors[start : start + 8]
    total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
    for vector in vectors[whole:]:
        total += vector
    return total


def by_hand(vectors, pooling):
    if not len(vectors):
        return np.zeros(vectors.shape[1], np.float32)
    if pooling == "max":
        return vectors.max(axis=0) + np.float32(0)
    total = vectors[0] if len(vectors) == 1 else vectors[0] + pairwise(vectors[1:])
    return total / np.float32(len(vectors)) if pooling == "mean" else total


def assert_same_bits(got, expected):
    """All bits but those of a NaN, which say nothing."""
    assert (got.dtype, got.shape) == (np.float32, expected.shape)
    nan = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(got), nan)
    np.testing.assert_array_equal(got[~nan].view(np.int32), expected[~nan].view(np.int32))


def pooled(kernels, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        use_kernels(patch, kernels)
        return pool_lookup(*arguments)


@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
@given(
    st.lists(st.integers(0, 20) | st.integers(0, 700), max_size=12),
    st.sampled_from([0, 1, 2, 5, 33]),
    POOLING,
    st.sampled_from(THREADS),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_pooling_by_hand_in_numpy_and_in_kernels(lengths, dim, pooling, threads, special, seed):
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(50, dim)).astype(np.float32)
    if special:
        matrix = np.where(random.random(matrix.shape) < 0.02, random.choice(SPECIAL, matrix.shape), matrix)
    rows = Ragged.from_lengths(random.integers(0, 50, sum(lengths), dtype=np.int32), np.array(lengths, np.int64))
    expected = np.array([by_hand(matrix[row], pooling) for row in rows], np.float32).reshape(len(lengths), dim)
    assert_same_bits(pooled(False, matrix, rows, pooling), expected)
    assert_same_bits(pooled(True, matrix, rows, pooling, threads), expected)


@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered:RuntimeWarning")
@pytest.mark.parametrize("kernels", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
def test_zeros_of_both_signs_infinities_and_nan(kernels, pooling):
    rows = [list(row) for length in (1, 2, 3) for row in product(range(len(SPECIAL)), repeat=length)]
    rows += [4 * row for row in rows]
    # One column is the rest of a vector, six are the same: processors do one number otherwise than several.
    for matrix in (SPECIAL[:, None], np.repeat(SPECIAL[:, None], 6, axis=1)):
        expected = np.array([by_hand(matrix[row], pooling) for row in rows], np.float32)
        got = pooled(kernels, matrix, Ragged.from_rows(rows), pooling)
        assert_same_bits(got, expected.reshape(len(rows), matrix.shape[1]))
    assert pooling != "max" or not np.signbit(got[got == 0]).any()


@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
def test_a_single_row_of_many_ids(pooling):
    matrix = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    rows = Ragged.from_rows([np.random.default_rng(1).integers(0, 1000, 300_001)])
    expected = pooled(False, matrix, rows, pooling)
    assert_same_bits(expected[0], by_hand(matrix[rows.values], pooling))
    for threads in THREADS:
        assert_same_bits(pooled(True, matrix, rows, pooling, threads), expected)


@pytest.mark.parametrize("kernels", [False, True])
@given(
    ids=st.lists(st.lists(st.integers(0, 4), min_size=5, max_size=5), max_size=6),
    pooling=POOLING,
    threads=st.sampled_from(THREADS),
)
def test_padding_anywhere_is_left_out(kernels, ids, pooling, threads):
    matrix = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
    array = np.array(ids, np.int32).reshape(len(ids), 5)
    lookup = EmbeddingLookup(("name",), True, matrix, threads)
    expected = [by_hand(matrix[row[row != 0]], pooling) for row in array]
    for padded in (array, np.asfortranarray(array)):
        with pytest.MonkeyPatch.context() as patch:
            use_kernels(patch, kernels)
            got = lookup.pool_padded(padded, padded != 0, pooling)
        assert_same_bits(got, np.array(expected, np.float32).reshape(len(ids), 3))


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 13 * 2**14 + 1), (2000, 37)])
@pytest.mark.parametrize("dim", [0, 1, 8, 50])
def test_vectors_are_rows_of_the_matrix(monkeypatch, threads, shape, dim):
    use_kernels(monkeypatch, True)
    matrix = np.random.default_rng(3).normal(size=(99, dim)).astype(np.float32)
    matrix.flags.writeable = False
    ids = np.random.default_rng(4).integers(0, 99, shape, dtype=np.int32)
    lookup = EmbeddingLookup(("name",), False, matrix, threads)
    for same in (ids, np.asfortranarray(ids), np.repeat(ids, 2, axis=1)[:, ::2]):
        assert_same_bits(lookup.vectors(same), matrix[ids])


@pytest.fixture(scope="module")
def model():
    return tokemb.embedding_model(tokemb.fit_vocab(MIXED), 6, seed=3)


@pytest.mark.parametrize("threads", [None, *THREADS])
def test_embed_gives_the_bits_of_predict_from_any_integers(tmp_path, monkeypatch, model, threads):
    use_kernels(monkeypatch, True)
    encoder = tokemb.fit_vocab(MIXED)
    ids, rows = encoder.encode(MIXED), encoder.encode_ragged(MIXED)
    expected = model.predict(ids, verbose=0)
    np.save(tmp_path / "ids.npy", ids.astype(np.int64))
    for same in (ids, ids.tolist(), ids.astype(np.uint8 if ids.max() < 256 else np.int64), np.asfortranarray(ids)):
        assert_same_bits(tokemb.embed(model, same, threads=threads), expected)
    mapped = np.load(tmp_path / "ids.npy", mmap_mode="r")
    assert_same_bits(tokemb.embed(model, mapped, threads=threads), expected)
    means = np.array([by_hand(model.get_weights()[0][row], "mean") for row in rows])
    wide = Ragged(rows.values.astype(np.int64), rows.row_splits)
    for same in (rows, wide, mapped):
        assert_same_bits(tokemb.embed(model, same, pooling="mean", threads=threads), means)


def test_one_thread_is_no_thread(monkeypatch, model):
    use_kernels(monkeypatch, True)
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", None)  # making one would fail
    ids = np.ones((50, 4), np.int32)
    for pooling in (None, "sum"):
        tokemb.embed(model, ids, pooling=pooling, threads=1)
        with pytest.raises(TypeError):
            tokemb.embed(model, ids, pooling=pooling, threads=2)


def test_threads_that_cannot_be(model):
    with pytest.raises(tokemb.TokembError, match="threads must be an integer of at least 1; received 0"):
        tokemb.embed(model, [[1]], threads=0)


def test_wide_ids_do_not_wrap_around(model):
    for outside in (2**32 + 1, -1, 2**31 - 1):
        with pytest.raises(tokemb.TokembError, match=f"received {outside}"):
            tokemb.embed(model, Ragged(np.array([outside, 1]), np.array([0, 2])), pooling="sum")


def test_weights_are_those_of_the_moment():
    import keras

    model = keras.Sequential([keras.layers.Embedding(5, 2)])
    model.build((None, None))
    before = embedding_lookup_of(model).matrix
    kept = before.copy()
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3), np.int32), np.ones((4, 3, 2), np.float32), verbose=0)
    assert_same_bits(before, kept)
    model.layers[0].embeddings.assign_add(np.ones((5, 2), np.float32))
    assert_same_bits(before, kept)
    assert_same_bits(embedding_lookup_of(model).matrix, model.get_weights()[0])
    assert not np.array_equal(model.get_weights()[0], kept)


def test_the_command_takes_threads(tmp_path, model):
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "ids.npy", tokemb.fit_vocab(MIXED).encode(MIXED))
    command = ("embed", "ids.npy", "--model", "m.keras", "--pooling", "mean", "--threads")
    for threads in (1, 3):
        assert not tokemb_command(*command, threads, "-o", f"{threads}.npy", cwd=tmp_path).returncode
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "3.npy").read_bytes()
    run = tokemb_command(*command, 0, "-o", "0.npy", cwd=tmp_path)
    assert (run.returncode, (tmp_path / "0.npy").exists()) == (2, False)
    assert b"must be an integer from 1 to 2147483647; received 0" in run.stderr
