"""The frames of the records of a ``.tfrecord`` file, compiled: length, checksum of the length, content, checksum."""

from __future__ import annotations

import numpy as np

from tokemb._arrays import Int64, UInt8
from tokemb.kernels.compiler import inlined
from tokemb.kernels.structs import UInt64Matrix

_BYTE, _EIGHT, _WORD = np.uint64(0xFF), np.uint64(8), np.uint64(0xFFFFFFFF)


@inlined
def checksum(data: UInt8, start: int, stop: int, tables: UInt64Matrix) -> np.uint64:
    """Return the masked CRC-32C of ``data[start:stop]``, as TFRecord defines it."""
    crc = _WORD
    at = start
    while at + 8 <= stop:  # eight bytes at once, each by the table for its distance from the end
        rest = crc
        crc = np.uint64(0)
        for number in range(8):
            crc ^= tables[7 - number, (rest ^ np.uint64(data[at + number])) & _BYTE]
            rest >>= _EIGHT
        at += 8
    while at < stop:
        crc = tables[0, (crc ^ np.uint64(data[at])) & _BYTE] ^ (crc >> _EIGHT)
        at += 1
    crc ^= _WORD
    return ((crc >> np.uint64(15)) | (crc << np.uint64(17))) + np.uint64(0xA282EAD8)


@inlined
def put(value: np.uint64, size: int, out: UInt8, at: int) -> None:
    """Write the lowest ``size`` bytes of ``value`` to ``out``, little-endian."""
    for number in range(size):
        out[at + number] = np.uint8(value & _BYTE)
        value >>= _EIGHT


def frame(content: UInt8, splits: Int64, tables: UInt64Matrix, out: UInt8, first: int, last: int) -> None:
    """Write the records from ``first`` to before ``last``.

    Args:
        content: uint8, the content of all records.
        splits: int64 (records + 1,), the start of each content.
        tables: See ``tokemb.formats.tfrecord``.
        out: uint8, the content plus 16 bytes per record.
        first: The first record.
        last: The record after the last.
    """
    for row in range(first, last):
        start, stop = splits[row], splits[row + 1]
        at = start + 16 * row
        put(np.uint64(stop - start), 8, out, at)
        put(checksum(out, at, at + 8, tables), 4, out, at + 8)
        source, target = content[start:stop], out[at + 12 : at + 12 + stop - start]
        for i in range(len(target)):
            target[i] = source[i]
        put(checksum(content, start, stop, tables), 4, out, at + 12 + stop - start)
