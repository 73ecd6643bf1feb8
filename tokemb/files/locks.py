"""Locks on folders that are being written; they end with the process that holds them, however it ends."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Programs that read a folder of files skip names that begin with a dot.
LOCK = ".tokemb-lock"

_UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}

# So that a link that others put in its place is not followed.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)

# A lock file can vanish while it is opened, because its holder removes it; each attempt takes microseconds.
_ATTEMPTS = 1000


@dataclass(frozen=True)
class Owner:
    """The process that holds a lock: its id, and the name of its host."""

    pid: int
    host: str

    @property
    def is_here(self) -> bool:
        """Whether the process runs, or ran, on this host."""
        return self.host == socket.gethostname()

    def __str__(self) -> str:
        return f"process {self.pid}" if self.is_here else f"process {self.pid} on {self.host}"


class FileLock:
    """A lock that this process holds: an open file, locked by the operating system."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor = path, descriptor

    def release(self) -> None:
        """Remove the file and give up the lock."""
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(self._descriptor)
            with suppress(OSError):
                self._path.unlink()
            return
        with suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)


def take_lock(path: Path) -> FileLock | None:
    """Take the lock at ``path``, or return ``None`` if another process, or another part of this one, holds it.

    The operating system frees the lock when its process ends, so that a file left by a killed process locks nothing.
    Where a file system has no locks, the file itself is the lock, and it is free if its process is known to have ended.
    Raises ``OSError`` if the file cannot be created, or is none that ``take_lock`` made: a link would have
    it change the file that it leads to.
    """
    for _ in range(_ATTEMPTS):
        opened = _open(path)
        if opened is None:
            continue
        descriptor, is_new = opened
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
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its last holder removed it: what is locked has no name any more
    return None


def owner_of(path: Path) -> Owner | None:
    """Return the process that took the lock at ``path``, ``None`` if that is not known."""
    try:
        if not _is_own_file(path):  # a pipe would never give anything
            return None
        pid, host = path.read_text("utf-8").split("\n")[:2]
        return Owner(int(pid), host)
    except (OSError, ValueError):
        return None


def _open(path: Path) -> tuple[int, bool] | None:
    """Open the file, and tell whether it is new; ``None`` if it vanished meanwhile."""
    with suppress(FileExistsError):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), True
    with suppress(FileNotFoundError):
        if not _is_own_file(path):
            raise OSError(errno.EINVAL, "not a lock of tokemb; move it away", str(path))
        return os.open(path, os.O_RDWR | _NO_LINK), False
    return None


def _is_own_file(path: Path) -> bool:
    """Whether ``path`` is a regular file without other names, and no link."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink <= 1


def _lock(descriptor: int) -> bool | None:
    """Lock a file without waiting: whether that was possible, ``None`` where there are no locks."""
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
    """Whether the open file is the one at ``path``."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


def _write_owner(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, f"{os.getpid()}\n{socket.gethostname()}\n".encode())


def _remove_if_ended(path: Path) -> bool:
    """Remove a lock file whose process has ended on this host; return whether that was so."""
    owner = owner_of(path)
    if owner is None or not owner.is_here or _is_alive(owner.pid):
        return False
    path.unlink(missing_ok=True)
    return True


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
