"""Read Parquet files of distinct tokens, with a limit on the memory in relation to the file size."""

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
# The metadata key of a file of token counts.
COUNTS_KEY = b"tokemb.counts"


def read_vocabulary(content: bytes, rows: int, schema: pa.Schema) -> pa.Table:
    """Read a ``vocabulary.parquet`` with this number of rows. Raise ``ValueError`` if it is another table."""
    table = read_tokens(content, len(content), rows)
    if table.column_names != schema.names:
        raise ValueError(f"its columns must be {', '.join(schema.names)}; it has {', '.join(table.column_names)}")
    return table.cast(schema)


def read_tokens(source: Path | bytes, size: int, rows: int | None = None) -> pa.Table:
    """Read all columns of a file with a text column ``token``.

    A dictionary contains a repeated token once, so that a small file can represent a large column. Such a column is
    therefore read as a dictionary first.

    Args:
        source: A path, or the bytes of the file.
        size: The file size in bytes.
        rows: The required number of rows. By default the tokens must be distinct, which limits their number.

    Raises:
        ValueError: If there are more or fewer rows, or the table requires far more memory than the file size.
    """
    with source.open("rb") if isinstance(source, Path) else BytesIO(source) as file:
        chunks = [chunk for group in read_chunks(file) for chunk in group]
    token_chunks = [chunk for chunk in chunks if chunk.path == (TOKEN,) and chunk.is_bytes]
    found = sum(chunk.values for chunk in token_chunks)
    if rows not in (None, found):
        raise ValueError(f"it must have one row for each of {rows:,} ids; it has {found:,}")
    if rows is None and is_bomb(8 * sum(chunk.values for chunk in chunks), size):
        raise ValueError(f"it has {found:,} rows and only {size:,} bytes")
    for chunk in token_chunks:
        if is_bomb(chunk.unpacked, chunk.stored):
            raise ValueError(f"its tokens unpack from {chunk.stored:,} to {chunk.unpacked:,} bytes")
    in_dictionaries = any(chunk.in_dictionary for chunk in token_chunks)
    columns = [TOKEN] if in_dictionaries else []
    # Not read_table: its threads may still run when the interpreter ends, which then aborts.
    arrow_file = pa.OSFile(os.fsencode(source)) if isinstance(source, Path) else pa.BufferReader(source)
    with pq.ParquetFile(arrow_file, read_dictionary=columns, page_checksum_verification=True) as file:
        table = file.read(use_threads=False)
    return _decode_dictionary(table, size) if in_dictionaries else table


def _decode_dictionary(table: pa.Table, size: int) -> pa.Table:
    """Return ``table`` without a dictionary. Raise ``ValueError`` if the tokens would require too much memory."""
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
