"""Encoding of rows as ``tf.train.Example`` protocol buffers, many rows at a time.

A message is a sequence of fields. A field is a tag, the length of its content, and the content, which may be a message.
Lengths and other integers are varints: seven bits per byte, the lowest first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokemb._arrays import Array, Int64, UInt8

_BYTES = pa.large_binary()

# Tags of fields with a length: those with the numbers 1 and 2, and the kinds of lists in a Feature.
_FIRST, _SECOND = b"\x0a", b"\x12"
_LISTS = {"bytes_list": b"\x0a", "float_list": b"\x12", "int64_list": b"\x1a"}


def encode_examples(features: Mapping[str, pa.Array]) -> pa.Array:
    """Encode one Example per row.

    Args:
        features: The features of all rows by name, as ``encode_feature`` returns them. Null if a row has none.

    Returns:
        ``large_binary`` (rows,). Features are in the order of their names, as in deterministic serialization.
    """
    entries = []
    for name in sorted(features, key=str.encode):
        key = _FIRST + _encode_varint(len(name.encode())) + name.encode()
        entry = _encode_field(_FIRST, _join(key, _encode_field(_SECOND, features[name])))
        entries.append(entry.fill_null(b""))
    return _encode_field(_FIRST, _join(*entries))


def encode_feature(kind: str, content: pa.Array) -> pa.Array:
    """Encode one Feature per row.

    Args:
        kind: The kind of the list in the Feature, for example ``"int64_list"``.
        content: The encoded content of the lists, ``large_binary`` (rows,).
    """
    return _encode_field(_LISTS[kind], content)


def encode_numbers(values: Array, row_splits: Int64) -> pa.Array:
    """Encode lists of int64 or float32. Row ``i`` holds ``values[row_splits[i]:row_splits[i + 1]]``."""
    if values.dtype.kind == "f":
        packed = _binary_slices(np.ascontiguousarray(values, "<f4").view(np.uint8), 4 * row_splits)
    else:
        content, ends = _encode_varints(values.astype(np.int64))
        packed = _binary_slices(content, ends[row_splits])
    # An empty list has no field of numbers.
    return pc.if_else(pc.equal(pc.binary_length(packed), 0), pa.scalar(b"", _BYTES), _encode_field(_FIRST, packed))


def encode_texts(values: pa.Array) -> pa.Array:
    """Encode lists that hold one text or one bytes value each."""
    return _encode_field(_FIRST, values)


def _encode_field(tag: bytes, content: pa.Array) -> pa.Array:
    """Encode one field per row. Null content gives null."""
    lengths = pc.binary_length(content).fill_null(0).to_numpy()
    sizes, ends = _encode_varints(lengths)
    return _join(tag, _binary_slices(sizes, ends), content)


def _join(*parts: pa.Array | bytes) -> pa.Array:
    """Concatenate bytes row by row. A null part makes the row null."""
    columns = [pa.scalar(part, _BYTES) if isinstance(part, bytes) else part for part in parts]
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", _BYTES))


def _binary_slices(content: UInt8, splits: Int64) -> pa.Array:
    """Return ``content[splits[i]:splits[i + 1]]`` for each row ``i`` as ``large_binary`` (rows,), without copying."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(splits)), pa.py_buffer(content)]
    return pa.Array.from_buffers(_BYTES, len(splits) - 1, buffers)


def _encode_varints(values: Int64) -> tuple[UInt8, Int64]:
    """Encode integers as varints.

    Returns:
        The bytes, uint8 (bytes,), and the offset of each varint and of the end, int64 (total + 1,).
    """
    remaining = values.view(np.uint64)
    sizes = np.ones(len(remaining), np.int64)
    highest = int(remaining.max(initial=0))
    count = max(-(-highest.bit_length() // 7), 1)
    for number in range(1, count):
        sizes += remaining >= np.uint64(1 << 7 * number)
    ends = np.zeros(len(remaining) + 1, np.int64)
    np.cumsum(sizes, out=ends[1:])
    content = np.empty(int(ends[-1]), np.uint8)
    positions = ends[:-1]
    for number in range(count):
        low = (remaining & np.uint64(127)).astype(np.uint8)
        last = remaining < 128
        content[positions] = np.where(last, low, low | 128)
        if number < count - 1:
            more = ~last
            remaining, positions = remaining[more] >> np.uint64(7), positions[more] + 1
    return content, ends


def _encode_varint(value: int) -> bytes:
    return _encode_varints(np.array([value]))[0].tobytes()
