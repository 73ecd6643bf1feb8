"""Kinds of kept columns, as the formats that are not Arrow's tell them apart."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt


def plain_type(kind: pa.DataType) -> pa.DataType:
    """``kind`` without a dictionary, and any string as ``large_string``."""
    if pt.is_dictionary(kind):
        kind = kind.value_type
    if pt.is_string(kind) or pt.is_string_view(kind):
        return pa.large_string()
    return kind


def plain(column: pa.Array) -> pa.Array:
    """``column`` as ``plain_type`` has it."""
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(plain_type(column.type))


def with_plain_nulls(kept: pa.RecordBatch) -> pa.RecordBatch:
    """Return ``kept`` with every missing value in the validity of its column.

    The entries of a dictionary can be missing too, which not all of Arrow expects.
    """
    columns = [_with_plain_nulls(column) for column in kept.columns]
    return pa.RecordBatch.from_arrays(columns, schema=kept.schema)


def _with_plain_nulls(column: pa.Array) -> pa.Array:
    if not pt.is_dictionary(column.type) or not column.dictionary.null_count:
        return column
    encoded = column.dictionary_decode().dictionary_encode()
    indices = encoded.indices.cast(column.type.index_type)
    return pa.DictionaryArray.from_arrays(indices, encoded.dictionary, ordered=column.type.ordered)


def is_number(kind: pa.DataType) -> bool:
    """Whether NumPy has such numbers or Booleans."""
    return pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind)


def is_moment(kind: pa.DataType) -> bool:
    """Whether NumPy's ``datetime64`` holds these."""
    return pt.is_date(kind) or pt.is_timestamp(kind)
