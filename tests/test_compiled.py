"""Kernels are compiled once a machine, and wherever the package is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT, python

PAD = """
import numpy as np
from tokemb import Ragged, threads
threads.kernels_pay = lambda size: True
import tokemb.row_layout
tokemb.row_layout.kernels_pay = lambda size: True
print(Ragged.from_rows([[1, 2, 3], [], [4]]).pad(2).tolist())
"""
PADDED = "[[1, 2], [0, 0], [4, 0]]\n"
SAID = "tokemb compiles its kernels for this machine, once: some seconds\n"


def start(package_parent, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", PAD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=package_parent,
        env={**os.environ, "PYTHONPATH": str(package_parent), **environment},
    )


def test_compiled_once_even_by_many_at_once(tmp_path):
    runs = [start(ROOT, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(3)]
    for run in runs:
        out, err = run.communicate()
        assert (out, run.returncode) == (PADDED, 0), err
        assert err in ("", SAID)
    again = start(ROOT, NUMBA_CACHE_DIR=str(tmp_path))
    assert again.communicate() == (PADDED, ""), "it comes from the cache"


@pytest.mark.parametrize("home", ["home", "nowhere"])
def test_an_installation_that_cannot_be_written_to(tmp_path, home):
    """The cache is then in the user's folder; without one, kernels are compiled again in each process."""
    shutil.copytree(ROOT / "tokemb", tmp_path / "tokemb", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (tmp_path / "tokemb", tmp_path / "tokemb" / "engine"):
        (folder / "__pycache__").write_text("not a folder")
    (tmp_path / "home").mkdir()
    (tmp_path / "nowhere").write_text("not a folder")
    environment = {"HOME": str(tmp_path / home), "XDG_CACHE_HOME": str(tmp_path / home / "cache")}
    for said in (SAID, "" if home == "home" else SAID):
        assert start(tmp_path, **environment).communicate() == (PADDED, said)


def test_a_disk_that_is_full(tmp_path):
    """Kernels that cannot be kept do their work all the same."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    run = python(limit + PAD, NUMBA_CACHE_DIR=str(tmp_path))
    assert (run.stdout, run.stderr) == (PADDED, SAID)
