"""Kernels are compiled once a machine, and wherever the package is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT, python
from tokemb import kernels
from tokemb.kernels import machine_code
from tokemb.kernels.warm_up import load_llvm

pytestmark = pytest.mark.slow

PAD = """
import numpy as np
from tokemb import Ragged
import tokemb.rows.pack_rows
tokemb.rows.pack_rows.worth_kernel = lambda ids: True
print(Ragged.from_rows([[1, 2, 3], [], [4]]).pad(2).tolist())
"""
PADDED = "[[1, 2], [0, 0], [4, 0]]\n"
SAID = "tokemb compiles its kernels for this machine, once: up to half a minute\n"


def start(package_parent, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", PAD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=package_parent,
        env={**os.environ, "PYTHONPATH": str(package_parent), **environment},
    )


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A folder with the code that two processes compiled at once."""
    folder = tmp_path_factory.mktemp("compiled")
    runs = [start(ROOT, TOKEMB_CACHE_DIR=str(folder)) for _ in range(2)]
    for run in runs:
        out, err = run.communicate()
        assert (out, run.returncode) == (PADDED, 0), err
        assert err in ("", SAID)
    return folder


@pytest.fixture
def cache(compiled, tmp_path):
    """A copy of it, to change."""
    return shutil.copytree(compiled, tmp_path / "cache")


def test_compiled_once_even_by_two_at_once(compiled):
    again = start(ROOT, TOKEMB_CACHE_DIR=str(compiled))
    assert again.communicate() == (PADDED, ""), "it comes from the cache"


@pytest.mark.parametrize("home", ["home", "nowhere"])
def test_an_installation_that_cannot_be_written_to(tmp_path, home, monkeypatch):
    """The cache is then in the user's folder; without one, kernels are compiled again in each process."""
    monkeypatch.delenv("TOKEMB_CACHE_DIR", raising=False)
    shutil.copytree(ROOT / "tokemb", tmp_path / "tokemb", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (tmp_path / "tokemb", tmp_path / "tokemb" / "kernels"):
        (folder / "__pycache__").write_text("not a folder")
    (tmp_path / "home").mkdir()
    (tmp_path / "nowhere").write_text("not a folder")
    environment = {"HOME": str(tmp_path / home), "XDG_CACHE_HOME": str(tmp_path / home / "cache")}
    for said in (SAID, "" if home == "home" else SAID):
        assert start(tmp_path, **environment).communicate() == (PADDED, said)


@pytest.mark.parametrize("spoil", [lambda code: code[:1000], lambda code: code[:-1] + bytes([code[-1] ^ 1])])
def test_code_that_was_damaged_is_made_again(cache, spoil):
    [file] = cache.glob("rows.*")
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    assert start(ROOT, TOKEMB_CACHE_DIR=str(cache)).communicate() == (PADDED, "")
    assert file.read_bytes() == whole


def test_code_of_other_sources_is_not_used(cache, tmp_path):
    shutil.copytree(ROOT / "tokemb", tmp_path / "tokemb", ignore=shutil.ignore_patterns("__pycache__"))
    assert start(tmp_path, TOKEMB_CACHE_DIR=str(cache)).communicate() == (PADDED, ""), "the sources are equal"
    source = tmp_path / "tokemb" / "kernels" / "rows.py"
    source.write_text(source.read_text().replace("out[at:end] = fill", "out[at:end] = fill + 9"))
    assert start(tmp_path, TOKEMB_CACHE_DIR=str(cache)).communicate() == ("[[1, 2], [9, 9], [4, 9]]\n", SAID)


def test_llvm_loaded_before_the_first_kernel_is_that_of_the_kernel():
    load_llvm()
    linker = machine_code._linker()
    load_llvm()
    assert machine_code._linker() is linker
    assert kernels.count_newlines(np.frombuffer(b"a\nb\n", np.uint8)) == 2


def test_what_a_kernel_does_not_take():
    keep, splits, kept = np.ones(4, np.bool_), np.array([0, 2, 4]), np.zeros(2, np.int64)
    kernels.count_selected(keep, splits, kept, 0, 2)
    assert kept.tolist() == [2, 2]
    with pytest.raises(TypeError, match="contiguous"):
        kernels.count_selected(np.ones(8, np.bool_)[::2], splits, kept, 0, 2)
    with pytest.raises(TypeError):
        kernels.count_selected(keep, splits, kept, 0, 2.0)


def test_other_dtypes_are_other_code():
    """Nothing is read as what it is not."""
    kept = np.zeros(2, np.int32)
    kernels.count_selected(np.array([3, 0, 1, 1], np.uint8), np.array([0, 2, 4], np.int32), kept, 0, 2)
    assert kept.tolist() == [3, 2]


def test_a_disk_that_is_full(tmp_path):
    """Kernels that cannot be kept do their work all the same."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    run = python(limit + PAD, TOKEMB_CACHE_DIR=str(tmp_path))
    assert (run.stdout, run.stderr) == (PADDED, SAID)
