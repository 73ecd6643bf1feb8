"""Folders and globs: every file is found once, and what cannot be read is an error."""

from __future__ import annotations

import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import tokemb
from tests.conftest import ROOT
from tests.sources.test_read_corpus import collect
from tokemb import TokembError
from tokemb.sources.listing import find_sources

PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Files in three folders."""
    for name in ("a.txt", "2023/b.txt", "2024/deep/c.txt"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(f"{name}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def paths(*files):
    return [source.path.removeprefix("data/") for source in find_sources(files)]


@pytest.fixture
def unreadable(monkeypatch):
    """Have the folder data/2024 not be readable, for root too."""

    def refuse(function):
        def refusing(path="."):
            if os.fspath(path).endswith("2024"):
                raise PermissionError(13, "Permission denied", path)
            return function(path)

        return refusing

    monkeypatch.setattr("os.scandir", refuse(os.scandir))
    monkeypatch.setattr("os.listdir", refuse(os.listdir))


@pytest.mark.parametrize("name", ["data", "data/*", "data/**", "data/**/*.txt", "data/20*/*", "data/*/deep/*.txt"])
def test_folder_and_glob_with_an_unreadable_folder_raise_its_name(data, unreadable, name):
    if name == "data/*/deep/*.txt":
        assert paths(name) == ["2024/deep/c.txt"]  # that folder need only be searched
        return
    with pytest.raises(PermissionError, match="data/2024"):
        paths(name)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv")
@pytest.mark.parametrize("mode", [0o711, 0o600])
@pytest.mark.parametrize("name", ["data/2024/c.txt", "data/*/c.txt", "data/**/*.txt", "data"])
def test_folder_that_another_user_cannot_read_is_an_error(mode, name):
    code = "import sys, os; from tokemb.sources.listing import find_sources; print(find_sources(sys.argv[1])[0].path)"
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory() as here:  # pytest's own are for their owner alone
        (Path(here) / "data" / "2024").mkdir(parents=True)
        (Path(here) / "data" / "2024" / "c.txt").write_text("c\n")
        Path(here).chmod(0o755)
        (Path(here) / "data" / "2024").chmod(mode)
        run = subprocess.run(
            [*user, sys.executable, "-B", "-c", code, f"{here}/{name}"],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
    if run.returncode and "PermissionError" not in run.stderr:
        pytest.skip("another user cannot run this interpreter or read this checkout")
    if mode == 0o711 and name.endswith("/c.txt"):  # which asks for no more than searching
        assert run.stdout.strip().endswith("c.txt"), run.stderr
    else:
        assert f"PermissionError: [Errno 13] Permission denied: '{here}/data/2024" in run.stderr


@pytest.mark.parametrize(
    "pattern",
    ["*", "data/*", "data/**", "data/**/*", "**", "**/*.txt", "./data/*.txt", "data/20*/", "data/[!2]*", "data/*/*/c*"],
)
def test_glob_matches_what_the_standard_library_matches(data, pattern):
    (data / ".hidden.txt").write_text("")
    (data / ".git").mkdir()
    (data / ".git" / "d.txt").write_text("")
    (data / "_done.txt").write_text("")
    expected = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
    assert set(expected) <= {source.path for source in find_sources(pattern)}
    if pattern.endswith(("txt", "**")):
        assert sorted(expected) == sorted(source.path for source in find_sources(pattern))


@pytest.mark.parametrize("pattern", ["data/**/20*", "data/**/deep", "**/data", "**/2024/"])
def test_folders_that_a_recursive_glob_matches_are_read(data, pattern):
    expected = {"data/**/20*": ["2023/b.txt", "2024/deep/c.txt"], "**/data": ["2023/b.txt", "2024/deep/c.txt", "a.txt"]}
    assert paths(pattern) == expected.get(pattern, ["2024/deep/c.txt"])


def test_folders_without_a_file_to_read_are_no_match(data):
    (data / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="No file matches the glob"):
        paths("data/**/empty")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("name", ["data", "data/**", "data/**/*.txt"])
def test_links_to_folders_are_followed_and_no_folder_is_read_twice(data, name):
    (data.parent / "elsewhere").mkdir()
    (data.parent / "elsewhere" / "e.txt").write_text("e\n")
    (data / "0").symlink_to(data.parent / "elsewhere")
    (data / "1-latest").symlink_to("2024")
    (data / "2024" / "loop").symlink_to(data)
    assert paths(name) == ["0/e.txt", "2023/b.txt", "2024/deep/c.txt", "a.txt"]


@PIPES
@pytest.mark.parametrize("name", ["data", "data/*", "data/**", "data/**/*.txt", "file://{}/data", "d*"])
def test_named_pipe_in_a_folder_is_an_error(data, name):
    os.mkfifo(data / "2023" / "pipe.txt")
    os.mkfifo(data / "2023" / "not a corpus.pid")
    with pytest.raises(
        TokembError, match=r"data/2023/(pipe.txt|not a corpus.pid) is a named pipe, and only files are re"
    ):
        paths(name.format(data.parent))


@PIPES
def test_named_pipe_that_is_no_corpus_does_not_spoil_a_folder(data):
    os.mkfifo(data / "control")
    assert paths("data", "data/*.txt") == ["2023/b.txt", "2024/deep/c.txt", "a.txt", "a.txt"]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets in folders")
def test_socket_in_a_folder_is_an_error(data):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("data/s.txt")
        with pytest.raises(TokembError, match="data/s.txt is a socket"):
            paths("data")
        with pytest.raises(OSError, match=r"data/s\.txt"):
            collect("data/s.txt")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("name", ["data", "data/*.txt", "data/gone.txt"])
def test_link_to_nothing_raises_its_name(data, name):
    (data / "gone.txt").symlink_to("nowhere.txt")
    with pytest.raises(FileNotFoundError, match=r"data/gone\.txt"):
        collect(name)


def test_file_that_vanishes_after_it_was_listed_raises_its_name(data):
    from tokemb import read_corpus

    batches = read_corpus("data")
    (data / "2023" / "b.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"data/2023/b\.txt"):
        list(batches)


def test_folder_with_the_name_of_a_file_is_a_folder(data):
    (data / "out.csv").mkdir()
    (data / "out.csv" / "part-0.txt").write_text("part\n")
    for name in ("data/out.csv", "data/*.csv"):
        assert collect(name) == [{"text": "part"}]


def test_file_url_gives_local_files(data):
    sources = find_sources(f"file://{data}/20*")
    assert [(source.name, source.filesystem) for source in sources] == [
        (f"file://{data}/2023/b.txt", None),
        (f"file://{data}/2024/deep/c.txt", None),
    ]
    Path("with space").mkdir()
    Path("with space/[x].txt").write_text("x\n")
    assert collect(f"file://{data.parent}/with%20space/%5Bx%5D.txt") == [{"text": "x"}]


def test_folder_of_shards_is_not_read_until_it_is_complete(data):
    """Otherwise a run would read half of the output of another one."""
    shards = data / "shards"
    (data.parent / "x.csv").write_text("text,n\na,x\nb,y\n")
    settings = {"column": "text", "keep": ["n"], "maxlen": 1, "rows_per_shard": 1, "shard_format": "parquet"}
    tokemb.encode_file("x.csv", tokemb.fit_vocab(["a"]), shards, **settings)
    assert [row["n"] for row in collect(shards, column="n")] == ["x", "y"]
    manifest = json.loads((shards / "_manifest.json").read_text())
    for foreign in ({"crc32": 1}, {"crc32": [1], "settings": []}, [1]):  # manifests of other programs
        (shards / "_manifest.json").write_text(json.dumps(foreign))
        assert len(collect(shards, column="n")) == 2
    (shards / "_manifest.json").write_text(json.dumps(manifest))
    (shards / "part-00000.parquet").rename(data.parent / "removed")
    with pytest.raises(TokembError, match="shards holds shards and is not complete"):
        collect(shards, column="n")
    (data.parent / "removed").rename(shards / "part-00000.parquet")
    (shards / "_manifest.json").write_text(json.dumps({**manifest, "complete": False}))
    for name in ("data/shards", "data", "da*"):
        with pytest.raises(TokembError, match="shards holds shards and is not complete: run the command that made it"):
            paths(name)
    assert paths("data/shards/part-*") == ["shards/part-00000.parquet", "shards/part-00001.parquet"]
    for shard in shards.glob("part-*"):
        shard.rename(shard.with_suffix(".npz"))  # which is not read, so that the run can be resumed
    assert len(paths("data")) == 3
    for shard in shards.glob("part-*"):
        shard.rename(shard.with_suffix(".parquet"))
    (shards / "_manifest.json").write_text("of another program")
    assert len(paths("data/shards")) == 2
