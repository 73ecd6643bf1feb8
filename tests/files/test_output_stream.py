"""Standard output gets every byte, or the command fails and names it."""

from __future__ import annotations

import errno
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types

import numpy as np
import pyarrow as pa
import pytest

import tokemb
from tests.conftest import ROOT, tokemb_command
from tokemb.files.output_stream import flush_all, start_writeback, write_all
from tokemb.formats import OutputOptions, open_writer

pytestmark = pytest.mark.slow

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has neither these signals nor non-blocking pipes")
FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
UNBUFFERED = ({}, {"PYTHONUNBUFFERED": "1"})
TEXT = "deep learning is very deep and not new at all\n"


class Sparing(io.RawIOBase):
    """Take a few bytes at a time, and none at every second call."""

    def __init__(self):
        self.content, self.calls = b"", 0

    def writable(self):
        return True

    def write(self, data):
        self.calls += 1
        if self.calls % 2:
            return None
        self.content += bytes(data[:7])
        return min(len(data), 7)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    here = tmp_path_factory.mktemp("streams")
    (here / "x.txt").write_text(TEXT * 20_000)
    encoder = tokemb.fit_vocab([TEXT])
    encoder.save(here / "v")
    tokemb.embedding_model(encoder, 3, seed=0).save(here / "m.keras")
    np.save(here / "ids.npy", encoder.encode([TEXT.strip()] * 20_000, maxlen=10))
    (here / "many.txt").write_text("deep\n" * 20_000)
    return here


def start(here, command, *options, **kwargs):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])}
    environment.pop("PYTHONUNBUFFERED", None)
    environment |= kwargs.pop("environment", {})
    arguments = [sys.executable, *options, "-m", "tokemb_cli", *command.split()]
    return subprocess.Popen(arguments, cwd=here, env=environment, stderr=subprocess.PIPE, **kwargs)


def read_slowly(reader):
    content = b""
    while block := os.read(reader, 1 << 16):
        content += block
        time.sleep(0.0002)
    os.close(reader)
    return content


COMMANDS = {
    "encode": "encode x.txt --vocab v --maxlen 10 -o -",
    "embed": "embed many.txt --vocab v --model m.keras --maxlen 1 -o -",
    "decode": "decode ids.npy --vocab v",
    "help": "--help",
}


@POSIX
@pytest.mark.parametrize(
    ("command", "options"), [("encode", ()), ("encode", ("-u",)), ("embed", ("-u",)), ("decode", ("-u",))]
)
def test_slow_reader_of_a_non_blocking_pipe_gets_every_byte(made, tmp_path, command, options):
    if command == "decode":
        expected = (made / "x.txt").read_bytes()
    else:
        to_file = COMMANDS[command].replace("-o -", f"-o {tmp_path}/x.jsonl").split()
        assert tokemb_command(*to_file, cwd=made).returncode == 0
        expected = (tmp_path / "x.jsonl").read_bytes()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with start(made, COMMANDS[command], *options, stdout=writer) as process:
        os.close(writer)
        content = read_slowly(reader)
        shown = process.stderr.read()
    assert process.returncode == 0, shown
    assert content == expected


@POSIX
@pytest.mark.parametrize("environment", UNBUFFERED)
def test_process_that_is_stopped_and_continued_writes_every_byte(made, environment):
    with start(made, COMMANDS["decode"], stdout=subprocess.PIPE, environment=environment) as process:
        reader, content = process.stdout.fileno(), b""
        for _ in range(20):  # it waits for the pipe, of which a write was only a part
            content += os.read(reader, 30_000)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.005)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.005)
        while block := os.read(reader, 1 << 16):
            content += block
        shown = process.stderr.read()
    assert process.returncode == 0, shown
    assert content == (made / "x.txt").read_bytes()


@FULL
@pytest.mark.parametrize(
    ("command", "environment"),
    [("encode", UNBUFFERED[0]), *((command, UNBUFFERED[1]) for command in COMMANDS), ("help", UNBUFFERED[0])],
)
def test_full_device_is_an_error_that_names_standard_output(made, command, environment):
    with open("/dev/full", "wb") as full, start(made, COMMANDS[command], stdout=full, environment=environment) as run:
        shown = run.stderr.read()
    assert (run.returncode, shown) == (1, b"Error: no space left on device: standard output\n")


@FULL
def test_messages_that_cannot_be_written_do_not_fail_a_command(made, tmp_path):
    with open("/dev/full", "wb") as full:
        command = ["encode", "x.txt", "--vocab", "v", "--maxlen", "3", "-o", str(tmp_path / "x.npy")]
        paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
        run = subprocess.run(
            [sys.executable, "-m", "tokemb_cli", *command],
            cwd=made,
            env={**os.environ, "PYTHONPATH": paths},
            stderr=full,
            check=False,
        )
    assert run.returncode == 0
    assert np.load(tmp_path / "x.npy").shape == (20_000, 3)


