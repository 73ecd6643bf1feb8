"""Corpora of all formats through the commands, in real processes: ids, kept columns, progress, interruptions."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import MIXED, ROOT, tokemb_command

TEXTS = [" ".join(text.split()) for text in MIXED if text.isprintable()] + ["deep learning", "", "is very deep"] * 3
LABELS = [number % 3 for number in range(len(TEXTS))]
COMPRESS = {"": lambda data: data, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def in_format(name):
    if name == "txt":
        return "".join(text + "\n" for text in TEXTS).encode()
    if name in ("csv", "tsv"):
        file = io.StringIO(newline="")
        writer = csv.writer(file, delimiter=",\t"[name == "tsv"])
        writer.writerows([["label", "text"], *zip(LABELS, TEXTS, strict=True)])
        return file.getvalue().encode()
    if name == "jsonl":
        rows = zip(LABELS, TEXTS, strict=True)
        return "".join(json.dumps({"label": label, "text": text}) + "\n" for label, text in rows).encode()
    table, sink = pa.table({"label": LABELS, "text": TEXTS}), pa.BufferOutputStream()
    if name == "parquet":
        pq.write_table(table, sink)
    else:
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue().to_pybytes()


FORMATS = ("txt", "csv", "tsv", "jsonl", "parquet", "arrow")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    here = tmp_path_factory.mktemp("corpora")
    tokemb.fit_vocab(TEXTS, max_size=50).save(here / "v")
    for name in FORMATS:
        for ending, compress in {**COMPRESS, ".zst": zstd}.items():
            (here / f"rows.{name}{ending}").write_bytes(compress(in_format(name)))
    return here


def ok(run):
    assert run.returncode == 0, run.stderr.decode()
    return run


def test_the_same_ids_from_every_format_and_compression(here):
    expected = tokemb.Encoder.load(here / "v").encode(TEXTS, maxlen=5)
    bytes_ = set()
    for name in FORMATS:
        for ending in [*COMPRESS, ".zst"]:
            file = f"rows.{name}{ending}"
            ok(tokemb_command("encode", file, "--vocab", "v", "--maxlen", 5, "-o", "out.npy", cwd=here))
            np.testing.assert_array_equal(np.load(here / "out.npy"), expected, err_msg=file)
            bytes_.add((here / "out.npy").read_bytes())
    assert len(bytes_) == 1


def test_the_same_vocabulary_from_files_folders_patterns_and_input(here, tmp_path):
    first = tokemb.fit_vocab(TEXTS * 2, max_size=50).fingerprint
    (tmp_path / "folder").mkdir()
    for name in ("a.csv", "b.jsonl.gz"):
        (tmp_path / "folder" / name).write_bytes((here / f"rows.{name[2:]}").read_bytes())
    for files in (
        ["folder"],
        ["folder/*.csv", "folder/*.gz"],
        ["folder/a.csv", (tmp_path / "folder/b.jsonl.gz").as_uri()],
    ):
        ok(tokemb_command("fit-vocab", *files, "--max-size", 50, "-o", "v", cwd=tmp_path))
        assert tokemb.Encoder.load(tmp_path / "v").fingerprint == first
    data = (here / "rows.csv").read_bytes() + (here / "rows.csv").read_bytes().split(b"\n", 1)[1]
    ok(tokemb_command("fit-vocab", "-", "--format", "csv", "--max-size", 50, "-o", "v", cwd=tmp_path, input=data))
    assert tokemb.Encoder.load(tmp_path / "v").fingerprint == first
    ok(tokemb_command("count", "folder", "-o", "counts.parquet", cwd=tmp_path))
    ok(tokemb_command("fit-vocab", "counts.parquet", "--max-size", 50, "-o", "v", cwd=tmp_path))
    assert tokemb.Encoder.load(tmp_path / "v").fingerprint == first


def test_columns_are_kept(here):
    encoder = tokemb.Encoder.load(here / "v")
    ids, rows = encoder.encode(TEXTS), [row.tolist() for row in encoder.encode_ragged(TEXTS)]
    for output in ("out.npz", "out.parquet", "out.jsonl"):
        ok(tokemb_command(*f"encode rows.csv --keep label,text --vocab v -o {output}".split(), cwd=here))
    npz = np.load(here / "out.npz")
    np.testing.assert_array_equal(npz["ids"], ids)
    assert (npz["label"].tolist(), npz["lengths"].tolist()) == (LABELS, list(map(len, rows)))
    assert str(npz["fingerprint"]) == encoder.fingerprint
    table = pq.read_table(here / "out.parquet")
    assert (table["ids"].to_pylist(), table["text"].to_pylist()) == (ids.tolist(), TEXTS)
    lines = [json.loads(line) for line in (here / "out.jsonl").read_text("utf-8").splitlines()]
    assert [line["label"] for line in lines] == LABELS
    run = ok(tokemb_command(*"encode rows.csv --keep label --vocab v --ragged -o -".split(), cwd=here))
    assert [json.loads(line) for line in run.stdout.splitlines()] == [
        {"ids": row, "label": label} for row, label in zip(rows, LABELS, strict=True)
    ]
    ok(tokemb_command(*"encode rows.parquet --keep label --vocab v --ragged -o out.npz".split(), cwd=here))
    ragged = np.load(here / "out.npz")
    np.testing.assert_array_equal(ragged["values"], encoder.encode_ragged(TEXTS).values)


def test_a_file_for_tensorflow(here):
    import tensorflow as tf

    run = ok(tokemb_command(*"encode rows.csv --keep label --vocab v --maxlen 5 -o out.tfrecord".split(), cwd=here))
    spec = eval(run.stderr.decode().split("\n", 1)[1], {"tf": tf})
    rows = [tf.io.parse_single_example(row, spec) for row in tf.data.TFRecordDataset(str(here / "out.tfrecord"))]
    np.testing.assert_array_equal([row["ids"] for row in rows], tokemb.Encoder.load(here / "v").encode(TEXTS, maxlen=5))
    assert [int(row["label"]) for row in rows] == LABELS


def test_vectors_with_columns(here):
    model = tokemb.embedding_model(tokemb.Encoder.load(here / "v"), 4, seed=1)
    model.save(here / "m.keras")
    ids = tokemb.Encoder.load(here / "v").encode(TEXTS)
    ok(tokemb_command(*"encode rows.csv --keep label --vocab v -o ids.npz".split(), cwd=here))
    ok(tokemb_command(*"embed ids.npz --model m.keras --pooling mean -o of_ids.npz".split(), cwd=here))
    texts = "embed rows.jsonl.gz --keep label --vocab v --model m.keras --pooling mean --dtype float16 -o of_texts.npz"
    ok(tokemb_command(*texts.split(), cwd=here))
    expected = tokemb.embed(model, ids, pooling="mean")
    of_ids, of_texts = np.load(here / "of_ids.npz"), np.load(here / "of_texts.npz")
    np.testing.assert_array_equal(of_ids["vectors"], expected)
    np.testing.assert_array_equal(of_texts["vectors"], expected.astype(np.float16), strict=True)
    assert of_ids["label"].tolist() == of_texts["label"].tolist() == LABELS
    tokemb.fit_vocab(["other words"]).save(here / "other")
    ok(tokemb_command(*"encode rows.csv --vocab other -o of_other.npz".split(), cwd=here))
    run = tokemb_command(*"embed of_other.npz --model m.keras -o x.npy".split(), cwd=here)
    assert (run.returncode, b"the model was made for the vocabulary" in run.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("encode rows.csv --keep nothing --vocab v -o x.npz", "has no column 'nothing'; it has the columns"),
        ("encode rows.csv --column nothing --vocab v -o x.npz", "has no column 'nothing'"),
        ("encode rows.csv --keep label --vocab v -o x.npy", ".npy holds one array and no kept columns"),
        ("encode rows.txt --ragged --vocab v -o x.npy", ".npy holds rows of one length"),
        ("encode rows.txt --keep label --vocab v -o x.npz", "is a text file, a row a line, and has no column 'label'"),
        ("encode null.jsonl --vocab v -o x.npz", "null.jsonl, line 2 has no 'text'"),
        ("encode ids.jsonl --keep ids --vocab v -o x.npz", "must not be called 'ids'"),
        ("encode short.jsonl.gz --vocab v -o x.npz", "short.jsonl.gz is not a sound gzip file, or cut short"),
        ("encode rows.xml --vocab v -o x.npz", "no such file or directory: rows.xml"),
        ("encode *.xml --vocab v -o x.npz", "no file matches the pattern: *.xml"),
    ],
)
def test_what_cannot_be_read_or_written(here, tmp_path, arguments, message):
    (here / "null.jsonl").write_text('{"text": "a"}\n{"text": null}\n')
    (here / "ids.jsonl").write_text('{"text": "a", "ids": 1}\n')
    (here / "short.jsonl.gz").write_bytes((here / "rows.jsonl.gz").read_bytes()[:-9])
    run = tokemb_command(*arguments.split(), cwd=here)
    assert (run.returncode, run.stdout) == (1, b"")
    assert message in run.stderr.decode()
    assert run.stderr.count(b"\n") == 1
    assert not list(here.glob("x.np*"))


def test_missing_texts_are_empty_on_request(here):
    (here / "null.jsonl").write_text('{"text": "deep"}\n{"text": null}\n')
    ok(tokemb_command(*"encode null.jsonl --missing empty --vocab v --maxlen 2 -o out.npy".split(), cwd=here))
    assert np.load(here / "out.npy")[1].tolist() == [0, 0]


def test_progress_is_for_terminals(here, tmp_path):
    pty = pytest.importorskip("pty")
    (tmp_path / "large.txt").write_text("deep learning is very deep\n" * 400_000)
    for quiet in ([], ["--quiet"]):
        master, slave = pty.openpty()
        run = start(tmp_path, "encode", "large.txt", "--vocab", here / "v", "-o", "x.npy", *quiet, stderr=slave)
        os.close(slave)
        shown = b""
        while True:
            try:
                block = os.read(master, 1 << 16)
            except OSError:  # Linux says so when the other end is closed
                break
            shown += block
            if not block:
                break
        os.close(master)
        assert run.wait() == 0
        if quiet:
            assert shown == b""
        else:
            assert b"MB" in shown
            assert b" rows" in shown
            assert b"wrote x.npy: int32 (400000, 5)" in shown
    run = ok(tokemb_command("encode", "large.txt", "--vocab", here / "v", "-o", "x.npy", cwd=tmp_path))
    assert run.stderr.count(b"\n") == 1, "one line where it is no terminal"


def start(cwd, *arguments, **kwargs):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")]), "TERM": "xterm"}
    command = [sys.executable, "-m", "tokemb_cli", *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, env=environment, **kwargs)


@pytest.mark.parametrize("output", ["x.npy", "x.npz", "x.parquet", "x.jsonl"])
def test_interrupted(here, tmp_path, output):
    (tmp_path / "large.txt").write_text("deep learning is very deep\n" * 1_500_000)
    run = start(
        tmp_path, "encode", "large.txt", "--vocab", here / "v", "--maxlen", 9, "-o", output, stderr=subprocess.PIPE
    )
    while not list(tmp_path.glob(".tokemb-*")):  # the output was begun
        assert run.poll() is None
        time.sleep(0.001)
    run.send_signal(signal.SIGINT)
    _, shown = run.communicate()
    assert (run.returncode, shown) == (130, b"interrupted: nothing was written\n")
    assert [path.name for path in tmp_path.iterdir()] == ["large.txt"]


def test_a_reader_that_goes(here, tmp_path):
    (tmp_path / "large.txt").write_text("deep learning is very deep\n" * 300_000)
    ids = tokemb.Encoder.load(here / "v").encode(["deep learning is very deep"], maxlen=9)[0].tolist()
    arguments = ["encode", "large.txt", "--vocab", here / "v", "--maxlen", 9, "-o", "-"]
    with start(tmp_path, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert json.loads(run.stdout.readline()) == {"ids": ids}
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 1
