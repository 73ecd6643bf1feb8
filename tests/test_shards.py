"""Folders of shards: a run that was stopped goes on where it was, and its bytes are those of one run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import ROOT, tokemb_command

# How many runs are killed; TOKEMB_TEST_KILLS=200 tries more moments.
KILLS = int(os.environ.get("TOKEMB_TEST_KILLS", "3"))
ROWS = 60_000
COMMAND = "encode rows.jsonl --keep label --vocab v --maxlen 4 --rows-per-shard 5000 -o".split()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    here = tmp_path_factory.mktemp("shards")
    draw = random.Random(7)
    words = [f"w{number}" for number in range(50)]
    texts = [" ".join(draw.choices(words, k=draw.randrange(6))) for _ in range(ROWS)]
    lines = [json.dumps({"text": text, "label": number % 7}) for number, text in enumerate(texts)]
    (here / "rows.jsonl").write_text("\n".join(lines))
    tokemb.fit_vocab(texts, max_size=40).save(here / "v")
    tokemb.fit_vocab(texts, max_size=30).save(here / "other")
    for shards in ("npz", "parquet"):
        run = tokemb_command(*COMMAND, f"whole-{shards}", "--shard-format", shards, cwd=here)
        assert run.returncode == 0, run.stderr
    return here


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def start(here, *arguments):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])}
    command = [sys.executable, "-m", "tokemb_cli", *map(str, arguments)]
    return subprocess.Popen(command, cwd=here, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)


def test_shards_hold_the_rows_in_order(here):
    folder = here / "whole-npz"
    parts = [np.load(path) for path in sorted(folder.glob("part-*.npz"))]
    assert [len(part["ids"]) for part in parts] == [5000] * 12
    texts = [json.loads(line)["text"] for line in (here / "rows.jsonl").read_text().splitlines()]
    expected = tokemb.Encoder.load(here / "v").encode(texts, maxlen=4)
    np.testing.assert_array_equal(np.concatenate([part["ids"] for part in parts]), expected)
    np.testing.assert_array_equal(np.concatenate([part["label"] for part in parts]), np.arange(ROWS) % 7)
    table = pq.read_table(here / "whole-parquet", columns=["ids", "label"])
    np.testing.assert_array_equal(np.stack(table["ids"].to_numpy()), expected)
    assert json.loads((folder / "_manifest.json").read_bytes())["complete"] is True


@pytest.mark.parametrize("shards", ["npz", "parquet"])
def test_killed_at_any_moment_and_given_again(here, tmp_path, shards):
    draw, folder, command = random.Random(shards), tmp_path / "out", [*COMMAND, "--shard-format", shards]
    command.insert(command.index("-o") + 1, folder)
    killed = 0
    for _ in range(KILLS):
        run = start(here, *command)
        while not (folder / "_manifest.json").exists() and run.poll() is None:
            time.sleep(0.001)
        time.sleep(draw.random() / 4)
        run.kill()
        killed += run.wait() == -signal.SIGKILL
        run.communicate()
        if (folder / "_manifest.json").exists() and json.loads((folder / "_manifest.json").read_bytes())["complete"]:
            (folder / f"part-00003.{shards}").unlink()
    assert killed, "none was in time"
    run = tokemb_command(*command, cwd=here)
    assert run.returncode == 0, run.stderr
    assert contents(folder) == contents(here / f"whole-{shards}")


def test_what_is_there_is_not_made_again(here, tmp_path):
    folder = tmp_path / "out"
    command = [*COMMAND, folder]
    assert tokemb_command(*command, cwd=here).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in folder.glob("part-*")}
    run = tokemb_command(*command, cwd=here)
    assert b"(60,000 of them were there)" in run.stderr
    (folder / "part-00010.npz").write_bytes(b"damaged")
    run = tokemb_command(*command, cwd=here)
    assert b"(50,000 of them were there)" in run.stderr
    assert contents(folder) == contents(here / "whole-npz")
    same = [path.name for path, when in before.items() if path.stat().st_mtime_ns == when]
    assert sorted(same) == [f"part-{index:05d}.npz" for index in range(10)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--vocab", "other"], "holds shards of another vocabulary"),
        (["--maxlen", "5"], "holds shards of other settings, truncate_to 4 and not 5"),
        (["--rows-per-shard", "6000"], "holds shards of other settings, rows_per_shard 5000 and not 6000"),
        (["--dtype", "uint16"], "holds shards of other settings, dtype 'int32' and not 'uint16'"),
        (["--missing", "empty"], "holds shards of other texts"),
    ],
)
def test_another_run_is_refused(here, change, message):
    before = contents(here / "whole-npz")
    run = tokemb_command(*COMMAND, "whole-npz", *change, cwd=here)
    assert run.returncode == 1
    assert message in run.stderr.decode()
    assert contents(here / "whole-npz") == before


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[]",
        "{}",
        '{"format_version": 1}',
        '{"format_version": 1, "vocabulary": "", "settings": {}, "inputs": {}, "rows": [-1], "bytes": [1]}',
        '{"format_version": 1, "vocabulary": "", "settings": {}, "inputs": {}, "rows": ["../x"], "bytes": [1]}',
        '{"format_version": 1, "vocabulary": "", "settings": {}, "inputs": {}, "rows": [1], "bytes": []}',
        '{"format_version": 1, "vocabulary": "", "settings": {}, "inputs": {}, "path": "../../x"}',
    ],
)
def test_a_manifest_that_is_none(here, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_manifest.json").write_text(content)
    run = tokemb_command(*COMMAND, tmp_path / "out", cwd=here)
    assert run.returncode == 1
    assert "manifest.json is not a manifest of shards: name a new folder" in run.stderr.decode()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "_manifest.json"]


def test_a_newer_manifest_and_a_folder_of_something_else(here, tmp_path):
    content = json.loads((here / "whole-npz" / "_manifest.json").read_bytes())
    (tmp_path / "_manifest.json").write_text(json.dumps({**content, "format_version": 9}))
    run = tokemb_command(*COMMAND, tmp_path, cwd=here)
    assert b"was written by a newer tokemb (format 9)" in run.stderr
    (tmp_path / "_manifest.json").rename(tmp_path / "notes.json")
    run = tokemb_command(*COMMAND, tmp_path, cwd=here)
    assert b"holds files but no _manifest.json: name a new folder" in run.stderr


def test_fewer_rows_than_there_were(here, tmp_path):
    """The names, sizes and times are the same, the rows are not."""
    rows = (here / "rows.jsonl").read_bytes()
    (tmp_path / "rows.jsonl").write_bytes(rows)
    command = [*COMMAND, "out"]
    command[command.index("v")] = here / "v"
    assert tokemb_command(*command, cwd=tmp_path).returncode == 0
    (tmp_path / "out" / "part-00011.npz").unlink()
    first = rows.index(b"\n")
    times = (tmp_path / "rows.jsonl").stat()
    (tmp_path / "rows.jsonl").write_bytes(rows[:first] + b" " * (len(rows) - first))
    os.utime(tmp_path / "rows.jsonl", ns=(times.st_atime_ns, times.st_mtime_ns))
    run = tokemb_command(*command, cwd=tmp_path)
    assert b"the texts have fewer rows than those of the shards that are there" in run.stderr


def test_no_rows_make_one_shard_of_none(here, tmp_path):
    (tmp_path / "rows.jsonl").write_text("")
    command = [*COMMAND, "out"]
    command[command.index("v")] = here / "v"
    command[command.index("--keep") : command.index("--keep") + 2] = []
    run = tokemb_command(*command, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert np.load(tmp_path / "out" / "part-00000.npz")["ids"].shape == (0, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--rows-per-shard 0 -o out", "rows per shard must be at least 1; received 0"),
        ("--rows-per-shard 10 -o rows.jsonl", "shards go to a folder, and rows.jsonl is a file"),
        ("--rows-per-shard 10 --shard-format npy --keep label -o out", ".npy holds one array and no kept columns"),
        ("--rows-per-shard 10 -o -", "makes a folder, which cannot go to standard output"),
    ],
)
def test_what_cannot_be_sharded(here, arguments, message):
    before = sorted(here.rglob("*"))
    run = tokemb_command(*"encode rows.jsonl --column text --vocab v --maxlen 4".split(), *arguments.split(), cwd=here)
    assert run.returncode in (1, 2)
    assert message in run.stderr.decode()
    assert sorted(here.rglob("*")) == before


def test_rows_of_unknown_length_need_maxlen(here):
    run = tokemb_command(*"encode rows.jsonl --column text --vocab v --rows-per-shard 9 -o out".split(), cwd=here)
    assert b"rows of many files must be of one length: pass maxlen (--maxlen), or write them ragged" in run.stderr


def test_interrupted(here, tmp_path):
    folder = tmp_path / "out"
    run = start(here, *COMMAND, folder)
    while not (folder / "part-00001.npz").exists():
        assert run.poll() is None
        time.sleep(0.001)
    run.send_signal(signal.SIGINT)
    _, shown = run.communicate()
    if run.returncode:  # it was in time
        assert run.returncode == 130
        assert b"give the same command again to go on" in shown
        assert not list(folder.glob(".tokemb-*"))
    assert tokemb_command(*COMMAND, folder, cwd=here).returncode == 0
    assert contents(folder) == contents(here / "whole-npz")
