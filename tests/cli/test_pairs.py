"""Two columns of texts are encoded as pairs."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok, tokemb_command

CSV = "question,answer,label\nis it deep,very,1\n12,no,0\nwhy not,it is as it is,1\n"
QUESTIONS, ANSWERS = ["is it deep", "12", "why not"], ["very", "no", "it is as it is"]
COLUMNS = ["--column", "question", "--column", "answer"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "faq.csv").write_text(CSV)
    tokemb.fit_vocab([*QUESTIONS, *ANSWERS], start="[CLS]", end="[SEP]").save(tmp_path / "v")
    return tmp_path


def encode(folder, *options, run=command_here):
    return run("encode", "faq.csv", *options, cwd=folder)


def test_command_writes_the_arrays_of_the_library(folder):
    options = ["--vocab", "v", "--maxlen", 8, "--keep", "label", "-o", "pairs.npz"]
    run = ok(encode(folder, *COLUMNS, *options, run=tokemb_command))
    assert run.stderr.decode().startswith(
        "wrote pairs.npz: int32 ids (3, 8), type_ids (3, 8), attention_mask (3, 8); pairs of question and answer; "
    )
    encoder = tokemb.Encoder.load(folder / "v")
    with np.load(folder / "pairs.npz") as written:
        assert written["label"].tolist() == [1, 0, 1]
        for name, array in encoder.encode_pairs(QUESTIONS, ANSWERS, maxlen=8).items():
            np.testing.assert_array_equal(written[name], array)
    with pytest.raises(tokemb.errors.ArgumentError, match="output=.* is also read"):
        tokemb.encode_file(folder / "faq.csv", encoder, folder / "faq.csv", column=["question", "answer"])


def test_rows_without_a_length_are_padded_to_the_longest_pair(folder):
    ok(encode(folder, *COLUMNS, "--vocab", "v", "--padding", "pre", "-o", "x.jsonl"))
    pairs = tokemb.Encoder.load(folder / "v").encode_pairs(QUESTIONS, ANSWERS, padding="pre")
    rows = [json.loads(line) for line in (folder / "x.jsonl").read_text().splitlines()]
    assert rows == [{name: array[i].tolist() for name, array in pairs.items()} for i in range(3)]


def test_ragged_rows_have_type_ids_and_no_mask(folder):
    ok(encode(folder, *COLUMNS, "--vocab", "v", "--ragged", "--dtype", "uint16", "-o", "x.npz"))
    pairs = tokemb.Encoder.load(folder / "v").encode_pairs(QUESTIONS, ANSWERS)
    with np.load(folder / "x.npz") as written:
        assert sorted(written) == [
            "fingerprint",
            "ids.row_splits",
            "ids.values",
            "type_ids.row_splits",
            "type_ids.values",
        ]
        assert written["ids.values"].dtype == np.uint16
        for name in ("ids", "type_ids"):
            is_id = pairs["attention_mask"] == 1
            assert written[f"{name}.values"].tolist() == pairs[name][is_id].tolist()
            np.testing.assert_array_equal(np.diff(written[f"{name}.row_splits"]), is_id.sum(axis=1))


def test_shards_are_resumed_and_equal_those_of_one_run(folder, monkeypatch):
    options = {"column": ("question", "answer"), "maxlen": 8, "rows_per_shard": 1, "pair_truncation": "waterfall"}
    encoder = tokemb.Encoder.load(folder / "v")
    tokemb.encode_file(folder / "faq.csv", encoder, folder / "whole", **options)
    blocks = tokemb.pipeline.encoded_stream.EncodedStream.pair_blocks

    def fail(self, chunk):
        if len(list((folder / "part").glob("*.npz"))) == 2:
            raise KeyboardInterrupt
        return blocks(self, chunk)

    monkeypatch.setattr("tokemb.pipeline.encoded_stream.EncodedStream.pair_blocks", fail)
    with pytest.raises(KeyboardInterrupt):
        tokemb.encode_file(folder / "faq.csv", encoder, folder / "part", **options)
    monkeypatch.undo()
    arguments = ["--maxlen", 8, "--rows-per-shard", 1, "--pair-truncation", "waterfall", "-o", "part"]
    run = ok(command_here("encode", folder / "faq.csv", *COLUMNS, "--vocab", "v", *arguments, cwd=folder))
    assert b"3 files, 3 rows (2 of them already written)" in run.stderr
    for path in (folder / "whole").glob("*.npz"):
        assert path.read_bytes() == (folder / "part" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([*COLUMNS, "-o", "x.npy"], 1, ".npy holds one array; the output has the columns ids, type_ids"),
        ([*COLUMNS, "--maxlen", "9", "--overlap", "6"], 2, "--overlap must be smaller"),
        ([*COLUMNS, "--overlap", "2"], 2, "--overlap must be left out without a length of the rows"),
        (["--column", "answer", "--pair-truncation", "waterfall"], 2, "--pair-truncation must be left out for single"),
        (
            ["--column", "question,answer"],
            2,
            "v is a vocabulary of texts: pass one --column, or two for pairs of texts",
        ),
        (
            [*COLUMNS, "--column", "label"],
            2,
            "v is a vocabulary of texts: pass one --column, or two for pairs of texts",
        ),
        (["--column", "answer", "--column", "answer"], 2, "--column must be the name of a text column, or two diff"),
        (
            [*COLUMNS, "--vocab", "w"],
            2,
            "--vocab must be one vocabulary; for columns with a vocabulary each, pass a folder",
        ),
        (["--column", "answer", "--column", "no"], 1, "faq.csv has no column 'no'"),
        ([*COLUMNS, "--keep", "no"], 1, "faq.csv has no column 'no'"),
        ([*COLUMNS, "--maxlen", "2"], 2, "--maxlen must be at least 3"),
        ([*COLUMNS, "--maxlen", "5", "--pair-truncation", "only_first"], 1, "the second text of pair number 3 alone"),
        ([*COLUMNS, "--column=label", "--engine", "spark", "--maxlen", "5"], 2, "Spark reads one column of texts"),
        ([*COLUMNS, "--truncating", "pre", "--padding", "pre", "--ragged"], 2, "--padding has no effect with --ragged"),
    ],
)
def test_option_that_does_not_fit_is_one_sentence_and_writes_nothing(folder, options, code, message):
    output = [] if "-o" in options else ["-o", "x.npz"]
    run = encode(folder, *options, "--vocab", "v", *output)
    assert run.returncode == code
    assert message in run.stderr.decode()
    assert sorted(path.name for path in folder.iterdir()) == ["faq.csv", "v"]
