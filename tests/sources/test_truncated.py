"""Files that are truncated, replaced or appended to while they are read: all rows they had at first, or an error."""

from __future__ import annotations

import functools
import os
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

import tokemb
from tests.conftest import python
from tests.sources.test_read_corpus import COMPRESS, collect
from tokemb import TokembError, read_corpus
from tokemb.formats import open_ids
from tokemb.models.pretrained.load import tokens_of_vectors
from tokemb.models.pretrained.stream import Stream

pytestmark = pytest.mark.slow

ROWS = 10_000
# Texts that compress badly: decompressors read some hundred kilobytes at a time.
TEXTS = [f"{random.Random(number).getrandbits(800):0200x}" for number in range(ROWS)]
LINES = [b'{"text": "%s"}\n' % text.encode() for text in TEXTS]


@pytest.fixture(params=[False, True], ids=["plain", "ahead"])
def small_batches(request, monkeypatch, tmp_path):
    """Read little at a time, with and without threads that read ahead."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tokemb.sources.texts.BATCH_BYTES", 20_000)
    monkeypatch.setattr("tokemb.sources.compressed._CHUNK", 20_000)
    monkeypatch.setattr("tokemb.sources.multistream._CHUNK", 20_000)
    monkeypatch.setattr("tokemb.sources.compressed._BUFFER", 20_000, raising=False)
    monkeypatch.setattr("tokemb.sources.compressed._WORTH_A_THREAD", 0 if request.param else 1 << 60)


@functools.cache
def parts_of(ending):
    """Return the compressed parts of a file."""
    return [COMPRESS[ending](b"".join(LINES[start : start + 1000])) for start in range(0, ROWS, 1000)]


def write_lines(name):
    """Write lines whose every member is whole, so that a cut between two of them is no error of its own."""
    parts = parts_of(os.path.splitext(name)[1] if not name.endswith("jsonl") else "")
    Path(name).write_bytes(b"".join(parts))
    return sum(map(len, parts[: len(parts) * 3 // 4]))


def write_table(name):
    table = pa.table({"text": [f"row {number:05d} " + "x" * 200 for number in range(ROWS)]})
    if name == "a.parquet":
        pq.write_table(table, name, row_group_size=100, compression="none", use_dictionary=False)
    elif name == "a.feather":
        feather.write_feather(table, name, chunksize=100, compression="uncompressed")
    else:
        with pa.ipc.new_stream(name, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    return Path(name).stat().st_size * 3 // 4


@pytest.mark.parametrize("name", [f"a.jsonl{ending}" for ending in COMPRESS] + ["a.parquet", "a.feather"])
@pytest.mark.usefixtures("small_batches")
def test_file_that_is_truncated_while_it_is_read_is_an_error(name):
    keep = write_lines(name) if "jsonl" in name else write_table(name)
    batches = read_corpus(name)
    next(batches)
    os.truncate(name, keep)
    with pytest.raises(TokembError, match=rf"{name} (was truncated while it was read|is not a valid|is corrupt)"):
        list(batches)


@pytest.mark.usefixtures("small_batches")
def test_file_of_another_file_system_that_is_truncated_is_an_error(tmp_path):
    keep = write_lines("a.jsonl")
    batches = read_corpus("a.jsonl", filesystem=fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()))
    next(batches)
    os.truncate("a.jsonl", keep)
    with pytest.raises(TokembError, match=r"a.jsonl was truncated while it was read: it had 2,130,000 bytes, of which"):
        list(batches)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.bz2", "a.jsonl.xz", "a.jsonl.zst"])
@pytest.mark.usefixtures("small_batches")
def test_rows_that_are_appended_while_a_file_is_read_are_not_read(name):
    write_lines(name)
    batches = read_corpus(name)
    first = next(batches)
    with Path(name).open("ab") as file:
        file.write(b'{"text": "half')
    rows = [first, *batches]
    assert [text for batch in rows for text in batch["text"].to_pylist()] == TEXTS


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_files_of_the_system_that_tell_no_size_are_read():
    assert collect("/proc/version")[0]["text"].startswith("Linux")
    generated = next(Path("/sys/kernel/mm").rglob("enabled"), None)  # of 4,096 bytes, it says
    if generated is not None:
        assert collect(generated) == [{"text": generated.read_text().rstrip("\n")}]


def test_error_of_the_disk_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_bytes(b"a\n" * 1000)

    class Broken:
        def __init__(self, _):
            pass

        def size(self):
            return 2000

        def read(self, _):
            raise OSError(5, "Input/output error")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr("pyarrow.OSFile", Broken)
    with pytest.raises(OSError, match=rf"Input/output error: '{tmp_path}/a.txt'"):
        collect(tmp_path / "a.txt")


# Streams of Arrow


@pytest.mark.usefixtures("small_batches")
def test_arrow_streams_one_after_the_other_are_all_read():
    write_table("a.arrow")
    content = Path("a.arrow").read_bytes()
    Path("b.arrow").write_bytes(content * 2)
    assert len(collect("b.arrow")) == 2 * ROWS
    Path("b.arrow").write_bytes(content + b"garbage")
    with pytest.raises(TokembError, match=r"b.arrow is not a valid arrow file or is truncated"):
        collect("b.arrow")


@pytest.mark.usefixtures("small_batches")
def test_arrow_stream_that_is_truncated_between_batches_is_an_error():
    table = pa.table({"text": ["x" * 200] * 100})
    with pa.OSFile("a.arrow", "wb") as file:
        writer = pa.ipc.new_stream(file, table.schema)
        for _ in range(100):
            writer.write_table(table)
        end_of_a_batch = file.tell()
        for _ in range(20):
            writer.write_table(table)
        writer.close()
    batches = read_corpus("a.arrow")
    next(batches)
    os.truncate("a.arrow", end_of_a_batch)
    with pytest.raises(TokembError, match=r"a.arrow is not a valid arrow file or is truncated"):
        list(batches)


# Files of ids


IDS = np.arange(4_000_000, dtype=np.int32).reshape(-1, 4)


def write_ids(path):
    if path.suffix == ".npy":
        np.save(path, IDS if "fortran" not in path.name else np.asfortranarray(IDS))
    elif path.suffix == ".npz":
        np.savez(path, ids=IDS)
    elif path.suffix == ".parquet":
        lists = pa.FixedSizeListArray.from_arrays(pa.array(IDS.reshape(-1)), 4)
        pq.write_table(pa.table({"ids": lists}), path, row_group_size=1000, use_dictionary=False)
    else:
        path.write_bytes(b'{"ids":[1,2,3,4]}\n' * 150_000)


@pytest.mark.parametrize("name", ["a.npy", "fortran.npy", "a.npz", "a.parquet", "a.jsonl"])
def test_ids_that_are_truncated_while_they_are_read_are_an_error(tmp_path, name, monkeypatch):
    monkeypatch.setattr("tokemb.formats.source.BLOCK", 1 << 16)
    monkeypatch.setattr("tokemb.formats.parquet.BLOCK", 1 << 10)
    path = tmp_path / name
    write_ids(path)
    blocks = open_ids(path).blocks()
    next(blocks)
    os.truncate(path, path.stat().st_size // 36 * 18)
    with pytest.raises(TokembError, match=rf"{name}"):
        for block in blocks:
            block.values.sum()


def test_npy_that_is_truncated_does_not_kill_the_process(tmp_path):
    write_ids(tmp_path / "a.npy")
    code = """
