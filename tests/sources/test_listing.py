"""Which files are read."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

import tokemb
from tests.conftest import ROOT
from tests.sources.test_read_corpus import COMPRESS, collect
from tokemb import TokembError, read_corpus
from tokemb.sources.listing import find_sources, format_of

FILES = ["b.txt", "a.jsonl.gz", "sub/c.CSV", "sub/deep/d.parquet", "sub/[x].txt", "z.tsv.zst"]
OTHERS = [".hidden.txt", "_SUCCESS.txt", "notes.md", ".git/e.txt", "sub/_temporary/f.txt", "sub/g.bin"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in (*FILES, *OTHERS):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def paths(*arguments, **settings):
    return [source.path.removeprefix("data/") for source in find_sources(*arguments, **settings)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", ("text", None)),
        ("a.log", (None, None)),
        ("A.CSV.GZ", ("csv", "gzip")),
        ("a.tsv.bz2", ("tsv", "bz2")),
        ("a.b.ndjson.zst", ("jsonl", "zstd")),
        ("a.parquet", ("parquet", None)),
        ("a.feather.xz", ("arrow", "xz")),
        ("a.gz", (None, "gzip")),
        ("data.csv/part", (None, None)),
    ],
)
def test_formats(name, expected):
    assert format_of(name) == expected


def test_folders(folder):
    expected = ["a.jsonl.gz", "b.txt", "sub/[x].txt", "sub/c.CSV", "sub/deep/d.parquet", "z.tsv.zst"]
    assert paths("data") == paths(Path("data")) == paths("data/") == expected
    (folder / "none").mkdir()
    with pytest.raises(
        TokembError, match="the folder data/none has no file to read: their names must end in .txt, .csv"
    ):
        paths(["data", "data/none"])


def test_a_vocabulary_is_no_corpus(tmp_path):
    tokemb.fit_vocab(["a"]).save(tmp_path / "v")
    with pytest.raises(TokembError, match="v is a vocabulary, not texts"):
        read_corpus(tmp_path / "v")


def test_patterns(folder):
    assert paths("data/[!_]*.txt") == ["b.txt"]
    assert paths("data/**/*.txt") == ["_SUCCESS.txt", "b.txt", "sub/[x].txt", "sub/_temporary/f.txt"]
    assert paths("data/su?") == ["sub/[x].txt", "sub/c.CSV", "sub/deep/d.parquet"]
    assert paths(["data/z*", "data/[ab].*"]) == ["z.tsv.zst", "a.jsonl.gz", "b.txt"]
    with pytest.raises(FileNotFoundError, match=r"No file matches the glob: 'data/\*.json'"):
        paths("data/*.json")
    with pytest.raises(FileNotFoundError, match="No such file or directory: 'data/none'"):
        paths("data/none")


def test_names_that_look_like_patterns(folder):
    assert paths("data/sub/[x].txt") == ["sub/[x].txt"]
    (folder / "sub" / "x.txt").write_text("x")
    assert paths("data/sub/[x].txt") == ["sub/[x].txt"]
    (folder / "sub" / "[x].txt").unlink()
    assert paths("data/sub/[x].txt") == ["sub/x.txt"]


def test_formats_can_be_told(folder):
    (folder / "a.log.gz").write_bytes(COMPRESS[".gz"](b'{"text": "a"}\n'))
    assert collect("data/a.log.gz", format="jsonl") == [{"text": "a"}]
    assert collect("data/a.log.gz") == [{"text": '{"text": "a"}'}]
    with pytest.raises(
        TokembError, match="format must be one of text, csv, tsv, jsonl, parquet, arrow, conll, documents; .* 'json'"
    ):
        read_corpus("data/a.log.gz", format="json")


@pytest.mark.parametrize("settings", [{"missing": "drop"}, {"errors": "ignore"}])
def test_wrong_settings_are_known_before_anything_is_read(settings):
    with pytest.raises(TokembError, match="must be one of"):
        read_corpus("-", **settings)


@pytest.mark.parametrize(("files", "message"), [([], "there are no files"), ([5], "files must be names of files")])
def test_no_files(files, message):
    with pytest.raises(TokembError, match=message):
        read_corpus(files)


# Other file systems


def test_a_file_system(folder):
    there = fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem())
    assert paths("", filesystem=there) == paths("data")
    assert paths("sub", filesystem=there) == paths("data/sub")
    for pattern in ("*", "su?", "*.txt", "**/*.txt", "**/*", "**/s*", "**/deep", "sub/**/*.t?t", ".*/*", "**/.h*"):
        assert paths(pattern, filesystem=there) == paths("data/" + pattern)
    assert paths("sub/[x].txt", filesystem=there) == ["sub/[x].txt"]
    (folder / "b.txt.gz").write_bytes(COMPRESS[".gz"](b"one\ntwo\n"))
    pq.write_table(pa.table({"text": ["three"]}), folder / "c.parquet")
    assert collect(["b.txt.gz", "c.parquet"], filesystem=there) == [{"text": t} for t in ("one", "two", "three")]
    for name in ("none.txt", "*.none", "none/*.txt"):
        with pytest.raises(FileNotFoundError, match=name.replace("*", r"\*")):
            paths(name, filesystem=there)


def test_addresses(folder):
    (folder / "b.txt.gz").write_bytes(COMPRESS[".gz"](b"one\ntwo\n"))
    assert collect(f"file://{folder}/b.txt.gz") == [{"text": "one"}, {"text": "two"}]
    assert collect(f"file://{folder}/b.*.gz") == [{"text": "one"}, {"text": "two"}]
    names = [os.path.relpath(path, folder) for path in paths(f"file://{folder}")]
    assert names == paths("data")
    (folder / "b.txt.gz").write_bytes(b"")
    (folder / "b.txt.gz").write_bytes(b"no gzip")
    with pytest.raises(TokembError, match=f"file://{folder}/b.txt.gz is not a valid gzip file"):
        collect(f"file://{folder}/b.txt.gz")


@pytest.mark.parametrize("address", ["nowhere://bucket/a.txt", "hdfs://nowhere:1/a.txt", "http://example.org/a.txt"])
def test_addresses_that_lead_nowhere_are_one_sentence(address):
    with pytest.raises((TokembError, OSError)) as caught:
        paths(address)
    assert "\n" not in str(caught.value)
    assert address in str(caught.value)


# Pipes


def read_in_a_process(arguments, **kwargs):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import tokemb\n{arguments}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60, **kwargs)


def test_standard_input(tmp_path):
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "a.parquet")
    for format_, content in (
        ("text", b"a\nb"),
        ("jsonl", b'{"text":"a"}\n{"text":"b"}\n'),
        ("csv", b"text\na\nb\n"),
        ("parquet", (tmp_path / "a.parquet").read_bytes()),
    ):
        run = read_in_a_process(
            f"print([row for batch in tokemb.read_corpus('-', format={format_!r}) for row in batch[0].to_pylist()])",
            input=content,
        )
        assert (run.stdout, run.stderr) == (b"['a', 'b']\n", b"")


def test_no_standard_input():
    run = read_in_a_process(
        "sys.stdin = None\ntry: list(tokemb.read_corpus('-'))\nexcept tokemb.TokembError as error: print(error)"
    )
    assert run.stdout == b"standard input is closed: pass a file\n", run.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_named_pipes(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl.gz")
    content = COMPRESS[".gz"](b'{"text": "a"}\n' * 1000)
    thread = threading.Thread(target=(tmp_path / "pipe.jsonl.gz").write_bytes, args=(content,))
    thread.start()
    assert collect(tmp_path / "pipe.jsonl.gz") == [{"text": "a"}] * 1000
    thread.join()
