"""``tokemb decode`` writes one line for each row."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok

TEXTS = ["a", "line\nbreak", "re\rturn", "se\u2028parator", "\x85 \x0b", ""]


@pytest.fixture
def here(tmp_path):
    encoder = tokemb.fit_vocab([[text, "a"] for text in TEXTS if text], profile="whitespace")
    encoder.save(tmp_path / "v")
    rows = [[text] if text else [] for text in TEXTS]
    np.save(tmp_path / "all.npy", encoder.encode(rows, maxlen=2))
    np.save(tmp_path / "plain.npy", encoder.encode([rows[0], rows[3], rows[4], rows[5]], maxlen=2))
    np.save(tmp_path / "return.npy", encoder.encode([rows[0], rows[2]], maxlen=2))
    np.save(tmp_path / "none.npy", np.zeros((0, 2), np.int32))
    return tmp_path


def test_texts_without_line_breaks_are_lines(here):
    run = ok(command_here("decode", "plain.npy", "--vocab", "v", cwd=here))
    assert run.stdout.decode() == "a\nse\u2028parator\n\x85 \x0b\n\n"


@pytest.mark.parametrize(("ids", "row"), [("all.npy", 2), ("return.npy", 2)])
def test_text_with_a_line_break_is_an_error_that_names_the_row(here, ids, row):
    run = command_here("decode", ids, "--vocab", "v", cwd=here)
    message = f"Error: row {row} of {ids} decodes to a text with a line break: pass --json\n"
    assert (run.returncode, run.stdout, run.stderr.decode()) == (1, b"", message)


def test_json_lines_hold_every_text(here):
    run = ok(command_here("decode", "all.npy", "--vocab", "v", "--json", cwd=here))
    lines = run.stdout.decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == [{"text": text} for text in TEXTS]


def test_json_lines_can_be_encoded_again(here):
    (here / "texts.jsonl").write_bytes(ok(command_here("decode", "all.npy", "--vocab", "v", "--json", cwd=here)).stdout)
    ok(command_here(*"encode texts.jsonl --column text --vocab v --maxlen 2 -o again.npy".split(), cwd=here))
    assert len(np.load(here / "again.npy")) == len(TEXTS)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_no_rows_are_no_lines(here, options):
    assert ok(command_here("decode", "none.npy", "--vocab", "v", *options, cwd=here)).stdout == b""


def test_ids_of_another_vocabulary_are_an_error_and_those_before_growth_are_not(tmp_path):
    first = tokemb.fit_vocab(["a b b"])
    ids = tmp_path / "ids.npz"
    first.save(tmp_path / "v")
    (tmp_path / "x.txt").write_text("a b\n")
    assert command_here("encode", "x.txt", "--vocab", "v", "-o", ids, cwd=tmp_path).returncode == 0
    tokemb.fit_vocab(["b c c a a a"]).save(tmp_path / "other")
    run = command_here("decode", ids, "--vocab", "other", cwd=tmp_path)
    assert run.returncode == 1
    assert f"must be decoded with the vocabulary that encoded it, {first.fingerprint[:12]}" in run.stderr.decode()
    first.grow(["c d"]).save(tmp_path / "grown")
    assert command_here("decode", ids, "--vocab", "grown", cwd=tmp_path).stdout == b"a b\n"
