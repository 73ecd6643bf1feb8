"""Outputs that do not fit on the disk, or are next to nothing but padding, are refused before they are written."""

from __future__ import annotations

import shutil
from collections import namedtuple

import numpy as np
import pytest

import tokemb
from tests.conftest import command_here, ok
from tokemb.errors import ArgumentError
from tokemb.formats import OutputOptions, least_row_bytes
from tokemb.rows.output_size import check_length, check_room
from tokemb.rows.ragged import Ragged

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def here(tmp_path):
    (tmp_path / "x.txt").write_text("deep learning is very deep\n" * 200)
    tokemb.fit_vocab(["deep learning is very deep"]).save(tmp_path / "v")
    return tmp_path


@pytest.mark.parametrize("suffix", ["npy", "npz", "parquet", "tfrecord", "jsonl"])
def test_absurd_maxlen_is_refused_with_the_size(here, suffix):
    command = f"encode x.txt --vocab v --maxlen 1000000000 -o out.{suffix}"
    run = command_here(*command.split(), cwd=here)
    assert run.returncode == 2
    shown = run.stderr.decode()
    assert "5 ids in the first 200 rows, which take 800.0 GB if they are padded to 1,000,000,000" in shown
    assert sorted(path.name for path in here.iterdir()) == ["v", "x.txt"]


def test_absurd_maxlen_of_vectors_is_refused_with_the_size(here):
    ok(command_here(*"init-model --vocab v --dim 50 -o m.keras".split(), cwd=here))
    run = command_here(*"embed x.txt --vocab v --model m.keras --maxlen 10000000 -o out.npy".split(), cwd=here)
    assert run.returncode == 2
    assert b"take 400.0 GB" in run.stderr
    assert not (here / "out.npy").exists()


def test_absurd_maxlen_of_columns_of_lists_is_refused_with_the_size(here):
    (here / "t.jsonl").write_text('{"events":["a","b"],"n":1}\n' * 50)
    ok(command_here(*"fit-vocab t.jsonl --column events --column n -o columns".split(), cwd=here))
    run = command_here(*"encode t.jsonl --vocab columns --maxlen 1000000000 -o out.npz".split(), cwd=here)
    assert run.returncode == 2, run.stdout
    assert b"take 200.0 GB" in run.stderr
    assert not (here / "out.npz").exists()


@pytest.mark.parametrize("target", ["out.npy", "out.npz", "out.tfrecord", "out.jsonl", "shards --rows-per-shard 50"])
def test_output_larger_than_the_free_space_is_refused_with_the_size(here, monkeypatch, target):
    monkeypatch.setattr("tokemb.rows.output_size._MIN_CHECKED_BYTES", 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 1000, 1000))
    run = command_here(*f"encode x.txt --vocab v --maxlen 30 -o {target}".split(), cwd=here)
    assert run.returncode == 1
    assert b"GB free: pass a smaller maxlen" in run.stderr.replace(b"--maxlen", b"maxlen")
    assert not (here / target).exists()


def test_ids_whose_vectors_do_not_fit_are_refused_before_any_work(here, monkeypatch):
    ok(command_here(*"init-model --vocab v --dim 50 -o m.keras".split(), cwd=here))
    np.save(here / "ids.npy", np.ones((1000, 30), np.int32))
    monkeypatch.setattr("tokemb.rows.output_size._MIN_CHECKED_BYTES", 100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 5_000_000, 5_000_000))
    run = command_here(*"embed ids.npy --model m.keras -o out.npy".split(), cwd=here)
    assert (run.returncode, b"take at least 0.0 GB in out.npy" in run.stderr) == (1, True)


def test_rows_that_are_mostly_padding_are_written(here):
    ok(command_here(*"encode x.txt --vocab v --maxlen 100000 --dtype uint16 -o out.parquet".split(), cwd=here))
    short = Ragged.from_rows([[1]] * 10)
    check_length(short, 1000, 1 << 30)  # large, and a length that models have
    check_length(short, 1_000_000, 4)  # small
    with pytest.raises(ArgumentError, match="maxlen must be at most 1,000 times the length of the longest row"):
        check_length(short, 1001, 1 << 30)
    check_length(Ragged.from_rows([]), 1 << 30, 1 << 30)


def test_room_is_checked_on_the_disk_of_the_output(tmp_path, monkeypatch):
    asked = []

    def usage(path):
        asked.append(path)
        return Usage(10**12, 0, 10**12)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    monkeypatch.chdir(tmp_path)
    for name in ("x.npy", "new"):
        check_room(tmp_path.__class__(name), 10**9)
    assert asked == [tmp_path, tmp_path]
    check_room(tmp_path / "x.npy", 1000)
    assert len(asked) == 2


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".tfrecord", ".jsonl"])
@pytest.mark.parametrize("name", ["ids", "vectors"])
def test_least_size_of_rows_is_not_more_than_they_take(tmp_path, name, suffix):
    from tokemb.formats import open_writer

    layout = OutputOptions(name, np.dtype("int32" if name == "ids" else "float32"), (1000,))
    path = tmp_path / f"x{suffix}"
    with open_writer(path, layout) as writer:
        writer.append(np.zeros((100, 1000), layout.dtype))
    least = 100 * least_row_bytes(path, layout)
    assert least <= path.stat().st_size * (2 if suffix == ".npz" else 1)
    assert suffix == ".parquet" or least > 0
