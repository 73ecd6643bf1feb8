"""Parquet files of distinct tokens, read only if their tokens take about as much memory as the file has bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tokemb.expansion import is_bomb

TOKEN = "token"

_DICTIONARIES = {"RLE_DICTIONARY", "PLAIN_DICTIONARY"}


def read_vocabulary(content: bytes, rows: int, schema: pa.Schema) -> pa.Table:
    """Read a ``vocabulary.parquet`` that must have so many ``rows``; raises ``ValueError`` if it is another table."""
    table = read_tokens(pa.py_buffer(content), len(content), rows)
    if table.column_names != schema.names:
        raise ValueError(f"its columns must be {', '.join(schema.names)}; it has {', '.join(table.column_names)}")
    return table.cast(schema)


def read_tokens(source: Path | pa.Buffer, size: int, rows: int | None = None) -> pa.Table:
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
    with pq.ParquetFile(_opened(source)) as file:
        in_dictionaries = _check_pages(file.metadata)
        held = file.metadata.num_rows
        if rows not in (None, held):
            raise ValueError(f"it must have a row for each of {rows:,} ids; it has {held:,}")
        if rows is None and is_bomb(held * file.metadata.num_columns * 8, size):
            raise ValueError(f"it has {held:,} rows and only {size:,} bytes")
    columns = [TOKEN] if in_dictionaries else []
    # Not read_table: threads of its own may still run when the interpreter ends, which then aborts.
    with pq.ParquetFile(_opened(source), read_dictionary=columns, page_checksum_verification=True) as file:
        table = file.read(use_threads=False)
    return _decoded(table, size) if in_dictionaries else table


def _opened(source: Path | pa.Buffer) -> Path | pa.BufferReader:
    return source if isinstance(source, Path) else pa.BufferReader(source)


def _check_pages(metadata: pq.FileMetaData) -> bool:
    """Return whether tokens are in dictionaries; raises ``ValueError`` for pages that are compressed too well."""
    in_dictionaries = False
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            if column.path_in_schema != TOKEN or column.physical_type != "BYTE_ARRAY":
                continue
            unpacked, stored = column.total_uncompressed_size, column.total_compressed_size
            if is_bomb(unpacked, stored):
                raise ValueError(f"its tokens unpack from {stored:,} to {unpacked:,} bytes")
            in_dictionaries |= not _DICTIONARIES.isdisjoint(column.encodings)
    return in_dictionaries


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
