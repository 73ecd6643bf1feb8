"""Tests that an output never replaces an input."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import ROOT, command_here


def shell(arguments, cwd):
    """Run the command in a shell, which redirects streams."""
    command = f"{shlex.quote(sys.executable)} -m tokemb_cli {arguments}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])}
    return subprocess.run(command, shell=True, capture_output=True, cwd=cwd, env=environment, check=False)


def refused(run):
    assert run.returncode == 2, run.stderr.decode()
    return run.stderr.decode()


@pytest.fixture
def inputs(here):
    """A folder with every kind of input, and inputs with the names of outputs."""
    (here / "rows.csv").write_text("text,label,user,item,stars\ndeep,a,1,2,3\n" * 2)
    tokemb.TokenCounts.from_texts(["deep learning"]).save(here / "counts.parquet")
    pq.write_table(pa.table({"text": ["deep"]}), here / "x.parquet")
    (here / "link.keras").symlink_to("text.txt")
    (here / "link.html").symlink_to("text.keras")
    (here / "link.npz").hardlink_to(here / "text.keras")
    (here / "words.html").write_text("deep\n")
    (here / "vectors.keras").write_text("deep 1 2\n")
    (here / "index.json").write_text(json.dumps({"deep": 1}))
    (here / "out").mkdir()
    for name in ("text.txt", "rows.csv", "x.parquet", "text.keras", "index.json"):
        (here / "out" / name).write_bytes((here / name).read_bytes())
    return here


@pytest.mark.parametrize(
    "arguments",
    [
        "count x.parquet -o out/../x.parquet",
        "count file://{}/x.parquet -o x.parquet",
        "encode file://{}/x.parquet --vocab text.vocab -o x.parquet",
        "embed file://{}/x.parquet --vocab text.vocab --model text.keras -o x.parquet",
        "embed ids.npy --model text.keras -o ./ids.npy",
        "fit-vocab out/text.txt -o out",
        "fit-vocab file://{}/out/*.txt -o out",
        "fit-vocab out/rows.csv --column user --column item -o out",
        "fit-vocab text.vocab/vocabulary.parquet --column token -o text.vocab",
        "grow out/text.txt --vocab text.vocab -o out",
        "grow text.txt --vocab text.vocab -o new --model text.keras --grown-model link.keras",
        "import out/index.json -o out",
        "import index.json --verify out/text.txt -o out",
        "export --vocab text.vocab --model out/text.keras -o out",
        "export-vectors text.keras --vocab text.vocab -o link.npz",
        "export-projector out/text.keras --vocab text.vocab -o out",
        "plot text.keras --vocab text.vocab -o link.html",
        "plot text.keras --vocab text.vocab --words words.html -o words.html",
        "init-model --vocab text.vocab --vectors vectors.keras -o vectors.keras",
        "train classify out/rows.csv --column text --label label -o out",
        "train classify rows.csv --column text --label label --test out/rows.csv -o out",
        "train next out/text.txt -o out",
        "train ratings out/rows.csv --column user --column item --rating stars -o out",
        "train knowledge-tracing out/rows.csv --column item --correct-column stars --group-by user -o out",
        "train skipgram out/text.txt --vocab text.vocab -o out",
    ],
)
def test_command_whose_output_would_replace_an_input_is_refused(inputs, arguments):
    before = {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file()}
    run = command_here(*arguments.replace("-o file://{}", "-o {}").format(inputs).split(), cwd=inputs)
    assert "the output is also an input: " in refused(run)
    assert {path: path.read_bytes() for path in inputs.rglob("*") if path.is_file()} == before


def test_redirected_stream_that_is_both_input_and_output_is_refused(inputs):
    (inputs / "x.jsonl").write_text('{"text": "deep"}\n')
    run = shell("encode - --format jsonl --vocab text.vocab -o x.jsonl < x.jsonl", inputs)
    assert "the output is also an input: -" in refused(run)
    run = shell("encode x.jsonl --format jsonl --vocab text.vocab -o - >> x.jsonl", inputs)
    assert "the output is also an input: x.jsonl" in refused(run)
    assert (inputs / "x.jsonl").read_text() == '{"text": "deep"}\n'


def test_output_beside_an_input_is_written(inputs):
    for arguments in (
        "encode out --column text --vocab text.vocab -o out/ids.npy",
        "fit-vocab out/text.txt -o out/v",
        "fit-vocab text.txt -o text.vocab",
        "grow text.txt --vocab text.vocab -o text.vocab",
    ):
        run = command_here(*arguments.split(), cwd=inputs)
        assert run.returncode == 0, run.stderr.decode()
    assert Path(inputs / "out" / "text.txt").exists()
