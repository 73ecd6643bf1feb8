"""Lines of text, compiled."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int64, UInt8
from tokemb.kernels.simd import copy_folded, in_range, trailing_zeros
from tokemb.kernels.structs import WIDTH

_NEWLINE, _RETURN = 0x0A, 0x0D
# No byte of UTF-8 has this value, so no byte is changed when bytes are copied.
_NO_BYTE = 0xFF


def split_lines(data: UInt8, out: UInt8, ends: Int64) -> int:
    r"""Copy lines without ``\n`` and without a ``\r`` before it.

    Args:
        data: uint8 (size,), lines in UTF-8. The last may have no ``\n``.
        out: uint8, as many bytes and ``WIDTH`` more.
        ends: int64, one more than the number of lines. ``ends[i + 1]`` is set to the end of line ``i`` in ``out``.

    Returns:
        The number of lines.
    """
    at = to = lines = 0
    while at < len(data):
        if at + WIDTH <= len(data):
            copy_folded(data, at, _NO_BYTE, 0, out, to)
            length = trailing_zeros(in_range(data, at, _NEWLINE, 0))
            ended = length < WIDTH
        else:
            out[to], length = data[at], 1
            ended = data[at] == _NEWLINE
            length -= ended
        at += length + ended
        to += length
        if ended:
            if at > 1 and data[at - 2] == _RETURN:
                to -= 1
            lines += 1
            ends[lines] = to
    if len(data) and data[len(data) - 1] != _NEWLINE:
        lines += 1
        ends[lines] = to
    return lines


def count_newlines(data: UInt8) -> int:
    r"""Return the number of ``\n`` in ``data``, uint8 (size,)."""
    count, whole = 0, len(data) // WIDTH * WIDTH
    for at in range(0, whole, WIDTH):
        newlines = in_range(data, at, _NEWLINE, 0)
        while newlines:
            newlines &= newlines - np.uint64(1)
            count += 1
    for at in range(whole, len(data)):
        count += data[at] == _NEWLINE
    return count
