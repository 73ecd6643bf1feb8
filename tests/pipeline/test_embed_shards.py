"""``tokemb embed`` from and to folders of files, and from several files; what a stopped run left goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tokemb_cli.main import cli

import tokemb
from tests.conftest import ROOT
from tokemb.errors import ArgumentError
from tokemb.formats import open_ids

pytestmark = pytest.mark.slow

ROWS = 2500


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Texts with a number each, their vocabulary, a model, and ids in files of 400 rows."""
    here = tmp_path_factory.mktemp("made")
    texts = [" ".join(f"w{number}" for number in range(row % 7)) for row in range(ROWS)]
    (here / "x.jsonl").write_text("".join(json.dumps({"n": n, "text": text}) + "\n" for n, text in enumerate(texts)))
    encoder = tokemb.fit_vocab(texts)
    encoder.save(here / "v")
    for name, seed in (("m.keras", 1), ("other.keras", 2)):
        tokemb.embedding_model(encoder, 8, seed=seed).save(here / name)
    for suffix in ("npz", "parquet", "jsonl"):
        encode = (
            f"encode x.jsonl --vocab v --maxlen 6 --keep n --rows-per-shard 400 --shard-format {suffix} -o {suffix}"
        )
        invoke(encode, here)
    return here


def invoke(command, here, code=0):
    before = os.getcwd()
    os.chdir(here)
    try:
        result = CliRunner().invoke(cli, command.split())
    finally:
        os.chdir(before)
    assert result.exit_code == code, result.stderr
    return result.stderr


@pytest.fixture
def run(made, tmp_path):
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return lambda command, code=0: invoke(command, tmp_path, code)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("suffix", ["npz", "parquet", "jsonl"])
@pytest.mark.parametrize("pooling", ["", "--pooling mean"])
def test_a_folder_of_ids_is_one_corpus(run, tmp_path, suffix, pooling):
    if suffix == "jsonl" and not pooling:
        assert "the rows of jsonl are not padded to one length" in run("embed jsonl --model m.keras -o x.npz", 1)
        return
    expected = tokemb.embed(tmp_path / "m.keras", np.concatenate(all_ids(tmp_path)), pooling=pooling[-4:] or None)
    run(f"embed {suffix} --model m.keras {pooling} -o x.npz")
    files = " ".join(str(path.relative_to(tmp_path)) for path in sorted((tmp_path / suffix).glob("part-*")))
    run(f"embed {files} --model m.keras {pooling} -o y.npz")
    # Lines of JSON do not say of which vocabulary they are.
    run(f"embed {suffix} --vocab v --model m.keras {pooling} -o z.npz", 2 if suffix == "jsonl" else 0)
    for name in ("x", "y"):
        with np.load(tmp_path / f"{name}.npz") as archive:
            np.testing.assert_array_equal(archive["vectors"], expected)
            assert archive["n"].tolist() == list(range(ROWS))


def all_ids(here):
    return [np.load(path)["ids"] for path in sorted((here / "npz").glob("part-*"))]


@pytest.mark.parametrize("given", ["npz", "x.jsonl --vocab v --keep n"])
@pytest.mark.parametrize("pooling", ["", "--pooling max"])
def test_vectors_to_shards_are_those_of_one_file(run, tmp_path, given, pooling):
    length = "" if given == "npz" or pooling else "--maxlen 6"
    run(f"embed {given} {length} --model m.keras {pooling} -o x.npz")
    shown = run(f"embed {given} {length} --model m.keras {pooling} --rows-per-shard 300 -o shards")
    assert "wrote shards: 9 files, 2,500 rows; 2,500 rows read and written" in shown
    parts = [np.load(path) for path in sorted((tmp_path / "shards").glob("part-*.npz"))]
    assert [len(part["vectors"]) for part in parts] == [300] * 8 + [100]
    with np.load(tmp_path / "x.npz") as whole:
        for name in ("vectors", "n"):
            np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), whole[name])
    # Nothing is left to do; what is lost is made again, with the same bytes.
    before = contents(tmp_path / "shards")
    assert "(2,500 of them already written); 0 rows" in run(
        f"embed {given} {length} --model m.keras {pooling} --rows-per-shard 300 -o shards"
    )
    (tmp_path / "shards" / "part-00004.npz").unlink()
    assert "(1,200 of them already written); 2,500 rows read, 1,300 written" in run(
        f"embed {given} {length} --model m.keras {pooling} --rows-per-shard 300 -o shards"
    )
    assert contents(tmp_path / "shards") == before
    described = json.loads(run_out(tmp_path, "inspect shards --json"))
    assert (described["holds"], described["rows"], described["dim"], described["damaged"]) == ("vectors", ROWS, 8, [])
    assert "shards of other settings, model" in run(
        f"embed {given} {length} --model other.keras {pooling} --rows-per-shard 300 -o shards", 1
    )
    assert "shards of other settings, dtype" in run(
        f"embed {given} {length} --model m.keras {pooling} --rows-per-shard 300 --dtype float16 -o shards", 1
    )
    assert contents(tmp_path / "shards") == before


def run_out(here, command):
    before = os.getcwd()
    os.chdir(here)
    try:
        return CliRunner().invoke(cli, command.split()).stdout
    finally:
        os.chdir(before)


