"""Files that are broken, huge, growing, or not to be read."""

from __future__ import annotations

import gzip
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import python
from tests.sources.test_read_corpus import COMPRESS, collect, write_csv, write_jsonl, zstd
from tokemb import TokembError, read_corpus
from tokemb.sources.prefetch import prefetch

pytestmark = pytest.mark.slow

LINES = b"".join(b'{"text": "row %d"}\n' % number for number in range(3000))


@pytest.fixture(params=[False, True], ids=["plain", "ahead"], autouse=True)
def ahead(request, monkeypatch, tmp_path):
    """With and without threads that read ahead."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tokemb.sources.compressed._WORTH_A_THREAD", 0 if request.param else 1 << 60)
    return request.param


@pytest.mark.parametrize("ending", [ending for ending in COMPRESS if ending])
def test_truncated_and_corrupted(ending, tmp_path):
    """Wherever it is cut it is an error, or nothing is there."""
    whole = COMPRESS[ending](LINES)
    path = tmp_path / f"a.jsonl{ending}"
    for cut in (*range(1, 30), len(whole) // 2, len(whole) - 9, len(whole) - 8, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(TokembError, match=f"a.jsonl{ending} is not a valid .* file or is truncated"):
            collect(path)
    path.write_bytes(whole + b"garbage")
    with pytest.raises(TokembError, match="is not a valid"):
        collect(path)
    # Arrow writes no checksums into zstd: there only what cannot be decompressed is known to be wrong.
    at = 6 if ending == ".zst" else len(whole) // 2
    path.write_bytes(whole[:at] + b"\xff" * 40 + whole[at + 40 :])
    with pytest.raises(TokembError, match=f"a.jsonl{ending}"):
        collect(path)


@pytest.mark.parametrize("ending", COMPRESS)
def test_members_and_frames_are_all_read(ending, tmp_path):
    path = tmp_path / f"a.jsonl{ending}"
    cut = 1001
    path.write_bytes(b"".join(COMPRESS[ending](part) for part in (LINES[:cut], b"", LINES[cut:5000], LINES[5000:])))
    assert collect(path) == [{"text": f"row {number}"} for number in range(3000)]
    second = COMPRESS[ending](LINES[cut:])
    if ending:
        path.write_bytes(COMPRESS[ending](LINES[:cut]) + second[: len(second) // 2])
        with pytest.raises(TokembError, match="truncated"):
            collect(path)


def test_padding_of_xz(tmp_path):
    pack = COMPRESS[".xz"]
    (tmp_path / "a.txt.xz").write_bytes(pack(b"a\n") + bytes(4) + pack(b"b\n") + bytes(8))
    assert collect("a.txt.xz") == [{"text": "a"}, {"text": "b"}]
    (tmp_path / "a.txt.xz").write_bytes(bytes(4) + pack(b"a\n"))
    with pytest.raises(TokembError, match="not a valid xz"):
        collect("a.txt.xz")


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.feather"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_broken_columns(name, ending, tmp_path):
    table = pa.table({"text": [f"row {number}" for number in range(999)]})
    if name == "a.parquet":
        pq.write_table(table, name)
    else:
        feather.write_feather(table, name, compression="zstd")
    whole = (tmp_path / name).read_bytes()
    pack = COMPRESS[ending]
    (tmp_path / (name + ending)).write_bytes(pack(whole))
    assert len(collect(name + ending)) == 999
    for broken in (b"", b"PAR2" + whole[4:-4] + b"PAR2", b"x" * 100, whole[:-20], whole[: len(whole) // 2]):
        (tmp_path / (name + ending)).write_bytes(pack(broken))
        with pytest.raises(TokembError, match=f"{name}.* is not a valid"):
            collect(name + ending)


def test_parquet_checksums(tmp_path):
    """A changed letter is another text, which only the checksum tells."""
    table = pa.table({"text": ["unchanged"] * 3})
    pq.write_table(table, "a.parquet", compression="none", use_dictionary=False, write_page_checksum=True)
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[content.index(b"\x09\0\0\0unchanged") + 4] ^= 1
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(TokembError, match="a.parquet is not a valid parquet file"):
        collect("a.parquet")


def test_columns_that_are_not_utf8(tmp_path):
    bad = pa.array([b"a", b"x\xffy", None]).view(pa.string())
    feather.write_feather(pa.table({"text": bad}), "a.arrow")
    pq.write_table(pa.table({"text": bad}), "a.parquet")
    for name in ("a.arrow", "a.parquet"):
        with pytest.raises(TokembError, match=f"'text' of {name} is corrupt from row 1 on: Invalid UTF8"):
            collect(name, missing="empty")
        assert collect(name, missing="empty", errors="replace") == [{"text": t} for t in ("a", "x\ufffdy", "")]


def test_arrow_streams_and_compressed_ones(tmp_path):
    table = pa.table({"n": [1, 2], "text": ["a", "b"]})
    with pa.ipc.new_stream("a.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    (tmp_path / "b.arrow.zst").write_bytes(zstd((tmp_path / "a.arrow").read_bytes()))
    for name in ("a.arrow", "b.arrow.zst"):
        assert collect(name, keep=["n"]) == [{"text": "a", "n": 1}, {"text": "b", "n": 2}]


def test_token_counts_are_no_corpus():
    tokemb.TokenCounts.from_texts(["a b"]).save("a.parquet")
    with pytest.raises(TokembError, match="a.parquet contains token counts, not texts"):
        collect("a.parquet", column="token")


@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_bytes_that_are_not_utf8_in_a_big_file(kind, ending, tmp_path):
    row = {"txt": b"caf\xc3\xa9 row\n", "csv": b'"caf\xc3\xa9\nrow",1\n', "jsonl": b'{"text": "caf\xc3\xa9"}\n'}[kind]
    head = b"text,label\n" if kind == "csv" else b""
    before = head + row * (3_000_000 // len(row))
    bad = row.replace(b"\xc3\xa9", b"\xc3(")
    (tmp_path / f"a.{kind}{ending}").write_bytes(COMPRESS[ending](before + bad + row * 1000))
    line = before.count(b"\n") + 1
    at = len(before) + bad.index(b"\xc3")
    with pytest.raises(TokembError, match=rf"a.{kind}{ending}, line {line}: byte {at} \(0xc3\) is not UTF-8"):
        for _ in read_corpus(f"a.{kind}{ending}"):
            pass
    seen = [text for batch in read_corpus(f"a.{kind}{ending}", errors="replace") for text in batch[0].to_pylist()]
    assert len(seen) == len(before) // len(row) + 1001
    assert [text for text in seen if "\ufffd(" in text] == [seen[len(before) // len(row)]]


@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl", "parquet", "arrow"])
def test_one_huge_row(kind, tmp_path):
    text = ('a, "quoted" \\ ' + ("\n" if kind != "txt" else "") + "é") * 1_000_000
    rows = [{"text": "first", "label": 1}, {"text": text, "label": 2}, {"text": "last", "label": 3}]
    if kind == "txt":
        (tmp_path / "a.txt").write_text("".join(row["text"] + "\n" for row in rows), "utf-8")
    elif kind == "csv":
        write_csv(tmp_path / "a.csv", rows)
    elif kind == "jsonl":
        write_jsonl(tmp_path / "a.jsonl", rows)
    else:
        table = pa.Table.from_pylist(rows)
        pq.write_table(table, "a.parquet")
        feather.write_feather(table, "a.arrow")
    assert [row["text"] == original["text"] for row, original in zip(collect(f"a.{kind}"), rows, strict=True)] == [
        True
    ] * 3


@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl", "parquet", "arrow"])
def test_many_empty_rows(kind, tmp_path):
    count = 300_000  # more than a batch holds
    table = pa.table({"text": pa.array([""] * count)})
    content = {"txt": "\n" * count, "csv": "text\n" + '""\n\n' * (count // 2), "jsonl": '{"text": ""}\n' * count}
    if kind in content:
        (tmp_path / f"a.{kind}").write_text(content[kind])
    else:
        pq.write_table(table, "a.parquet")
        feather.write_feather(table, "a.arrow")
    batches = list(read_corpus(f"a.{kind}"))
    assert sum(map(len, batches)) == count
    assert max(map(len, batches)) <= 1 << 17
    assert all(batch["text"].get_total_buffer_size() for batch in batches)


@pytest.mark.parametrize("kind", ["txt", "csv", "tsv", "jsonl"])
@pytest.mark.parametrize("ending", COMPRESS)
def test_an_empty_file_is_a_corpus_without_rows(kind, ending, tmp_path):
    for content in (b"", b"\xef\xbb\xbf"):
        (tmp_path / f"a.{kind}{ending}").write_bytes(COMPRESS[ending](content))
        (batch,) = read_corpus(f"a.{kind}{ending}", keep=[] if kind == "txt" else ["label"])
        assert len(batch) == 0
        assert batch.schema.names == (["text"] if kind == "txt" else ["text", "label"])
    assert list(tokemb.fit_vocab(["a"]).encode(tmp_path / f"a.{kind}{ending}")) == []


def test_files_without_rows_have_their_types():
    table = pa.table({"text": ["a"], "label": pa.array([1], pa.int8())}).slice(1)
    pq.write_table(table, "a.parquet")
    feather.write_feather(table, "a.arrow")
    for name in ("a.parquet", "a.arrow"):
        (batch,) = read_corpus(name, keep=["label"])
        assert batch.schema.types == [pa.large_string(), pa.int8()]
    Path("a.csv").write_text("text,label\n")
    write_csv(Path("b.csv"), [{"text": "a", "label": 1}])
    assert collect(["a.csv", "b.csv"], keep=["label"]) == [{"text": "a", "label": 1}]


def test_a_file_that_grows_gives_whole_rows(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINES)
    stop = threading.Event()

    def grow():
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b'{"text": "more"}\n')
                time.sleep(0.0001)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        rows = collect(path)
    finally:
        stop.set()
        thread.join()
    assert rows[:3000] == [{"text": f"row {number}"} for number in range(3000)]
    assert {row["text"] for row in rows[3000:]} <= {"more"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "a.jsonl").chmod(0)
    with pytest.raises(PermissionError):
        collect("a.jsonl")


def test_a_disk_that_fails(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_bytes(LINES)

    def fail(*_):
        raise PermissionError(13, "Permission denied", "a.txt")

    monkeypatch.setattr("pathlib.Path.open", fail)
    with pytest.raises(PermissionError):
        collect("a.txt")


# Reading ahead


def names_of_threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "tokemb-read-ahead"]


def wait_for_no_threads():
    for _ in range(200):
        if not names_of_threads():
            return
        time.sleep(0.02)
    raise AssertionError(names_of_threads())


def test_threads_go_when_nobody_reads_on(tmp_path, ahead, monkeypatch):
    monkeypatch.setattr("tokemb.sources.texts.BATCH_BYTES", 100)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINES))
    batches = read_corpus("a.jsonl.gz")
    next(batches)
    assert len(names_of_threads()) == 2 * ahead
    batches.close()
    wait_for_no_threads()
    batches = read_corpus("a.jsonl.gz")
    next(batches)
    del batches
    wait_for_no_threads()
    assert len(collect("a.jsonl.gz")) == 3000
    wait_for_no_threads()


def test_only_some_items_are_made_ahead():
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    ahead = prefetch(items(), 2)
    assert next(ahead) == 0
    time.sleep(0.1)
    assert made == [0, 1, 2]
    assert list(ahead) == list(range(1, 100))


def test_errors_come_in_their_turn():
    def items():
        yield 1
        raise ZeroDivisionError("now")

    ahead = prefetch(items())
    assert next(ahead) == 1
    with pytest.raises(ZeroDivisionError, match="now"):
        next(ahead)
    wait_for_no_threads()


def test_a_program_ends_while_something_is_read(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"text": "%s"}\n' % (b"a " * 5_000) * 5_000, 1))
    run = python(
        "import sys, tokemb.sources.compressed; tokemb.sources.compressed._WORTH_A_THREAD = 0\n"
        "kept = tokemb.read_corpus(sys.argv[1]); next(kept); print('done')",
        str(tmp_path / "a.jsonl.gz"),
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "done\n", "")


def count_rows(path):
    return sum(map(len, read_corpus(path)))


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_workers_read(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINES))
    assert count_rows("a.jsonl.gz") == 3000
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        assert list(pool.map(count_rows, ["a.jsonl.gz"] * 4)) == [3000] * 4


@pytest.mark.parametrize("compression", [ending for ending in COMPRESS if ending])
def test_flipped_bit_of_compressed_data_is_an_error_or_changes_nothing(tmp_path, compression):
    text = "".join(f"{number * 7919 % 1000} deep {number}\n" for number in range(2000))
    data = COMPRESS[compression](text.encode())
    path = tmp_path / f"x.txt{compression}"
    random = np.random.default_rng(0)
    for position in random.integers(10, len(data), 150):
        damaged = bytearray(data)
        damaged[position] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        try:
            rows = [row for batch in tokemb.read_corpus(path) for row in batch.column(0).to_pylist()]
        except tokemb.TokembError as error:
            assert str(path) in str(error)
        else:
            assert rows == text.splitlines() or compression == ".zst"  # Zstandard has no checksum by default
