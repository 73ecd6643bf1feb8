"""Tests that rows, bytes and kept columns do not depend on the format of the input."""

from __future__ import annotations

import bz2
import csv
import datetime
import gzip
import io
import json
import lzma
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tokemb_cli.main import cli

import tokemb
from tests.conftest import ROOT, ok, tokemb_command

pytestmark = pytest.mark.keras

ROWS = [("deep learning", "pos", 1), ("", "neg", 2), ('is "very", deep', "pos", -3), ("fun\tand é 中", "", 4)] * 5
KEPT = {
    "n": pa.array([1, None, -(2**40)], pa.int64()),
    "small": pa.array([1, 2, None], pa.uint8()),
    "x": pa.array([0.5, None, -1e30]),
    "flag": pa.array([True, None, False]),
    "label": pa.array(["pos", None, "é" * 100]),
    "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
    "day": pa.array([datetime.date(2024, 2, 29), None, datetime.date(1, 1, 1)]),
    "at": pa.array([0, None, 10**15], pa.timestamp("us")),
}


def _zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


# Python's csv module quotes fields of TSV files, whose quotes are text by default.
QUOTING = {"tsv": " --quoting minimal"}
COMPRESSIONS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": _zstd}


def content_of(kind: str) -> bytes:
    """Return ``ROWS`` as a file of this format."""
    table = pa.Table.from_pylist([dict(zip(("text", "label", "n"), row, strict=True)) for row in ROWS])
    sink = io.BytesIO()
    if kind in ("csv", "tsv"):
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=",\t"[kind == "tsv"], lineterminator="\n").writerows([table.column_names, *ROWS])
        return text.getvalue().encode()
    if kind == "jsonl":
        return b"".join(json.dumps(row).encode() + b"\n" for row in table.to_pylist())
    if kind == "parquet":
        pq.write_table(table, sink, row_group_size=7)
    else:
        pyarrow.feather.write_feather(table, sink, chunksize=7)
    return sink.getvalue()


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "v"
    tokemb.fit_vocab([text for text, _, _ in ROWS]).save(path)
    return path


@pytest.fixture
def run(vocabulary, tmp_path, monkeypatch):
    """Run a command in this process and return its standard output."""
    monkeypatch.chdir(tmp_path)

    def invoke(arguments, code=0, **kwargs):
        result = CliRunner().invoke(cli, arguments.replace(" V ", f" {vocabulary} ").split(), **kwargs)
        assert result.exit_code == code, result.stderr
        return result.stdout_bytes if code == 0 else result.stderr

    return invoke


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_the_same_rows_give_the_same_bytes(run, vocabulary, tmp_path, kind, compression):
    (tmp_path / "in_reference.csv").write_bytes(content_of("csv"))
    Path(f"in.{kind}{compression}").write_bytes(COMPRESSIONS[compression](content_of(kind)))
    for output in ("npz", "parquet", "jsonl"):
        run(f"encode in_reference.csv --vocab V --keep label,n -o reference.{output}")
        run(f"encode in.{kind}{compression} --vocab V --keep label,n{QUOTING.get(kind, '')} -o x.{output}")
        assert Path(f"x.{output}").read_bytes() == Path(f"reference.{output}").read_bytes()
    table = pq.read_table("x.parquet")
    assert table["n"].to_pylist() == [n for _, _, n in ROWS]
    assert table["label"].to_pylist() == [label for _, label, _ in ROWS]
    expected = tokemb.Encoder.load(vocabulary).encode([text for text, _, _ in ROWS])
    assert table["ids"].to_pylist() == expected.tolist()
    run(f"fit-vocab in.{kind}{compression}{QUOTING.get(kind, '')} -o fitted")
    assert Path("fitted/tokenizer.json").exists()


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet", "arrow"])
def test_every_format_is_read_from_standard_input(run, kind):
    Path(f"x.{kind}").write_bytes(content_of(kind))
    quoting = QUOTING.get(kind, "")
    expected = run(f"encode x.{kind} --vocab V --keep n{quoting} -o -")
    # --ragged gives the same ids without padding and reads standard input once.
    for option in ("", "--maxlen 5", "--ragged"):
        expected = run(f"encode x.{kind} --vocab V --keep n{quoting} {option} -o -")
        told = f"encode - --format {kind} --vocab V --keep n{quoting} {option} -o -"
        assert run(told, input=content_of(kind)) == expected
    assert [json.loads(line)["n"] for line in expected.splitlines()] == [n for _, _, n in ROWS]


