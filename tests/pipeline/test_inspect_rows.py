from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from tokemb_cli.main import cli

import tokemb
from tests.outputs import outputs
from tokemb.formats import OutputOptions, open_writer
from tokemb.pipeline.inspect import inspect


def kept_type(kind, suffix):
    """A kept type as the file has it: a .npz has no dictionaries, and texts of one kind."""
    if suffix == ".parquet":
        return str(kind)
    return str(kind.value_type if pa.types.is_dictionary(kind) else kind).removeprefix("large_")


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@given(output=outputs())
def test_what_was_written_is_described(suffix, output, tmp_path):
    layout = output.layout
    path = tmp_path / f"x{suffix}"
    path.unlink(missing_ok=True)
    description = inspect(output.write(path))
    kept = description.pop("kept")
    assert list(kept) == layout.kept_columns.names
    shown = [kind.removeprefix("large_") if suffix == ".npz" else kind for kind in kept.values()]
    assert shown == [kept_type(field.type, suffix) for field in layout.kept_columns]
    general = {
        "kind": layout.name,
        "format": suffix[1:],
        "rows": len(output.rows),
        "dtype": str(layout.dtype),
        "fingerprint": layout.fingerprint or None,
        "bytes": path.stat().st_size,
    }
    if layout.name == "vectors":
        assert description == general | {"dim": layout.row_shape[-1] if layout.row_shape else None}
        return
    maxlen = None if layout.row_shape is None else layout.row_shape[0]
    ids = {"maxlen": maxlen, "ragged": maxlen is None, "pad_id": layout.pad_id}
    assert description == general | ids


def test_lines_are_counted(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"ids":[1,2],"label":1}\n{"ids":[],"label":2}\n')
    assert inspect(tmp_path / "x.jsonl") == {
        "kind": "ids",
        "format": "jsonl",
        "rows": 2,
        "maxlen": None,
        "ragged": True,
        "dtype": None,
        "pad_id": None,
        "fingerprint": None,
        "kept": {"label": "int64"},
        "bytes": 45,
    }


def test_rows_are_not_read(tmp_path, monkeypatch):
    with open_writer(tmp_path / "x.npz", OutputOptions("ids", np.dtype("int32"), (2,))) as writer:
        writer.append(np.zeros((1000, 2), np.int32))
    monkeypatch.setattr("tokemb.formats.npz.NpzSource.blocks", None)
    assert inspect(tmp_path / "x.npz")["rows"] == 1000


def run(*arguments):
    """What a command prints."""
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture
def shards(tmp_path, monkeypatch):
    """Makes folders of shards."""
    monkeypatch.chdir(tmp_path)
    Path("text.csv").write_text("label,text\n1,deep learning\n2,very deep\n3,is\n")
    tokemb.fit_vocab(["deep learning is"]).save("text.vocab")

    def make(*options):
        command = ["encode", "text.csv", "--vocab", "text.vocab", "--keep", "label", "--rows-per-shard", 2]
        run(*command, *options, "-o", "shards")
        return Path("shards")

    return make


@pytest.mark.parametrize("suffix", ["npz", "parquet", "tfrecord", "jsonl"])
@pytest.mark.parametrize("ragged", [True, False])
def test_folders_of_shards(shards, suffix, ragged):
    how = ["--ragged"] if ragged else ["--maxlen", 4]
    folder = shards("--shard-format", suffix, "--dtype", "uint16", *how)
    expected = {
        "kind": "shards",
        "holds": "ids",
        "format": suffix,
        "files": 2,
        "rows": 3,
        "rows_per_shard": 2,
        "complete": True,
        "maxlen": None if ragged else 4,
        "ragged": ragged,
        "dtype": "uint16",
        "pad_id": 0,
        "fingerprint": tokemb.Encoder.load("text.vocab").fingerprint,
        "kept": {"label": "unknown" if suffix == "tfrecord" else "int64"},
        "bytes": sum(path.stat().st_size for path in folder.glob("part-*")),
        "damaged": [],
    }
    assert inspect(folder) == inspect(folder / "_manifest.json") == expected
    shown = run("inspect", "shards")
    assert "files                   2\n" in shown
    assert "kept.label" in shown
    assert json.loads(run("inspect", "shards", "--json")) == expected


def test_shards_that_are_not_as_they_were(shards):
    folder = shards("--maxlen", 4)
    last = folder / "part-00001.npz"
    last.write_bytes(last.read_bytes()[:-1])
    assert inspect(folder)["damaged"] == ["part-00001.npz"]
    (folder / "part-00000.npz").unlink()
    description = inspect(folder)
    assert description["damaged"] == ["part-00000.npz", "part-00001.npz"]
    assert (description["maxlen"], description["kept"]) == (4, {"label": "unknown"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"settings": {"format": "/../../x.npz"}, "rows": [], "bytes": [], "crc32": [], "complete": False},
            "names the shard format .* it must be one of",
        ),
        ({"settings": {"keep": 7, "rows_per_shard": 2}}, "is not a manifest of shards"),
        ({"rows": "many"}, "is not a manifest of shards"),
        ({"format_version": 99}, "was written by a newer tokemb"),
    ],
)
def test_manifests_that_are_none(shards, change, message):
    folder = shards("--maxlen", 4)
    path = folder / "_manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(tokemb.TokembError, match=message):
        inspect(folder)


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        (".npz", b"PK\3\4nothing", "not a valid .npz file"),
        (".parquet", b"PAR1nothing", "not a valid .parquet file"),
        (".jsonl", b"{}\n", "must be an object with ids"),
        (".txt", b"a\n", "is not a file or folder that tokemb can inspect. It must be a folder of a vocabulary"),
    ],
)
def test_files_that_are_none(tmp_path, suffix, content, message):
    (tmp_path / f"x{suffix}").write_bytes(content)
    with pytest.raises(tokemb.TokembError, match=message):
        inspect(tmp_path / f"x{suffix}")


def test_other_archives_and_tables(tmp_path):
    np.savez(tmp_path / "x.npz", means=np.zeros((2, 2)))
    with pytest.raises(tokemb.TokembError, match=r"must hold ids, .* it holds means float64 \(2, 2\)"):
        inspect(tmp_path / "x.npz")
    encoder = tokemb.fit_vocab(["a"])
    encoder.save(tmp_path / "v")
    with pytest.raises(tokemb.TokembError, match="must have a column ids of lists of integers"):
        inspect(tmp_path / "v" / "vocabulary.parquet")
    Path(tmp_path, "s").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "s" / "_manifest.json")
        with pytest.raises(tokemb.TokembError, match="is not a manifest of shards"):
            inspect(tmp_path / "s")
    with pytest.raises(tokemb.TokembError, match="is not a vocabulary, so it cannot encode a text"):
        inspect(tmp_path / "s", text="a")
