"""Files for TensorBoard's projector, read as its plugin reads them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, examples, ok, tokemb_command
from tokemb.analysis import TokenVectors, export_projector
from tokemb.vocabulary.escape_token import escape_token


def read(folder):
    """The config, the vectors and the metadata rows of a folder, and the names of the columns."""
    config = dict(re.findall(r'^  (\w+): "(.*)"$', (folder / "projector_config.pbtxt").read_text(), re.MULTILINE))
    assert (folder / "projector_config.pbtxt").read_text().splitlines()[0] == "embeddings {"
    # Lines end at \n and fields at \t, and nowhere else.
    lines = (folder / config["tensor_path"]).read_bytes().split(b"\n")
    assert lines.pop() == b""
    vectors = np.array([list(map(np.float32, line.split(b"\t"))) for line in lines])
    names, *rows = (folder / config["metadata_path"]).read_bytes().decode().removesuffix("\n").split("\n")
    return config, vectors, names.split("\t"), [row.split("\t") for row in rows]


@examples(20)
@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6, unique=True), st.data())
def test_every_token_has_its_row_whatever_it_holds(tmp_path_factory, tokens, data):
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    rows = st.lists(finite, min_size=3, max_size=3)
    matrix = np.array(data.draw(st.lists(rows, min_size=len(tokens), max_size=len(tokens))), np.float32)
    counts = np.array(data.draw(st.lists(st.integers(-1, 99), min_size=len(tokens), max_size=len(tokens))))
    vectors = TokenVectors(tokens, matrix, np.ones(len(tokens), np.bool_), counts)
    folder = tmp_path_factory.getbasetemp() / "hostile"
    assert export_projector(vectors, None, folder) == len(tokens)
    _, found, names, metadata = read(folder)
    np.testing.assert_array_equal(found, matrix)
    expected = [[escape_token(token), str(row)] for row, token in enumerate(tokens)]
    if (counts >= 0).any():
        assert names == ["token", "id", "count"]
        expected = [[*row, "" if count < 0 else str(count)] for row, count in zip(expected, counts, strict=True)]
    else:
        assert names == ["token", "id"]
    assert metadata == expected


@pytest.fixture
def here(tmp_path):
    encoder = tokemb.fit_vocab(["a b b"], reserve=["[BOS]"])
    encoder.save(tmp_path / "v")
    matrix = [[0, 0], [9, 9], [0.1, -1e-30], [1, 2], [3, 4]]
    tokemb.embedding_model(encoder, vectors=matrix).save(tmp_path / "m.keras")
    return tmp_path


def test_the_command(here):
    run = ok(tokemb_command(*"export-projector m.keras --vocab v -o logs".split(), cwd=here))
    assert run.stderr.decode().splitlines() == ["wrote      logs: 3 rows", "next       tensorboard --logdir logs"]
    config, vectors, names, metadata = read(here / "logs")
    assert config == {
        "tensor_name": "token_embedding",
        "tensor_path": "vectors.tsv",
        "metadata_path": "metadata.tsv",
    }
    np.testing.assert_array_equal(vectors, np.float32([[0.1, -1e-30], [1, 2], [3, 4]]))
    assert (names, metadata) == (["token", "id", "count"], [["[BOS]", "2", ""], ["b", "3", "2"], ["a", "4", "1"]])
    # Again, over what is there; but nothing else is replaced.
    ok(command_here(*"export-projector m.keras --vocab v -o logs".split(), cwd=here))
    (here / "logs" / "mine.txt").write_text("")
    run = command_here(*"export-projector m.keras --vocab v -o logs".split(), cwd=here)
    assert run.returncode == 1
    assert run.stderr.startswith(b"Error: something else exists at this path")
    assert (here / "logs" / "mine.txt").exists()


def test_tensorboard_itself_reads_it(here):
    plugin = pytest.importorskip("tensorboard.plugins.projector.projector_plugin")
    config_class = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2").ProjectorConfig
    text_format = pytest.importorskip("google.protobuf.text_format")
    export_projector(here / "m.keras", tokemb.Encoder.load(here / "v"), here / "logs")
    config = text_format.Parse((here / "logs" / "projector_config.pbtxt").read_text(), config_class())
    (embedding,) = config.embeddings
    tensor = plugin._read_tensor_tsv_file(str(here / "logs" / embedding.tensor_path))
    np.testing.assert_array_equal(np.float32(tensor), np.float32([[0.1, -1e-30], [1, 2], [3, 4]]))