def test_files_folders_and_globs_are_read_in_order(run):
    Path("data").mkdir()
    for name in ("1.csv", "2.jsonl", "3.parquet"):
        (Path("data") / name).write_bytes(content_of(name.partition(".")[2]))
    expected = run("encode data/1.csv data/2.jsonl data/3.parquet --vocab V -o -")
    assert expected.count(b"\n") == 3 * len(ROWS)
    assert run("encode data --vocab V -o -") == expected
    assert run("encode data/[12].* data/3.parquet --vocab V -o -") == expected
    assert run(f"encode file://{Path.cwd()}/data --vocab V -o -") == expected


@pytest.mark.parametrize("output", ["npz", "parquet", "jsonl", "tfrecord"])
@pytest.mark.parametrize("name", KEPT)
def test_kept_columns_have_their_types(run, output, name):
    column = KEPT[name]
    pq.write_table(pa.table({"text": ["fun", "", "deep"], name: column}), "x.parquet")
    if output == "tfrecord" and name in ("day", "at"):
        assert f"{name!r}" in run(f"encode x.parquet --vocab V --keep {name} -o y.{output}", code=1)
        assert not Path("y.tfrecord").exists()
        return
    rounding = ""
    if output == "tfrecord" and name == "x":
        assert "does not hold -1e+30 of 'x'" in run("encode x.parquet --vocab V --keep x -o y.tfrecord", code=1)
        rounding = " --round-floats"
    run(f"encode x.parquet --vocab V --keep {name} -o y.{output}{rounding}")
    values = column.to_pylist()
    if output == "parquet":
        written = pq.read_table("y.parquet")[name]
        assert written.to_pylist() == values
        assert written.type == (pa.string() if name == "kind" else column.type)
    elif output == "jsonl":
        rows = [json.loads(line)[name] for line in Path("y.jsonl").read_text("utf-8").splitlines()]
        shown = [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
        assert rows == shown
    elif output == "npz":
        with np.load("y.npz") as arrays:
            missing = arrays[f"{name}.missing"].tolist() if f"{name}.missing" in arrays else [False] * 3
            assert missing == [value is None for value in values]
            if name == "label":
                utf8, ends = arrays["label.utf8"].tobytes(), arrays["label.offsets"]
                read = [utf8[start:stop].decode() for start, stop in zip(ends, ends[1:], strict=False)]
            else:
                read = arrays[name].tolist()
        assert [None if gap else value for gap, value in zip(missing, read, strict=True)] == values
    else:
        assert read_tfrecord("y.tfrecord", name) == values


def test_number_that_tfrecord_cannot_store_is_an_error(run):
    pq.write_table(pa.table({"text": ["fun", ""], "x": [0.5, -1e300]}), "x.parquet")
    assert "does not hold -1e+300 of 'x': write .npz or .parquet" in run(
        "encode x.parquet --vocab V --keep x -o y.tfrecord", code=1
    )
    assert not Path("y.tfrecord").exists()


def read_tfrecord(path, name):
    import tensorflow as tf

    rows = []
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        values = [*feature[name].int64_list.value, *feature[name].float_list.value, *feature[name].bytes_list.value]
        value = values[0] if values else None
        rows.append(value.decode() if isinstance(value, bytes) else value)
    return [pytest.approx(row) if isinstance(row, float) else row for row in rows]


def test_printed_feature_spec_parses_the_file(vocabulary, tmp_path):
    import tensorflow as tf

    (tmp_path / "x.csv").write_bytes(content_of("csv"))
    for option, shards in (("", ""), ("--ragged", ""), ("--maxlen 3", "--rows-per-shard 100 --shard-format tfrecord")):
        output = "folder" if shards else "x.tfrecord"
        told = f"encode x.csv --vocab {vocabulary} --keep label,n {option} -o {output} {shards}"
        shown = ok(tokemb_command(*told.split(), cwd=tmp_path)).stderr.decode()
        specification = eval(shown[shown.index("{") :], {"tf": tf})
        records = tf.data.TFRecordDataset(
            str(tmp_path / output / "part-00000.tfrecord" if shards else tmp_path / output)
        )
        parsed = next(iter(records.batch(100).map(lambda rows: tf.io.parse_example(rows, specification))))  # noqa: B023
        assert parsed["n"].numpy().tolist() == [n for _, _, n in ROWS]
        ids = parsed["ids"].to_list() if option == "--ragged" else parsed["ids"].numpy().tolist()
        encoder, texts = tokemb.Encoder.load(vocabulary), [text for text, _, _ in ROWS]
        expected = {
            "": encoder.encode(texts).tolist(),
            "--maxlen 3": encoder.encode(texts, maxlen=3).tolist(),
            "--ragged": [row.tolist() for row in encoder.encode_ragged(texts)],
        }
        assert ids == expected[option]


@pytest.mark.parametrize("name", ["text", "body"])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "text"])
def test_text_column_can_be_kept(run, kind, name):
    if kind == "text":
        Path("x.text").write_text("deep\n\nfun\n")
        if name == "body":
            assert "has no column 'body'" in run("encode x.text --vocab V --keep body -o y.jsonl", code=1)
            return
    elif kind == "parquet":
        pq.write_table(pa.table({name: ["deep", "", "fun"]}), "x.parquet")
    elif kind == "csv":
        Path("x.csv").write_text(f'{name}\ndeep\n""\nfun\n')
    else:
        Path("x.jsonl").write_text("".join(f'{{"{name}": "{text}"}}\n' for text in ("deep", "", "fun")))
    lines = run(f"encode x.{kind} --vocab V --keep {name} -o -").splitlines()
    assert [json.loads(line)[name] for line in lines] == ["deep", "", "fun"]
    Path(f"none.{kind}").write_bytes(b"" if kind != "csv" else f"{name}\n".encode())
    if kind != "parquet":
        assert run(f"encode none.{kind} --vocab V --keep {name} -o -") == b""


