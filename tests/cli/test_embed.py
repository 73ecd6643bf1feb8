"""Tests of ``tokemb embed`` with ids, texts and other columns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tokemb_cli.main import cli

import tokemb
from tests.conftest import tokemb_command

TEXTS = ["deep learning", "", "is very deep"] * 3
LABELS = [number % 4 for number in range(len(TEXTS))]


@pytest.fixture
def here(tmp_path):
    tokemb.fit_vocab(TEXTS).save(tmp_path / "v")
    rows = zip(LABELS, TEXTS, strict=True)
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"label": label, "text": text}) + "\n" for label, text in rows)
    )
    return tmp_path


def ok(run):
    assert run.returncode == 0, run.stderr.decode()
    return run


def test_columns_are_kept_beside_the_vectors(here):
    model = tokemb.embedding_model(tokemb.Encoder.load(here / "v"), 4, seed=1)
    model.save(here / "m.keras")
    ids = tokemb.Encoder.load(here / "v").encode(TEXTS)
    ok(tokemb_command(*"encode rows.jsonl --keep label --vocab v -o ids.npz".split(), cwd=here))
    ok(tokemb_command(*"embed ids.npz --model m.keras --pooling mean -o of_ids.npz".split(), cwd=here))
    texts = "embed rows.jsonl --keep label --vocab v --model m.keras --pooling mean --dtype float16 -o of_texts.npz"
    ok(tokemb_command(*texts.split(), cwd=here))
    expected = tokemb.embed(model, ids, pooling="mean")
    of_ids, of_texts = np.load(here / "of_ids.npz"), np.load(here / "of_texts.npz")
    np.testing.assert_array_equal(of_ids["vectors"], expected)
    np.testing.assert_array_equal(of_texts["vectors"], expected.astype(np.float16), strict=True)
    assert of_ids["label"].tolist() == of_texts["label"].tolist() == LABELS
    tokemb.fit_vocab(["other words"]).save(here / "other")
    ok(tokemb_command(*"encode rows.jsonl --vocab other -o of_other.npz".split(), cwd=here))
    run = tokemb_command(*"embed of_other.npz --model m.keras -o x.npy".split(), cwd=here)
    assert (run.returncode, b"the model was made for the vocabulary" in run.stderr) == (1, True)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m.keras"
    tokemb.embedding_model(tokemb.fit_vocab(TEXTS), 4, seed=1).save(path)
    return path


@pytest.fixture
def run(here, model, monkeypatch):
    monkeypatch.chdir(here)

    def run(arguments, code=0):
        result = CliRunner().invoke(cli, arguments.replace("M", str(model)).split())
        assert result.exit_code == code, result.stderr
        return result.stderr

    return run


@pytest.mark.parametrize("how", ["--maxlen 3", "--ragged"])
def test_parquet_file_of_ids_is_read_as_ids_with_a_vocabulary(run, model, how):
    run(f"encode rows.jsonl --keep label,text --vocab v {how} -o ids.parquet")
    run("embed ids.parquet --vocab v --model M --pooling mean -o x.npz")
    run("embed ids.parquet --model M --pooling mean -o y.npz")
    assert Path("x.npz").read_bytes() == Path("y.npz").read_bytes()
    assert np.load("x.npz")["label"].tolist() == LABELS
    assert "are for texts; ids are padded already" in run(
        "embed ids.parquet --vocab v --model M --pooling mean --maxlen 2 -o z.npz", code=2
    )
    # --column selects the texts beside the ids.
    run("embed ids.parquet --column text --vocab v --model M --pooling mean -o z.npz")
    expected = tokemb.embed(model, tokemb.Encoder.load("v").encode_ragged(TEXTS), pooling="mean")
    np.testing.assert_array_equal(np.load("z.npz")["vectors"], expected)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
@pytest.mark.parametrize("kept", [{}, {"label": [1, 0]}])
def test_integers_that_can_be_ids_or_tokens_are_refused(run, suffix, kept):
    rows = pa.table({"ids": [[2, 3], [3]], **kept})
    if suffix == "parquet":
        pq.write_table(rows, "x.parquet")
    else:
        Path("x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows.to_pylist()))
    tokemb.fit_vocab([["3", "7"]], profile="whitespace").save("events")
    command = f"embed x.{suffix} --pooling mean"
    shown = run(f"{command} --vocab v --model M -o x.npy", code=2)
    assert f"the integers in the column ids of x.{suffix} can be ids or tokens: leave out --vocab" in shown
    assert not Path("x.npy").exists()
    run(f"{command} --model M -o x.npz")
    run("init-model --vocab events --dim 2 -o events.keras")
    run(f"{command} --vocab events --column ids --model events.keras -o y.npy")
    expected = tokemb.embed("events.keras", tokemb.Ragged.from_rows([[1, 2], [2]]), pooling="mean")
    np.testing.assert_array_equal(np.load("y.npy"), expected)


def test_integers_in_other_columns_are_tokens(run):
    tokemb.fit_vocab([["3", "7"]], profile="whitespace").save("events")
    run("init-model --vocab events --dim 2 -o events.keras")
    expected = tokemb.embed("events.keras", tokemb.Ragged.from_rows([[1, 2], [2]]), pooling="mean")
    pq.write_table(pa.table({"events": [[2, 3], [3]]}), "x.parquet")
    Path("x.jsonl").write_text('{"events":[2,3]}\n{"events":[3]}\n')
    for suffix in ("parquet", "jsonl"):
        run(f"embed x.{suffix} --vocab events --model events.keras --pooling mean -o y.npy")
        np.testing.assert_array_equal(np.load("y.npy"), expected)
    # A column of texts is preferred.
    pq.write_table(pa.table({"ids": [[2, 3], [3]], "text": ["2 3", "3"]}), "x.parquet")
    run("embed x.parquet --vocab events --model events.keras --pooling mean -o y.npy")
    np.testing.assert_array_equal(np.load("y.npy"), expected)


@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
def test_padded_ids_without_a_mask_are_refused_in_every_format(run, pooling):
    run("init-model --vocab v --dim 2 --no-mask-zero -o bare.keras")
    for suffix in ("npy", "npz", "parquet", "jsonl"):
        run(f"encode rows.jsonl --column text --vocab v --maxlen 3 -o ids.{suffix}")
        shown = run(f"embed ids.{suffix} --model bare.keras --pooling {pooling} -o x.npy", code=1)
        assert "the Embedding of the model does not mask it" in shown
        assert not Path("x.npy").exists()
    pq.write_table(pa.table({"ids": [[2, 3, 0], [4, 0, 0]]}), "others.parquet")  # padded without metadata
    assert "rows of others.parquet begin or end with id 0" in run(
        f"embed others.parquet --model bare.keras --pooling {pooling} -o x.npy", code=1
    )


def test_ragged_ids_without_a_mask_are_pooled(run):
    run("init-model --vocab v --dim 2 --no-mask-zero -o bare.keras")
    expected = tokemb.embed("bare.keras", tokemb.Encoder.load("v").encode_ragged(TEXTS), pooling="mean")
    for suffix in ("npz", "parquet", "jsonl"):
        run(f"encode rows.jsonl --column text --vocab v --ragged -o ids.{suffix}")
        run(f"embed ids.{suffix} --model bare.keras --pooling mean -o x.npy")
        np.testing.assert_array_equal(np.load("x.npy"), expected)


def test_padded_lines_of_json_with_a_mask_are_pooled_without_padding(run, model):
    run("encode rows.jsonl --column text --vocab v --maxlen 5 -o ids.jsonl")
    run("embed ids.jsonl --model M --pooling mean -o x.npy")
    expected = tokemb.embed(model, tokemb.Encoder.load("v").encode_ragged(TEXTS), pooling="mean")
    np.testing.assert_array_equal(np.load("x.npy"), expected)


def test_round_floats_rounds_kept_columns_of_tfrecord(run):
    Path("x.jsonl").write_text('{"text":"deep","score":0.1}\n{"text":"learning","score":0.5}\n')
    run("encode x.jsonl --column text --keep score --vocab v --maxlen 2 -o ids.npz")
    for source in ("ids.npz", "x.jsonl --column text --keep score --vocab v"):
        command = f"embed {source} --model M --pooling mean -o x.tfrecord"
        assert "which does not hold 0.1 of 'score'" in run(command, code=1)
        run(f"{command} --round-floats")
        Path("x.tfrecord").unlink()
