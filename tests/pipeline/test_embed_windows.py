"""Long texts are embedded as windows, or as one vector per text."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok
from tokemb.errors import ArgumentError
from tokemb.pipeline.embed import EncodedStream

pytestmark = pytest.mark.keras

WORDS = [f"w{i}" for i in range(12)]
TEXTS = [" ".join(WORDS), "w1", "", " ".join(WORDS[::-1]), " ".join(WORDS[:5])]
SETTINGS = {"maxlen": 5, "overlap": 2}


@pytest.fixture(scope="module")
def encoder():
    return tokemb.fit_vocab(TEXTS)


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    here = tmp_path_factory.mktemp("embed")
    lines = (json.dumps({"text": text, "id": number + 7}) for number, text in enumerate(TEXTS))
    (here / "x.jsonl").write_text("".join(f"{line}\n" for line in lines))
    encoder.save(here / "v")
    tokemb.embedding_model(encoder, 4, seed=1).save(here / "m.keras")
    return here


def by_hand(encoder, vectors, pooling):
    """Pool the vectors of the tokens of all windows of each text."""
    windows = encoder.encode_windows(TEXTS, **SETTINGS)
    pooled = []
    for number in range(len(TEXTS)):
        tokens = windows.ids[windows.row == number]
        found = vectors[tokens[tokens != 0]]
        pooled.append(getattr(np, pooling)(found, axis=0) if len(found) else np.zeros(vectors.shape[1]))
    return np.array(pooled)


@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
def test_windows_of_a_text_are_pooled_over_their_tokens(encoder, folder, pooling):
    windows = encoder.encode_windows(TEXTS, **SETTINGS)
    model = folder / "m.keras"
    pooled = tokemb.embed(model, windows.ids, pooling=pooling, encoder=encoder, by=windows.row)
    matrix = tokemb.embed(model, [list(range(encoder.input_dim))])[0]
    np.testing.assert_allclose(pooled, by_hand(encoder, matrix, pooling), rtol=1e-5, atol=1e-7)
    plain = tokemb.embed(model, encoder.encode_ragged(TEXTS), pooling=pooling)
    short = [1, 2, 4]  # a text of one window has the vector of the text, bit for bit
    np.testing.assert_array_equal(pooled[short], plain[short])
    without = encoder.encode_windows(TEXTS, maxlen=5)
    rows = tokemb.Ragged.from_rows([row[row != 0] for row in without.ids])
    np.testing.assert_allclose(tokemb.embed(model, rows, pooling=pooling, by=without.row), plain, rtol=1e-5, atol=1e-7)


def test_command_writes_one_vector_per_text_with_its_kept_columns(encoder, folder):
    command = "embed x.jsonl --vocab v --model m.keras --maxlen 5 --overlap 2 --pooling mean --keep id"
    run = ok(command_here(*command.split(), "--by", "row", "-o", "texts.npz", cwd=folder))
    assert run.stderr.decode().startswith("wrote texts.npz: float32 (5, 4); 5 rows read and written, 30 tokens")
    windows = encoder.encode_windows(TEXTS, **SETTINGS)
    options = {"pooling": "mean", "encoder": encoder}
    with np.load(folder / "texts.npz") as written:
        assert sorted(written) == ["fingerprint", "id", "vectors"]
        assert written["id"].tolist() == [7, 8, 9, 10, 11]
        expected = tokemb.embed(folder / "m.keras", windows.ids, by=windows.row, **options)
        np.testing.assert_allclose(written["vectors"], expected, rtol=1e-6, atol=1e-7)
    ok(command_here(*command.split(), "-o", "windows.npz", cwd=folder))
    with np.load(folder / "windows.npz") as written:
        np.testing.assert_array_equal(written["row"], windows.row)
        np.testing.assert_array_equal(written["start"], windows.start)
        np.testing.assert_array_equal(written["id"], windows.row + 7)
        expected = tokemb.embed(folder / "m.keras", windows.ids, **options)
        np.testing.assert_allclose(written["vectors"], expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("settings", "rows"), [({"by": "row", "pooling": "mean"}, 5), ({}, 11)])
def test_interrupted_shards_are_resumed(encoder, folder, tmp_path, monkeypatch, settings, rows):
    settings = {"vocabulary": encoder, **SETTINGS, "rows_per_shard": 2, **settings}
    files = folder / "x.jsonl", folder / "m.keras"
    monkeypatch.setattr("tokemb.sources.texts.BATCH_ROWS", 2)
    tokemb.embed_file(*files, tmp_path / "whole", **settings)
    encode = EncodedStream._encode_windows
    calls = []

    def fail(self, batch, overlap):
        calls.append(batch)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(self, batch, overlap)

    monkeypatch.setattr(EncodedStream, "_encode_windows", fail)
    with pytest.raises(KeyboardInterrupt):
        tokemb.embed_file(*files, tmp_path / "part", **settings)
    monkeypatch.setattr(EncodedStream, "_encode_windows", encode)
    names = sorted(path.name for path in (tmp_path / "whole").glob("*.npz"))
    assert 0 < len(list((tmp_path / "part").glob("*.npz"))) < len(names) == -(-rows // 2)
    assert tokemb.embed_file(*files, tmp_path / "part", **settings).read == len(TEXTS)
    for name in names:
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--by row --pooling mean --maxlen 5", "--by must be left out without windows that are pooled"),
        ("--by row --overlap 1 --maxlen 5", "--by must be left out without windows that are pooled"),
        ("--overlap 5 --maxlen 5 --pooling mean", "--overlap must be smaller than"),
        ("--overlap 1 --pooling mean", "--overlap must be left out without a length of the rows"),
        ("--overlap 1 --maxlen 5 --truncating pre", "--truncating must be left out with overlap"),
    ],
)
def test_option_that_does_not_fit_is_an_error_and_writes_nothing(folder, options, message):
    command = f"embed x.jsonl --vocab v --model m.keras -o no.npz {options}"
    run = command_here(*command.split(), cwd=folder)
    assert run.returncode == 2
    assert message in run.stderr.decode()
    assert not (folder / "no.npz").exists()


def test_pairs_are_not_embedded(encoder, folder):
    with pytest.raises(ArgumentError, match="column must be one name"):
        settings = {"vocabulary": encoder, "pooling": "mean", "column": ("text", "id")}
        tokemb.embed_file(folder / "x.jsonl", folder / "m.keras", folder / "no.npz", **settings)


@pytest.mark.parametrize("by", [[0, 0], [0, 2, 2], [1, 1, 2], [0, 1, 0], [0.0, 0.0, 1.0]])
def test_texts_that_do_not_ascend_are_an_error(encoder, folder, by):
    ids = encoder.encode(["w1", "w2", "w3"], maxlen=2)
    with pytest.raises(ArgumentError, match="by must be the text of each of the 3 rows"):
        tokemb.embed(folder / "m.keras", ids, pooling="mean", by=by)
    with pytest.raises(ArgumentError, match='by requires one vector per row: pass pooling="mean"'):
        tokemb.embed(folder / "m.keras", ids, by=[0, 1, 2])
