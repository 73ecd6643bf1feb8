"""The buffers of an Arrow string array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb._arrays import Int64


def string_buffers(texts: pa.LargeStringArray) -> tuple[Int64, npt.NDArray[np.uint8]]:
    """Return the UTF-8 bytes of an array without copying them.

    Args:
        texts: ``large_string`` (rows,) without nulls. A slice gives only the bytes of its own rows.

    Returns:
        The offsets, int64 (rows + 1,), from 0, and the data, uint8 (bytes,). Text ``i`` is
        ``data[offsets[i]:offsets[i + 1]]``.
    """
    _, offsets_buffer, data_buffer = texts.buffers()
    if not len(texts) or data_buffer is None:  # an array without rows or bytes may have no buffers
        return np.zeros(len(texts) + 1, np.int64), np.zeros(0, np.uint8)
    offsets = np.frombuffer(offsets_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], data