def test_missing_text_is_an_error_unless_replaced(run):
    Path("x.jsonl").write_text('{"text": "deep", "n": 1}\n{"text": null, "n": 2}\n{"n": 3}\n')
    shown = run("encode x.jsonl --vocab V --keep n -o y.npz", code=1)
    assert "x.jsonl, line 2 has no 'text'" in shown
    assert not Path("y.npz").exists()
    lines = run("encode x.jsonl --vocab V --keep n --missing empty -o -").splitlines()
    assert [json.loads(line)["n"] for line in lines] == [1, 2, 3]
    assert json.loads(lines[1])["ids"] == [0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--keep nope -o y.npz", "x.csv has no column 'nope'; it has the columns 'text', 'label', 'n', 'ids'"),
        ("--keep ids -o y.npz", "a kept column must not be called 'ids'"),
        ("--keep n -o y.npy", ".npy holds one array; the output has kept columns (n)"),
        ("--ragged -o y.npy", ".npy holds rows of one length"),
        ("--column nope -o y.npz", "x.csv has no column 'nope'"),
        ("-o folder --rows-per-shard 2", "rows in several files must have one length: pass it as --maxlen INTEGER"),
        ("-o old --rows-per-shard 2 --maxlen 2", "old must be a folder and is a file: name a new folder"),
        ("-o none/folder --rows-per-shard 2 --maxlen 2", "no such file or directory: none/folder"),
        ("-o folder --rows-per-shard 2 --maxlen 2 --shard-format npy --keep n", ".npy holds one array"),
        ("-o folder --rows-per-shard 2 --maxlen 2 --keep nope", "x.csv has no column 'nope'"),
    ],
)
def test_invalid_request_fails_before_anything_is_written(run, arguments, message):
    Path("x.csv").write_text("text,label,n,ids\ndeep,pos,1,2\n")
    Path("old").write_text("old")
    shown = run(f"encode x.csv --vocab V {arguments}", code=1)
    assert message in shown
    assert shown.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["old", "x.csv"]
    assert Path("old").read_text() == "old"


