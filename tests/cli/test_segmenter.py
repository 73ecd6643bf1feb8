"""The options --segmenter and --user-dictionary."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok

ROWS = ["深度学习很深", "深度学习是学习", "云计算很深"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "r.csv").write_text("label,review\n" + "".join(f"1,{row}\n" for row in ROWS), "utf-8")
    (tmp_path / "words.txt").write_text("云计算 5\n", "utf-8")
    return tmp_path


READ = ["r.csv", "--column", "review"]
JIEBA = ["--segmenter", "jieba", "--user-dictionary", "words.txt"]


def test_commands_segment_as_the_library(folder):
    fitted = ok(command_here("fit-vocab", *READ, *JIEBA, "--no-oov", "-o", "v", cwd=folder)).stderr.decode()
    assert "words      jieba 0.42.1 with the user dictionary" in fitted
    assert "profile keras" in fitted
    ok(command_here("count", *READ, *JIEBA, "-o", "c.parquet", cwd=folder))
    ok(command_here("fit-vocab", "c.parquet", "--no-oov", "-o", "counted", cwd=folder))
    (folder / "words.txt").unlink()
    ok(command_here("encode", *READ, "--vocab", "v", "-o", "ids.npy", cwd=folder))
    encoder = tokemb.Encoder.load(folder / "v")
    assert encoder.vocabulary == ["", "学习", "深度", "很深", "是", "云计算"]
    assert tokemb.Encoder.load(folder / "counted").fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(np.load(folder / "ids.npy"), encoder.encode(ROWS))
    shown = json.loads(ok(command_here("inspect", "v", "--json", "--text", "云计算", cwd=folder)).stdout)
    assert shown["segmenter"]["name"] == "jieba"
    assert "words are found by jieba" in shown["backend"]


def test_report_counts_words_and_suggests_the_segmenter(folder):
    shown = json.loads(ok(command_here("report", *READ, *JIEBA, "--json", cwd=folder)).stdout)
    counts = tokemb.TokenCounts.from_texts(ROWS, segmenter="jieba", user_dictionary=folder / "words.txt")
    assert (shown["tokens"], shown["distinct"]) == (counts.total, counts.distinct)
    assert "--segmenter jieba --user-dictionary words.txt" in shown["commands"][0]
    counts.save(folder / "c.parquet")
    refused = command_here("report", "c.parquet", "--segmenter", "jieba", cwd=folder)
    assert refused.returncode == 2
    assert "--segmenter must be left out for counts and vocabularies" in refused.stderr.decode()


@pytest.mark.keras
def test_train_classify_fits_a_vocabulary_of_words(folder):
    rows = [f"{number % 2},{ROWS[number % 2]}\n" for number in range(20)]
    (folder / "r.csv").write_text("label,review\n" + "".join(rows), "utf-8")
    train = ["train", "classify", *READ, "--label", "label", "--epochs", "1", "--dim", "2"]
    ok(command_here(*train, *JIEBA, "-o", "trained", cwd=folder))
    encoder = tokemb.Encoder.load(folder / "trained" / "vocabulary")
    assert str(encoder.segmenter).startswith("jieba 0.42.1 with the user dictionary")
    assert encoder.profile == "keras"
    vocab = ["--vocab", "trained/vocabulary", "--segmenter", "jieba"]
    refused = command_here(*train, *vocab, "-o", "other", cwd=folder)
    assert refused.returncode == 2
    assert "--segmenter must be left out with --vocab" in refused.stderr.decode()
    assert not (folder / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--user-dictionary", "words.txt"], 2, "--user-dictionary is for a segmenter"),
        (["--segmenter", "jieba", "--algorithm", "bpe"], 2, "--segmenter must be left out unless --algorithm word"),
        (
            ["--segmenter", "jieba", "--profile", "chars"],
            2,
            "--profile must be one of keras, text-vectorization, whitespace",
        ),
        (["--segmenter", "nothing"], 2, "--segmenter must be one of jieba"),
        (["--segmenter", "jieba", "--user-dictionary", "gbk.txt"], 2, "--user-dictionary must be a file in UTF-8"),
        (["--segmenter", "jieba", "--user-dictionary", "none.txt"], 1, "none.txt"),
        (["--segmenter", "jieba", "--group-by", "label"], 1, "received rows that are lists of tokens"),
        (["--segmenter", "jieba", "--column", "label"], 2, "--segmenter is for vocabularies of texts"),
        (["--segmenter", "jieba", "--engine", "spark"], 2, "--engine spark does not support --segmenter"),
    ],
)
def test_contradictory_options_are_one_sentence_and_nothing_is_written(arguments, code, message, folder):
    (folder / "gbk.txt").write_bytes("云计算".encode("gbk"))
    before = sorted(folder.iterdir())
    run = command_here("fit-vocab", *READ, *arguments, "-o", "v", cwd=folder)
    assert run.returncode == code
    assert message in run.stderr.decode()
    assert sorted(folder.iterdir()) == before
