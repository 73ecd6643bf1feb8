"""Rows as ``tf.train.Example``, in the bytes that protocol buffers have for them, many rows at a time.

A message is its fields one after the other: a tag, how long the field is, and its content, which may be a message.
Lengths and other whole numbers are varints: seven bits a byte, the lowest first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import Int64
from tokemb.formats.writer import Array

_BYTES = pa.large_binary()

# Tags of fields that have a length: those with number 1 and 2, and the kinds of list in a Feature.
_FIRST, _SECOND = b"\x0a", b"\x12"
_LISTS = {"bytes_list": b"\x0a", "float_list": b"\x12", "int64_list": b"\x1a"}


def examples(features: Mapping[str, pa.Array]) -> pa.Array:
    """An Example for each row: ``large_binary`` (rows,).

    ``features``: of each name those of all rows, as ``feature`` gives them; null for a row that has none.
    They stand in the order of their names, as serialising does that is deterministic.
    """
    entries = []
    for name in sorted(features, key=str.encode):
        key = _FIRST + _varint(len(name.encode())) + name.encode()
        entry = _field(_FIRST, _joined(key, _field(_SECOND, features[name])))
        entries.append(entry.fill_null(b""))
    return _field(_FIRST, _joined(*entries))


def feature(kind: str, content: pa.Array) -> pa.Array:
    """A Feature for each row with a list of this ``kind``, from the content of the lists."""
    return _field(_LISTS[kind], content)


def numbers(values: Array, row_splits: Int64) -> pa.Array:
    """The content of lists of int64 or float32: row ``i`` has ``values[row_splits[i]:row_splits[i + 1]]``."""
    if values.dtype.kind == "f":
        packed = _cut(np.ascontiguousarray(values, "<f4").view(np.uint8), 4 * row_splits)
    else:
        content, ends = _varints(values.astype(np.int64))
        packed = _cut(content, ends[row_splits])
    # A list of no numbers has no field for them.
    return pc.if_else(pc.equal(pc.binary_length(packed), 0), pa.scalar(b"", _BYTES), _field(_FIRST, packed))


def texts(values: pa.Array) -> pa.Array:
    """The content of lists of one text or one row of bytes each."""
    return _field(_FIRST, values)


def _field(tag: bytes, content: pa.Array) -> pa.Array:
    """A field with ``content`` for each row, null where that is null."""
    lengths = pc.binary_length(content).fill_null(0).to_numpy()
    sizes, ends = _varints(lengths)
    return _joined(tag, _cut(sizes, ends), content)


def _joined(*pieces: pa.Array | bytes) -> pa.Array:
    """Bytes one after the other, row by row; null where one is."""
    columns = [pa.scalar(piece, _BYTES) if isinstance(piece, bytes) else piece for piece in pieces]
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", _BYTES))


def _cut(content: npt.NDArray[np.uint8], splits: Int64) -> pa.Array:
    """``large_binary`` (rows,) of ``content[splits[i]:splits[i + 1]]``, without copying."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(splits)), pa.py_buffer(content)]
    return pa.Array.from_buffers(_BYTES, len(splits) - 1, buffers)


def _varints(values: Int64) -> tuple[npt.NDArray[np.uint8], Int64]:
    """``values`` (total,) as varints, uint8 (bytes,), and int64 (total + 1,) where each begins and the last ends."""
    rest = values.view(np.uint64)
    sizes = np.ones(len(rest), np.int64)
    highest = int(rest.max(initial=0))
    count = max(-(-highest.bit_length() // 7), 1)
    for number in range(1, count):
        sizes += rest >= np.uint64(1 << 7 * number)
    ends = np.zeros(len(rest) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    content = np.empty(int(ends[-1]), np.uint8)
    at = ends[:-1]
    for number in range(count):
        low = (rest & np.uint64(127)).astype(np.uint8)
        last = rest < 128
        content[at] = np.where(last, low, low | 128)
        if number < count - 1:
            more = ~last
            rest, at = rest[more] >> np.uint64(7), at[more] + 1
    return content, ends


def _varint(value: int) -> bytes:
    return _varints(np.array([value]))[0].tobytes()
