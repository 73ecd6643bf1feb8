"""Rows that are split into windows are those of tokenizers with a stride."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

import tokemb
from tests.conftest import CORPORA, TOKENIZERS, tokemb_command
from tokemb.errors import ArgumentError
from tokemb.rows.windows import split_windows

WORDS = [f"w{i}" for i in range(20)]
LONG = " ".join(WORDS)


@pytest.fixture(scope="module")
def encoder():
    return tokemb.fit_vocab([LONG], start="[BOS]", end="[EOS]")


@given(st.lists(st.lists(st.integers(0, 9), max_size=12)), st.integers(1, 6), st.data())
def test_windows_cover_each_row_and_share_the_overlap(rows, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    windows, row, start = split_windows(tokemb.Ragged.from_rows(rows), size, overlap)
    assert sorted(set(row.tolist())) == list(range(len(rows)))
    for number, whole in enumerate(rows):
        parts = [windows[index].tolist() for index in np.flatnonzero(row == number)]
        assert [whole[at : at + size] for at in start[row == number]] == parts
        assert parts[0] + [token for part in parts[1:] for token in part[overlap:]] == whole
        assert all(len(part) == size for part in parts[:-1])


def of_tokenizers(path, texts, maxlen, overlap):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(maxlen, stride=overlap)
    encodings = [tokenizer.encode(text) for text in texts]
    return [[encoding.ids, *(more.ids for more in encoding.overflowing)] for encoding in encodings]


@pytest.mark.parametrize(("maxlen", "overlap"), [(7, 0), (7, 3), (7, 4), (3, 0), (22, 19), (23, 5)])
def test_windows_are_the_overflow_of_tokenizers(encoder, tmp_path, maxlen, overlap):
    encoder.save(tmp_path / "v")
    texts = [LONG, "", "w1", " ".join(WORDS[:5]), " ".join(WORDS[:6])]
    expected = of_tokenizers(tmp_path / "v" / "tokenizer.json", texts, maxlen, overlap)
    windows = encoder.encode_windows(texts, maxlen=maxlen, overlap=overlap)
    assert windows.ids.shape == (sum(map(len, expected)), maxlen)
    for number, rows in enumerate(expected):
        found = windows.ids[windows.row == number]
        assert [row[row != 0].tolist() for row in found] == rows


@pytest.mark.parametrize("name", ["bert_base_cased", "roberta_base", "t5_small", "xlmr_small_padding"])
def test_windows_of_foreign_tokenizers_are_their_overflow(name):
    path = TOKENIZERS / name / "tokenizer.json"
    if not path.exists():
        pytest.skip(f"the file {name} is not at hand")
    encoder = tokemb.Encoder.load(path)
    texts = [text for corpus in CORPORA.values() for text in corpus[:2]]
    windows = encoder.encode_windows(texts, maxlen=20, overlap=6)
    for number, rows in enumerate(of_tokenizers(path, texts, 20, 6)):
        found = windows.ids[windows.row == number]
        assert [row.tolist() for row in found] == [row + [encoder.pad_id] * (20 - len(row)) for row in rows]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"maxlen": 7, "overlap": 5}, r"overlap must be smaller than .* \(5\); received 5"),
        ({"maxlen": 7, "overlap": -1}, "overlap must be an integer of at least 0; received -1"),
        ({"overlap": 1}, "pass maxlen"),
    ],
)
def test_overlap_that_cannot_be_is_an_error(encoder, settings, message):
    with pytest.raises(ArgumentError, match=message):
        encoder.encode_windows([LONG], **settings)


def test_files_repeat_kept_columns_for_each_window(encoder, tmp_path):
    texts = [LONG, "w1", LONG]
    lines = [json.dumps({"text": text, "id": number + 7}) for number, text in enumerate(texts)]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    settings = {"maxlen": 8, "overlap": 2, "keep": ["id"]}
    report = tokemb.encode_file(tmp_path / "x.jsonl", encoder, tmp_path / "ids.npz", **settings)
    assert str(report).startswith("3 rows read, 11 written")
    written, windows = np.load(tmp_path / "ids.npz"), encoder.encode_windows(texts, maxlen=8, overlap=2)
    np.testing.assert_array_equal(written["ids"], windows.ids)
    np.testing.assert_array_equal(written["row"], windows.row)
    np.testing.assert_array_equal(written["start"], windows.start)
    assert written["id"].tolist() == (windows.row + 7).tolist()
    with pytest.raises(ArgumentError, match="keep must not contain 'row'"):
        tokemb.encode_file(tmp_path / "x.jsonl", encoder, tmp_path / "other.npz", **{**settings, "keep": ["row"]})
    assert not (tmp_path / "other.npz").exists()


def test_interrupted_shards_of_windows_are_resumed(encoder, tmp_path, monkeypatch):
    (tmp_path / "x.txt").write_text(f"{LONG}\nw1\n" * 10)
    settings = {"maxlen": 8, "overlap": 2, "rows_per_shard": 7}
    tokemb.encode_file(tmp_path / "x.txt", encoder, tmp_path / "whole", **settings)
    names = sorted(path.name for path in (tmp_path / "whole").glob("*.npz"))
    assert len(names) == 9
    calls = []

    def fail(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return pad(*arguments)

    pad = tokemb.vocabulary.pad_truncate.PadTruncate.pad
    monkeypatch.setattr("tokemb.vocabulary.pad_truncate.PadTruncate.pad", fail)
    monkeypatch.setattr("tokemb.sources.texts.BATCH_ROWS", 6)
    with pytest.raises(KeyboardInterrupt):
        tokemb.encode_file(tmp_path / "x.txt", encoder, tmp_path / "part", **settings)
    monkeypatch.undo()
    assert 0 < len(list((tmp_path / "part").glob("*.npz"))) < 9
    report = tokemb.encode_file(tmp_path / "x.txt", encoder, tmp_path / "part", **settings)
    assert 0 < report.rows < 60
    for name in names:
        assert (tmp_path / "part" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_command_splits_long_texts(encoder, tmp_path):
    encoder.save(tmp_path / "v")
    (tmp_path / "x.txt").write_text(f"{LONG}\nw1\n")
    run = tokemb_command("encode", "x.txt", "--vocab", "v", "--maxlen", 12, "--overlap", 3, "-o", "-", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(row["row"], row["start"]) for row in rows] == [(0, 0), (0, 7), (0, 14), (1, 0)]
    assert b"2 rows read, 4 written" in run.stderr
    for options in (["--truncating", "pre"], ["--overlap", 10]):
        arguments = ["encode", "x.txt", "--vocab", "v", "--maxlen", 12, "--overlap", 3, *options, "-o", "no.npz"]
        run = tokemb_command(*arguments, cwd=tmp_path)
        assert run.returncode == 2, run.stderr
        assert not (tmp_path / "no.npz").exists()
