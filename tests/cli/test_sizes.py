"""Large inputs: nothing is lost, and memory does not follow them.

By default they are small; ``TOKEMB_TEST_SIZE=10`` makes them ten times as large: ten million empty rows, a row of
200 MB, a corpus of 300 MB.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import command_here, ok, python, tokemb_command

pytestmark = pytest.mark.slow

SIZE = float(os.environ.get("TOKEMB_TEST_SIZE", "1"))
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")

# Run the command, then print its peak memory in kilobytes.
PEAK = """
from tokemb_cli.main import main
from tests.peak import peak
try:
    main()
finally:
    print(peak())
"""


@pytest.fixture
def here(tmp_path):
    tokemb.fit_vocab(["deep learning is very deep"]).save(tmp_path / "v")
    return tmp_path


@pytest.mark.parametrize("options", ["-o out.npz", "--maxlen 1 -o out.parquet", "--ragged -o out.npz"])
def test_empty_rows_are_encoded_as_padding(here, options):
    rows = int(1_000_000 * SIZE)
    (here / "x.txt").write_bytes(b"\n" * rows + b"deep\n")
    shown = ok(command_here("encode", "x.txt", "--vocab", "v", *options.split(), cwd=here)).stderr
    assert f"{rows + 1:,} rows read and written, 1 tokens".encode() in shown
    if "parquet" in options:
        assert pq.read_metadata(here / "out.parquet").num_rows == rows + 1
        return
    with np.load(here / "out.npz") as arrays:
        if "ragged" in options:
            assert (len(arrays["row_splits"]), arrays["values"].tolist()) == (rows + 2, [2])
        else:
            assert arrays["ids"].shape == (rows + 1, 1)
            assert (arrays["ids"].sum(), arrays["lengths"].sum()) == (2, 1)


@pytest.mark.parametrize("kind", ["txt", "jsonl.gz"])
def test_huge_row_is_encoded(here, kind):
    words = int(2_000_000 * SIZE)
    text = "deep very " * (words // 2)
    if kind == "txt":
        (here / "x.txt").write_text(f"is\n{text}\nis\n")
    else:
        with gzip.open(here / "x.jsonl.gz", "wt", compresslevel=1) as file:
            file.writelines(json.dumps({"text": row}) + "\n" for row in ("is", text, "is"))
    ok(command_here("encode", f"x.{kind}", "--vocab", "v", "--ragged", "-o", "out.npz", cwd=here))
    with np.load(here / "out.npz") as arrays:
        assert np.diff(arrays["row_splits"]).tolist() == [1, words, 1]
        deep, very, learning = tokemb.Encoder.load(here / "v").encode(["deep very is"])[0].tolist()
        assert (arrays["values"][1:-1].reshape(-1, 2) == [deep, very]).all()
        assert arrays["values"][[0, -1]].tolist() == [learning] * 2


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A compressed corpus and its number of rows."""
    numbers = random.Random(0)
    words = [f"w{i}" for i in range(20_000)]
    lines = [json.dumps({"text": " ".join(numbers.choices(words, k=60)), "id": i}) + "\n" for i in range(10_000)]
    times = max(int(9 * SIZE), 1)  # 3.7 MB of lines each
    path = tmp_path_factory.mktemp("corpus") / "x.jsonl.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        for _ in range(times):
            file.writelines(lines)
    return path, 10_000 * times


@LINUX
@pytest.mark.parametrize("options", ["--maxlen 64 -o out.npz", "-o out.npy", "--ragged -o out.parquet", "SHARDS"])
def test_peak_memory_is_bounded(here, corpus, options):
    path, rows = corpus
    options = options.replace("SHARDS", "--maxlen 64 --rows-per-shard 20000 --shard-format parquet -o out")
    run = python(
        PEAK,
        "encode",
        str(path),
        "--vocab",
        str(here / "v"),
        *options.replace("out", str(here / "out")).split(),
    )
    assert run.returncode == 0, run.stderr
    assert f"{rows:,} rows" in run.stderr
    assert int(run.stdout) < 600_000, "kilobytes, libraries and kernels included"


@LINUX
@pytest.mark.parametrize("command", ["fit-vocab x.txt -o out", "count x.txt -o out.parquet"])
def test_memory_of_counting_empty_rows_does_not_grow(here, monkeypatch, command):
    monkeypatch.chdir(here)
    rows = int(1_000_000 * SIZE)
    (here / "x.txt").write_bytes(b"\n" * rows + b"deep\n")
    run = python(PEAK, *command.split())
    assert run.returncode == 0, run.stderr
    assert f"read       {rows + 1:,} rows, 1 tokens" in run.stderr
    assert int(run.stdout) < 500_000, "kilobytes, libraries and kernels included"


def test_time_to_keep_columns_of_a_wide_parquet_file_is_linear(here):
    names = [f"c{number}" for number in range(int(10_000 * SIZE))]
    kept = names[::10]
    pq.write_table(pa.table({"text": ["deep", "is"], **dict.fromkeys(names, pa.array([1, 2]))}), here / "x.parquet")
    start = time.process_time()
    (batch,) = tokemb.read_corpus(here / "x.parquet", keep=kept)
    assert batch.schema.names == ["text", *kept]
    assert time.process_time() - start < 5 * SIZE, "seconds; each column with each takes fifty"


def test_corpus_that_grows_while_it_is_read_is_consistent(here):
    path = here / "x.txt"
    path.write_bytes(b"deep learning\n" * 400_000)
    process_is_done = threading.Event()

    def grow():
        with path.open("ab", buffering=0) as file:
            while not process_is_done.is_set():
                file.write(b"deep")  # rows in two parts
                time.sleep(0.001)
                file.write(b" learning\n")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        ok(tokemb_command("encode", "x.txt", "--vocab", "v", "-o", "out.npy", cwd=here))
    finally:
        process_is_done.set()
        writer.join()
    ids = np.load(here / "out.npy", mmap_mode="r")
    deep, learning = tokemb.Encoder.load(here / "v").encode(["deep learning"])[0].tolist()
    assert len(ids) >= 400_000
    assert (ids[:-1] == [deep, learning]).all()
    assert ids[-1, 0] == deep, "the last may have been half there"
