"""Ids come back from what tokemb and other programs write; anything else is one clear error."""

from __future__ import annotations

import json
import re
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import python
from tests.outputs import COLUMNS, DAYS, outputs
from tokemb import Ragged
from tokemb.errors import ArgumentError
from tokemb.formats import open_ids

pytestmark = pytest.mark.slow


def read(path, row_size=None):
    """The rows and kept columns of all blocks."""
    source = open_ids(path)
    blocks = list(source.blocks(row_size))
    for block in blocks:
        assert isinstance(block.ids, Ragged) == (source.maxlen is None)
        assert (block.ids.values if source.maxlen is None else block.ids).dtype == np.int32
        assert block.kept_columns.schema.equals(source.kept_columns)
        assert block.kept_columns.num_rows == len(block.ids) or not source.kept_columns.names
        if source.maxlen is not None:
            assert block.ids.shape[1] == source.maxlen
    rows = [row.tolist() for block in blocks for row in block.ids]
    return (
        source,
        rows,
        pa.Table.from_batches([block.kept_columns for block in blocks], source.kept_columns).to_pylist(),
    )


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Some rows at a time, as in large files."""
    for name in (
        "source.BLOCK",
        "npz.BLOCK",
        "npz._ROWS",
        "parquet._ROWS",
        "jsonl._BLOCK_READ",
        "jsonl._BLOCK_WRITTEN",
    ):
        monkeypatch.setattr(f"tokemb.formats.{name}", 3)


@given(outputs({**COLUMNS, **DAYS}, name="ids"), st.sampled_from([".npz", ".parquet"]))
def test_what_comes_back_is_what_was_written(tmp_path, output, suffix):
    layout = output.layout
    source, rows, kept = read(output.write(tmp_path / f"x{suffix}"))
    assert rows == output.rows
    if layout.kept_columns.names:
        assert kept == output.kept.to_pylist()
    assert source.kept_columns.names == layout.kept_columns.names
    assert (source.fingerprint, source.pad_id) == (layout.fingerprint, layout.pad_id)
    assert source.maxlen == (None if layout.row_shape is None else layout.row_shape[0])


@given(outputs({name: COLUMNS[name] for name in ("text", "flag", "large")}, name="ids"))
def test_json_comes_back(tmp_path, output):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tokemb.formats.jsonl._BLOCK_READ", 1 << 20)
        source, rows, kept = read(output.write(tmp_path / "x.jsonl"))
    assert rows == output.rows
    if output.rows and output.layout.kept_columns.names:
        assert kept == output.kept.to_pylist()
    assert (source.fingerprint, source.maxlen) == ("", None)


@given(outputs({}, ragged=False, name="ids"))
def test_npy_comes_back(tmp_path, output):
    assert read(output.write(tmp_path / "x.npy"))[1] == output.rows


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_by_numpy(tmp_path, save):
    ids = np.arange(40).reshape(20, 2)
    columns = {"label": np.arange(20) % 3, "name": np.array([f"é{i}" for i in range(20)]), "mean": np.ones((20, 5))}
    save(tmp_path / "x.npz", ids, **columns, other=np.arange(7))
    source, rows, kept = read(tmp_path / "x.npz")
    assert rows == ids.tolist()
    assert kept == [{"label": i % 3, "name": f"é{i}"} for i in range(20)]


def test_foreign_parquet(tmp_path):
    rows = [[1, 2], [], [3]]
    table = pa.table({"tokens": pa.array(rows, pa.large_list(pa.uint64())), "label": ["a", None, "c"]})
    pq.write_table(table, tmp_path / "x.parquet")
    source, got, kept = read(tmp_path / "x.parquet")
    assert (got, source.maxlen) == (rows, None)
    assert kept == [{"label": "a"}, {"label": None}, {"label": "c"}]
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(range(6)), 2)
    pq.write_table(pa.table({"ids": fixed, "more": fixed}), tmp_path / "x.parquet")
    source, got, _ = read(tmp_path / "x.parquet")
    assert (got, source.maxlen) == ([[0, 1], [2, 3], [4, 5]], 2)


@pytest.mark.parametrize("other", [[[1]], [1]], ids=["lists", "numbers"])
def test_parquet_with_two_columns_of_ids(tmp_path, other):
    table = pa.Table.from_arrays([pa.array([[2]]), pa.array(other)], names=["ids", "ids"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(ArgumentError, match="x.parquet has the column 'ids' more than once: remove all but one"):
        open_ids(tmp_path / "x.parquet")


def parquet(column, **metadata):
    def write(path):
        facts = {f"tokemb.{name}": value for name, value in metadata.items()}
        pq.write_table(pa.table({"ids": column}).replace_schema_metadata(facts), path)

    return write


def archive(**arrays):
    return lambda path: np.savez(path, **arrays)


def lines(*texts):
    return lambda path: path.write_text("".join(f"{text}\n" for text in texts), "utf-8")


def damaged(path):
    np.savez_compressed(path, ids=np.arange(20_000).reshape(-1, 2))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_member(path):
    np.save(path.with_suffix(".npy"), np.zeros((4, 2), int))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("ids.npy", path.with_suffix(".npy").read_bytes()[:-8])


def cut_parquet(path):
    parquet(pa.array([[1]]))(path)
    path.write_bytes(path.read_bytes()[:-20])


IDS = np.zeros((2, 2), int)


@pytest.mark.parametrize(
    ("suffix", "write", "message"),
    [
        (".npy", lambda path: np.save(path, np.zeros((2, 2))), r"must hold ids, integers \(rows, maxlen\)"),
        (".npy", lambda path: np.save(path, np.array([[2**31]])), "ids must fit int32; received 2147483648"),
        (".npy", lambda path: path.write_bytes(b"NUMPY"), "it is damaged, or holds Python objects, .* never unpickles"),
        (".npz", lambda path: path.write_bytes(b"PK\3\4nothing"), "not a valid .npz file: File is not a zip file"),
        (".npz", damaged, "not a valid .npz file: ids.npy: "),
        (".npz", cut_member, r"ids.npy must hold int64 \(4, 2\) as declared; it has 56 bytes"),
        (".npz", archive(ids=np.array([[{}]])), "ids.npy holds Python objects, which tokemb never unpickles"),
        (".npz", archive(ids=IDS, x=np.array(["a", None])), "x.npy holds Python objects"),
        (".npz", archive(ids=np.asfortranarray(IDS)), "in Fortran order: save np.ascontiguousarray of it"),
        (".npz", archive(ids=IDS.astype(float)), r"must hold ids.*; it holds ids float64 \(2, 2\)"),
        (".npz", archive(ids=np.array([[-(2**31) - 1]])), "ids must fit int32; received -2147483649"),
        (".npz", archive(values=np.arange(3), row_splits=np.array([0, 2])), "ascend from 0 to the 3 ids in values"),
        (".npz", archive(values=np.arange(3), row_splits=np.array([0, 2, 1, 3])), "ascend from 0 to the 3 ids"),
        (".npz", archive(values=np.arange(3), row_splits=np.array([1, 3])), "ascend from 0 to the 3 ids"),
        (".npz", archive(values=np.arange(3), row_splits=np.array([0, 9, 3])), "ascend from 0 to the 3 ids"),
        (".npz", archive(values=np.arange(3), row_splits=np.array([0])), "ascend from 0 to the 3 ids"),
        (".npz", archive(values=np.arange(3), row_splits=np.array([0, 2**63 - 1, -2, 3])), "ascend from 0 to the 3"),
        (".npz", archive(a=IDS, b=IDS), "must hold ids, integers"),
        (
            ".npz",
            archive(ids=IDS, **{"t.utf8": np.zeros(3, np.uint8), "t.offsets": np.array([0, 3, 2])}),
            "the offsets of 't' do not ascend",
        ),
        (
            ".npz",
            archive(ids=IDS, **{"t.utf8": np.full(2, 255, np.uint8), "t.offsets": np.array([0, 1, 2])}),
            "(?i)not a valid .npz file.*utf8",
        ),
        (".parquet", lambda path: path.write_bytes(b"PAR1"), "not a valid .parquet file"),
        (".parquet", cut_parquet, "not a valid .parquet file"),
        (".parquet", parquet([1, 2]), "must have a column ids of lists of integers.*; it has ids int64"),
        (".parquet", parquet([["a"]]), "it has ids list<element: string>"),
        (".parquet", parquet([[1], None]), "holds a missing row or id in its column ids"),
        (".parquet", parquet([[1, None]]), "holds a missing row or id in its column ids"),
        (".parquet", parquet([[2**40]]), "ids must fit int32; received 1099511627776"),
        (".parquet", parquet([[1], [2, 3]], maxlen="1"), "declares rows of 1 ids, but holds rows of other lengths"),
        (".parquet", parquet([[1]], maxlen="x"), "has b'x' as its tokemb.maxlen, which is not a number"),
        (".jsonl", lines('{"ids":[1]}', "{"), "line 2: is not JSON"),
        (".jsonl", lines("[" * 100_000), "line 1: is not readable JSON"),
        (".jsonl", lines('{"ids":[1]}', '{"id":[1]}'), "line 2: must be an object with ids"),
        (".jsonl", lines("[1]"), "line 1: must be an object with ids"),
        (".jsonl", lines('{"ids":[1,true]}'), "line 1: ids must be integers"),
        (".jsonl", lines('{"ids":[1.0]}'), "line 1: ids must be integers"),
        (".jsonl", lines('{"ids":[1],"ids":[2]}'), "line 1: is not readable JSON: the key 'ids' occurs more"),
        (".jsonl", lines('{"ids":[1],"x":{"a":1,"a":2}}'), "line 1: is not readable JSON: the key 'a' occurs"),
        (".jsonl", lines('{"ids":[4294967296]}'), "lines 1 to 1: ids must fit int32"),
        (".jsonl", lines(json.dumps({"ids": [2**70]})), "lines 1 to 1: ids must"),
        (
            ".jsonl",
            lines('{"ids":[1,2],"x":1}', '{"ids":[1,2],"x":"a"}'),
            "line 2: kept columns must have the types of the first rows: 'a' in 'x' is not int64",
        ),
        (
            ".jsonl",
            lines('{"ids":[1,2],"x":1}', '{"ids":[1,2],"y":1}'),
            "lines 2 to 2: all keys must occur in the first rows; 'y'",
        ),
        (
            ".jsonl",
            lines('{"ids":[],"x":1}', '{"ids":[],"x":"a"}'),
            "lines 1 to 2: kept columns must hold values of one type",
        ),
        (".jsonl", lines('{"ids":[1],"x":18446744073709551616}'), "lines 1 to 1: kept columns must hold values of one"),
        (".jsonl", lines(r'{"ids":[1],"x":"\ud800"}'), "lines 1 to 1: kept columns must hold values of one type"),
        (".jsonl", lines(r'{"ids":[1],"\ud800":1}'), "lines 1 to 1: kept columns must hold values of one type"),
        (".jsonl", lines('{"ids":[1,2],"x":"a"}', r'{"ids":[1],"x":"\ud800"}'), "line 2: kept columns must have the"),
        (".txt", lines("1 2"), "must end in one of .npy, .npz, .parquet, .jsonl; received"),
        (".npz", lambda path: path.mkdir(), "holds no files of ids"),
    ],
)
def test_what_is_not_ids_is_an_error(tmp_path, suffix, write, message):
    path = tmp_path / f"x{suffix}"
    write(path)
    with pytest.raises(ArgumentError, match=message) as raised:
        read(path)
    assert re.search(re.escape(path.name), str(raised.value)), "the file is named"


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ("1", "1.5"),
        ("0.5", "true"),
        ("[1]", "[1.5]"),
        ('{"a":1}', '{"a":1.5}'),
        ('{"a":1}', '{"a":1,"b":2}'),
        ('[{"a":1}]', '[{"b":1}]'),
        ("[]", "[1]"),
    ],
)
def test_a_later_value_of_json_is_never_changed(tmp_path, first, later):
    lines(f'{{"ids":[1,2],"x":{first}}}', f'{{"ids":[1,2],"x":{later}}}')(tmp_path / "x.jsonl")
    with pytest.raises(ArgumentError, match="x.jsonl, line 2: kept columns must have the types of the first rows"):
        read(tmp_path / "x.jsonl")


def test_a_missing_file(tmp_path):
    for suffix in (".npy", ".npz", ".parquet", ".jsonl"):
        with pytest.raises(FileNotFoundError):
            open_ids(tmp_path / f"x{suffix}")


def test_row_size_cuts_blocks(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((10, 1), int))
    assert [len(block.ids) for block in open_ids(tmp_path / "x.npy").blocks()] == [3, 3, 3, 1]
    assert [len(block.ids) for block in open_ids(tmp_path / "x.npy").blocks(2)] == [1] * 10


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path, suffix):
    code = """
