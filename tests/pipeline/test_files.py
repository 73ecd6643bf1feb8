"""Files encoded and embedded from Python, compared with the commands."""

import io
import sys

import pytest

import tokemb
from tests.conftest import command_here, ok

pytestmark = pytest.mark.keras

TEXT = "deep learning is very deep\n\nvery new learning\nis it\n" * 5


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text(TEXT)
    (tmp_path / "t.jsonl").write_text('{"text": "deep is", "label": 1}\n{"text": "very", "label": 0}\n')
    encoder = tokemb.fit_vocab(tmp_path / "t.txt")
    encoder.save("v")
    tokemb.embedding_model(encoder, 3, seed=0).save("m.keras")
    return tmp_path


def contents(path):
    return {file.name: file.read_bytes() for file in ([path] if path.is_file() else path.iterdir())}


@pytest.mark.parametrize("suffix", ["npy", "npz", "parquet", "tfrecord", "jsonl"])
def test_encode_file_writes_the_bytes_of_the_command(here, suffix):
    kept = [] if suffix == "npy" else ["label"]
    report = tokemb.encode_file("t.jsonl", "v", f"a.{suffix}", maxlen=4, keep=kept, column="text")
    options = ["--keep", "label"] if kept else []
    ok(
        command_here(
            "encode",
            "t.jsonl",
            "--column",
            "text",
            "--vocab",
            "v",
            "--maxlen",
            4,
            *options,
            "-o",
            f"b.{suffix}",
            cwd=here,
        )
    )
    assert (here / f"a.{suffix}").read_bytes() == (here / f"b.{suffix}").read_bytes()
    assert (report.read, report.rows, report.tokens) == (2, 2, 3)


def test_shards_of_the_command_are_those_of_encode_file(here):
    ok(command_here("encode", "t.txt", "--vocab", "v", "--maxlen", 4, "-o", "out", "--rows-per-shard", 6, cwd=here))
    before = contents(here / "out")
    (here / "out" / "part-00001.npz").unlink()
    report = tokemb.encode_file("t.txt", tokemb.Encoder.load("v"), "out", maxlen=4, rows_per_shard=6)
    assert report.rows == 14  # the rest after the shard that is missing
    assert contents(here / "out") == before


def test_shards_of_a_pipe_are_never_resumed(here, monkeypatch):
    for text in ("deep is\n", "very new\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        if text.startswith("deep"):
            tokemb.encode_file("-", "v", "out", maxlen=2, rows_per_shard=1)
        else:
            with pytest.raises(tokemb.TokembError):
                tokemb.encode_file("-", "v", "out", maxlen=2, rows_per_shard=1)


@pytest.mark.parametrize("pooling", [None, "mean"])
def test_embed_file_writes_the_bytes_of_the_command(here, pooling):
    options = [] if pooling is None else ["--pooling", pooling]
    tokemb.encode_file("t.txt", "v", "ids.npy", maxlen=4)
    tokemb.embed_file("ids.npy", "m.keras", "a.npy", pooling=pooling)
    ok(command_here("embed", "ids.npy", "--model", "m.keras", *options, "-o", "b.npy", cwd=here))
    tokemb.embed_file("t.txt", "m.keras", "c.npy", vocabulary="v", maxlen=4, pooling=pooling)
    ok(
        command_here(
            "embed", "t.txt", "--vocab", "v", "--maxlen", 4, "--model", "m.keras", *options, "-o", "d.npy", cwd=here
        )
    )
    assert (here / "a.npy").read_bytes() == (here / "b.npy").read_bytes()
    assert (here / "c.npy").read_bytes() == (here / "d.npy").read_bytes()


def test_output_that_is_an_input_is_an_error(here):
    (here / "link.npy").symlink_to("t.txt")
    for output in ("t.txt", "link.npy"):
        with pytest.raises(tokemb.TokembError, match="is also read"):
            tokemb.encode_file("t.txt", "v", output, maxlen=4, force=True)
    tokemb.encode_file("t.txt", "v", "ids.npy", maxlen=4)
    with pytest.raises(tokemb.TokembError, match="is also read"):
        tokemb.embed_file("ids.npy", "m.keras", "ids.npy", force=True)
    assert (here / "t.txt").read_text() == TEXT


def test_settings_of_texts_are_refused_for_ids(here):
    tokemb.encode_file("t.txt", "v", "ids.npy", maxlen=4)
    with pytest.raises(tokemb.TokembError, match="maxlen, column must be left out for ids; for texts, pass"):
        tokemb.embed_file("ids.npy", "m.keras", "x.npy", maxlen=4, column="text")
    with pytest.raises(tokemb.TokembError, match="vocabulary must be"):
        tokemb.encode_file("t.txt", 3, "x.npy")
