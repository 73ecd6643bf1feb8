"""Commands in processes of their own that start in milliseconds: a server imports the command once and forks.

For tests that kill commands, or run them at the same time, hundreds of times.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

_SERVER = r"""
import json, os, sys

import tokemb, tokemb_cli.encode, tokemb_cli.fit_vocab
import tokemb.tables.folder, tokemb.pipeline.encode, tokemb.formats.shards, tokemb.sources.delimited
import tokemb.files.exchange, tokemb.formats.npz, tokemb.formats.parquet, tokemb.formats.tfrecord
from tokemb_cli.main import cli

try:
    import pandas  # pyarrow imports it, where it is installed, when it makes a table
except ImportError:
    pass

assert "tensorflow" not in sys.modules
os.fsync = lambda _: None  # it matters when the machine stops, not when a process is killed, and takes most of the time


def die_at(step):
    "Have the process killed before its call of the system with this number that changes a name or flushes a file."
    left = [step]

    def counted(function):
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), 9)
            return function(*arguments, **options)

        return call

    for name in ("rename", "replace", "mkdir", "unlink", "rmdir", "fsync", "ftruncate"):
        setattr(os, name, counted(getattr(os, name)))
    tokemb.files.atomic.exchange = counted(tokemb.files.atomic.exchange)


def run(request):
    os.chdir(request["folder"])
    out = os.open(request["shown"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if not request["exchange"]:
        tokemb.files.atomic.exchange = lambda *_: False
    if request["step"] is not None:
        die_at(request["step"])
    try:
        cli(request["arguments"], prog_name="tokemb")
    except SystemExit as error:
        return error.code or 0
    return 0


for line in sys.stdin:
    request = json.loads(line)
    if "wait" in request:
        _, status = os.waitpid(request["wait"], 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
        continue
    child = os.fork()
    if not child:
        code = 99
        try:
            code = run(request)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(child, flush=True)
"""


@dataclass
class Run:
    """A command that runs."""

    server: Forks
    pid: int
    shown: Path

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> tuple[int, str]:
        """Its exit code, negative for a signal, and what it printed."""
        code = int(self.server.ask(wait=self.pid))
        return code, self.shown.read_text()


class Forks:
    """The server."""

    def __init__(self, folder: Path) -> None:
        paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
        self._folder, self._count = folder, 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def ask(self, **request: object) -> str:
        """Send a request, and give the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def start(self, arguments: str, cwd: Path, *, exchange: bool = True, step: int | None = None) -> Run:
        """Start a command.

        ``exchange``: whether names can be exchanged in one step. ``step``: before which call of the system that
        changes a name, or flushes a file, the process is killed.
        """
        self._count += 1
        shown = self._folder / f"shown{self._count % 10}"
        request = {"arguments": arguments.split(), "folder": str(cwd), "shown": str(shown)}
        return Run(self, int(self.ask(**request, exchange=exchange, step=step)), shown)

    def run(self, arguments: str, cwd: Path, **options: object) -> tuple[int, str]:
        """Run a command to its end."""
        return self.start(arguments, cwd, **options).wait()

    def close(self) -> None:
        """End the server."""
        self._process.communicate()
