"""Outputs and counts of private texts can be read by their user only, also while they are written."""

from __future__ import annotations

import os
import stat
import sys

import pytest

import tokemb
from tokemb.counts.spilled_counts import SpilledCounts
from tokemb.files import atomic
from tokemb.files.atomic import atomic_file

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")

OTHERS = stat.S_IRWXG | stat.S_IRWXO


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_new_content_of_a_private_file_is_never_open_to_others(tmp_path):
    path = tmp_path / "ids.npy"
    path.write_text("old")
    path.chmod(0o600)
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        assert not temporary.parent.stat().st_mode & OTHERS
    assert path.read_text() == "new"
    assert not path.stat().st_mode & OTHERS


def test_new_content_of_a_private_folder_is_never_open_to_others(tmp_path, monkeypatch):
    path, modes, put_in_place = tmp_path / "v", [], atomic._put_in_place

    def watch(new, *others):
        modes.append(new.stat().st_mode)
        return put_in_place(new, *others)

    encoder = tokemb.fit_vocab(["a"])
    encoder.save(path)
    assert path.stat().st_mode & OTHERS, "a new folder has the usual permissions"
    path.chmod(0o700)
    monkeypatch.setattr(atomic, "_put_in_place", watch)
    encoder.save(path)
    assert not any(mode & OTHERS for mode in (*modes, path.stat().st_mode))


def test_counts_on_disk_are_not_open_to_others(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    counts = SpilledCounts()
    [folder] = tmp_path.iterdir()
    assert not folder.stat().st_mode & OTHERS
    assert counts.parts == 0
