"""Tests of encode, decode and embed, in a real process where that matters."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import CLI_TEXT as TEXT
from tests.conftest import MIXED, command_here, ok, tokemb_command

pytestmark = pytest.mark.keras


def test_encode_reports_truncated_rows_and_oov_tokens(here):
    run = ok(tokemb_command("encode", "text.txt", "--vocab", "text.vocab", "--maxlen", 3, "-o", "out.npy", cwd=here))
    assert run.stdout == b""
    assert run.stderr.decode() == (
        "wrote out.npy: int32 (4, 3); 4 rows read and written, 10 tokens, 20.00% of them out of vocabulary, "
        "1 rows truncated\n"
    )
    ids = np.load(here / "out.npy", mmap_mode="r")
    assert ids.dtype == np.int32
    assert ids.tolist() == [[2, 4, 3], [0, 0, 0], [5, 1, 4], [3, 1, 0]]


@pytest.mark.parametrize(
    "options", [[], ["--maxlen", "2"], "--maxlen 3 --padding pre --truncating pre".split()], ids=str
)
@pytest.mark.parametrize("vocabulary", ["text.vocab", "text.vocab/tokenizer.json"])
def test_encode_writes_the_ids_of_the_library(here, vocabulary, options):
    (here / "mixed.txt").write_text("\n".join(text.replace("\n", " ") for text in MIXED), "utf-8")
    files = ["text.txt", "mixed.txt"]
    ok(command_here("encode", *files, "--vocab", vocabulary, *options, "-o", "out.npy", cwd=here))
    settings = dict(zip((name[2:] for name in options[::2]), options[1::2], strict=True))
    if "maxlen" in settings:
        settings["maxlen"] = int(settings["maxlen"])
    expected = tokemb.Encoder.load(here / vocabulary).encode([here / file for file in files], **settings)
    np.testing.assert_array_equal(np.load(here / "out.npy"), expected)


def test_standard_input_is_encoded(here):
    text = TEXT.encode()
    ok(tokemb_command("fit-vocab", "-", "-o", "v", "--max-size", 4, cwd=here, input=text))
    ok(tokemb_command("encode", "-", "--vocab", "v", "--maxlen", 4, "-o", "out.npy", cwd=here, input=text))
    np.testing.assert_array_equal(np.load(here / "out.npy"), np.load(here / "ids.npy"))


def test_encode_uses_the_settings_of_fit_vocab(here):
    ok(
        command_here(
            *"fit-vocab text.txt -o v --profile keras --no-oov --min-count 2 --maxlen 2".split(),
            *"--padding pre --truncating pre".split(),
            cwd=here,
        )
    )
    ok(command_here("encode", "text.txt", "--vocab", "v", "-o", "out.npy", cwd=here))
    encoder = tokemb.Encoder.load(here / "v")
    assert encoder.vocabulary == ["", "deep", "learning", "is", "very"]
    assert np.load(here / "out.npy").tolist() == [[4, 1], [0, 0], [4, 2], [0, 3]]


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece", "unigram"])
def test_subwords_decode_to_the_text(here, algorithm):
    run = ok(command_here("fit-vocab", "text.txt", "-o", "v", "--algorithm", algorithm, "--max-size", 60, cwd=here))
    assert b"rows       subwords per row: " in run.stderr
    ok(command_here("encode", "text.txt", "--vocab", "v", "-o", "out.npy", cwd=here))
    run = ok(command_here("decode", "out.npy", "--vocab", "v", cwd=here))
    assert run.stdout.decode() == TEXT


def test_decode_writes_one_row_per_line(here):
    run = ok(tokemb_command("decode", "ids.npy", "--vocab", "text.vocab", cwd=here))
    assert run.stdout.decode() == "deep learning is very\n\nvery [UNK] learning\nis [UNK]\n"
    assert run.stderr == b"4 rows read and written\n"


def test_embed_writes_the_vectors_of_the_model(here):
    import keras

    matrix = keras.models.load_model(here / "text.keras").get_layer("token_embedding").get_weights()[0]
    ids = np.load(here / "ids.npy")
    np.testing.assert_array_equal(np.load(here / "vectors.npy"), matrix[ids])
    run = ok(
        tokemb_command(
            *"embed text.txt --vocab text.vocab --model text.keras --maxlen 4 -o of_text.npy".split(), cwd=here
        )
    )
    assert run.stderr.endswith(b"20.00% of them out of vocabulary, 1 rows truncated\n")
    np.testing.assert_array_equal(np.load(here / "of_text.npy"), matrix[ids])
    for pooling in ("mean", "sum", "max"):
        ok(
            command_here(
                *f"embed ids.npy --model text.keras --pooling {pooling} -o ids_{pooling}.npy".split(), cwd=here
            )
        )
        of_text = f"embed text.txt --vocab text.vocab --maxlen 4 --model text.keras --pooling {pooling} -o of_text.npy"
        ok(command_here(*of_text.split(), cwd=here))
        expected = tokemb.embed(here / "text.keras", ids, pooling=pooling)
        np.testing.assert_array_equal(np.load(here / f"ids_{pooling}.npy"), expected)
        np.testing.assert_array_equal(np.load(here / "of_text.npy"), expected)
        assert expected.shape == (4, 3)


def test_empty_file_gives_no_rows(here):
    (here / "empty.txt").write_bytes(b"")
    ok(command_here("encode", "empty.txt", "--vocab", "text.vocab", "-o", "e.npy", cwd=here))
    assert np.load(here / "e.npy").shape == (0, 0)
    ok(command_here("encode", "empty.txt", "--vocab", "text.vocab", "--maxlen", 3, "-o", "e.npy", cwd=here))
    assert np.load(here / "e.npy").shape == (0, 3)
    ok(command_here("embed", "e.npy", "--model", "text.keras", "-o", "v.npy", cwd=here))
    assert np.load(here / "v.npy").shape == (0, 3, 3)
    ok(command_here(*"embed empty.txt --vocab text.vocab --model text.keras --pooling mean -o v.npy".split(), cwd=here))
    assert np.load(here / "v.npy").shape == (0, 3)


def test_output_is_utf8_in_every_locale(here, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    tokemb.fit_vocab(["中 é"]).save(here / "v")
    np.save(here / "cjk.npy", np.array([[2, 3]]))
    assert ok(tokemb_command("decode", "cjk.npy", "--vocab", "v", cwd=here)).stdout.decode() == "é 中\n"
    assert "中" in ok(tokemb_command("inspect", "v", cwd=here)).stdout.decode()


def test_embed_keeps_columns_in_any_format(here):
    (here / "x.csv").write_text("label,text\npos,deep learning\n,\nneg,is it very\n")
    texts = ["deep learning", "", "is it very"]
    ids = tokemb.Encoder.load(here / "text.vocab").encode(texts, maxlen=3)
    ok(tokemb_command(*"encode x.csv --vocab text.vocab --maxlen 3 --keep label -o x.npz".split(), cwd=here))
    expected = tokemb.embed(here / "text.keras", ids).astype(np.float16).tolist()
    of_texts = "embed x.csv --vocab text.vocab --model text.keras --maxlen 3 --keep label --dtype float16 -o"
    for command in (of_texts, "embed x.npz --model text.keras --dtype float16 -o"):
        shown = ok(command_here(*command.split(), "v.parquet", cwd=here)).stderr
        assert shown.startswith(b"wrote v.parquet: float16 (3, 3, 3); 3 rows")
        table = pq.read_table(here / "v.parquet")
        assert table["label"].to_pylist() == ["pos", "", "neg"]
        assert table["vectors"].to_pylist() == expected
    shown = ok(command_here(*of_texts.split(), "v.tfrecord", cwd=here)).stderr.decode()
    assert '"vectors": tf.io.FixedLenFeature([3, 3], tf.float32)' in shown
    lines = ok(command_here(*of_texts.split(), "-", cwd=here)).stdout.splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["pos", "", "neg"]
    np.testing.assert_allclose([json.loads(line)["vectors"] for line in lines], expected, rtol=1e-3)
