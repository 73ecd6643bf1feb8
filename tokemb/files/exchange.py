"""Exchange two names in one step, where the system can."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}

_LINUX_WORKING_DIRECTORY, _LINUX_EXCHANGE = -100, 1 << 1
_MACOS_SWAP = 1 << 1


def exchange(first: Path, second: Path) -> bool:
    """Give each of two files or folders the name of the other, at once; return ``False`` where that is not possible.

    Raises ``OSError`` if one of them is not there, or may not be renamed.
    """
    import ctypes  # here, so that outputs that replace nothing do not wait for it

    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
    if hasattr(library, "renameat2"):
        here = _LINUX_WORKING_DIRECTORY
        failed = library.renameat2(here, names[0], here, names[1], ctypes.c_uint(_LINUX_EXCHANGE))
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
