"""Kernels are verified before they are called. Otherwise Numba compiles and calls them, with one warning."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest

from tests.conftest import ROOT
from tokemb.kernels import calling, compiler, machine_code, object_cache, verification, versions
from tokemb.kernels.kernel import Kernel
from tokemb.kernels.structs import PretokenTable, Text


@pytest.fixture
def unverified(monkeypatch):
    """Verify kernels again, in this test and after it."""
    for cached in (verification.convention_is_known, verification.explain_fallback):
        cached.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    for cached in (verification.convention_is_known, verification.explain_fallback):
        cached.cache_clear()


def selected_counts(count_selected):
    keep, splits, selected = np.array([True, False, True, True]), np.array([0, 2, 4]), np.zeros(2, np.int64)
    keep.flags.writeable = False  # as the buffers of Arrow
    assert count_selected(keep, splits, selected, 0, np.int32(2)) == 0
    return selected.tolist()


def test_known_versions_are_those_of_the_requirements():
    required = (ROOT / "setup.cfg").read_text("utf-8")
    for package, bounds in versions.KNOWN_VERSIONS.items():
        first, end = (".".join(map(str, bound)) for bound in bounds)
        assert re.search(rf"^    {package}>={first},<{end}$", required, re.MULTILINE)


@pytest.mark.parametrize("version", ["0.70.0", "0.60.9", "1", "0.69.0rc1", "dev"])
def test_unknown_version_is_reported(version):
    reason = f"numba {version} is not a version that it was tested with"
    assert versions.reason_unknown("numba", version) == reason


def test_release_candidate_of_a_known_version_is_known():
    assert versions.reason_unknown("numba", "0.68.0rc1") is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "fault", "message"),
    [
        (verification, "_unknown_llvm", lambda: "llvmlite 9 is new", "llvmlite 9 is new"),
        (calling, "OK", 5, "wrong result"),
        (machine_code, "_machine", lambda: 1 / 0, "cannot be loaded .ZeroDivisionError"),
    ],
    ids=["version", "result", "loading"],
)
def test_numba_calls_kernels_that_cannot_be_verified(unverified, caplog, module, name, fault, message):
    unverified.setattr(module, name, fault)
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name", "fault", "message"),
    [
        (compiler.numba, "__version__", "0.99.0", "numba 0.99.0 is not a version"),
        (compiler, "llvm_types", lambda signature: ["ptr", "i64"], "passes arguments in another way"),
    ],
    ids=["version", "arguments"],
)
def test_numba_calls_kernels_that_it_compiles_in_an_unknown_way(
    unverified, tmp_path, caplog, module, name, fault, message
):
    assert verification.convention_is_known()
    unverified.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path))
    unverified.setattr(module, name, fault)
    with caplog.at_level(logging.WARNING, "tokemb"):
        assert selected_counts(Kernel("rows", "count_selected")) == [1, 2]
    assert [bool(re.search(message, record.message)) for record in caplog.records] == [True]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 7, 1000, -100])
def test_saved_code_that_llvm_does_not_accept_is_compiled_again(tmp_path, monkeypatch, caplog, size):
    monkeypatch.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path))
    assert selected_counts(Kernel("rows", "count_selected")) == [1, 2]
    [file] = tmp_path.glob("rows.*")
    code = object_cache.read(file.name)
    object_cache.write(file.name, code[:size])
    assert selected_counts(Kernel("rows", "count_selected")) == [1, 2]
    assert object_cache.read(file.name) == code
    assert not [record for record in caplog.records if "in each process" in record.message]


@pytest.mark.slow
def test_numba_calls_kernels_whose_new_code_llvm_does_not_accept(unverified, tmp_path, caplog):
    assert verification.convention_is_known()
    unverified.setenv(object_cache.FOLDER_VARIABLE, str(tmp_path))
    unverified.setattr(compiler, "object_code", lambda *_: b"code")
    with caplog.at_level(logging.WARNING, "tokemb"):
        assert selected_counts(Kernel("rows", "count_selected")) == [1, 2]
    assert ["cannot be loaded (RuntimeError)" in record.message for record in caplog.records] == [True]


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
