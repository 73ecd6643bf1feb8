"""Full disks and interrupted runs leave nothing under the final name, and lose nothing that was there."""

from __future__ import annotations

import errno
import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tokemb
from tests.conftest import ROOT
from tokemb.files.atomic import atomic_file, atomic_folder
from tokemb.files.locked_folder import locked_folder
from tokemb.files.output_kind import Kind
from tokemb.formats import OutputOptions, Writer
from tokemb.rows.disk_buffer import DiskBuffer
from tokemb.rows.ragged import Ragged

pytestmark = pytest.mark.slow

ANY = Kind("anything", lambda _: True)

COMMANDS = {
    "count": "count - -o out.parquet",
    "fit-vocab": "fit-vocab - -o out",
    "encode": "encode - --vocab v --maxlen 4 -o out.npy",
    "embed": "embed - --vocab v --model m.keras --pooling mean -o out.npy",
}


def start(here, command, **kwargs):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
    return subprocess.Popen(
        [sys.executable, "-m", "tokemb_cli", *command.split()],
        cwd=here,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        **kwargs,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    here = tmp_path_factory.mktemp("model")
    encoder = tokemb.fit_vocab(["a b c"])
    encoder.save(here / "v")
    tokemb.embedding_model(encoder, 50, seed=0).save(here / "m.keras")
    return here


@pytest.fixture
def here(model, tmp_path):
    for name in ("v", "m.keras"):
        (tmp_path / name).symlink_to(model / name)
    return tmp_path


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_interrupted_run_leaves_no_output(here, command, number, code):
    kept = {name: (here / name).stat().st_ino for name in ("v", "m.keras")}
    process = start(here, COMMANDS[command])
    # It reads what we write until we close, so it is at work when it has swallowed more than a pipe holds.
    for _ in range(10):
        process.stdin.write(b"a b c d\n" * 60_000)
    process.stdin.flush()
    time.sleep(0.3)
    process.send_signal(number)
    _, shown = process.communicate()
    assert process.returncode == code, shown.decode()
    left = sorted(path.name for path in here.iterdir() if not path.name.startswith(".tokemb-"))
    assert left == ["m.keras", "v"]
    assert {name: (here / name).stat().st_ino for name in kept} == kept
    if number != signal.SIGKILL:
        assert not list(here.glob(".tokemb-*")), "nothing temporary either"
    if number != signal.SIGKILL:
        word = "interrupted" if number == signal.SIGINT else "terminated"
        assert shown.decode() == f"{word}: no incomplete file stays\n"


@pytest.mark.parametrize("command", ["encode", "embed"])
@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
def test_no_space_left(here, command):
    import resource

    np.save(here / "out.npy", np.zeros((3, 2), np.int32 if command == "encode" else np.float32))
    before = (here / "out.npy").read_bytes()
    process = start(
        here, COMMANDS[command], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    )
    _, shown = process.communicate(b"a b c\n" * 100_000)
    assert process.returncode == 1
    # What the limit says; a full disk says "no space left on device".
    compiling = "tokemb compiles its kernels for this machine, once: up to half a minute\n"
    assert shown.decode().removeprefix(compiling) == "Error: file too large: out.npy\n"
    assert (here / "out.npy").read_bytes() == before
    assert not list(here.glob(".tokemb-*"))


def test_a_full_device(tmp_path, monkeypatch):
    """The same for a vocabulary folder, on a disk that is full."""
    encoder = tokemb.fit_vocab(["a"])
    encoder.save(tmp_path / "v")
    before = {path.name: path.read_bytes() for path in (tmp_path / "v").iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tokemb.files.atomic._flush", full)
    with pytest.raises(OSError, match="No space left"):
        tokemb.fit_vocab(["b"]).save(tmp_path / "v")
    assert {path.name: path.read_bytes() for path in (tmp_path / "v").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_a_failure_between_two_renames_puts_the_old_folder_back(tmp_path, monkeypatch):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "old").write_text("old")
    rename = os.rename
    calls = []

    def third_fails(source, target):
        calls.append(target)
        if len(calls) == 3:  # the first finds that something is there
            raise OSError(5, "Input/output error")
        return rename(source, target)

    monkeypatch.setattr("tokemb.files.atomic.exchange", lambda *_: False)
    monkeypatch.setattr(os, "rename", third_fails)
    with pytest.raises(OSError, match="Input/output error"), atomic_folder(tmp_path / "v", ANY) as new:
        (new / "new").write_text("new")
    assert [path.name for path in (tmp_path / "v").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_an_error_inside_keeps_what_was_there(tmp_path):
    (tmp_path / "x.npy").write_text("old")
    with pytest.raises(RuntimeError), atomic_file(tmp_path / "x.npy") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert (tmp_path / "x.npy").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_a_symbolic_link_is_written_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.npy").symlink_to(tmp_path / "real" / "x.npy")
    with atomic_file(tmp_path / "link.npy") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.npy").is_symlink()
    assert (tmp_path / "real" / "x.npy").read_text() == "new"


def test_a_device_is_not_replaced(tmp_path):
    with pytest.raises(OSError, match="must be a regular file"), atomic_file(tmp_path.__class__(os.devnull)):
        pass


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_error_of_the_disk_without_a_name_names_the_output(tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match=f"{os.strerror(number)}: 'x.npy'"), atomic_file(Path("x.npy")):
        raise OSError(number, "a reason of a library")
    with pytest.raises(OSError, match=f"{os.strerror(number)}: 'v'"), atomic_folder(Path("v"), ANY):
        raise OSError(number, "a reason of a library")
    assert not list(tmp_path.iterdir())


def test_full_disk_leaves_no_temporary_folder_and_no_lock(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tokemb.files.locks._write_owner", full)
    with pytest.raises(OSError, match="No space left") as raised, atomic_file(tmp_path / "x.npy"):
        pass
    assert raised.value.filename == str(tmp_path)
    with pytest.raises(OSError, match="No space left") as raised, locked_folder(tmp_path / "shards"):
        pass
    assert raised.value.filename == str(tmp_path / "shards" / ".tokemb-lock")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="a full device of Linux")
@pytest.mark.parametrize("rows", [1, 10_000])
def test_disk_that_is_full_while_rows_are_buffered_names_the_output(tmp_path, monkeypatch, rows):
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Path("/dev/full").open("r+b"))
    ids = Ragged(np.zeros(rows, np.int32), np.arange(rows + 1))
    with pytest.raises(OSError, match="No space left") as raised, DiskBuffer(tmp_path / "x.npy") as buffer:
        buffer.append(ids)
        list(buffer.blocks())
    assert raised.value.filename == str(tmp_path / "x.npy")


@pytest.mark.skipif(sys.platform != "linux", reason="a full device of Linux")
@pytest.mark.parametrize("rows", [1, 200_000])
def test_disk_that_is_full_while_a_file_is_decompressed_names_the_folder_of_temporary_files(
    tmp_path, monkeypatch, rows
):
    stream = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": pa.array(range(rows))}), stream)
    (tmp_path / "x.parquet.gz").write_bytes(gzip.compress(stream.getvalue(), 1))
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Path("/dev/full").open("r+b"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(OSError, match="No space left") as raised:
        next(tokemb.read_corpus(tmp_path / "x.parquet.gz"))
    assert raised.value.filename == str(tmp_path)


def test_error_that_names_the_temporary_names_the_output(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, atomic_file(tmp_path / "x.npy") as temporary:
        temporary.open("rb")
    assert raised.value.filename == str(tmp_path / "x.npy")
    with (
        pytest.raises(FileNotFoundError) as raised,
        atomic_folder(tmp_path / "v", ANY) as temporary,
    ):
        (temporary / "a" / "b").open("wb")
    assert raised.value.filename == str(tmp_path / "v" / "a" / "b")


def test_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, atomic_file(tmp_path / "x.npy"):
        (tmp_path / "input").open("rb")
    assert raised.value.filename == str(tmp_path / "input")
    with pytest.raises(OSError, match="Input/output error") as failed, atomic_file(tmp_path / "x.npy"):
        raise OSError(errno.EIO, "Input/output error")  # reading gives this too
    assert failed.value.filename is None


def test_input_output_error_while_writing_names_the_output(tmp_path):
    class Failing(Writer):
        def __init__(self, target, layout):
            super().__init__(target, layout)

        @classmethod
        def check(cls, layout):
            pass

        def _write(self, block):
            raise OSError(errno.EIO, "Input/output error")

        def _complete(self):
            pass

        def _close(self):
            pass

    layout = OutputOptions("ids", np.dtype(np.int32), (1,))
    with pytest.raises(OSError, match=r"Input/output error: '.*x\.npy'"), Failing(tmp_path / "x.npy", layout) as writer:
        writer.append(np.zeros((1, 1), np.int32))
