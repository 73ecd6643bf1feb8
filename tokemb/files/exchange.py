"""Exchange the names of two files in one step, where the system supports it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}

_LINUX_WORKING_DIRECTORY, _LINUX_EXCHANGE = -100, 1 << 1
_MACOS_SWAP = 1 << 1


def exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two files or folders in one step. Return ``False`` if the system does not support it.

    Raises:
        OSError: If one of them does not exist or cannot be renamed.
    """
    import ctypes  # only here, because new outputs do not need it

    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
    if hasattr(library, "renameat2"):
        base = _LINUX_WORKING_DIRECTORY
        failed = library.renameat2(base, names[0], base, names[1], ctypes.c_uint(_LINUX_EXCHANGE))
    elif hasattr(library, "renamex_np"):
        failed = library.renamex_np(*names, ctypes.c_uint(_MACOS_SWAP))
    else:
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(second))
