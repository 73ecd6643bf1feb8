"""Models that start from pre-trained vectors, and vectors written from models."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import DATA, command_here
from tokemb.errors import ArgumentError, ModelError, VectorsError
from tokemb.models.embedding_lookup import read_lookup
from tokemb.models.export_vectors import export_vectors
from tokemb.models.pretrained import Coverage, coverage, load_vectors, starting_matrix

pytestmark = pytest.mark.keras

TEXTS = ["the cat the dog the", "of the cat of"]  # the 4, cat 2, of 2, dog 1
GLOVE = "the 1 2\nof 3 4\ncat 5 9\nThe 9 9\nunknown 7 7\n"


@pytest.fixture(scope="module")
def encoder():
    return tokemb.fit_vocab(TEXTS)


@pytest.fixture
def glove(tmp_path):
    (tmp_path / "glove.txt").write_text(GLOVE)
    return tmp_path / "glove.txt"


def weights(model):
    return model.get_weights()[0]


def test_coverage_counts_tokens_and_occurrences(encoder, glove):
    assert encoder.vocabulary == ["", "[UNK]", "the", "cat", "of", "dog"]
    loaded = load_vectors(glove, encoder.vocabulary)
    covered = coverage(encoder, loaded.found)
    assert covered == Coverage(4, 3, 9, 8)
    assert str(covered) == "3 of 4 tokens, 88.89% of their occurrences"
    assert str(loaded) == f"{glove}: GloVe text, 5 rows of 2"


def test_coverage_of_a_foreign_vocabulary_and_of_reserved_tokens(tmp_path, encoder):
    encoder.save(tmp_path / "v")
    foreign = tokemb.Encoder.load(tmp_path / "v" / "tokenizer.json")
    found = np.array([False, True, True, False, False, False])
    assert coverage(foreign, found) == Coverage(4, 1, None, None)
    assert str(coverage(foreign, found)) == "1 of 4 tokens"
    reserved = tokemb.fit_vocab(TEXTS, reserve=["[BOS]"])
    assert coverage(reserved, np.ones(7, np.bool_)) == Coverage(5, 5, 9, 9)


def test_rows_without_a_vector(encoder, glove):
    loaded = load_vectors(glove, encoder.vocabulary)
    found = np.array([[1, 2], [5, 9], [3, 4]], np.float32)
    for initializer in ("random", "zeros", "mean"):
        matrix = starting_matrix(encoder, loaded, initializer=initializer, seed=1)
        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix[[2, 3, 4]], found)
        assert matrix[0].tolist() == [0, 0]
        assert matrix[1].tolist() == ([0, 0] if initializer == "zeros" else [3, 5])
        assert initializer == "random" or matrix[5].tolist() == matrix[1].tolist()
    first, again, other = (starting_matrix(encoder, loaded, seed=seed)[5] for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert not loaded.matrix[5].any()


def test_random_rows_are_spread_as_the_found_ones():
    encoder = tokemb.fit_vocab([" ".join(f"w{index}" for index in range(4000))])
    tokens = encoder.vocabulary
    rng = np.random.default_rng(0)
    file = type("KeyedVectors", (), {})()
    file.key_to_index = {token: row for row, token in enumerate(tokens[2:2002])}
    file.vectors = rng.normal((3, -1), (0.1, 2), (2000, 2))
    made = starting_matrix(encoder, load_vectors(file, tokens), seed=0)[2002:]
    np.testing.assert_allclose(made.mean(axis=0), (3, -1), atol=0.2)
    np.testing.assert_allclose(made.std(axis=0), (0.1, 2), rtol=0.1)


def test_a_vector_for_unk_in_the_file_is_taken(encoder, glove):
    glove.write_text(GLOVE + "[UNK] 8 8\n")
    loaded = load_vectors(glove, encoder.vocabulary)
    assert starting_matrix(encoder, loaded)[1].tolist() == [8, 8]
    assert coverage(encoder, loaded.found).tokens_found == 3


def test_every_kind_of_vectors_starts_a_model(encoder, glove):
    loaded = load_vectors(glove, encoder.vocabulary)
    expected = starting_matrix(encoder, loaded, seed=3)
    keyed = type("KeyedVectors", (), {"key_to_index": {"the": 0, "of": 1, "cat": 2}})()
    keyed.vectors = np.array([[1, 2], [3, 4], [5, 9]])
    for vectors in (glove, str(glove), loaded, keyed):
        for dim in (None, 2):
            model = tokemb.embedding_model(encoder, dim, vectors=vectors, seed=3)
            np.testing.assert_array_equal(weights(model), expected)
    for vectors in (expected, expected.tolist()):
        np.testing.assert_array_equal(weights(tokemb.embedding_model(encoder, vectors=vectors)), expected)
    assert not weights(tokemb.embedding_model(encoder, vectors=glove, initializer="zeros"))[[0, 1, 5]].any()


def test_frozen_vectors_do_not_train(encoder, glove):
    import keras

    ids = encoder.encode(TEXTS)
    for trainable in (True, False):
        model = tokemb.embedding_model(encoder, vectors=glove, trainable=trainable, seed=0)
        before = weights(model).copy()
        whole = keras.Sequential([model, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
        whole.compile("sgd", "mse")
        whole.fit(ids, np.arange(2), verbose=0)
        assert np.array_equal(weights(model), before) is not trainable


def test_settings_that_cannot_be(encoder, glove):
    for arguments, message in (
        ({}, "output_dim must be an integer of at least 1; received None"),
        (
            {"output_dim": 3, "vectors": glove},
            r"a row for each id, shape \(6, 3\); received shape \(6, 2\)",
        ),
        ({"vectors": np.zeros((5, 2))}, r"a row for each id, shape \(6, dim\); received shape \(5, 2\)"),
        ({"vectors": np.zeros((6, 0))}, r"shape \(6, dim\); received shape \(6, 0\)"),
        ({"vectors": 3}, r"shape \(6, dim\); received shape \(\)"),
        ({"vectors": {"a": 1}}, "vectors must be a matrix of numbers"),
        (
            {"vectors": glove, "initializer": "guess"},
            "initializer must be one of random, zeros, mean; received 'guess'",
        ),
        ({"vectors": load_vectors(glove, ["the"])}, "for the vocabulary of the encoder, 6 tokens; received 1"),
    ):
        with pytest.raises(ArgumentError, match=message):
            tokemb.embedding_model(encoder, **arguments)
    glove.write_text("le 1 2\nde 3 4\n[UNK] 1 1\n")
    with pytest.raises(VectorsError, match="glove.txt holds none of the vocabulary's 4 tokens: use vectors of"):
        tokemb.embedding_model(encoder, vectors=glove)


# Writing


@given(st.data())
def test_what_is_written_loads_with_the_same_bits(tmp_path, encoder, data):
    floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
    rows = data.draw(st.lists(st.lists(floats, min_size=2, max_size=2), min_size=6, max_size=6))
    matrix = np.array(rows, np.float32)
    path = tmp_path / ("x" + data.draw(st.sampled_from([".txt", ".vec", ".bin", ".npz"])))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokemb.models.export_vectors.Embedder", lambda model, encoder: type("", (), {"matrix": matrix}))
        patch.setattr("tokemb.models.export_vectors._BLOCK_ROWS", data.draw(st.integers(1, 9)))
        assert export_vectors(None, encoder, path) == 5
    loaded = load_vectors(path, encoder.vocabulary)
    assert loaded.found.tolist() == [False, True, True, True, True, True]
    np.testing.assert_array_equal(loaded.matrix[1:].view(np.int32), matrix[1:].view(np.int32))


def test_formats_are_what_others_read(tmp_path, encoder):
    matrix = np.array([[9, 9], [0.1, -0.0], [1, 2], [3, 4], [5, 6], [7, 1e-30]], np.float32)
    model = tokemb.embedding_model(encoder, vectors=matrix)
    model.save(tmp_path / "m.keras")
    for source in (model, tmp_path / "m.keras", str(tmp_path / "m.keras")):
        export_vectors(source, encoder, str(tmp_path / "x.vec"))
        text = "5 2\n[UNK] 0.1 -0\nthe 1 2\ncat 3 4\nof 5 6\ndog 7 1e-30\n"
        assert (tmp_path / "x.vec").read_text() == text
    export_vectors(model, encoder, tmp_path / "x.bin")
    content = (tmp_path / "x.bin").read_bytes()
    assert content.startswith(b"5 2\n[UNK] " + matrix[1].tobytes() + b"\nthe " + matrix[2].tobytes() + b"\n")
    export_vectors(model, encoder, tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as archive:
        assert archive["tokens"].tolist() == encoder.vocabulary[1:]
        np.testing.assert_array_equal(archive["vectors"], matrix[1:], strict=True)


def test_the_vectors_in_a_larger_model_are_written(tmp_path, encoder):
    import keras

    model = tokemb.embedding_model(encoder, 3)
    whole = keras.Sequential([model, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)])
    whole.save(tmp_path / "whole.keras")
    export_vectors(tmp_path / "whole.keras", encoder, tmp_path / "x.npz")
    loaded = load_vectors(tmp_path / "x.npz", encoder.vocabulary)
    np.testing.assert_array_equal(loaded.matrix[1:], weights(model)[1:])
    ids = keras.Input((None,), dtype="int32")
    two = keras.Model(ids, keras.layers.Embedding(6, 3)(ids) + keras.layers.Embedding(6, 3)(ids))
    with pytest.raises(ModelError, match="the ids of the model must go to one Embedding; they go to 2"):
        export_vectors(two, encoder, tmp_path / "y.npz")


def test_padding_that_has_a_name_is_zeros_and_is_not_written(tmp_path):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    foreign = tokemb.Encoder.from_tokenizer(Tokenizer(WordLevel({"a": 0, "[PAD]": 1, "b": 2}, unk_token="a")))
    (tmp_path / "x.vec").write_text("[PAD] 5 5\na 1 2\nb 3 4\n")
    model = tokemb.embedding_model(foreign, vectors=tmp_path / "x.vec")
    assert weights(model).tolist() == [[1, 2], [0, 0], [3, 4]]
    export_vectors(model, foreign, tmp_path / "y.vec")
    assert (tmp_path / "y.vec").read_text() == "2 2\na 1 2\nb 3 4\n"


def test_what_cannot_be_written_leaves_nothing(tmp_path, encoder):
    def model_of(encoder, number=1.0):
        return tokemb.embedding_model(encoder, vectors=np.full((encoder.input_dim, 2), number))

    spaced = tokemb.fit_vocab(["a b"], reserve=["New York"])
    for suffix, kind in ((".txt", "text"), (".vec", "text"), (".bin", ".bin")):
        with pytest.raises(
            ArgumentError, match=rf"token in a {kind} file must contain none of .*; received 'New York'"
        ):
            export_vectors(model_of(spaced), spaced, tmp_path / f"x{suffix}")
    assert export_vectors(model_of(spaced), spaced, tmp_path / "fine.npz") == 4
    null = tokemb.fit_vocab(["a\0"], profile="chars")
    with pytest.raises(ArgumentError, match=r"must not end in the character U\+0000"):
        export_vectors(model_of(null), null, tmp_path / "x.npz")
    lost = model_of(encoder)
    lost.set_weights([np.full((encoder.input_dim, 2), np.nan)])
    for suffix in (".txt", ".bin", ".npz"):
        with pytest.raises(ModelError, match="the vectors of the model are NaN or infinite"):
            export_vectors(lost, encoder, tmp_path / f"x{suffix}")
    with pytest.raises(ArgumentError, match=r"ending of the file must be one of \.txt, \.vec, \.bin, \.npz"):
        export_vectors(model_of(encoder), encoder, tmp_path / "x.csv")
    with pytest.raises(ModelError, match="the model was made for the vocabulary"):
        export_vectors(model_of(spaced), encoder, tmp_path / "x.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["fine.npz"]


# The command


def ok(run):
    assert run.returncode == 0, run.stderr.decode()
    return run.stderr.decode().splitlines()


def test_the_command_there_and_back(tmp_path, encoder):
    encoder.save(tmp_path / "v")
    (tmp_path / "glove.txt.gz").write_bytes(gzip.compress(GLOVE.encode()))
    init = ("init-model", "--vocab", "v", "-o", "m.keras", "--vectors")
    run = command_here(*init, "glove.txt.gz", "--seed", 5, cwd=tmp_path)
    assert run.stdout == b""
    assert ok(run) == [
        "read       glove.txt.gz: GloVe text, 5 rows of 2",
        "found      3 of 4 tokens, 88.89% of their occurrences",
        "made       1 rows without a vector: random, distributed like the found vectors",
        "wrote      m.keras: input_dim 6, output_dim 2",
        "next       tokemb embed IDS --model m.keras -o m.vectors.npy",
    ]
    matrix = read_lookup(tmp_path / "m.keras").matrix
    expected = tokemb.embedding_model(encoder, vectors=tmp_path / "glove.txt.gz", seed=5)
    np.testing.assert_array_equal(matrix, weights(expected))
    run = command_here("export-vectors", "m.keras", "--vocab", "v", "-o", "m.bin", cwd=tmp_path)
    assert ok(run) == ["wrote      m.bin: 5 rows"]
    lines = ok(command_here(*init, "m.bin", "--frozen", "--initializer", "zeros", "--dim", 2, cwd=tmp_path))
    assert lines[1:3] == [
        "found      4 of 4 tokens, 100.00% of their occurrences",
        "made       0 rows without a vector: zeros",
    ]
    np.testing.assert_array_equal(read_lookup(tmp_path / "m.keras").matrix, matrix)


def test_the_command_says_what_is_wrong_and_writes_nothing(tmp_path, encoder):
    encoder.save(tmp_path / "v")
    (tmp_path / "x.vec").write_text("3 2\nThe 1 2\nOF 3 4\n")
    init = ("init-model", "--vocab", "v", "-o", "m.keras", "--vectors", "x.vec")
    for options, message in (
        ((), "Error: x.vec must hold the 3 rows that its header says; it holds 2: download it again, or read the rows"),
        (("--lenient",), "Error: x.vec holds none of the vocabulary's 4 tokens"),
        (("--lenient", "--ignore-case", "--dim", 3), "Error: --vectors must have a row for each id, shape (6, 3)"),
        (("--format", "word2vec-binary"), "Error: x.vec must hold the 3 rows that its header says; it ends within row"),
    ):
        run = command_here(*init, *options, cwd=tmp_path)
        assert (run.returncode, run.stdout) == (2 if "--dim" in options else 1, b"")
        assert run.stderr.decode().splitlines()[-1].startswith(message)
    run = command_here("export-vectors", "none.keras", "--vocab", "v", "-o", "x.csv", cwd=tmp_path)
    assert run.returncode == 2
    assert b"must end in .txt, .vec, .bin, .npz; received x.csv" in run.stderr
    run = command_here("export-vectors", "none.keras", "--vocab", "v", "-o", "x.npz", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (1, b"Error: there is no model at none.keras\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v", "x.vec"]
    lines = ok(command_here(*init, "--lenient", "--ignore-case", cwd=tmp_path))
    assert lines[0] == (
        "read       x.vec: word2vec text, 2 rows of 2; its header says 3 rows; 2 of the tokens found only in other case"
    )


@pytest.mark.skipif(not (DATA / "vectors").is_dir(), reason="no vectors at hand")
def test_a_real_file_and_a_real_text():
    text = "The Australian government says that the king of France is bald, and that he is not in the house."
    encoder = tokemb.fit_vocab([text])
    for name in ("test_glove.txt", "lee_fasttext.vec", "lee_fasttext.bin", "euclidean_vectors.bin"):
        loaded = load_vectors(DATA / "vectors" / name, encoder.vocabulary)
        covered = coverage(encoder, loaded.found)
        assert covered.tokens == 15
        assert 4 <= covered.tokens_found <= 15
        assert np.isfinite(starting_matrix(encoder, loaded, seed=0)).all()