import os, sys, tokemb
from pathlib import Path
from tokemb.formats import open_ids
blocks = open_ids(Path(sys.argv[1])).blocks(1 << 10)
next(blocks)
os.truncate(sys.argv[1], 1 << 20)
try:
    print(sum(int(block.values.sum()) for block in blocks))
except tokemb.TokembError as error:
    print(error)
"""
    run = python(code, str(tmp_path / "a.npy"))
    assert (run.returncode, run.stderr) == (0, "")
    assert "a.npy was truncated or replaced while it was read" in run.stdout


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.parquet"])
def test_ids_that_are_replaced_after_they_were_opened_are_an_error(tmp_path, name):
    path = tmp_path / name
    write_ids(path)
    source = open_ids(path)
    globals_before = IDS[:5]
    if name == "a.npy":
        np.save(path, globals_before)
    elif name == "a.npz":
        np.savez(path, ids=globals_before)
    else:
        pq.write_table(pa.table({"ids": [[1, 2, 3, 4]]}), path)
    with pytest.raises(TokembError, match=rf"{name} was truncated or replaced while it was read"):
        list(source.blocks())


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".zst", ".xz"])
def test_compressed_file_without_bytes_is_truncated(tmp_path, ending):
    path = tmp_path / f"x.csv{ending}"
    path.touch()
    with pytest.raises(TokembError, match=rf"x.csv{ending} is not a valid .* file or is truncated: it has no bytes"):
        list(read_corpus(path))
    path.write_bytes(COMPRESS[ending](b""))
    assert [len(batch) for batch in read_corpus(path)] == [0]


@pytest.mark.parametrize("suffix", ["npy", "npz", "parquet", "jsonl"])
def test_shards_that_another_run_replaces_while_they_are_read_are_an_error(tmp_path, suffix):
    (tmp_path / "x.txt").write_text("a b\nb a\n" * 4)
    encoders = [tokemb.fit_vocab([text], profile="keras") for text in ("a b", "b a")]
    options = {"maxlen": 2, "rows_per_shard": 4, "shard_format": suffix, "force": True}
    tokemb.encode_file(tmp_path / "x.txt", encoders[0], tmp_path / "ids", **options)
    blocks = open_ids(tmp_path / "ids").blocks()
    next(blocks)
    tokemb.encode_file(tmp_path / "x.txt", encoders[1], tmp_path / "ids", **options)
    with pytest.raises(TokembError, match=rf"part-00001.{suffix} was truncated or replaced while it was read"):
        list(blocks)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (1, 1), (100_003, 3)])
@pytest.mark.parametrize("dtype", ["int32", ">i8", "uint16"])
def test_npy_is_read_whole_in_either_order(tmp_path, order, shape, dtype, monkeypatch):
    monkeypatch.setattr("tokemb.formats.source.BLOCK", 1 << 16)
    ids = np.arange(np.prod(shape), dtype=np.int64).reshape(shape) % 50_000
    np.save(tmp_path / "a.npy", ids.astype(dtype, order=order))
    blocks = [block.ids for block in open_ids(tmp_path / "a.npy").blocks()]
    assert np.array_equal(np.concatenate(blocks), ids)
    assert {block.dtype for block in blocks} == {np.dtype(np.int32)}


def test_several_arrays_in_one_npy_are_an_error(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.save(file, IDS[:10])
        np.save(file, IDS[10:20])
    with pytest.raises(TokembError, match=r"a.npy must hold one array; 288 bytes follow the first"):
        open_ids(tmp_path / "a.npy")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
@pytest.mark.parametrize("name", ["a.npy", "a.jsonl"])
def test_ids_in_a_named_pipe_are_an_error_and_do_not_wait(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(TokembError, match=f"{name} must be a file, since ids are read twice"):
            open_ids(path)


# Files of vectors


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz"])
def test_vectors_that_are_truncated_between_rows_while_they_are_read_are_an_error(tmp_path, ending, monkeypatch):
    path = tmp_path / f"a.txt{ending}"
    lines = [f"{text[:50]} 1 2 3\n".encode() for text in TEXTS]
    parts = [COMPRESS[ending](b"".join(lines[start : start + 1000])) for start in range(0, ROWS, 1000)]
    path.write_bytes(b"".join(parts))
    assert len(tokens_of_vectors(path)) == ROWS
    read = Stream._read_chunk

    def truncate_after_the_first(stream, size):
        part = read(stream, min(size, 1000))
        os.truncate(path, sum(map(len, parts[:8])))
        return part

    monkeypatch.setattr(Stream, "_read_chunk", truncate_after_the_first)
    monkeypatch.setattr("isal.igzip.READ_BUFFER_SIZE", 1000, raising=False)  # less than the file
    with pytest.raises(TokembError, match=r"a.txt.* (was truncated while it was read|is truncated)"):
        tokens_of_vectors(path)


@pytest.mark.parametrize("ending", [".bz2", ".xz"])
def test_vectors_with_a_broken_later_member_are_an_error(tmp_path, ending):
    path = tmp_path / f"a.txt{ending}"
    path.write_bytes(COMPRESS[ending](b"a 1 2\n") + b"garbage" * 5)
    with pytest.raises(TokembError, match="is damaged: its compressed data cannot be read"):
        tokens_of_vectors(path)
