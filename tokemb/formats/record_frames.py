"""The frames of records in a ``.tfrecord``: lengths and CRC-32C checksums."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from tokemb import kernels
from tokemb.kernels.structs import UInt8, UInt64

# Castagnoli's polynomial, its bits in the order in which the bytes come.
_POLYNOMIAL = 0x82F63B78

# What stands around the content of a record: its length in eight bytes, and two checksums of four.
_FRAME = 16


def framed(records: pa.Array) -> UInt8:
    """``records``, ``large_binary`` (rows,) that begins where its memory does, as a part of a file: uint8 (bytes,)."""
    splits = np.frombuffer(records.buffers()[1], np.int64, len(records) + 1)
    content = np.frombuffer(records.buffers()[2] or b"", np.uint8)
    out = np.empty(int(splits[-1]) + _FRAME * len(records), np.uint8)
    kernels.frame(content, splits, _tables(), out, 0, len(records))
    return out


@cache
def _tables() -> UInt64:
    """uint64 (8, 256): what each byte makes of a checksum, if 0 to 7 bytes come after it."""
    tables = np.zeros((8, 256), np.uint64)
    tables[0] = np.arange(256)
    one = np.uint64(1)
    for _ in range(8):
        tables[0] = (tables[0] >> one) ^ np.where(tables[0] & one, np.uint64(_POLYNOMIAL), np.uint64(0))
    for number in range(1, 8):
        tables[number] = tables[0][tables[number - 1] & np.uint64(0xFF)] ^ (tables[number - 1] >> np.uint64(8))
    return tables