@POSIX
def test_reader_that_has_gone_ends_the_command_quietly(made):
    with start(made, COMMANDS["decode"], stdout=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@POSIX
def test_closed_standard_output_is_an_error_of_decode(made):
    with start(made, COMMANDS["decode"], preexec_fn=lambda: os.close(1)) as process:
        shown = process.stderr.read()
    assert (process.returncode, shown) == (1, b"Error: there is no standard output to write to\n")


@POSIX
def test_files_do_not_get_the_descriptor_of_a_closed_standard_stream(tmp_path):
    code = "from tokemb_cli import streams; streams.install(); f = open('x', 'w'); f.write(str(f.fileno()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")])}
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        preexec_fn=lambda: (os.close(0), os.close(1), os.close(2)),
        check=True,
    )
    assert int((tmp_path / "x").read_text()) > 2


def test_write_all_repeats_short_and_refused_writes():
    stream = Sparing()
    write_all(stream, memoryview(np.arange(100, dtype=np.int32)))
    assert stream.content == np.arange(100, dtype=np.int32).tobytes()


def test_jsonl_into_an_unbuffered_stream_holds_every_row():
    stream = Sparing()
    with open_writer(stream, OutputOptions("ids", np.dtype(np.int32), (3,))) as writer:
        writer.append(np.arange(30, dtype=np.int32).reshape(10, 3))
    assert stream.content.count(b"\n") == 10


@pytest.mark.parametrize("buffering", [0, 1 << 13])
@POSIX
def test_jsonl_into_a_non_blocking_socket_holds_every_row(buffering):
    ours, theirs = socket.socketpair()
    content = []
    reader = threading.Thread(target=lambda: content.append(read_slowly(theirs.detach())))
    reader.start()
    stream = ours.makefile("wb", buffering=buffering)
    ours.setblocking(False)
    with open_writer(stream, OutputOptions("ids", np.dtype(np.int32), (300,))) as writer:
        writer.append(np.arange(300_000, dtype=np.int32).reshape(1000, 300))
    flush_all(stream)
    stream.close()
    ours.close()
    reader.join()
    assert content[0].count(b"\n") == 1000
    assert content[0].endswith(b"299999]}\n")


def test_stream_that_takes_nothing_is_an_error():
    class Closed(io.BytesIO):
        def write(self, data):
            return 0

    with pytest.raises(OSError, match="accepts no more bytes"):
        write_all(Closed(), b"abc")


def test_stream_that_returns_nothing_has_taken_everything():
    class Silent:
        content = b""

        def write(self, data):
            self.content += bytes(data)

    stream = Silent()
    write_all(stream, b"abc")
    assert stream.content == b"abc"


@POSIX
@pytest.mark.parametrize("kind", ["text", "csv", "arrow"])
@pytest.mark.parametrize("buffering", [0, -1], ids=["raw", "buffered"])
def test_standard_input_that_does_not_block_is_waited_for(monkeypatch, kind, buffering):
    """As a parent process leaves it that reads or writes its own end so."""
    table = pa.table({"text": [f"row {number}" for number in range(50)]})
    content = "".join(f"{row}\n" for row in ["text", *table["text"].to_pylist()][kind == "text" :]).encode()
    if kind == "arrow":
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        content = sink.getvalue()
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)

    def feed():
        with open(theirs, "wb", buffering=0) as pipe:
            for start in range(0, len(content), 200):
                time.sleep(0.02)
                pipe.write(content[start : start + 200])

    feeder = threading.Thread(target=feed)
    feeder.start()
    with open(ours, "rb", buffering=buffering) as stream:
        monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=stream))
        rows = [text for batch in tokemb.read_corpus("-", format=kind) for text in batch["text"].to_pylist()]
    feeder.join()
    assert rows == table["text"].to_pylist()


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system cannot start to write a file")
def test_system_that_cannot_start_to_write_a_file_is_no_error(tmp_path, monkeypatch):
    requests = []

    def refuse(*arguments):
        requests.append(arguments[1:3])
        raise OSError(errno.EINVAL, "not supported")

    monkeypatch.setattr(os, "posix_fadvise", refuse)
    with (tmp_path / "ids.npy").open("wb") as file:
        file.write(b"header")
        file.write(b"rows")
        start_writeback(file, len(b"header"))
    assert requests == [(6, 4)]
    assert (tmp_path / "ids.npy").read_bytes() == b"headerrows"
