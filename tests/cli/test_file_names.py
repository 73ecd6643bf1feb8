"""Tests of files whose names are not UTF-8: they are read and written, and shown escaped."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

import tokemb
from tests.conftest import command_here, ok
from tests.sources.test_read_corpus import COMPRESS, collect
from tokemb import TokembError
from tokemb.formats import open_ids

# The names "café" in Latin-1 and half a character, decoded as Python does.
LATIN = os.fsdecode(b"caf\xe9")
HALF = os.fsdecode(b"\xe4\xb8")


@pytest.fixture
def here(tmp_path):
    """A folder and two files in it whose names are not UTF-8."""
    folder = tmp_path / LATIN
    try:
        folder.mkdir()
        (folder / f"{HALF}.txt").write_text("deep learning\n")
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    (folder / "plain.csv").write_text("text,user,item,stars\nis deep,1,2,3\n")
    return tmp_path


def run(here, arguments):
    """Run a command with ``%L`` and ``%H`` replaced by the names, and return its standard error."""
    words = [word.replace("%L", LATIN).replace("%H", HALF) for word in arguments.split()]
    shown = ok(command_here(*words, cwd=here)).stderr.decode()  # which is UTF-8
    assert "unexpected" not in shown
    return shown


def test_texts_are_read_from_files_folders_and_globs(here, monkeypatch):
    monkeypatch.chdir(here)
    rows = [{"text": "is deep"}, {"text": "deep learning"}]
    assert collect(LATIN) == collect(f"file://{here}/caf*/*") == rows
    assert collect(f"c*/*{HALF}*") == collect(Path(LATIN, f"{HALF}.txt")) == [{"text": "deep learning"}]
    for ending, pack in COMPRESS.items():
        Path(f"{LATIN}.txt{ending}").write_bytes(pack(b"deep\n"))
        assert collect(f"{LATIN}.txt{ending}") == [{"text": "deep"}]


def test_errors_name_the_files(here, monkeypatch):
    monkeypatch.chdir(here)
    (Path(LATIN) / f"{HALF}.txt").write_bytes(b"\xff")
    shown = command_here("encode", LATIN, "--vocab", "v", "-o", f"{HALF}.npy", cwd=here)
    assert shown.returncode == 1
    tokemb.fit_vocab(["deep"]).save("v")
    for name, message in (
        (LATIN, "Error: caf\\udce9/\\udce4\\udcb8.txt, line 1: byte 0 (0xff) is not UTF-8"),
        (f"none{LATIN}", "Error: no such file or directory: nonecaf\\udce9"),
        (f"file://{here}/{LATIN}", f"Error: file://{here}/caf\\udce9 cannot be reached: "),
    ):
        shown = command_here("encode", name, "--vocab", "v", "-o", f"{HALF}.npy", cwd=here)
        assert shown.returncode == 1
        assert message in shown.stderr.decode()
    there = fs.SubTreeFileSystem(str(here), fs.LocalFileSystem())
    with pytest.raises((TokembError, OSError)):
        collect("", filesystem=there)


def test_vocabularies_and_counts_are_written_and_read(here):
    shown = run(here, "count %L/plain.csv --column text -o %L/%H.counts.parquet")
    assert "\\udce4\\udcb8.counts.parquet" in shown
    run(here, "fit-vocab %L/%H.counts.parquet -o %L/%H.vocab")
    run(here, "grow %L/%H.txt --vocab %L/%H.vocab -o %H.vocab")
    run(here, "fit-vocab %L/plain.csv --column user --column item -o %L/%H.columns")
    for ending in ("npz", "parquet"):
        shown = run(here, f"encode %L/plain.csv --vocab %L/%H.columns --keep stars -o %L/%H.table.{ending}")
        assert "1 rows" in shown
    assert tokemb.Encoder.load(here / f"{HALF}.vocab").vocabulary[2:] == ["deep", "is", "learning"]
    assert "rows" in command_here("inspect", f"{LATIN}/{HALF}.counts.parquet", cwd=here).stdout.decode()


@pytest.mark.parametrize("ending", ["npy", "npz", "parquet", "jsonl", "tfrecord"])
def test_ids_are_written_and_read(here, ending):
    tokemb.fit_vocab(["is deep learning"]).save(here / f"{HALF}.vocab")
    run(here, f"encode %L --column text --vocab %H.vocab --maxlen 2 -o %L/%H.{ending}")
    if ending == "tfrecord":
        return
    assert sum(map(len, open_ids(here / LATIN / f"{HALF}.{ending}").blocks())) == 2
    shown = command_here("decode", f"{LATIN}/{HALF}.{ending}", "--vocab", f"{HALF}.vocab", cwd=here)
    assert ok(shown).stdout == b"is deep\ndeep learning\n"


def test_shards_are_resumed_from_a_manifest_in_utf8(here):
    tokemb.fit_vocab(["is deep learning"]).save(here / "v")
    command = "encode %L --column text --vocab v --maxlen 2 -o %H --rows-per-shard 1"
    assert "2 files, 2 rows" in run(here, command)
    manifest = (here / HALF / "_manifest.json").read_bytes()
    names = [name for name, *_ in json.loads(manifest.decode("utf-8"))["inputs"]["files"]]
    assert names == [f"{LATIN}/plain.csv", f"{LATIN}/{HALF}.txt"]
    assert "2 of them already written" in run(here, command)
    assert (here / HALF / "_manifest.json").read_bytes() == manifest
    assert len(open_ids(here / HALF).files) == 2


def test_models_are_written_and_read(made, here):
    for name in ("text.vocab", "ids.npy"):
        copy = shutil.copytree if (made / name).is_dir() else shutil.copy
        copy(made / name, here / LATIN / f"{HALF}.{name}")
    run(here, "init-model --vocab %L/%H.text.vocab --dim 3 -o %L/%H.keras")
    run(here, "embed %L/%H.ids.npy --model %L/%H.keras -o %L/%H.npz")
    run(here, "check %L/%H.ids.npy --model %L/%H.keras --vocab %L/%H.text.vocab")
    run(here, "export-vectors %L/%H.keras --vocab %L/%H.text.vocab -o %L/%H.vec")
    run(here, "init-model --vocab %L/%H.text.vocab --vectors %L/%H.vec -o %L/%H.2.keras")
    shown = command_here("export", "--vocab", f"{LATIN}/{HALF}.text.vocab", "-o", f"{LATIN}/1", cwd=here)
    assert shown.returncode == 1
    assert shown.stderr == b"Error: the path of a SavedModel must be UTF-8; received caf\\udce9/1: use another path\n"


def test_parquet_and_arrow_files_are_read(here):
    table = pa.table({"text": ["deep"], "label": [1]})
    for ending, write in (("parquet", pq.write_table), ("arrow", feather.write_feather)):
        with (here / f"{LATIN}.{ending}").open("wb") as file:
            write(table, file)
        assert collect(here / f"{LATIN}.{ending}", keep=["label"]) == [{"text": "deep", "label": 1}]
