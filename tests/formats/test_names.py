"""Columns with names that would lead out of the folder in which a .npz is extracted."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tokemb
from tests.conftest import command_here, ok
from tokemb import ColumnEncoder, TokembError
from tokemb.formats import OutputOptions, open_ids, open_writer
from tokemb.formats.member_names import column_name, member_name
from tokemb.pipeline.encode_table import encode_table

# Names as in CSV headers of others, some of which would be one after a careless escape.
NAMES = [
    "../x",
    "..%2Fx",
    "..%252Fx",
    "/etc/cron.d/x",
    "C:\\x",
    "..\\x",
    "a/../../x",
    "a\nb",
    "\x1b[31mred",
    "\x85",
    "%C2%85",
    "",
    ".",
    "..",
    "100%",
    "%",
    "é/中",
    "price: €/m²",
]


@pytest.fixture
def archive(tmp_path):
    """A .npz with a kept column of each name, of numbers or texts, with and without missing values."""
    columns = {}
    for number, name in enumerate(NAMES):
        values = [number, None if number % 2 else 1]
        columns[name] = pa.array(values if number % 3 else list(map(str, values)))
    columns["../long"] = pa.array(["x" * 100, "y"])
    kept = pa.record_batch(columns)
    with open_writer(tmp_path / "a.npz", OutputOptions("ids", np.dtype("int32"), (2,), kept.schema)) as writer:
        writer.append(np.ones((2, 2), np.int32), None, kept)
    return tmp_path / "a.npz", kept


def test_columns_of_any_name_are_read_back_by_name(archive):
    path, kept = archive
    (block,) = open_ids(path).blocks()
    assert block.kept_columns.schema.names == kept.schema.names
    assert block.kept_columns.to_pydict() == kept.to_pydict()


def test_arrays_of_any_name_are_extracted_inside_of_the_folder(archive, tmp_path):
    path, _ = archive
    with np.load(path) as arrays:
        assert {"..%2Fx", "..%252Fx", "..%25252Fx", "..%2Flong.utf8"} <= set(arrays.files)
        assert all(arrays[name] is not None for name in arrays.files)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    with zipfile.ZipFile(path) as zipped:
        names = zipped.namelist()
        zipped.extractall(tmp_path / "deep" / "er")
    if shutil.which("unzip"):
        (tmp_path / "unzipped").mkdir()
        subprocess.run(["unzip", "-q", path, "-d", tmp_path / "unzipped"], check=True)
        assert len(list((tmp_path / "unzipped").iterdir())) == len(names)
    assert len(set(names)) == len(names)
    assert sorted(path.name for path in (tmp_path / "deep" / "er").iterdir()) == sorted(names)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["er"]


@given(st.lists(st.text(st.sampled_from("%/\\:.\n\0\x85é25FCA0"), max_size=8), unique=True))
def test_member_names_are_safe_distinct_and_read_back(names):
    members = list(map(member_name, names))
    assert list(map(column_name, members)) == names
    assert len(set(members)) == len(names)
    assert not any(character in member for member in members for character in "/\\:\n\0\x85")


def test_header_of_a_csv_file_cannot_name_a_file_outside(tmp_path):
    (tmp_path / "x.csv").write_text("text,../x,/y\ndeep,1,2\n")
    tokemb.fit_vocab(["deep"]).save(tmp_path / "v")
    ok(command_here("encode", "x.csv", "--vocab", "v", "--keep", "../x,/y", "-o", "a.npz", cwd=tmp_path))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {"..%2Fx.npy", "%2Fy.npy"} <= set(archive.namelist())
    assert next(open_ids(tmp_path / "a.npz").blocks()).kept_columns.to_pydict() == {"../x": [1], "/y": [2]}


def test_arrays_of_columns_are_named_safely(tmp_path):
    table = pa.table({"..\\user": ["a", "b"], "C:item": [["x"], ["x", "y"]], "../stars": [1, 2]})
    encoder = ColumnEncoder.fit(table, columns=["..\\user", "C:item"])
    encode_table(encoder, iter(table.to_batches()), tmp_path / "a.npz", keep=["../stars"], ragged=True)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        names = set(archive.namelist())
    assert {"..%5Cuser.npy", "C%3Aitem.values.npy", "C%3Aitem.row_splits.npy", "..%2Fstars.npy"} <= names
    assert not any("/" in name or "\\" in name for name in names)


def test_two_members_of_one_name_are_an_error(tmp_path):
    path = Path(tmp_path / "a.npz")
    np.savez(path, **{"ids": np.ones((1, 2), np.int32), "a/b": np.ones(1), "a%2Fb": np.zeros(1)})
    with pytest.raises(TokembError, match=r"a.npz is not a valid .npz file: a%2Fb.npy occurs more than once"):
        open_ids(path)


def test_archive_of_another_program_keeps_its_names(tmp_path):
    np.savez(tmp_path / "a.npz", **{"ids": np.ones((1, 2), np.int32), "a/b": np.ones(1), "50%": np.zeros(1)})
    assert open_ids(tmp_path / "a.npz").kept_columns.names == ["a/b", "50%"]
    pq.write_table(pa.table({"ids": [[1]], "../x": [1]}), tmp_path / "a.parquet")
    assert open_ids(tmp_path / "a.parquet").kept_columns.names == ["../x"]
