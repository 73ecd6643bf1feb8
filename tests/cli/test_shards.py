"""Tests of folders of shards: stopped runs are resumed, other folders are refused."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tokemb_cli.main import cli

import tokemb
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

SHARDS = "--maxlen 8 --rows-per-shard 1000 -o"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus of some thousand rows and its vocabulary."""
    here = tmp_path_factory.mktemp("corpus")
    words = [f"w{i}" for i in range(500)]
    numbers = random.Random(0)
    rows = [(i, " ".join(numbers.choices(words, k=numbers.randrange(12)))) for i in range(25_500)]
    (here / "x.jsonl").write_text("".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in rows))
    tokemb.fit_vocab([" ".join(words)]).save(here / "v")
    tokemb.fit_vocab(["w1 w2"]).save(here / "w")
    return here


@pytest.fixture(scope="module")
def sharded(made):
    """The folder of shards that a run over the corpus writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        run(f"x.jsonl --vocab v {SHARDS} shards")
    return made / "shards"


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    for name in ("x.jsonl", "v", "w"):
        (tmp_path / name).symlink_to(made / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(arguments, code=0):
    result = CliRunner().invoke(cli, ["encode", *arguments.split()])
    assert result.exit_code == code, result.stderr
    return result.stderr


def start(arguments, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "tokemb_cli", "encode", *arguments.split()],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])},
        **kwargs,
    )


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


def shards(folder):
    return sorted(path.name for path in Path(folder).glob("part-*"))


def wait_for(condition, process):
    while not condition() and process.poll() is None:
        time.sleep(0.002)


def slowly(here, suffix="npz"):
    """A command that writes many small shards, which takes long enough to be stopped."""
    keep = "" if suffix == "npy" else "--keep id"
    return f"x.jsonl --vocab v --maxlen 8 {keep} --rows-per-shard 100 --shard-format {suffix} -o"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_run_keeps_complete_shards(here, made, number, code):
    command = slowly(here)
    whole = made / "whole"
    if not whole.exists():
        run(f"{command} {whole}")
    process = start(f"{command} x")
    wait_for(lambda: len(shards("x")) >= 20, process)
    process.send_signal(number)
    _, shown = process.communicate()
    assert process.returncode == code, shown
    word = b"interrupted" if number == signal.SIGINT else b"terminated"
    assert shown == word + b": the complete files in x are kept; repeat the command to resume\n"
    left = contents("x")
    assert set(left) == {*shards("x"), "_manifest.json"}, "nothing temporary"
    manifest = json.loads(left["_manifest.json"])
    assert manifest["complete"] is False
    # The run may have stopped between a shard and its entry in the manifest.
    assert len(left) - 1 - len(manifest["rows"]) in (0, 1)
    there = sum(manifest["rows"])
    assert f"25,500 rows ({there:,} of them already written)" in run(f"{command} x")
    assert contents("x") == contents(whole)


def test_shards_contain_the_rows_of_one_file(here, monkeypatch):
    monkeypatch.setattr("tokemb.pipeline.encoded_stream.BLOCK_SIZE", 5000)  # several blocks per batch
    run("x.jsonl --vocab v --maxlen 8 --keep id -o x.npz")
    run(f"x.jsonl --vocab v --keep id {SHARDS} x")
    assert len(shards("x")) == 26
    whole = np.load("x.npz")
    assert whole["id"].tolist() == list(range(25_500))
    for name in ("ids", "lengths", "id"):
        parts = [np.load(f"x/{part}")[name] for part in shards("x")]
        assert {len(part) for part in parts[:-1]} == {1000}
        np.testing.assert_array_equal(np.concatenate(parts), whole[name])
    run("x.jsonl --vocab v --ragged --rows-per-shard 7000 --shard-format jsonl -o ragged")
    run("x.jsonl --vocab v --ragged -o ragged.jsonl")
    assert b"".join(Path("ragged", part).read_bytes() for part in shards("ragged")) == Path("ragged.jsonl").read_bytes()


def test_shards_of_another_run_are_refused(here):
    run(f"x.jsonl --vocab v {SHARDS} x")
    before = contents("x")
    Path("other.jsonl").write_bytes(Path("x.jsonl").read_bytes())
    for other, message in (
        (f"x.jsonl --vocab w {SHARDS} x", "shards of another vocabulary ("),
        (f"x.jsonl --vocab v {SHARDS} x --padding pre", "other settings, padding 'post' and not 'pre'"),
        (f"x.jsonl --vocab v {SHARDS} x --keep id", "other settings, keep none and not 'id'"),
        (f"x.jsonl --vocab v {SHARDS} x --dtype int64", "other settings, dtype 'int32' and not 'int64'"),
        (f"x.jsonl --vocab v {SHARDS} x --ragged", "other settings, ragged no and not yes"),
        ("x.jsonl --vocab v --maxlen 9 --rows-per-shard 1000 -o x", "other settings, maxlen 8 and not 9"),
        ("x.jsonl --vocab v --maxlen 8 --rows-per-shard 999 -o x", "--rows-per-shard 1000 and not 999"),
        (f"x.jsonl --vocab v {SHARDS} x --shard-format npy", "other settings, format '.npz' and not '.npy'"),
        (f"x.jsonl other.jsonl --vocab v {SHARDS} x", "shards of other texts"),
        (f"other.jsonl --vocab v {SHARDS} x", "shards of other texts"),
        (f"x.jsonl --missing empty --vocab v {SHARDS} x", "shards of other texts"),
        (f"- --vocab v {SHARDS} x", "the input, which comes through a pipe, cannot be read again"),
    ):
        shown = run(other, code=1)
        assert message in shown
        assert shown.endswith("or pass --force to replace them\n") or "pipe" in message
        assert contents("x") == before
    # Another padding, which is not part of the fingerprint, is refused.
    tokenizer = json.loads(Path("v/tokenizer.json").read_bytes())
    for pad_id, code in ((0, 0), (1, 1)):
        tokenizer["padding"]["pad_id"] = pad_id
        Path("t.json").write_text(json.dumps(tokenizer))
        shown = run(f"x.jsonl --vocab t.json {SHARDS} z", code=code)
    assert "other settings, padding id 0 and not 1" in shown
    # Texts that were changed without another size are refused.
    run(f"other.jsonl --vocab v {SHARDS} y")
    os.utime("other.jsonl", ns=(0, 0))
    assert "shards of other texts" in run(f"other.jsonl --vocab v {SHARDS} y", code=1)


def test_standard_input_is_not_resumed(here):
    for code in (0, 1):
        result = CliRunner().invoke(cli, f"encode - --vocab v {SHARDS} x".split(), input=b"w1\n\nw2\n")
        assert result.exit_code == code, result.stderr
    expected = tokemb.Encoder.load("v").encode(["w1", "", "w2"], maxlen=8)
    np.testing.assert_array_equal(np.load("x/part-00000.npz")["ids"], expected)


@pytest.mark.parametrize("damage", ["missing", "short", "long", "folder", "changed"])
def test_damaged_shards_are_written_again(here, sharded, damage):
    command = f"x.jsonl --vocab v {SHARDS} x"
    shutil.copytree(sharded, "x")
    expected = contents("x")
    path = Path("x/part-00007.npz")
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
        assert "the output is an existing folder" in run(command, code=1)
        path.rmdir()
    elif damage != "missing":
        changed = content[:500] + bytes([content[500] ^ 1]) + content[501:]
        path.write_bytes({"short": content[:-1], "long": content + b"x", "changed": changed}[damage])
    inode = Path("x/part-00006.npz").stat().st_ino
    assert "25,500 rows (7,000 of them already written); 25,500 rows read, 18,500 written, " in run(command)
    assert contents("x") == expected
    assert Path("x/part-00006.npz").stat().st_ino == inode, "those before stay"
    assert "25,500 rows (25,500 of them already written); 0 rows" in run(command)


@pytest.mark.parametrize("option", ["", " --force"], ids=["goes on", "replaces"])
@pytest.mark.parametrize("target", ["mine", "nowhere"])
def test_links_in_the_folder_are_replaced_and_not_followed(here, tmp_path_factory, option, target):
    target = tmp_path_factory.mktemp("elsewhere") / target
    if target.name == "mine":
        target.write_bytes(b"mine")
    command = f"x.jsonl --vocab v {SHARDS} x"
    run(command)
    expected = contents("x")
    if option:
        run(f"x.jsonl --vocab w {SHARDS} x --force")
    for name in ("part-00007.npz", *(["part-00099.npz"] if option else [])):
        Path("x", name).unlink(missing_ok=True)
        Path("x", name).symlink_to(target)
    manifest = target.with_name("manifest")
    Path("x/_manifest.json").rename(manifest)
    Path("x/_manifest.json").symlink_to(manifest)
    before = manifest.read_bytes()
    run(command + option)
    assert contents("x") == expected
    assert not any(path.is_symlink() for path in Path("x").iterdir())
    assert manifest.read_bytes() == before
    assert target.read_bytes() == b"mine" if target.name == "mine" else not target.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are UTF-8 elsewhere")
def test_run_over_a_file_whose_name_is_not_utf8_is_resumed(here):
    name = os.fsdecode(b"\xff.jsonl")
    Path(name).write_bytes(Path("x.jsonl").read_bytes())
    for shown in ("25,500 rows; ", "25,500 rows (25,500 of them already written); "):
        result = CliRunner().invoke(cli, ["encode", name, "--vocab", "v", *SHARDS.split(), "y"])
        assert result.exit_code == 0, result.stderr
        assert shown in result.stderr


@pytest.mark.parametrize("without", ["isal", "isal.isal_zlib"])
def test_checksums_equal_those_of_zlib(here, monkeypatch, without):
    run(f"x.jsonl --vocab v {SHARDS} x")
    checksums = json.loads(Path("x/_manifest.json").read_text())["crc32"]
    assert checksums == [zlib.crc32(Path("x", name).read_bytes()) for name in shards("x")]
    monkeypatch.setitem(sys.modules, without, None)
    monkeypatch.setattr("tokemb.formats.manifest._CHUNK", 1000)
    assert "25,500 rows (25,500 of them already written); 0 rows" in run(f"x.jsonl --vocab v {SHARDS} x")


def test_folder_without_shards_is_refused(here):
    Path("x").mkdir()
    Path("x/part-00000.npz").write_bytes(b"mine")
    assert "x holds files but no _manifest.json: name a new folder" in run(f"x.jsonl --vocab v {SHARDS} x", code=1)
    assert contents("x") == {"part-00000.npz": b"mine"}
    # The folder of a run that was killed before its first shard is accepted.
    Path("y").mkdir()
    Path("y/.tokemb-0123456789ab").mkdir()
    Path("y/.tokemb-0123456789ab/_manifest.json").write_bytes(b"{")
    run(f"x.jsonl --vocab v {SHARDS} y")
    assert set(contents("y")) == {*shards("y"), "_manifest.json"}


HOSTILE = {
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "a list": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "a long number": b'{"format_version": ' + b"9" * 5000 + b"}",
    "other names": {"files": ["../../outside.npz"]},
    "a path": {"format": "../../outside"},
    "no version": {"format_version": None},
    "version 0": {"format_version": 0},
    "version true": {"format_version": True},
    "rows of text": {"rows": ["../outside"]},
    "rows is a text": {"rows": "../outside"},
    "rows is an object": {"rows": {}, "bytes": {}, "crc32": {}},
    "negative rows": {"rows": [-1]},
    "rows true": {"rows": [True]},
    "huge rows": {"rows": [10**30]},
    "infinite rows": b'{"format_version": 1, "rows": [1e999], "bytes": [Infinity], "crc32": [0]}',
    "too few rows": {"rows": [999], "bytes": [9], "crc32": [9], "complete": False},
    "more rows than bytes": {"rows": [1000] * 27},
    "fewer checksums than rows": {"crc32": [1]},
    "no checksums": {"crc32": None},
    "complete as text": {"complete": "no"},
    "complete without shards": {"rows": [], "bytes": [], "crc32": []},
    "settings as text": {"settings": "../outside"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_manifest_is_refused(here, sharded, name):
    command = f"x.jsonl --vocab v {SHARDS} deep/x"
    shutil.copytree(sharded, "deep/x")
    path = Path("deep/x/_manifest.json")
    change = HOSTILE[name]
    path.write_bytes(
        change if isinstance(change, bytes) else json.dumps(json.loads(path.read_bytes()) | change).encode()
    )
    before = sorted(here.rglob("*")), contents("deep/x")
    shown = run(command, code=1)
    assert shown == "Error: deep/x/_manifest.json is not a manifest of shards: name another folder\n"
    assert (sorted(here.rglob("*")), contents("deep/x")) == before


def test_manifest_that_is_no_file_or_newer_is_refused(here):
    command = f"x.jsonl --vocab v {SHARDS} x"
    run(command)
    path = Path("x/_manifest.json")
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 99, "more": 1'))
    assert "was written by a newer tokemb (format 99; this one reads 1): upgrade tokemb" in run(command, code=1)
    path.unlink()
    path.mkdir()
    assert "x/_manifest.json is not a manifest of shards" in run(command, code=1)
    path.rmdir()
    path.symlink_to(here / "nowhere")
    assert "x/_manifest.json is not a manifest of shards" in run(command, code=1)
    if hasattr(os, "mkfifo"):
        path.unlink()
        os.mkfifo(path)
        assert "x/_manifest.json is not a manifest of shards" in run(command, code=1)


def test_shards_with_more_rows_than_the_corpus_are_refused(here):
    """The corpus was truncated and has the same size and time."""
    Path("y.jsonl").write_bytes(Path("x.jsonl").read_bytes())
    time_before, size = os.stat("y.jsonl").st_mtime_ns, os.stat("y.jsonl").st_size
    run(f"y.jsonl --vocab v {SHARDS} x")
    Path("x/part-00025.npz").unlink()
    Path("y.jsonl").write_text('{"id": 1, "text": "w1"}'.ljust(size - 1) + "\n")
    os.utime("y.jsonl", ns=(time_before, time_before))
    before = contents("x")
    assert "fewer rows than the shards in the output folder" in run(f"y.jsonl --vocab v {SHARDS} x", code=1)
    assert contents("x") == before


@LINUX
@pytest.mark.parametrize("suffix", ["npz", "parquet", "npy"])
def test_file_size_limit_keeps_complete_shards(here, suffix):
    """The size of files is limited. Only the last shards, which contain more ids, are too large."""
    import resource

    numbers = random.Random(0)
    texts = ["w1"] * 300 + [" ".join(f"w{numbers.randrange(500)}" for _ in range(200)) for _ in range(300)]
    Path("y.txt").write_text("\n".join(texts) + "\n")
    ragged = "--ragged" if suffix != "npy" else "--maxlen 200 --dtype int64"
    rows = 100 if suffix != "npy" else 30
    command = f"y.txt --vocab v {ragged} --rows-per-shard {rows} --shard-format {suffix} -o"
    run(f"{command} whole")
    limit = 20_000 if suffix != "npy" else 30_000
    process = start(f"{command} x", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    _, shown = process.communicate()
    assert process.returncode == 1
    assert re.search(rb"Error: file too large: x/part-\d+\.\w+\n$", shown)
    left = contents("x")
    assert set(left) == {"_manifest.json", *shards("x")}, "nothing temporary"
    assert len(json.loads(left["_manifest.json"])["rows"]) == len(left) - 1
    run(f"{command} x")
    assert contents("x") == contents("whole")
