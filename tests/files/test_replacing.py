"""What an output may replace, and what only ``--force`` replaces."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import command_here, ok
from tests.outputs import FORMATS
from tokemb.errors import OutputExistsError

pytestmark = pytest.mark.keras

CORPUS = {
    ".npy": lambda path: np.save(path, np.zeros((3, 2, 2), np.uint8)),
    ".npz": lambda path: np.savez(path, images=np.zeros((3, 2))),
    ".parquet": lambda path: pq.write_table(pa.table({"text": ["a", "b"], "ids": ["u", "v"]}), path),
    ".tfrecord": lambda path: path.write_bytes(b"\x05" + bytes(11) + b"other" + bytes(4)),
    ".array_record": lambda path: path.write_bytes(b"\x05" + bytes(11) + b"other" + bytes(1 << 16)),
    ".jsonl": lambda path: path.write_text('{"text": "a", "ids": [1]}\n'),
}


def refused(run, path):
    """Check that a run says in one sentence that it does not replace ``path``."""
    assert run.returncode == 1
    shown = run.stderr.decode()
    assert shown.count("\n") == 1
    assert path in shown
    assert "force" in shown
    return shown


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_of_rows_replaces_its_kind_and_no_other(here, suffix):
    command = f"encode text.txt --vocab text.vocab --maxlen 4 -o x{suffix}"
    ok(command_here(*command.split(), cwd=here))
    ids = (here / f"x{suffix}").read_bytes()
    ok(command_here(*command.split(), cwd=here))
    assert (here / f"x{suffix}").read_bytes() == ids
    # Vectors are another kind.
    vectors = f"embed text.txt --vocab text.vocab --model text.keras --maxlen 4 -o x{suffix}"
    assert f"is not a {suffix} file of vectors" in refused(command_here(*vectors.split(), cwd=here), f"x{suffix}")
    assert (here / f"x{suffix}").read_bytes() == ids
    ok(command_here(*vectors.split(), "--force", cwd=here))
    ok(command_here(*vectors.split(), cwd=here))
    # And so is what others wrote.
    CORPUS[suffix](here / f"x{suffix}")
    before = (here / f"x{suffix}").read_bytes()
    refused(command_here(*command.split(), cwd=here), f"x{suffix}")
    assert (here / f"x{suffix}").read_bytes() == before
    ok(command_here(*command.split(), "--force", cwd=here))
    assert (here / f"x{suffix}").read_bytes() == ids


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_of_any_bytes_is_not_replaced(here, suffix):
    command = f"encode text.txt --vocab text.vocab --maxlen 4 -o x{suffix}".split()
    for content in (b"x", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"PAR1PAR1", b"\xff" * 100):
        (here / f"x{suffix}").write_bytes(content)
        refused(command_here(*command, cwd=here), f"x{suffix}")
        assert (here / f"x{suffix}").read_bytes() == content
    (here / f"x{suffix}").write_bytes(b"")
    ok(command_here(*command, cwd=here))


def test_a_read_only_output_needs_force(here):
    for path, command in (
        ("x.npy", "encode text.txt --vocab text.vocab --maxlen 4 -o x.npy"),
        ("v", "fit-vocab text.txt -o v"),
    ):
        ok(command_here(*command.split(), cwd=here))
        mode = (here / path).stat().st_mode
        os.chmod(here / path, mode & ~0o222)
        assert "is read-only" in refused(command_here(*command.split(), cwd=here), path)
        ok(command_here(*command.split(), "--force", cwd=here))
        assert not (here / path).stat().st_mode & 0o222, "it keeps its mode"
        os.chmod(here / path, mode)


def test_counts_and_tables_replace_their_kind_and_no_other(here):
    (here / "t.csv").write_text("a,b\n1,2\n")
    ok(command_here(*"fit-vocab t.csv --column a --column b -o columns".split(), cwd=here))
    for command, path in (
        ("count text.txt -o x.parquet", "x.parquet"),
        ("encode t.csv --vocab columns -o x.parquet", "x.parquet"),
        ("encode text.txt --vocab text.vocab --maxlen 4 -o x.parquet", "x.parquet"),
        ("encode t.csv --vocab columns -o x.npz", "x.npz"),
        ("encode text.txt --vocab text.vocab --maxlen 4 -o x.npz", "x.npz"),
    ):
        if (here / path).exists():
            refused(command_here(*command.split(), cwd=here), path)
            ok(command_here(*command.split(), "--force", cwd=here))
        ok(command_here(*command.split(), cwd=here))
        ok(command_here(*command.split(), cwd=here))


@pytest.mark.parametrize("suffix", [".txt", ".vec", ".bin", ".npz"])
def test_exported_vectors_replace_vectors_and_not_a_corpus(here, suffix):
    command = f"export-vectors text.keras --vocab text.vocab -o x{suffix}".split()
    ok(command_here(*command, cwd=here))
    made = (here / f"x{suffix}").read_bytes()
    ok(command_here(*command, cwd=here))
    shutil.copy(here / "text.txt", here / f"x{suffix}")
    refused(command_here(*command, cwd=here), f"x{suffix}")
    ok(command_here(*command, "--force", cwd=here))
    assert (here / f"x{suffix}").read_bytes()[:100] == made[:100]


def test_a_model_is_replaced_until_it_is_trained(here):
    import keras

    command = "init-model --vocab text.vocab --dim 3 -o text.keras".split()
    ok(command_here(*command, cwd=here))
    model = keras.models.load_model(here / "text.keras")
    model.save(here / "text.keras")
    with zipfile.ZipFile(here / "text.keras") as archive:
        assert not archive.comment
    assert "may be trained" in refused(command_here(*command, cwd=here), "text.keras")
    ok(command_here(*command, "--force", cwd=here))
    ok(command_here(*command, cwd=here))
    grow = "grow text.txt --vocab text.vocab -o grown.vocab --model text.keras --grown-model text.keras".split()
    refused(command_here(*grow, cwd=here), "text.keras")
    assert not (here / "grown.vocab").exists()
    grow[-1] = "grown.keras"
    ok(command_here(*grow, cwd=here))
    ok(command_here(*grow, cwd=here))


def test_a_training_is_replaced_only_with_force(tmp_path):
    from tokemb.training.result import check_output

    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / "training.json").write_text(json.dumps({"format_version": 1, "task": "classify"}))
    with pytest.raises(OutputExistsError, match=r"contains a trained model: pass force=True"):
        check_output(tmp_path / "trained")
    check_output(tmp_path / "trained", force=True)
    (tmp_path / "trained" / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="something else exists at this path"):
        check_output(tmp_path / "trained", force=True)


def test_force_never_replaces_a_folder_of_another_kind(here):
    (here / "data").mkdir()
    (here / "data" / "notes.txt").write_text("mine")
    for command in (
        "fit-vocab text.txt -o data --force",
        "export-projector text.keras --vocab text.vocab -o data --force",
    ):
        run = command_here(*command.split(), cwd=here)
        assert run.returncode == 1
        assert b"something else exists at this path" in run.stderr
    assert (here / "data" / "notes.txt").read_text() == "mine"


def test_maps_replace_maps_and_not_other_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    from tokemb.analysis import word_map, write_html, write_picture

    encoder = tokemb.fit_vocab(["a b c d e"])
    model = tokemb.embedding_model(encoder, 3, seed=0)
    made = word_map(model, encoder, method="pca")
    for name, write in (("x.html", write_html), ("x.png", write_picture), ("x.svg", write_picture)):
        path = tmp_path / name
        write(made, path)
        write(made, path)
        path.write_bytes(b"<html>my page</html>")
        with pytest.raises(OutputExistsError, match="is not a map by tokemb"):
            write(made, path)
        write(made, path, force=True)


def test_shards_of_another_run_are_replaced_with_force(here):
    command = "encode text.txt --vocab text.vocab --maxlen {} --rows-per-shard {} --shard-format {} -o x"
    ok(command_here(*command.format(4, 1, "npz").split(), cwd=here))
    other = command.format(3, 2, "npy").split()
    refused(command_here(*other, cwd=here), "x")
    ok(command_here(*other, "--force", cwd=here))
    assert sorted(path.name for path in (here / "x").iterdir()) == [
        "_manifest.json",
        "part-00000.npy",
        "part-00001.npy",
    ]
    assert np.load(here / "x" / "part-00000.npy").shape == (2, 3)
    (here / "x" / "_manifest.json").unlink()
    run = command_here(*other, "--force", cwd=here)
    assert run.returncode == 1
    assert b"holds files but no _manifest.json" in run.stderr


def test_suggested_names_are_free(here):
    def suggested():
        run = ok(command_here(*"fit-vocab text.txt -o v".split(), cwd=here))
        return run.stderr.decode().split()[-1]

    assert suggested() == "text.ids.npy"
    Path(here, "text.ids.npy").touch()
    assert suggested() == "text.ids-2.npy" or suggested() == "text-2.ids.npy"
