r"""Text files with one row per line.

Only ``\n`` ends a line, and one ``\r`` before it is removed. A byte-order mark at the start of a file is removed. The
bytes must be UTF-8.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb import kernels
from tokemb._arrays import STRINGS, Int64
from tokemb.rows.threads import worth_kernel

_NEWLINE = ord("\n")


def rows_of_lines(block: bytes) -> pa.Array:
    """Split a block of whole lines into rows, as ``large_string`` ``(rows,)``, without a Python object per row."""
    offsets, text = _split_compiled(block) if worth_kernel(len(block)) else _split(block)
    return pa.Array.from_buffers(STRINGS, len(offsets) - 1, [None, pa.py_buffer(offsets), text])


def newlines_in(block: bytes) -> int:
    r"""Return the number of ``\n`` in a block."""
    data = np.frombuffer(block, np.uint8)
    if worth_kernel(len(block)):
        return kernels.count_newlines(data)
    return int(np.count_nonzero(data == _NEWLINE))  # faster than bytes.count


def _split(block: bytes) -> tuple[Int64, pa.Buffer]:
    """Return the offsets of the rows, int64 (rows + 1,), and their bytes."""
    block = block.replace(b"\r\n", b"\n")
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
    if block and not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    offsets = np.zeros(len(ends) + 1, np.int64)
    offsets[1:] = ends - np.arange(len(ends))  # the end of each row after the newlines are removed
    return offsets, pa.py_buffer(block.replace(b"\n", b""))


def _split_compiled(block: bytes) -> tuple[Int64, pa.Buffer]:
    """Return the same as ``_split``. Pages of ``ends`` that are never written take no memory."""
    from tokemb.kernels.structs import WIDTH  # a slow import that small inputs do not need

    text, ends = np.empty(len(block) + WIDTH, np.uint8), np.empty(len(block) + 1, np.int64)
    ends[0] = 0
    rows = kernels.split_lines(np.frombuffer(block, np.uint8), text, ends)
    offsets = ends[: rows + 1].copy()
    return offsets, pa.py_buffer(text[: int(offsets[-1])])
