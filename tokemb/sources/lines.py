r"""Text files, a row a line.

``\n`` ends a line and one ``\r`` before it goes; nothing else ends a line. A byte-order mark at the start of a file
goes. The bytes must be UTF-8.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS

_NEWLINE = ord("\n")


def rows_of_lines(block: bytes) -> pa.Array:
    """Cut a block of whole lines into rows (``large_string``), without a Python object for each."""
    block = block.replace(b"\r\n", b"\n")
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
    if block and not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    offsets = np.zeros(len(ends) + 1, np.int64)
    offsets[1:] = ends - np.arange(len(ends))  # where the row ends once the newlines before it are gone
    text = pa.py_buffer(block.replace(b"\n", b""))
    return pa.Array.from_buffers(STRINGS, len(ends), [None, pa.py_buffer(offsets), text])
