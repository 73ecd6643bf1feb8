"""fastText's models, written here by its format; the vectors are made by its definition, on strings of characters."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import DATA
from tokemb.errors import VectorsError
from tokemb.models.pretrained import load_vectors

REAL = DATA / "vectors"
SKIPGRAM, SUPERVISED = 2, 3

CHARACTERS = st.sampled_from("abcé学\U0001f600<>")


def model(
    words,
    matrix,
    *,
    buckets,
    shortest=3,
    longest=6,
    version=12,
    kind=SKIPGRAM,
    labels=(),
    pruned=-1,
    quantised=False,
    shape=None,
):
    """The bytes of a model. ``version=None`` for the first format, which had none."""
    arguments = (matrix.shape[1], 5, 5, 5, 5, 1, 2, kind, buckets, shortest, longest, 100, 1e-4)
    parts = [struct.pack("<12id", *arguments)]
    if version is not None:
        parts.insert(0, struct.pack("<2i", 793712314, version))
    parts.append(struct.pack("<3iq", len(words) + len(labels), len(words), len(labels), 1234))
    if version is not None:
        parts.append(struct.pack("<q", pruned if isinstance(pruned, int) else len(pruned)))
    for entries, is_label in ((words, False), (labels, True)):
        parts += [word.encode() + struct.pack("<bqb", 0, 7, is_label) for word in entries]
    if version is not None:
        parts += [] if isinstance(pruned, int) else [struct.pack("<2i", *pair) for pair in pruned.items()]
        parts.append(struct.pack("<?", quantised))
    parts += [struct.pack("<2q", *(shape or matrix.shape)), matrix.astype("<f4").tobytes()]
    return b"".join(parts) + b"the output matrix follows"


def fnv(text):
    value = np.uint32(2166136261)
    with np.errstate(over="ignore"):
        for byte in np.frombuffer(text.encode(), np.int8):
            value = (value ^ byte.astype(np.uint32)) * np.uint32(16777619)
    return int(value)


def ngrams(word, shortest, longest):
    word = f"<{word}>"
    return [
        word[start : start + size]
        for start in range(len(word))
        for size in range(shortest, longest + 1)
        if start + size <= len(word) and not (size == 1 and start in (0, len(word) - 1))  # no n-gram is a mark alone
    ]


def vector(word, words, matrix, buckets, shortest, longest, whole=("</s>",)):
    rows = [words.index(word)] if word in words else []
    if word not in whole and buckets:
        rows += [len(words) + fnv(ngram) % buckets for ngram in ngrams(word, shortest, longest)]
    return matrix[rows].astype(np.float64).mean(axis=0) if rows else None


WORDS = ["the", "of", "</s>", "New", "é学"]
UNKNOWN = ["quite", "other", "a", "学é学", "</s", "New York"]
MATRIX = np.random.default_rng(0).normal(size=(5 + 40, 3)).astype(np.float32)


@pytest.fixture
def file(tmp_path):
    def write(content):
        (tmp_path / "x.bin").write_bytes(content)
        return tmp_path / "x.bin"

    return write


def assert_vectors(loaded, asked, expected):
    assert loaded.found.tolist() == [vector is not None for vector in expected]
    zeros = np.zeros(loaded.dim)
    expected = [zeros if vector is None else vector for vector in expected]
    np.testing.assert_allclose(loaded.matrix, np.reshape(expected, (len(asked), loaded.dim)), rtol=1e-6, atol=1e-7)


@given(
    st.lists(st.text(CHARACTERS, min_size=1), min_size=1, max_size=6, unique=True),
    st.lists(st.text(CHARACTERS, min_size=1), max_size=6, unique=True),
    st.integers(0, 4),
    st.integers(0, 4),
    st.integers(0, 50),
    st.integers(1, 9),
    st.booleans(),
)
def test_words_and_what_is_made_of_ngrams(tmp_path, words, asked, shortest, more, buckets, block, packed):
    longest = shortest + more
    matrix = np.random.default_rng(buckets).normal(size=(len(words) + buckets, 3)).astype(np.float32)
    content = model(words, matrix, buckets=buckets, shortest=shortest, longest=longest, labels=["__label__a"])
    asked.append("__label__a")  # which is no word
    (tmp_path / "x.bin").write_bytes(gzip.compress(content) if packed else content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokemb.models.pretrained.fasttext._BLOCK_ROWS", block)
        loaded = load_vectors(tmp_path / "x.bin", asked)
    assert (loaded.format, loaded.rows, loaded.dim) == ("fastText model", len(words), 3)
    expected = [vector(word, words, matrix, buckets, max(shortest, 1), longest) for word in asked]
    assert_vectors(loaded, asked, expected)


@pytest.mark.parametrize("version", [None, 11, 12])
def test_versions(file, version):
    asked = [*WORDS, *UNKNOWN]
    loaded = load_vectors(file(model(WORDS, MATRIX, buckets=40, version=version)), asked)
    whole = () if version is None else ("</s>",)  # the first format cut the mark of a sentence's end too
    assert_vectors(loaded, asked, [vector(word, WORDS, MATRIX, 40, 3, 6, whole) for word in asked])
    assert loaded.remarks == ("6 of the tokens found made from subwords",)


def test_old_supervised_models_have_no_ngrams(file):
    for version, longest in ((11, 0), (12, 6)):
        content = model(WORDS, MATRIX, buckets=40, version=version, kind=SUPERVISED)
        asked = ["the", "quite"]
        expected = [vector(word, WORDS, MATRIX, 40, 3, longest) for word in asked]
        assert_vectors(load_vectors(file(content), asked), asked, expected)


def test_pruned_models(file):
    kept = {bucket: place for place, bucket in enumerate((3, 17, 20, 21, 30))}
    loaded = load_vectors(file(model(WORDS, MATRIX[:10], buckets=40, pruned=kept)), ["the", "quite"])
    for word, got in zip(["the", "quite"], loaded.matrix, strict=True):
        buckets = [fnv(ngram) % 40 for ngram in ngrams(word, 3, 6)]
        rows = [0] * (word == "the") + [5 + kept[bucket] for bucket in buckets if bucket in kept]
        assert len(rows) > 1
        np.testing.assert_allclose(got, MATRIX[rows].mean(axis=0), rtol=1e-5)


def test_case(file):
    content = model(["The", "THE"], MATRIX[:42], buckets=40)
    exact, folded = (load_vectors(file(content), ["the"], ignore_case=ignore_case) for ignore_case in (False, True))
    assert_vectors(exact, ["the"], [vector("the", ["The", "THE"], MATRIX, 40, 3, 6)])
    assert_vectors(folded, ["the"], [vector("The", ["The", "THE"], MATRIX, 40, 3, 6)])


SOUND = model(WORDS, MATRIX, buckets=40)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (model(WORDS, MATRIX, buckets=40, quantised=True), r"is a quantized fastText model \(.ftz\)"),
        (model(WORDS, MATRIX, buckets=40, version=13), "is a fastText model of version 13; up to 12 are read"),
        (model(WORDS, MATRIX, buckets=41), "is damaged: its matrix is 45 x 3, its vectors have 3 numbers"),
        (
            model(WORDS, MATRIX, buckets=40, shape=(45, 4)),
            "is damaged: its matrix is 45 x 4, its vectors have 3 numbers",
        ),
        (model(WORDS, MATRIX, buckets=40, shape=(10**12, 3)), "is truncated: the fastText model ends early"),
        (model(WORDS, MATRIX * np.nan, buckets=40), "is damaged: a number is not finite"),
        (SOUND.replace(struct.pack("<i", 3), struct.pack("<i", 0), 1), "vectors of 1 to 1,048,576 numbers; received 0"),
        (
            SOUND.replace(struct.pack("<3i", 5, 5, 0), struct.pack("<3i", 10**6, 5, 0)),
            "is truncated or damaged within its dictionary, at word",
        ),
        (model(WORDS, MATRIX, buckets=40, shape=(2**62, 3)), "is truncated: the fastText model ends early"),
        (model(WORDS, MATRIX, buckets=-1), "is damaged: its header names 5 words of 5 entries"),
        (SOUND.replace(struct.pack("<3i", 5, 5, 0), struct.pack("<3i", 4, 5, 0)), "names 5 words of 4 entries"),
    ],
    ids=range(11),
)
def test_models_that_cannot_be_read(file, content, message):
    with pytest.raises(VectorsError, match=rf"x\.bin.* {message}"):
        load_vectors(file(content), [*WORDS, *UNKNOWN], format="fasttext")


@pytest.mark.parametrize("asked", [["the"], ["quite", "nothing of this"]])
def test_every_cut_is_an_error(file, asked):
    end = SOUND.index(b"the output matrix")
    for size in range(end):
        with pytest.raises(VectorsError):
            load_vectors(file(SOUND[:size]), asked, format="fasttext")
    assert load_vectors(file(SOUND[:end]), asked).found.all()


needs_files = pytest.mark.skipif(not REAL.is_dir(), reason="no vectors at hand")


@needs_files
@pytest.mark.parametrize("packed", [False, True])
def test_a_model_gives_what_fasttext_printed(tmp_path, packed):
    words = [line.split(" ")[0] for line in (REAL / "lee_fasttext.vec").read_text("utf-8").splitlines()[1:]]
    path = REAL / "lee_fasttext.bin"
    if packed:
        path = tmp_path / "x.gz"
        path.write_bytes(gzip.compress((REAL / "lee_fasttext.bin").read_bytes()))
    made, printed = load_vectors(path, words), load_vectors(REAL / "lee_fasttext.vec", words)
    assert made.found.all()
    np.testing.assert_allclose(made.matrix, printed.matrix, rtol=1e-4, atol=1e-5)  # five digits were printed


@needs_files
def test_a_real_model_of_two_numbers():
    loaded = load_vectors(REAL / "non_ascii_fasttext.bin", ["je"])
    assert (loaded.rows, loaded.dim) == (171, 2)