def test_a_killed_run_goes_on(run, tmp_path):
    command = "embed npz --model m.keras --rows-per-shard 20 -o"
    run(f"{command} whole")
    process = subprocess.Popen(
        [sys.executable, "-m", "tokemb_cli", *command.split(), "x"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])},
    )
    while len(list((tmp_path / "x").glob("part-*"))) < 30 and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    there = contents(tmp_path / "x")
    assert all(there[name] == (tmp_path / "whole" / name).read_bytes() for name in there if name.startswith("part-"))
    assert "of them already written)" in run(f"{command} x")
    assert contents(tmp_path / "x") == contents(tmp_path / "whole")


def test_rows_of_shards_must_be_of_one_length(run):
    shown = run("embed x.jsonl --vocab v --model m.keras --rows-per-shard 300 -o shards", 1)
    assert "rows in several files must have one length: pass it as --maxlen INTEGER" in shown
    assert "writes a folder: pass its path as --output; received -" in run(
        "embed npz --model m.keras --rows-per-shard 300 -o -", 2
    )


def test_folders_of_other_programs(tmp_path):
    """As Spark writes them: a file that says that all went well, and hidden checksums."""
    folder = tmp_path / "spark"
    folder.mkdir()
    for number, rows in enumerate([[[1, 2], [3]], [], [[4]]]):
        table = pa.table(
            {"label": pa.array([number] * len(rows), pa.int64()), "ids": pa.array(rows, pa.list_(pa.int32()))}
        )
        pq.write_table(table, folder / f"part-0000{number}.snappy.parquet")
        (folder / f".part-0000{number}.crc").write_bytes(b"x")
    (folder / "_SUCCESS").touch()
    source = open_ids(folder)
    assert source.rows == 3
    assert [row.tolist() for block in source.blocks() for row in block.ids] == [[1, 2], [3], [4]]
    assert [label for block in source.blocks() for label in block.kept_columns["label"].to_pylist()] == [0, 0, 2]


def archive(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_files_that_do_not_go_together(run, tmp_path):
    ids = np.ones((2, 3), np.int32)
    first = archive(tmp_path / "a.npz", ids=ids, label=np.array([1, 2]))
    for other, message in (
        ({"ids": ids[:, :2], "label": np.array([1, 2])}, "the same maxlen; .* is 3 and 2"),
        ({"ids": ids}, "the same kept columns; .* are label and none"),
        ({"ids": ids, "label": np.array(["a", "b"])}, "must have one type"),
        ({"ids": ids, "label": np.array([1, 2]), "fingerprint": np.array("ab")}, "is unknown and ab"),
    ):
        with pytest.raises(ArgumentError, match=message):
            open_ids(first, archive(tmp_path / "b.npz", **other))


def test_folders_that_are_not_as_they_were_written(run, tmp_path):
    """Rows that are gone, or in another place, would be those of other labels."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for name, content in contents(tmp_path / "npz").items():
        (folder / name).write_bytes(content)
    moved = (folder / "part-00003.npz").rename(folder / "part-00099.npz")
    with pytest.raises(ArgumentError, match="is not complete: run the command that made it again"):
        open_ids(folder)
    (folder / "part-00003.npz").write_bytes(moved.read_bytes())
    with pytest.raises(ArgumentError, match=r"part-00099\.npz is not one of the shards that .* lists: move it"):
        open_ids(folder)
    moved.unlink()
    assert open_ids(folder).rows == ROWS
    (folder / "part-00003.npz").write_bytes((folder / "part-00006.npz").read_bytes())
    with pytest.raises(ArgumentError, match=r"part-00003\.npz was changed after it was written: run the command"):
        open_ids(folder)


@pytest.mark.parametrize("output", ["npz/x.npy", "npz/x --rows-per-shard 300", "npz/../npz/x.npz"])
def test_an_output_in_the_folder_of_ids(run, tmp_path, output):
    """It would be one of the ids the next time."""
    before = contents(tmp_path / "npz")
    told = run(f"embed npz --model m.keras -o {output}", code=2)
    assert "the output would be one of the files of ids in npz: name another folder" in " ".join(told.split())
    assert contents(tmp_path / "npz") == before


def test_more_shards_than_their_names_have_digits_for(run, tmp_path, monkeypatch):
    from tokemb.formats import manifest

    monkeypatch.setattr(manifest, "shard_path", lambda folder, index, suffix: folder / f"part-{index}{suffix}")
    run("encode x.jsonl --vocab v --maxlen 6 --keep n --rows-per-shard 200 -o shards")
    assert (tmp_path / "shards" / "part-12.npz").exists()
    kept = [
        number for block in open_ids(tmp_path / "shards").blocks() for number in block.kept_columns["n"].to_pylist()
    ]
    assert kept == list(range(ROWS))


def test_texts_of_any_length_are_one_kept_column(tmp_path):
    """Those of 64 characters at most are written otherwise than longer ones."""
    encoder = tokemb.fit_vocab(["a"])
    encoder.save(tmp_path / "v")
    names = ["short", "x" * 100, "short again", "y"]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps({"name": name, "text": "a"}) + "\n" for name in names))
    invoke("encode x.jsonl --vocab v --maxlen 1 --keep name --rows-per-shard 1 -o ids", tmp_path)
    source = open_ids(tmp_path / "ids")
    assert [name for block in source.blocks() for name in block.kept_columns["name"].to_pylist()] == names
    assert open_ids(*sorted(Path(tmp_path, "ids").glob("part-*"))).kept_columns == source.kept_columns


def test_decode_and_check_read_folders(run, tmp_path):
    assert run_out(tmp_path, "decode npz --vocab v").split("\n")[6] == "w0 w1 w2 w3 w4 w5"
    assert run_out(tmp_path, "check npz --vocab v --model m.keras") == ""
