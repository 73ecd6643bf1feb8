"""The frames of records in a ``.tfrecord``: lengths and CRC-32C checksums."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa

from tokemb import kernels
from tokemb._arrays import UInt8, UInt64

# The Castagnoli polynomial with its bits reversed.
_POLYNOMIAL = 0x82F63B78

# The bytes around the content of a record: its length in eight bytes and two checksums of four.
_FRAME = 16


def frame_records(records: pa.Array) -> UInt8:
    """Return records with their frames, as they stand in a file.

    Args:
        records: ``large_binary`` (rows,) without an offset.

    Returns:
        uint8 (bytes,).
    """
    splits = np.frombuffer(records.buffers()[1], np.int64, len(records) + 1)
    content = np.frombuffer(records.buffers()[2] or b"", np.uint8)
    out = np.empty(int(splits[-1]) + _FRAME * len(records), np.uint8)
    kernels.frame(content, splits, _tables(), out, 0, len(records))
    return out


@cache
def _tables() -> UInt64:
    """Return the checksum tables, uint64 (8, 256): the effect of each byte value followed by 0 to 7 other bytes."""
    tables = np.zeros((8, 256), np.uint64)
    tables[0] = np.arange(256)
    one = np.uint64(1)
    for _ in range(8):
        tables[0] = (tables[0] >> one) ^ np.where(tables[0] & one, np.uint64(_POLYNOMIAL), np.uint64(0))
    for number in range(1, 8):
        tables[number] = tables[0][tables[number - 1] & np.uint64(0xFF)] ^ (tables[number - 1] >> np.uint64(8))
    return tables
