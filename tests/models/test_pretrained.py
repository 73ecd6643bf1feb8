"""Pre-trained vectors from files: each format is written here by a few lines of its own."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import DATA
from tokemb.errors import ArgumentError, VectorsError
from tokemb.models.pretrained import load_vectors

REAL = DATA / "vectors"
GENSIM = DATA.parent / "tokenizers" / "other" / "gensim"

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
# Tokens as they occur: no white space within, as its own splitting would have none.
TOKENS = st.text(st.characters(exclude_characters="\n\r ", exclude_categories=["Cs"]), min_size=1, max_size=5)


@st.composite
def tables(draw, tokens=TOKENS):
    """Distinct tokens and a float32 vector for each."""
    names = draw(st.lists(tokens, min_size=1, max_size=8, unique=True))
    dim = draw(st.integers(2, 4))
    rows = draw(st.lists(st.lists(FLOATS, min_size=dim, max_size=dim), min_size=len(names), max_size=len(names)))
    return names, np.array(rows, np.float32)


def glove(names, matrix, end="\n"):
    return "".join(f"{name} {' '.join(map(str, row))}{end}" for name, row in zip(names, matrix, strict=True)).encode()


def header(matrix):
    return f"{len(matrix)} {matrix.shape[1]}\n".encode()


def word2vec(names, matrix, end="\n"):
    return header(matrix) + glove(names, matrix, end)


def binary(names, matrix, end=b"\n"):
    rows = zip(names, matrix, strict=True)
    return header(matrix) + b"".join(name.encode() + b" " + struct.pack(f"<{len(r)}f", *r) + end for name, r in rows)


def npz(path, names, matrix):
    np.savez(path, tokens=np.array(names), vectors=matrix)
    return path.read_bytes()


WRITERS = {
    "glove": glove,
    "word2vec": word2vec,
    "fastText's text": lambda names, matrix: word2vec(names, matrix, " \n"),
    "Windows' text": lambda names, matrix: b"\xef\xbb\xbf" + word2vec(names, matrix, "\r\n"),
    "binary": binary,
    "binary without newlines": lambda names, matrix: binary(names, matrix, b""),
}


def zstd(content):
    return pa.compress(content, codec="zstd", asbytes=True)


PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}

WORDS = ["the", "of", "New_York", "é", "学"]
MATRIX = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


@pytest.fixture
def file(tmp_path):
    def write(content, name="x"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@given(tables(), st.sampled_from(list(WRITERS)), st.sampled_from(list(PACKERS)), st.data())
def test_every_format_gives_the_bits_that_were_written(tmp_path, table, writer, packer, data):
    names, matrix = table
    path = tmp_path / "x"
    path.write_bytes(PACKERS[packer](WRITERS[writer](names, matrix)))
    asked = data.draw(st.lists(st.sampled_from([*names, "not there at all"]), unique=True))
    # By itself a GloVe file may begin like another: its form is told. The others are known.
    kind = "glove" if writer == "glove" else None
    loaded = load_vectors(path, asked, format=kind)
    assert (loaded.rows, loaded.dim, loaded.source) == (len(names), matrix.shape[1], str(path))
    assert loaded.found.tolist() == [name in names for name in asked]
    expected = [matrix[names.index(name)] if name in names else np.zeros_like(matrix[0]) for name in asked]
    np.testing.assert_array_equal(loaded.matrix, np.reshape(expected, (-1, matrix.shape[1])).astype(np.float32))


@pytest.mark.parametrize("writer", WRITERS)
def test_formats_are_known_by_what_they_hold(file, writer):
    loaded = load_vectors(file(WRITERS[writer](WORDS, MATRIX)), WORDS)
    np.testing.assert_array_equal(loaded.matrix, MATRIX)
    assert loaded.found.all()
    label = "GloVe text" if writer == "glove" else "word2vec binary" if "binary" in writer else "word2vec text"
    assert loaded.format == label


def test_short_numbers_are_not_bytes(file):
    content = "2 3\nthe 1 2 3\né学 4 5 6\n".encode()
    assert load_vectors(file(content), ["é学"]).matrix.tolist() == [[4, 5, 6]]


def test_tokens_of_text_may_hold_spaces(file):
    names = ["New York", "Windows 7", ". . .", " the", "at name@domain.com", "a"]
    loaded = load_vectors(file(word2vec(names, np.ones((6, 3)))), [*names, "name@domain.com"])
    assert loaded.found.tolist() == [True] * 6 + [False]


def test_an_archive(tmp_path):
    npz(tmp_path / "x.npz", WORDS, MATRIX)
    np.testing.assert_array_equal(load_vectors(tmp_path / "x.npz", WORDS[::-1]).matrix, MATRIX[::-1])
    np.savez(tmp_path / "x.npz", tokens=np.array(WORDS, object), vectors=MATRIX)
    with pytest.raises(VectorsError, match="is not an archive of tokens and vectors: .*holds Python objects"):
        load_vectors(tmp_path / "x.npz", WORDS)
    for arrays, message in (
        ({"tokens": np.array(WORDS)}, "is not an archive of tokens and vectors: .*vectors"),
        ({"tokens": np.array(WORDS), "vectors": MATRIX[:2]}, r"it holds <U8 \(5,\) and float32 \(2, 3\)"),
        ({"tokens": np.array(WORDS), "vectors": MATRIX * np.nan}, "'the': a number is not finite"),
    ):
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(VectorsError, match=message):
            load_vectors(tmp_path / "x.npz", WORDS)


class KeyedVectors:
    def __init__(self, names, matrix):
        self.key_to_index = {name: index for index, name in enumerate(names)}
        self.vectors = matrix


class FastTextKeyedVectors(KeyedVectors):
    vectors_ngrams = None

    def get_vector(self, key):
        if len(key) < 2:
            raise KeyError(key)
        return np.full(3, len(key))


def test_keyed_vectors():
    loaded = load_vectors(KeyedVectors(WORDS, MATRIX.astype(np.float64)), ["", "of", "other", "the"])
    assert loaded.found.tolist() == [False, True, False, True]
    np.testing.assert_array_equal(loaded.matrix[[1, 3]], MATRIX[[1, 0]])
    assert str(loaded) == "KeyedVectors: vectors in memory, 5 rows of 3"
    made = load_vectors(FastTextKeyedVectors(WORDS, MATRIX), ["of", "other", "x"])
    assert made.found.tolist() == [True, True, False]
    assert made.matrix[1].tolist() == [5, 5, 5]
    with pytest.raises(VectorsError, match="KeyedVectors, 'of': a number is not finite"):
        load_vectors(KeyedVectors(WORDS, MATRIX.astype(np.float64) * 1e300), ["of"])
    for wrong in (3, KeyedVectors(WORDS, MATRIX[0]), {}):
        with pytest.raises(ArgumentError, match=r"must be a file or KeyedVectors \(a model's .wv\); received"):
            load_vectors(wrong, WORDS)


def test_first_of_several_rows_and_rows_that_nothing_equals(file):
    content = b"the 1 2\nThe 3 4\nthe 5 6\n 7 8\n\xff 9 9\nOF 1 1\nOf 2 2\nof 3 3\nA 4 4\n"
    exact = load_vectors(file(content), ["the", "of", "a"])
    assert exact.matrix.tolist() == [[1, 2], [3, 3], [0, 0]]
    assert exact.remarks == (
        "1 duplicate rows skipped",
        "2 rows with an empty or non-UTF-8 token skipped",
    )
    # What is equal comes before what is equal but for case, wherever it stands; of the latter the first counts.
    folded = load_vectors(file(content.replace(b"of 3 3\n", b"")), ["the", "of", "a"], ignore_case=True)
    assert folded.matrix.tolist() == [[1, 2], [1, 1], [4, 4]]
    assert folded.remarks[0] == "2 of the tokens found only in other case"
    both = load_vectors(file(content), ["the", "of", "a"], ignore_case=True)
    assert both.matrix.tolist() == [[1, 2], [3, 3], [4, 4]]
    assert both.remarks[0] == "1 of the tokens found only in other case"
    assert load_vectors(file("Ü 1 2\n".encode()), ["ü"], ignore_case=True).found.all()
    with pytest.raises(ArgumentError, match="tokens must be distinct"):
        load_vectors(file(content), ["the", "the"])


BAD = {
    b"the 1 2 3\nof 1 2\n": r"x, line 2: the row must have a token and 3 numbers; it has 3 fields",
    b"2 3\nthe 1 2 3\nof 1 2\n": r"x, line 3: the row must have a token and 3 numbers; it has 3 fields",
    b"2 3\nthe 1 2 3\n\n": r"x, line 3: the row must have a token and 3 numbers; it has 0 fields",
    b"2 3\nthe 1 2 3\nof .1 .2 .3 .4\n": "x, line 3: the row has more than 3 numbers",
    b"2 3\nthe 1 2 3\nof 1 2 x\n": "x, line 3: 'x' is not a number",
    b"2 3\nthe 1 2 3\nof 1 2 1_0\n": "x, line 3: '1_0' is not a number",
    b"2 3\nthe 1 2 3\nof 1  3\n": "x, line 3: '' is not a number",
    b"2 3\nthe 1 2 3\nof 1 2 \xff\n": r"x, line 3: '\\\\xff' is not a number",
    b"2 3\nthe 1 2 3\nof 1 nan 3\n": "x, line 3: a number is not finite",
    b"2 3\nthe 1 2 3\nof 1 -inf 3\n": "x, line 3: a number is not finite",
    b"2 3\nthe 1 2 3\nof 1 1e39 3\n": "x, line 3: a number is not finite, or too large for float32",
    b"3 3\nthe 1 2 3\nof 1 2 3\n": "x must hold the 3 rows that its header says; it holds 2: download it again",
    b"1 3\nthe 1 2 3\nof 1 2 3\n": "x must hold the 1 rows that its header says; it holds 2",
    b"2 0\nthe\nof\n": "x must have vectors of 1 to 1,048,576 numbers; received 0",
    b"2 1000000000\nthe 1 2 3\n": "x must have vectors of 1 to 1,048,576 numbers; received 1000000000",
    b"": "x is empty",
    b"\n\n": "x is empty",
    b"just some text\nand more\n": "x is not a file of vectors: no line holds a token and its numbers",
    "the 1 2\n".encode("utf-16"): "x is not a file of vectors: it is binary, and none of glove",
    zstd(b"the 1 2\n" * 999)[:-9]: "x is truncated: its compressed data ends early",
    zstd(b"the 1 2\n" * 999)[:12] + b"\xff" * 80: "x is damaged: its compressed data cannot be read",
    gzip.compress(b"the 1 2\n" * 999, mtime=0)[:-20]: "x is truncated: its compressed data ends early",
    gzip.compress(b"the 1 2\n" * 999, mtime=0)[:15] + b"\xff" * 30: "x is damaged: its compressed data cannot be read",
    lzma.compress(b"the 1 2\n" * 999)[:50] + b"\xff" * 80: "x is damaged: its compressed data cannot be read",
    bz2.compress(b"the 1 2\n" * 999)[:20] + b"\xff" * 80: "x is damaged: its compressed data cannot be read",
    b"PK\x03\x04 and no more": "x is not an archive of tokens and vectors",
    binary(["the", "of"], MATRIX[:2])[:-3]: "must hold the 2 rows that its header says; it ends within row 2",
    binary(["the", "of"], MATRIX[:2])[:-14]: "must hold the 2 rows that its header says; it ends within row 2",
    b"3" + binary(["the", "of"], MATRIX[:2])[1:]: "must hold the 3 rows that its header says; it holds 2",
    b"1" + binary(["the", "of"], MATRIX[:2])[1:]: "must hold the 1 rows that its header says; it holds 2",
    binary(["the", "of"], MATRIX[:2] * np.float32(np.inf)): "x, row 1: a number is not finite",
    # The second row has one number less, so that the next token is read as a number.
    b"4"
    + binary(["the", "of"], MATRIX[:2])[1:-5]
    + b"\n"
    + binary(["to", "and"], MATRIX[:2])[4:]: "x, row 2: 3 numbers and a newline must follow the token",
    binary(["of"], MATRIX[:1]) + b"\1" * 70000: "x, row 2: no space ends the token: use load_vectors",
}


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_broken_files_are_named(file, content):
    with pytest.raises(VectorsError, match=BAD[content]):
        load_vectors(file(content), ["the", "of"])


def test_what_is_not_there_and_settings_that_cannot_be(file, tmp_path):
    with pytest.raises(VectorsError, match="no file at"):
        load_vectors(tmp_path / "none", ["a"])
    with pytest.raises(VectorsError, match="is a folder, not a file of vectors"):
        load_vectors(str(tmp_path), ["a"])
    with pytest.raises(ArgumentError, match="format must be one of glove, word2vec, word2vec-binary, fasttext, npz"):
        load_vectors(file(b"a 1 2\n"), ["a"], format="elmo")
    for kind in ("word2vec", "word2vec-binary"):
        with pytest.raises(
            VectorsError, match="must begin with a line of two integers, rows and dim: use load_vectors"
        ):
            load_vectors(file(b"a 1 2\n"), ["a"], format=kind)
    # The format that is told counts: here a GloVe token that is a number.
    assert load_vectors(file(b"12 2\nthe 5\n"), ["12"], format="glove").matrix.tolist() == [[2]]


@pytest.mark.parametrize(
    ("content", "rows", "remark"),
    [
        (b"9 2\nthe 1 2\nof 3 4\n", 2, "its header says 9 rows"),
        (b"1 2\nthe 1 2\nof 3 4\n", 2, "its header says 1 rows"),
        (b"9 2\nthe 1 2\nof 3 0.", 1, "the last row is truncated and skipped"),
        (b"9 2\nthe 1 2\nof", 1, "the last row is truncated and skipped"),
        (b"the 1 2\nof", 1, "the last row is truncated and skipped"),
        (b"9" + binary(["the", "of"], MATRIX[:2])[1:], 2, "its header says 9 rows"),
        (b"9" + binary(["the", "of"], MATRIX[:2])[1:-3], 1, "the last row is truncated and skipped"),
        (gzip.compress(b"the 1 2\nof 3 45\n", 0, mtime=0)[:-10], 1, "the last row is truncated and skipped"),
        (zstd(b"of 3 4\n" + b"the 1 2\n" * 99_999)[:-9], None, "its compressed data ends early"),
        (gzip.compress(b"of 3 4\n" + b"the 1 2\n" * 999, mtime=0)[:-9], None, "its compressed data ends early"),
    ],
)
def test_lenient_takes_the_rows_that_are_there(file, content, rows, remark):
    loaded = load_vectors(file(content), ["the", "of"], lenient=True)
    assert remark in loaded.remarks
    assert rows is None or (loaded.rows == rows and loaded.found.tolist() == [True, rows == 2])


@pytest.mark.parametrize("packer", PACKERS)
def test_url_is_read_as_the_local_file(file, packer):
    path = file(PACKERS[packer](glove(WORDS, MATRIX)), f"v.txt{packer}")
    np.testing.assert_array_equal(load_vectors(path.as_uri(), WORDS).matrix, MATRIX)


def test_url_that_cannot_be_reached_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.txt"):
        load_vectors((tmp_path / "none.txt").as_uri(), ["a"])
    with pytest.raises(tokemb.TokembError, match="unknown://x cannot be reached"):
        load_vectors("unknown://x", ["a"])


def test_lenient_forgives_no_broken_row(file):
    with pytest.raises(VectorsError, match="line 2: the row must have a token and 2 numbers; it has 2 fields"):
        load_vectors(file(b"the 1 2\nof 3\na 4 5\n"), ["a"], lenient=True)


@pytest.mark.parametrize("writer", ["word2vec", "binary", "binary without newlines"])
def test_every_cut_of_a_file_is_an_error(file, writer):
    whole = WRITERS[writer](WORDS, MATRIX)
    # A cut within the digits of the last number cannot be told.
    for size in range(whole.rindex(b" ") + 1 if writer == "word2vec" else len(whole.rstrip(b"\n"))):
        with pytest.raises(VectorsError):
            load_vectors(file(whole[:size]), WORDS)


def test_a_header_that_promises_much_costs_no_memory(file):
    tracemalloc.start()
    for content in (b"9 1000000\nthe 1 2 3\n", b"9 1000000\nthe \0\0\0\0"):
        with pytest.raises(VectorsError):
            load_vectors(file(content), [f"token {index}" for index in range(9999)])
    assert tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()


def test_rows_across_blocks(file, monkeypatch):
    names = [f"token{index}" for index in range(300)]
    matrix = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    for module in ("word2vec_text", "word2vec_binary", "fasttext"):
        monkeypatch.setattr(f"tokemb.models.pretrained.{module}._BLOCK", 50)
    monkeypatch.setattr("tokemb.models.pretrained.stream._CHUNK", 7)
    for content in (word2vec(names, matrix), glove(names, matrix), binary(names, matrix), binary(names, matrix, b"")):
        for packed in (content, gzip.compress(content, mtime=0)):
            np.testing.assert_array_equal(load_vectors(file(packed), names).matrix, matrix)
    monkeypatch.setattr("tokemb.models.pretrained.word2vec_text._LONGEST_ROW", 100)
    with pytest.raises(VectorsError, match="it holds a line of more than 100 bytes"):
        load_vectors(file(b"the 1 2\n" + b"x" * 200), names)


needs_files = pytest.mark.skipif(not REAL.is_dir(), reason="no vectors at hand")


@needs_files
@pytest.mark.parametrize(
    ("name", "label", "rows", "dim"),
    [
        ("test_glove.txt", "GloVe text", 76, 50),
        ("word2vec_pre_kv_c", "word2vec text", 1750, 10),
        ("pang_lee_polarity_fasttext.vec", "word2vec text", 1694, 100),
        ("lee_fasttext.vec", "word2vec text", 1762, 10),
        ("euclidean_vectors.bin", "word2vec binary", 2747, 10),
        ("high_precision.kv.bin", "word2vec binary", 2, 2),
        ("high_precision.kv.txt", "word2vec text", 2, 2),
    ],
)
def test_real_files(name, label, rows, dim):
    loaded = load_vectors(REAL / name, ["the", "horse.n.01"])
    assert (loaded.format, loaded.rows, loaded.dim) == (label, rows, dim)
    assert loaded.found.any()


@needs_files
def test_the_text_and_the_binary_file_of_one_model_agree():
    names = ["kangaroo.n.01", "horse.n.01"]
    text, bits = (load_vectors(REAL / f"high_precision.kv.{ending}", names).matrix for ending in ("txt", "bin"))
    np.testing.assert_allclose(text, bits, rtol=1e-3)


@needs_files
def test_numbers_of_a_real_file_are_what_python_reads():
    lines = (REAL / "test_glove.txt").read_text("utf-8").splitlines()
    loaded = load_vectors(REAL / "test_glove.txt", [line.split(" ")[0] for line in lines])
    np.testing.assert_array_equal(loaded.matrix, np.array([line.split(" ")[1:] for line in lines], np.float32))


@needs_files
def test_real_files_that_hold_less_than_they_say():
    with pytest.raises(VectorsError, match="must hold the 2,519,370 rows that its header says; it holds 99"):
        load_vectors(REAL / "wiki.en.vec", ["the"])
    assert load_vectors(REAL / "wiki.en.vec", ["the"], lenient=True).found.all()
    if GENSIM.is_dir():
        with pytest.raises(VectorsError, match="must hold the 3 rows that its header says; it holds 1"):
            load_vectors(GENSIM / "pretrained.vec", ["dummy"])


def test_the_command_knows_every_format_and_way():
    from tokemb_cli import export_vectors, init_model

    from tokemb.models.pretrained import INITIALIZERS

    assert tuple(init_model._MADE) == INITIALIZERS
    from tokemb.models.export_vectors import _WRITERS

    assert export_vectors._ENDINGS == tuple(_WRITERS)
