"""Types of kept columns, as the formats other than Arrow distinguish them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as pt


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return a type without dictionary encoding, with strings as ``large_string``."""
    if pt.is_dictionary(kind):
        kind = kind.value_type
    if pt.is_string(kind) or pt.is_string_view(kind):
        return pa.large_string()
    return kind


def plain(column: pa.Array) -> pa.Array:
    """Convert a column to its ``plain_type``."""
    if pt.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(plain_type(column.type))


def with_plain_nulls(kept: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with every missing value in the validity bitmap of its column.

    Entries of a dictionary can be missing too, which some functions of Arrow do not expect.
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
    """Return whether NumPy has a number or Boolean dtype for a type."""
    return pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind)


def is_moment(kind: pa.DataType) -> bool:
    """Return whether NumPy represents a type as ``datetime64``."""
    return pt.is_date(kind) or pt.is_timestamp(kind)
