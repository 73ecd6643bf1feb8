"""Parquet files of distinct tokens, read only if their tokens take about as much memory as the file has bytes."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tokemb.files.expansion import is_bomb
from tokemb.files.parquet_footer import read_chunks

TOKEN = "token"
# The key of the metadata of a file of token counts.
COUNTS_KEY = b"tokemb.counts"


def read_vocabulary(content: bytes, rows: int, schema: pa.Schema) -> pa.Table:
    """Read a ``vocabulary.parquet`` that must have so many ``rows``; raises ``ValueError`` if it is another table."""
    table = read_tokens(content, len(content), rows)
    if table.column_names != schema.names:
        raise ValueError(f"its columns must be {', '.join(schema.names)}; it has {', '.join(table.column_names)}")
    return table.cast(schema)


def read_tokens(source: Path | bytes, size: int, rows: int | None = None) -> pa.Table:
    """Read all columns of a file whose column ``token`` is text.

    A dictionary holds a token once, and so a small file can stand for a large column. Such a column is looked at in
    that form first.

    Args:
        source: A path, or the bytes of the file.
        size: The number of bytes.
        rows: How many rows there must be. By default every token must be another one, so that their number has a
            limit.

    Raises:
        ValueError: If there are more or fewer rows, or the table takes far more memory than the file has bytes.
    """
    with source.open("rb") if isinstance(source, Path) else BytesIO(source) as file:
        chunks = [chunk for group in read_chunks(file) for chunk in group]
    of_tokens = [chunk for chunk in chunks if chunk.path == (TOKEN,) and chunk.is_bytes]
    held = sum(chunk.values for chunk in of_tokens)
    if rows not in (None, held):
        raise ValueError(f"it must have a row for each of {rows:,} ids; it has {held:,}")
    if rows is None and is_bomb(8 * sum(chunk.values for chunk in chunks), size):
        raise ValueError(f"it has {held:,} rows and only {size:,} bytes")
    for chunk in of_tokens:
        if is_bomb(chunk.unpacked, chunk.stored):
            raise ValueError(f"its tokens unpack from {chunk.stored:,} to {chunk.unpacked:,} bytes")
    in_dictionaries = any(chunk.in_dictionary for chunk in of_tokens)
    columns = [TOKEN] if in_dictionaries else []
    # Not read_table: threads of its own may still run when the interpreter ends, which then aborts.
    opened = pa.OSFile(os.fsencode(source)) if isinstance(source, Path) else pa.BufferReader(source)
    with pq.ParquetFile(opened, read_dictionary=columns, page_checksum_verification=True) as file:
        table = file.read(use_threads=False)
    return _decoded(table, size) if in_dictionaries else table


def _decoded(table: pa.Table, size: int) -> pa.Table:
    """Return ``table`` without dictionaries; raises ``ValueError`` if its tokens are too long for that."""
    tokens = table[TOKEN]
    if not pa.types.is_dictionary(tokens.type):
        return table
    length = sum(
        pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices.cast(pa.int64()))).as_py() or 0
        for chunk in tokens.chunks
    )
    if is_bomb(length, size):
        raise ValueError(f"its tokens unpack from a file of {size:,} bytes to {length:,} bytes")
    return table.set_column(table.column_names.index(TOKEN), TOKEN, tokens.cast(tokens.type.value_type))
