"""Locks: a second writer is refused at once, and what a killed process left locks nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

import tokemb
from tokemb.errors import OutputInUseError
from tokemb.files.locked_folder import locked_folder
from tokemb.files.locks import LOCK, owner_of, take_lock
from tokemb.files.temporaries import remove_abandoned, temporary_folder


@pytest.fixture
def no_locks(monkeypatch):
    """A file system that has no locks."""
    fcntl = pytest.importorskip("fcntl")

    def unsupported(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)


def ended_process():
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_second_writer_of_a_folder_is_refused_with_its_process(tmp_path):
    with locked_folder(tmp_path / "x"):
        with pytest.raises(OutputInUseError, match=f"x is being written by process {os.getpid()}: wait"):
            with locked_folder(tmp_path / "x"):
                pass
        assert owner_of(tmp_path / "x" / LOCK).pid == os.getpid()
        (tmp_path / "x" / "file").touch()
    assert os.listdir(tmp_path / "x") == ["file"]
    with locked_folder(tmp_path / "x"):
        pass


def test_a_new_folder_that_stays_empty_is_removed_again(tmp_path):
    with pytest.raises(RuntimeError), locked_folder(tmp_path / "x"):
        raise RuntimeError
    (tmp_path / "y").mkdir()
    with locked_folder(tmp_path / "y"):
        pass
    assert os.listdir(tmp_path) == ["y"]


def test_a_lock_without_support_of_the_file_system_is_the_file(tmp_path, no_locks):
    lock = take_lock(tmp_path / "lock")
    assert lock is not None
    assert take_lock(tmp_path / "lock") is None
    lock.release()
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("supported", [True, False])
def test_a_lock_file_of_an_ended_process_is_free(tmp_path, request, supported):
    if not supported:
        request.getfixturevalue("no_locks")
    taken = take_lock(tmp_path / "lock")
    host = owner_of(tmp_path / "lock").host
    taken.release()
    (tmp_path / "lock").write_text(f"{ended_process()}\n{host}\n")
    lock = take_lock(tmp_path / "lock")
    assert lock is not None
    lock.release()


def test_a_lock_file_of_another_host_is_held_without_support_of_the_file_system(tmp_path, no_locks):
    (tmp_path / LOCK).write_text(f"{ended_process()}\nelsewhere\n")
    with pytest.raises(OutputInUseError, match=r"by process \d+ on elsewhere"), locked_folder(tmp_path):
        pass


def test_temporaries_of_ended_processes_are_removed(tmp_path):
    left = tmp_path / ".tokemb-0123456789ab"
    (left / "x.npy").mkdir(parents=True)
    (tmp_path / ".tokemb-0123456789ab.txt").touch()  # not a name of ours
    (tmp_path / ".tokemb-0123456789ac").touch()  # nor a folder
    with temporary_folder(tmp_path) as live:
        remove_abandoned(tmp_path)
        assert live.is_dir()
        assert not left.exists()
    assert sorted(os.listdir(tmp_path)) == [".tokemb-0123456789ab.txt", ".tokemb-0123456789ac"]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no user id")
def test_temporaries_of_other_users_stay(tmp_path, monkeypatch):
    left = tmp_path / ".tokemb-0123456789ab"
    left.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: left.stat().st_uid + 1)
    remove_abandoned(tmp_path)
    assert left.exists()


def test_a_folder_that_takes_no_temporary_is_named_itself(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, temporary_folder(tmp_path / "nowhere"):
        pass
    assert raised.value.filename == str(tmp_path / "nowhere")


def test_temporaries_of_other_hosts_stay_for_a_week(tmp_path):
    left = tmp_path / ".tokemb-0123456789ab"
    left.mkdir()
    (left / LOCK).write_text("1\nelsewhere\n")
    remove_abandoned(tmp_path)
    assert left.exists()
    os.utime(left / LOCK, (0, 0))
    remove_abandoned(tmp_path)
    assert not left.exists()


def test_a_folder_that_was_moved_away_gets_its_name_back(tmp_path):
    left = tmp_path / ".tokemb-0123456789ab"
    (left / ".replaced" / "v").mkdir(parents=True)
    (left / ".replaced" / "v" / "old").touch()
    remove_abandoned(tmp_path)
    assert os.listdir(tmp_path) == ["v"]
    assert os.listdir(tmp_path / "v") == ["old"]


def test_a_vocabulary_that_was_moved_away_is_loaded(tmp_path):
    encoder = tokemb.fit_vocab(["a b"])
    left = tmp_path / ".tokemb-0123456789ab"
    (left / ".replaced").mkdir(parents=True)
    encoder.save(left / ".replaced" / "v")
    assert tokemb.Encoder.load(tmp_path / "v").fingerprint == encoder.fingerprint
    assert os.listdir(tmp_path) == ["v"]


LINKS = pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links need not be followed")


def wrong_lock(path, kind, target):
    """Put something at ``path`` that no run leaves there."""
    if kind == "symbolic link":
        path.symlink_to(target)
    elif kind == "hard link":
        path.hardlink_to(target)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)


@LINKS
@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "folder", "named pipe"])
def test_a_lock_that_is_no_file_of_its_own_changes_and_holds_up_nothing(tmp_path, kind):
    mine = tmp_path / "mine"
    mine.write_text("mine")
    left = tmp_path / "there" / ".tokemb-0123456789ab"
    left.mkdir(parents=True)
    wrong_lock(left / LOCK, kind, mine)
    with temporary_folder(tmp_path / "there"):
        pass
    wrong_lock(tmp_path / "there" / LOCK, kind, mine)
    with pytest.raises(OSError, match="not a lock"), locked_folder(tmp_path / "there"):
        pass
    assert mine.read_text() == "mine"


@LINKS
def test_nothing_is_moved_out_of_a_folder_that_a_temporary_links_to(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    left = tmp_path / "there" / ".tokemb-0123456789ab"
    left.mkdir(parents=True)
    (left / ".replaced").symlink_to(tmp_path / "mine")
    remove_abandoned(tmp_path / "there")
    assert os.listdir(tmp_path / "mine") == ["file"]
    assert not os.listdir(tmp_path / "there")
