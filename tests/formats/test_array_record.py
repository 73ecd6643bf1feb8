"""``.array_record`` files, which Grain and TensorFlow Datasets read."""

from __future__ import annotations

import os
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

import tokemb
from tests.conftest import command_here, examples, ok
from tests.formats.test_tfrecord import MORE
from tests.outputs import outputs
from tokemb.errors import ArgumentError, MissingPackageError, OutputExistsError, RowsLostError
from tokemb.formats import OutputOptions, open_writer

module = pytest.importorskip("array_record.python.array_record_module", reason="array-record is not installed")

IDS = OutputOptions("ids", np.dtype("int32"), (2,))


def records(path):
    reader = module.ArrayRecordReader(str(path))
    return [reader.read([index])[0] for index in range(reader.num_records())]


def records_of_tensorflow(path):
    """The records of a ``.tfrecord`` file, between their lengths and checksums."""
    content, found = path.read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        found.append(content[12 : 12 + length])
        content = content[16 + length :]
    return found


@examples(15)
@given(outputs(MORE))
def test_records_equal_those_of_tfrecord_files(tmp_path, output):
    path = output.write(tmp_path / "x.array_record")
    assert records(path) == records_of_tensorflow(output.write(tmp_path / "x.tfrecord"))
    assert path.read_bytes() == output.write(tmp_path / "y.array_record").read_bytes()


def test_data_source_of_grain_reads_single_rows_of_shards(tmp_path):
    from array_record.python.array_record_data_source import ArrayRecordDataSource

    (tmp_path / "texts.txt").write_text("a b\nc\nb b\na\nc a\n")
    encoder = tokemb.fit_vocab(tmp_path / "texts.txt")
    settings = {"maxlen": 2, "rows_per_shard": 2}
    for shard_format in ("array_record", "tfrecord"):
        folder = tmp_path / shard_format
        tokemb.encode_file(tmp_path / "texts.txt", encoder, folder, shard_format=shard_format, **settings)
    shards = sorted((tmp_path / "array_record").glob("*.array_record"))
    expected = [
        row for path in sorted((tmp_path / "tfrecord").glob("*.tfrecord")) for row in records_of_tensorflow(path)
    ]
    source = ArrayRecordDataSource([str(path) for path in shards])
    assert [source[row] for row in (4, 0, 3)] == [expected[row] for row in (4, 0, 3)]
    assert len(source) == len(expected) == 5
    # A run that is repeated writes the shards that are missing.
    before = [path.read_bytes() for path in shards]
    shards[1].unlink()
    tokemb.encode_file(
        tmp_path / "texts.txt", encoder, tmp_path / "array_record", shard_format="array_record", **settings
    )
    assert [path.read_bytes() for path in shards] == before


@pytest.mark.parametrize("shard_format", ["array_record", "tfrecord"])
def test_replaced_shards_are_removed(tmp_path, shard_format):
    (tmp_path / "texts.txt").write_text("a b\nc\nb b\n")
    arguments = tmp_path / "texts.txt", tokemb.fit_vocab(tmp_path / "texts.txt"), tmp_path / "shards"
    tokemb.encode_file(*arguments, maxlen=2, rows_per_shard=1, shard_format="array_record")
    tokemb.encode_file(*arguments, maxlen=2, rows_per_shard=2, shard_format=shard_format, force=True)
    names = sorted(path.name for path in (tmp_path / "shards").iterdir())
    assert names == ["_manifest.json", f"part-00000.{shard_format}", f"part-00001.{shard_format}"]


def test_command_prints_the_specification_of_the_records(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\na b,1\nc,0\n")
    ok(command_here(*"fit-vocab t.csv --column text -o v".split(), cwd=tmp_path))
    encode = "encode t.csv --column text --keep label --vocab v --maxlen 2 -o ids.array_record"
    shown = ok(command_here(*encode.split(), cwd=tmp_path)).stderr.decode()
    assert '"label": tf.io.FixedLenFeature([], tf.int64, default_value=-1)' in shown
    assert len(records(tmp_path / "ids.array_record")) == 2


def test_types_of_kept_columns_are_those_of_tfrecord_files(tmp_path):
    layout = OutputOptions("ids", np.dtype("int32"), (2,), pa.schema({"day": pa.date32()}))
    with pytest.raises(ArgumentError, match=r"^an \.array_record holds columns of numbers, .* write \.parquet$"):
        open_writer(tmp_path / "x.array_record", layout).__enter__()


def test_file_that_lost_records_is_an_error(tmp_path):
    with pytest.raises(RowsLostError), open_writer(tmp_path / "x.array_record", IDS) as writer:
        writer.append(np.ones((2, 2), np.int32))
        writer.rows += 1
    assert not list(tmp_path.iterdir())


def test_file_without_rows_is_replaced(tmp_path):
    for rows in (0, 2):
        with open_writer(tmp_path / "x.array_record", IDS) as writer:
            writer.append(np.ones((rows, 2), np.int32))
    assert len(records(tmp_path / "x.array_record")) == 2


def test_foreign_file_whose_first_record_is_empty_is_not_replaced(tmp_path):
    foreign = module.ArrayRecordWriter(str(tmp_path / "x.array_record"), "group_size:1")
    for record in (b"", b"another"):
        foreign.write(record)
    foreign.close()
    with pytest.raises(OutputExistsError), open_writer(tmp_path / "x.array_record", IDS) as writer:
        writer.append(np.ones((1, 2), np.int32))
    assert records(tmp_path / "x.array_record") == [b"", b"another"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems require names in UTF-8")
def test_name_that_is_not_utf8_is_written_and_replaced(tmp_path):
    path = tmp_path / os.fsdecode(b"\xe4.array_record")
    for rows in (1, 2):
        with open_writer(path, IDS) as writer:
            writer.append(np.ones((rows, 2), np.int32))
    (tmp_path / "x").write_bytes(path.read_bytes())
    assert len(records(tmp_path / "x")) == 2


def test_missing_package_is_an_error_that_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "array_record.python", None)
    with pytest.raises(MissingPackageError, match=r"not installed: pip install tokemb\[array-record\]$"):
        open_writer(tmp_path / "x.array_record", IDS).__enter__()
    assert not list(tmp_path.iterdir())
