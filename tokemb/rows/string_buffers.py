"""The buffers of Arrow arrays of strings and of lists."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int64, UInt8


def arrow_strings(texts: Sequence[str]) -> pa.LargeStringArray:
    """Return ``texts`` as ``large_string`` (rows,).

    ``pyarrow.array`` imports pandas where it is installed. This takes as long as encoding some tens of megabytes.

    Args:
        texts: Values of the type ``str``, or of types derived from it.

    Raises:
        UnicodeEncodeError: If a text contains a lone surrogate.
    """
    if "pandas" in sys.modules:
        return pa.array(texts, STRINGS)
    encoded = list(map(str.encode, texts))
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
    return pa.LargeStringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def string_buffers(texts: pa.LargeStringArray) -> tuple[Int64, UInt8]:
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


def list_splits(rows: pa.LargeListArray) -> Int64:
    """Return the first value of each list of a column without nulls, and the number of values, int64 ``(rows + 1,)``.

    They are indices of ``rows.flatten()``.
    """
    return np.concatenate([[0], np.cumsum(rows.value_lengths().to_numpy())]).astype(np.int64)