def test_input_is_not_replaced(run, vocabulary):
    Path("x.jsonl").write_text('{"text": "deep"}\n')
    Path("link.jsonl").symlink_to("x.jsonl")
    for arguments in ("x.jsonl -o x.jsonl", "x.jsonl -o link.jsonl", "*.jsonl -o ./x.jsonl"):
        assert "the output is also an input: " in run(f"encode --vocab V {arguments}", code=2)
    Path("hard.jsonl").hardlink_to("x.jsonl")
    Path("folder").mkdir()
    Path("folder/y.jsonl").symlink_to("../x.jsonl")
    here = Path.cwd()
    for name in (f"file://{here}/x.jsonl", f"file://{here}/*.jsonl", f"{here}/folder/../x.jsonl", "folder", "f*", "**"):
        for output in ("x.jsonl", "hard.jsonl", "folder/y.jsonl", "folder/../link.jsonl"):
            assert "the output is also an input: " in run(f"encode --vocab V {name} -o {output}", code=2)
    pq.write_table(pa.table({"text": ["deep"]}), "x.parquet")
    assert "the output is also an input: x.parquet" in run("count x.parquet -o x.parquet", code=2)
    assert pq.read_table("x.parquet").column_names == ["text"]
    assert Path("x.jsonl").read_text() == '{"text": "deep"}\n'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-o folder", "--rows-per-shard writes a folder"),
        ("-o - --rows-per-shard 2 --maxlen 2", "writes a folder: pass its path as --output"),
        ("-o x.npz --shard-format npz", "--shard-format requires --rows-per-shard"),
        ("-o x.npz --ragged --padding pre", "--padding has no effect with --ragged"),
        ("-o x.npz --dtype float16", "'float16' is not one of"),
    ],
)
def test_wrong_usage_is_exit_code_2(run, arguments, message):
    Path("x.csv").write_text("text\ndeep\n")
    assert message in run(f"encode x.csv --vocab V {arguments}", code=2)
    assert [path.name for path in Path().iterdir()] == ["x.csv"]


def test_ids_that_do_not_fit_their_dtype_are_an_error(tmp_path, monkeypatch, run):
    tokemb.fit_vocab([" ".join(f"w{i}" for i in range(66_000))]).save(tmp_path / "large")
    Path("x.txt").write_text("w1\n")
    shown = run("encode x.txt --vocab large --dtype uint16 -o y.npy", code=1)
    assert "dtype uint16 holds ids up to 65535; the highest of this vocabulary is 66001: use int32" in shown
    for dtype in ("uint16", "int64"):
        run(f"encode x.txt --vocab V --dtype {dtype} -o y.npy")
        assert np.load("y.npy", mmap_mode="r").dtype == dtype


@pytest.mark.parametrize("output", ["npy", "npz", "parquet", "jsonl"])
def test_corpus_without_rows_gives_an_empty_output(run, output):
    Path("x.txt").write_bytes(b"")
    run(f"encode x.txt --vocab V -o y.{output}")
    run(f"encode x.txt --vocab V --maxlen 3 -o folder --rows-per-shard 2 --shard-format {output}")
    for path in (f"y.{output}", f"folder/part-00000.{output}"):
        if output == "npy":
            assert len(np.load(path)) == 0
        elif output == "npz":
            assert len(np.load(path)["ids"]) == 0
        elif output == "parquet":
            assert len(pq.read_table(path)) == 0
        else:
            assert Path(path).read_bytes() == b""


@pytest.mark.skipif(sys.platform == "win32", reason="closes it as a shell does")
def test_closed_standard_output_is_an_error(vocabulary, tmp_path):
    (tmp_path / "x.txt").write_text("deep\n")
    command = shlex.join([sys.executable, "-m", "tokemb_cli", "encode", "x.txt", "--vocab", str(vocabulary), "-o", "-"])
    paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
    run = subprocess.run(
        ["sh", "-c", f"{command} >&-"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, b"Error: there is no standard output to write to\n")


def test_closed_pipe_ends_the_command_quietly(vocabulary, tmp_path):
    (tmp_path / "x.txt").write_text("deep learning is fun\n" * 300_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "tokemb_cli", "encode", "x.txt", "--vocab", str(vocabulary), "-o", "-"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])},
    )
    assert process.stdout.readline().startswith(b'{"ids":[')
    process.stdout.close()
    shown = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait() == 1
    assert shown.removeprefix("tokemb compiles its kernels for this machine, once: up to half a minute\n") == ""
