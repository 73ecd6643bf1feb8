"""A row that is lost anywhere between what is read and what is written is an error, and nothing is written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import tokemb
from tests.conftest import command_here
from tokemb.errors import RowsLostError
from tokemb.formats.npy import GrowingArray
from tokemb.formats.parquet import ParquetWriter
from tokemb.formats.shards import ShardFolder
from tokemb.pipeline.encode import encode_corpus
from tokemb.pipeline.encoded_stream import EncodedStream, RowOptions
from tokemb.rows.disk_buffer import DiskBuffer
from tokemb.rows.ragged import Ragged

TEXTS = ["a b", "c", "", "a", "b b b"] * 20


@pytest.fixture
def encoder():
    return tokemb.fit_vocab(["a b c"])


def encode(encoder, output, maxlen=3, ragged=False):
    batches = iter([pa.record_batch({"text": pa.array(TEXTS, pa.large_string())})])
    return encode_corpus(encoder, batches, output, RowOptions(encoder.pad_truncate(maxlen, None, None), ragged=ragged))


def drop_last_row(rows):
    last = max(len(rows) - 1, 0)
    return rows.slice(0, last) if isinstance(rows, Ragged) else rows[:last]


@pytest.fixture
def lossy_encoding(monkeypatch):
    encode_batch = EncodedStream._encode_batch

    def lossy(self, batch):
        rows, kept = encode_batch(self, batch)
        return drop_last_row(rows), kept.slice(0, len(rows) - 1)

    monkeypatch.setattr(EncodedStream, "_encode_batch", lossy)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.parquet", "x.tfrecord", "x.jsonl"])
def test_a_row_lost_by_encoding_is_an_error(tmp_path, encoder, lossy_encoding, name):
    with pytest.raises(RowsLostError, match="100 rows were read but 99 written"):
        encode(encoder, tmp_path / name)
    assert not os.listdir(tmp_path)


def test_a_row_lost_by_the_spool_is_an_error(tmp_path, encoder, monkeypatch):
    blocks = DiskBuffer.blocks

    def lossy(self):
        for rows, kept in blocks(self):
            yield drop_last_row(rows), kept.slice(0, len(rows) - 1)

    monkeypatch.setattr(DiskBuffer, "blocks", lossy)
    unpadded = replace(encoder.pad_truncate(None, None, None), pad_to=None, truncate_to=None)
    batches = iter([pa.record_batch({"text": pa.array(TEXTS, pa.large_string())})])
    with pytest.raises(RowsLostError, match="100 rows were read but 99 written"):
        encode_corpus(encoder, batches, tmp_path / "x.npy", RowOptions(unpadded))
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "piece", "method"),
    [
        ("x.npy", GrowingArray, "append"),
        ("x.npz", GrowingArray, "append"),
    ],
)
def test_a_row_lost_by_a_format_is_an_error(tmp_path, encoder, monkeypatch, name, piece, method):
    append = getattr(piece, method)
    monkeypatch.setattr(piece, method, lambda self, rows: append(self, rows[:-1]))
    with pytest.raises(RowsLostError, match=r"100 rows were written to a \.np[yz] file that contains 99"):
        encode(encoder, tmp_path / name)
    assert not os.listdir(tmp_path)


def test_a_row_lost_by_parquet_is_an_error(tmp_path, encoder, monkeypatch):
    write = ParquetWriter._write
    monkeypatch.setattr(ParquetWriter, "_write", lambda self, block: write(self, block.slice(1, len(block))))
    with pytest.raises(RowsLostError, match=r"100 rows were written to a \.parquet file that contains 99"):
        encode(encoder, tmp_path / "x.parquet")
    assert not os.listdir(tmp_path)


def test_a_row_lost_in_shards_leaves_none_that_counts_as_whole(tmp_path, encoder, lossy_encoding, monkeypatch):
    with pytest.raises(RowsLostError, match="100 rows were read but 99 written"):
        encode(encoder, ShardFolder(tmp_path / "x", {}, 30))
    monkeypatch.undo()
    shards = ShardFolder(tmp_path / "x", {}, 30)
    report = encode(encoder, shards)
    assert (report.read, report.rows, shards.rows) == (100, 100, [30, 30, 30, 10])


def test_resumed_shards_count_with_the_rows_that_are_read(tmp_path, encoder):
    encode(encoder, ShardFolder(tmp_path / "x", {}, 30))
    (tmp_path / "x" / "part-00001.npz").unlink()
    report = encode(encoder, ShardFolder(tmp_path / "x", {}, 30))
    assert (report.read, report.rows) == (100, 70)


def test_a_row_lost_by_grouping_is_an_error(monkeypatch):
    monkeypatch.setattr(
        "tokemb.tables.events._order_by_group", lambda codes, _: (pa.array([0, 1]), np.array([0, 1, 2], np.int64))
    )
    with pytest.raises(RowsLostError, match="3 rows were read but 2 grouped"):
        tokemb.group_events({"user": ["u", "v", "u"], "item": ["a", "b", "c"]}, "user")


@pytest.mark.parametrize("name", ["x.npz", "x.parquet"])
def test_a_row_lost_in_a_table_is_an_error(tmp_path, monkeypatch, name):
    from tokemb.pipeline.encode_table import encode_table

    table = pa.table({"user": ["u", "v", "u"], "item": ["a", "b", "c"]})
    encoder = tokemb.ColumnEncoder.fit(table, columns=["user", "item"])
    encode_batch = tokemb.ColumnEncoder.encode_batch
    monkeypatch.setattr(
        tokemb.ColumnEncoder,
        "encode_batch",
        lambda *arguments: {column: ids[:-1] for column, ids in encode_batch(*arguments).items()},
    )
    with pytest.raises(RowsLostError, match="3 rows were read but 2 written"):
        encode_table(encoder, iter(table.to_batches()), tmp_path / name)
    assert not os.listdir(tmp_path)


def test_a_row_lost_by_counting_is_an_error(monkeypatch):
    from tokemb.engine import TokenCounter

    add = TokenCounter.add
    monkeypatch.setattr(TokenCounter, "add", lambda self, batch: add(self, batch.slice(1)))
    with pytest.raises(RowsLostError, match="3 rows were read but 2 counted"):
        tokemb.fit_vocab(["a", "b", "c"])


def test_a_row_lost_by_feeding_is_an_error(encoder, monkeypatch):
    from tokemb.keras.datasets.examples import ExampleMaker

    rows = ExampleMaker._rows
    monkeypatch.setattr(ExampleMaker, "_rows", lambda self, texts: drop_last_row(rows(self, texts)))
    maker = ExampleMaker(encoder, None, None, encoder.pad_truncate(3, None, None), 3, None, None)
    with pytest.raises(RowsLostError, match="3 rows were read but 2 encoded"):
        list(maker.from_batches([pa.record_batch({"text": pa.array(["a", "b", "c"], pa.large_string())})], None))


@pytest.mark.parametrize(
    "command",
    [
        "embed ids.npy --model text.keras -o x.npy",
        "embed text.txt --vocab text.vocab --model text.keras --pooling mean -o x.npy",
    ],
)
def test_a_row_lost_by_embedding_is_an_error(here, monkeypatch, command):
    from tokemb.models.embedder import Embedder

    vectors, pool_rows = Embedder.vectors, Embedder.pool_rows
    monkeypatch.setattr(Embedder, "vectors", lambda self, ids: vectors(self, ids[:-1]))
    monkeypatch.setattr(Embedder, "pool_rows", lambda self, rows, how: pool_rows(self, drop_last_row(rows), how))
    run = command_here(*command.split(), cwd=here)
    assert run.returncode == 1
    assert run.stderr.decode() == (
        "Error: 4 rows were read but 3 written, which is a defect of tokemb: please report it\n"
    )
    assert not (here / "x.npy").exists()


def test_a_row_lost_by_decoding_is_an_error(here, monkeypatch):
    decode = tokemb.Encoder.decode
    monkeypatch.setattr(tokemb.Encoder, "decode", lambda self, ids: decode(self, ids)[:-1])
    run = command_here(*"decode ids.npy --vocab text.vocab".split(), cwd=here)
    assert run.returncode == 1
    assert run.stderr.decode().startswith("Error: 4 rows were read but 3 written")


def test_commands_report_the_rows_that_they_read_and_write(here):
    Path(here, "log.csv").write_text("user,item\nu,a\nv,b\nu,c\n")
    how = "log.csv --column item --group-by user"
    run = command_here(*f"fit-vocab {how} -o v".split(), cwd=here)
    assert run.stderr.decode().startswith("read       3 rows in 2 groups, 3 tokens")
    run = command_here(*f"encode {how} --vocab v -o x.npy".split(), cwd=here)
    assert "; 3 rows read, 2 written, 3 tokens" in run.stderr.decode()
    assert np.load(here / "x.npy").shape == (2, 2)
