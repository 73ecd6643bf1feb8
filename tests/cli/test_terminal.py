"""Tests of progress on terminals, and of Ctrl-C while a command reads, waits or shows progress."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import tokemb
from tests.conftest import ROOT

pty = pytest.importorskip("pty", reason="no terminals here")

pytestmark = pytest.mark.slow

PROGRESS = re.compile(rb"[\d.,]+/[\d.,]+ [kM]?B|\d rows")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    here = tmp_path_factory.mktemp("corpus")
    (here / "x.txt").write_text("deep learning is very deep and not new at all\n" * 200_000)
    tokemb.fit_vocab(["deep learning is very deep"]).save(here / "v")
    return here


@pytest.fixture
def here(made, tmp_path):
    for path in made.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def start(here, command, **kwargs):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
    return subprocess.Popen(
        [sys.executable, "-m", "tokemb_cli", *command.split()],
        cwd=here,
        env={**os.environ, "PYTHONPATH": paths, "TERM": "xterm", "COLUMNS": "100"},
        **kwargs,
    )


class Terminal:
    """A process whose standard error is a terminal; ``shown`` is its output."""

    def __init__(self, here, command, **kwargs):
        self._end, other = pty.openpty()
        self.process = start(here, command, stderr=other, **kwargs)
        os.close(other)
        self.shown = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        try:
            while block := os.read(self._end, 1 << 16):
                self.shown += block
        except OSError:  # Linux raises it at the end
            pass

    def wait(self):
        code = self.process.wait(60)
        self._reader.join()
        os.close(self._end)
        return code


COMMANDS = [
    "fit-vocab x.txt -o out",
    "count x.txt -o out.parquet",
    "encode x.txt --vocab v --maxlen 4 -o out.npy",
    "encode x.txt --vocab v -o out.npz",
    "encode x.txt --vocab v --maxlen 4 --rows-per-shard 50000 -o out",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_progress_is_shown_on_a_terminal(here, command):
    terminal = Terminal(here, command)
    assert terminal.wait() == 0, terminal.shown
    assert PROGRESS.search(terminal.shown), terminal.shown
    assert b"\x1b[?25h" in terminal.shown, "the cursor is there again"
    last = terminal.shown.rstrip().splitlines()[-1]
    assert b"wrote out" in last or b"next " in last


@pytest.mark.parametrize("command", COMMANDS[2:])
def test_summary_in_a_pipe_is_one_line(here, command):
    process = start(here, command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    data, shown = process.communicate()
    assert (process.returncode, data) == (0, b"")
    shown = shown.removeprefix(b"tokemb compiles its kernels for this machine, once: up to half a minute\n")
    assert re.fullmatch(
        rb"wrote out.*200,?000.*rows read and written, 2,000,000 tokens, .* out of vocabulary, [\d,]+ rows truncated\n",
        shown,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_quiet_shows_nothing(here, command, monkeypatch):
    terminal = Terminal(here, f"{command} --quiet", stdout=subprocess.PIPE)
    with terminal.process.stdout as stdout:
        assert stdout.read() == b""
    assert terminal.wait() == 0
    compiling = b"tokemb compiles its kernels for this machine, once: up to half a minute\r\n"
    assert terminal.shown.removeprefix(compiling) == b""


def test_standard_output_contains_only_data(here):
    terminal = Terminal(here, "encode x.txt --vocab v --maxlen 4 -o -", stdout=subprocess.PIPE)
    with terminal.process.stdout as stdout:
        lines = stdout.read().splitlines()
    assert terminal.wait() == 0
    assert PROGRESS.search(terminal.shown)
    expected = tokemb.Encoder.load(here / "v").encode(["deep learning is very deep and not new at all"], maxlen=4)
    assert set(lines) == {b'{"ids":%s}' % str(expected[0].tolist()).replace(" ", "").encode()}
    assert len(lines) == 200_000


@pytest.mark.parametrize("command", COMMANDS)
def test_interrupt_during_progress_ends_in_one_line(here, command):
    for suffix in ("1", "2", "3"):  # enough work to continue after the first progress
        (here / f"x{suffix}.txt").write_bytes((here / "x.txt").read_bytes() * 5)
    terminal = Terminal(here, command.replace("x.txt", "x1.txt x2.txt x3.txt"))
    while not PROGRESS.search(terminal.shown) and terminal.process.poll() is None:
        time.sleep(0.01)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.wait() == 130, terminal.shown
    assert b"Traceback" not in terminal.shown
    assert b"\x1b[?25h" in terminal.shown, "the cursor is there again"
    assert re.search(rb"interrupted: [^\r\n]*\r\n$", terminal.shown)
    left = {path.name for path in here.iterdir()} - {"x.txt", "x1.txt", "x2.txt", "x3.txt", "v"}
    assert left <= ({"out"} if "shard" in command else set())


@pytest.mark.parametrize(
    "command",
    [
        "fit-vocab - -o out",
        "count - -o out.parquet",
        *(f"encode - --vocab v {options}" for options in ("-o out.npy", "--maxlen 4 -o out.npz", "--maxlen 4 -o -")),
    ],
)
@pytest.mark.parametrize("size", [0, 30_000_000])
def test_interrupt_while_waiting_for_input_ends_in_one_line(here, command, size):
    """The other end of the pipe neither writes nor closes it."""
    process = start(here, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    reader = threading.Thread(target=process.stdout.read)  # reads until the end of the stream
    reader.start()
    process.stdin.write(b"deep learning\n" * (size // 14))
    process.stdin.flush()
    time.sleep(0.3 if size else 1.5)  # having taken more than a pipe holds, it is at work; otherwise it must start
    process.send_signal(signal.SIGINT)
    code = process.wait(30)
    shown = process.stderr.read()
    reader.join()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    shown = shown.removeprefix(b"tokemb compiles its kernels for this machine, once: up to half a minute\n")
    what = b"standard output is incomplete" if size and command.endswith("-o -") else b"no incomplete file stays"
    assert (code, shown) == (130, b"interrupted: %s\n" % what)
    assert {path.name for path in here.iterdir()} == {"x.txt", "v"}


def test_rows_pass_a_pipe_in_order(here):
    """The consumer reads while rows are still written."""
    process = start(here, "encode - --vocab v --maxlen 2 -o out.npy", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    for part in range(3):
        process.stdin.write((b"deep\n" if part % 2 else b"very\n") * 2_000_000)
    _, shown = process.communicate()
    assert process.returncode == 0, shown
    first = np.load(here / "out.npy", mmap_mode="r")[:, 0]
    deep, very = tokemb.Encoder.load(here / "v").encode(["deep very"])[0].tolist()
    assert len(first) == 6_000_000
    assert [set(part.tolist()) for part in np.split(first, 3)] == [{very}, {deep}, {very}]