import sys
from pathlib import Path
import numpy as np, pyarrow, pyarrow.parquet
from tests.peak import peak
from tokemb.formats import open_ids
from tokemb.formats import OutputOptions, open_writer
path, rows = Path(sys.argv[1]), int(sys.argv[2])
if rows:
    with open_writer(path, OutputOptions("ids", np.dtype("int32"), (256,))) as writer:
        for _ in range(rows // 1000):
            writer.append(np.random.default_rng(0).integers(0, 60_000, (1000, 256)).astype(np.int32))
else:
    before = peak()
    print(sum(len(block.ids) for block in open_ids(path).blocks()))
    print(peak() - before)
"""
    count = 20_000 if suffix == ".jsonl" else 200_000  # 20 MB, 200 MB of int32
    for rows in (count, 0):
        run = python(code, str(tmp_path / f"x{suffix}"), str(rows))
        assert run.returncode == 0, run.stderr
    rows, grown = map(int, run.stdout.split())
    assert rows == count
    assert grown < (100_000 if suffix == ".jsonl" else 190_000), "kilobytes"


def test_shard_of_json_whose_kept_column_is_missing_goes_with_the_others(tmp_path):
    for number, values in enumerate([[None, None], [3, None], [None]]):
        lines = [json.dumps({"ids": [2], "n": value, "m": None}) for value in values]
        (tmp_path / f"part-{number}.jsonl").write_text("\n".join(lines))
    _, rows, kept = read(tmp_path)
    assert rows == [[2]] * 5
    assert kept == [{"n": value, "m": None} for value in (None, None, 3, None, None)]
