r"""Text files with one row per line.

Only ``\n`` ends a line, and one ``\r`` before it is removed. A byte-order mark at the start of a file is removed. The
bytes must be UTF-8.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS

_NEWLINE = ord("\n")


def rows_of_lines(block: bytes) -> pa.Array:
    """Split a block of whole lines into rows, as ``large_string`` ``(rows,)``, without a Python object per row."""
    block = block.replace(b"\r\n", b"\n")
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
    if block and not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    offsets = np.zeros(len(ends) + 1, np.int64)
    offsets[1:] = ends - np.arange(len(ends))  # the end of each row after the newlines are removed
    text = pa.py_buffer(block.replace(b"\n", b""))
    return pa.Array.from_buffers(STRINGS, len(ends), [None, pa.py_buffer(offsets), text])
