"""A signal ends the command in one line, whenever it comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

import tokemb
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has not these signals")

# Send the signal when the module of this name is imported, then run the command.
RUN = """
import os, sys
name, number = sys.argv[1], int(sys.argv[2])
sys.argv = ["tokemb", *sys.argv[3:]]

class Finder:
    def find_spec(self, found, path=None, target=None):
        if found == name:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Finder())
from tokemb_cli.__main__ import main
main()
"""


def run_signalled(here, module, number, *arguments, **environment):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
    return subprocess.run(
        [sys.executable, "-c", RUN, module, str(int(number)), *arguments],
        cwd=here,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    here = tmp_path_factory.mktemp("signals")
    (here / "x.txt").write_text("deep learning\n")
    tokemb.fit_vocab(["deep learning"]).save(here / "v")
    return here


@pytest.mark.parametrize("module", ["tokemb_cli.signals", "click", "tokemb_cli.streams"])
def test_interrupt_before_the_command_begins_is_one_line(here, module):
    run = run_signalled(here, module, signal.SIGINT, "--help")
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "interrupted: nothing was written\n")


@pytest.mark.parametrize(
    "module", ["tokemb_cli.encode", "numpy", "tokemb.formats", "pyarrow", "tokenizers", "tokemb.rows.disk_buffer"]
)
def test_interrupt_while_a_command_imports_is_one_line(here, module):
    run = run_signalled(here, module, signal.SIGINT, "encode", "x.txt", "--vocab", "v", "-o", "out.npy")
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "interrupted: no incomplete file stays\n")
    assert sorted(path.name for path in here.iterdir()) == ["v", "x.txt"]


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "hung up")],
)
def test_signal_that_asks_to_stop_is_named(here, number, code, word):
    run = run_signalled(here, "tokemb.encoder", number, "encode", "x.txt", "--vocab", "v", "-o", "out.npy")
    assert (run.returncode, run.stderr) == (code, f"{word}: no incomplete file stays\n")


def test_signal_that_was_ignored_stays_ignored(here):
    paths = os.pathsep.join([str(ROOT), str(ROOT / "cli")])
    run = subprocess.run(
        [sys.executable, "-c", RUN, "tokemb.encoder", str(int(signal.SIGHUP)), "inspect", "v"],
        cwd=here,
        env={**os.environ, "PYTHONPATH": paths},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


# Send the signal between two instructions of Python's import system, which its file name stands for.
IN_IMPORT_SYSTEM = """
import time
from tokemb_cli import signals

signals.install()
reached = []
source = "import os, signal; os.kill(os.getpid(), signal.SIGTERM); reached.append('end of the import')"
exec(compile(source, "<frozen importlib._bootstrap>", "exec"), {"reached": reached})
try:
    time.sleep(5)
except KeyboardInterrupt:
    print(*reached, signals.describe())
"""


def test_signal_inside_the_import_system_is_raised_after_it():
    run = subprocess.run(
        [sys.executable, "-c", IN_IMPORT_SYSTEM],
        env={**os.environ, "PYTHONPATH": str(ROOT / "cli")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "end of the import terminated\n", "")
