"""Locks of folders that are being written. The operating system releases a lock when its process ends."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

# Programs that read all files of a folder skip names that begin with a dot.
LOCK = ".tokemb-lock"

_UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}

# A link in place of the lock file is not followed.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)

# A lock file can vanish while it is opened, because its owner removes it. Each attempt takes microseconds.
_ATTEMPTS = 1000


class Owner(NamedTuple):
    """The process that holds a lock: its id and the name of its host."""

    pid: int
    host: str

    @property
    def is_here(self) -> bool:
        """Whether the process runs, or ran, on this host."""
        return self.host == socket.gethostname()

    def __str__(self) -> str:
        return f"process {self.pid}" if self.is_here else f"process {self.pid} on {self.host}"


class FileLock:
    """A lock that this process holds: an open file that the operating system has locked."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def release(self) -> None:
        """Remove the file and release the lock."""
        if sys.platform == "win32":  # Windows cannot remove an open file
            os.close(self._descriptor)
            with suppress(OSError):
                self._path.unlink()
            return
        with suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)


def take_lock(path: Path) -> FileLock | None:
    """Take the lock at ``path``. Return ``None`` if it is held, also if this process holds it.

    The operating system releases the lock when its process ends, so that the file of a killed process locks nothing.
    On a file system without locks, the file itself is the lock. It is free if its process is known to have ended.

    Raises:
        OSError: If the file cannot be created, or was not made by ``take_lock``. A link is rejected, because its target
            would be changed.
    """
    for _ in range(_ATTEMPTS):
        opened = _open(path)
        if opened is None:
            continue
        descriptor, is_new = opened
        locked: bool | None = None
        try:
            locked = _lock(descriptor)
            if locked is None:
                locked = is_new or _remove_if_ended(path)
                if locked and not is_new:
                    os.close(descriptor)
                    continue
            if not locked:
                os.close(descriptor)
                return None
            if _is_at(path, descriptor):
                _write_owner(descriptor)
                return FileLock(path, descriptor)
        except BaseException as error:
            if locked:
                with suppress(OSError):
                    path.unlink()
            os.close(descriptor)
            if isinstance(error, OSError) and error.filename is None:  # the disk is full
                raise OSError(error.errno, error.strerror, str(path)) from None
            raise
        os.close(descriptor)  # its last owner removed it, so that the locked file has no name any more
    return None


def owner_of(path: Path) -> Owner | None:
    """Return the process that took the lock at ``path``, or ``None`` if it is not known."""
    try:
        if not _is_own_file(path):  # reading from a pipe would block
            return None
        pid, host = path.read_text("utf-8").split("\n")[:2]
        return Owner(int(pid), host)
    except (OSError, ValueError):
        return None


def _open(path: Path) -> tuple[int, bool] | None:
    """Open the file, and return its descriptor and whether it is new, or ``None`` if it vanished meanwhile."""
    with suppress(FileExistsError):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), True
    with suppress(FileNotFoundError):
        if not _is_own_file(path):
            raise OSError(errno.EINVAL, "not a lock of tokemb; move it away", str(path))
        return os.open(path, os.O_RDWR | _NO_LINK), False
    return None


def _is_own_file(path: Path) -> bool:
    """Return whether ``path`` is a regular file, not a link, and has no other names."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink <= 1


def _lock(descriptor: int) -> bool | None:
    """Lock a file without waiting. Return whether it succeeded, or ``None`` if the file system has no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # beyond the content, which stays readable
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            return False
        if error.errno in _UNSUPPORTED:
            return None
        raise
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether the open file is the one at ``path``."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _write_owner(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, f"{os.getpid()}\n{socket.gethostname()}\n".encode())


def _remove_if_ended(path: Path) -> bool:
    """Remove a lock file if its process ran on this host and has ended. Return whether it was removed."""
    owner = owner_of(path)
    if owner is None or not owner.is_here or _is_alive(owner.pid):
        return False
    path.unlink(missing_ok=True)
    return True


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
