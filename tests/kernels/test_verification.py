"""Kernels are verified before they are called. Otherwise Numba compiles and calls them, with one warning."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest

from tests.conftest import ROOT
from tokemb.kernels import kernel, object_cache
from tokemb.kernels.kernel import Kernel
from tokemb.kernels.structs import PretokenTable, Text


@pytest.fixture
def unverified(monkeypatch):
    """Verify kernels again, in this test and after it."""
    kernel._convention_is_known.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    kernel._convention_is_known.cache_clear()


def selected_counts(count_selected):
    keep, splits, selected = np.array([True, False, True, True]), np.array([0, 2, 4]), np.zeros(2, np.int64)
    keep.flags.writeable = False  # as the buffers of Arrow
    assert count_selected(keep, splits, selected, 0, np.int32(2)) == 0
    return selected.tolist()


def test_known_versions_are_those_of_the_requirements():
    required = (ROOT / "setup.cfg").read_text("utf-8")
    for package, bounds in kernel.KNOWN_VERSIONS.items():
        first, end = (".".join(map(str, bound)) for bound in bounds)
        assert re.search(rf"^    {package}>={first},<{end}$", required, re.MULTILINE)


@pytest.mark.parametrize("version", ["0.70.0", "0.60.9", "1", "0.69.0rc1", "dev"])
def test_unknown_version_is_reported(monkeypatch, version):
    monkeypatch.setattr("importlib.metadata.version", lambda _: version)
    assert kernel._unknown_version() == f"numba {version} is not a version that it was tested with"


def test_release_candidate_of_a_known_version_is_known(monkeypatch):
    versions = {"numba": "0.68.0rc1", "llvmlite": "0.50.0"}
    monkeypatch.setattr("importlib.metadata.version", versions.get)
    assert kernel._unknown_version() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fault", "message"),
    [
        ("_unknown_version", lambda: "numba 9 is new", "numba 9 is new"),
        ("_OK", 5, "wrong result"),
        ("_machine", lambda: 1 / 0, "cannot be loaded .ZeroDivisionError"),
    ],
    ids=["version", "result", "loading"],
)
def test_numba_calls_kernels_that_cannot_be_verified(unverified, caplog, name, fault, message):
    unverified.setattr(kernel, name, fault)
    with caplog.at_level(logging.WARNING, "tokemb"):
        count_selected = Kernel("rows", "count_selected")
        assert selected_counts(count_selected) == [1, 2]
        assert selected_counts(count_selected) == [1, 2]
        found = np.zeros(2, np.int32)
        table = np.zeros(4 * 4, np.uint64), np.zeros(64, np.uint8), np.zeros(1, np.int64)
        texts = Text(np.zeros(66, np.uint8), np.array([0, 1, 2]))
        Kernel("pretoken_table", "find_all")(PretokenTable(*table), texts, found)
    warnings = [record.message for record in caplog.records if "in each process" in record.message]
    assert len(warnings) == 1
    assert re.search(message, warnings[0])


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_cache_that_others_can_write_to_is_not_used(tmp_path, monkeypatch, mode):
    monkeypatch.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    object_cache.write("a.o", b"code")
    assert object_cache.read("a.o") == b"code"
    (tmp_path / "cache").chmod(mode)
    assert object_cache.read("a.o") is None
    object_cache.write("b.o", b"code")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a.o"]


def test_cache_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path))
    tmp_path.chmod(0o700)
    object_cache.write("a.o", b"code")
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert (object_cache.read("a.o") is None) == (tmp_path.stat().st_uid != 0)
