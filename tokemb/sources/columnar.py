"""Parquet and Arrow (Feather) files. Only the selected columns are read."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import Any

import pyarrow as pa

from tokemb.errors import TextError
from tokemb.files.parquet_footer import read_chunks
from tokemb.files.parquet_tokens import COUNTS_KEY
from tokemb.sources import texts
from tokemb.sources.columns import Columns, Location
from tokemb.sources.compressed import OnRead, open_seekable
from tokemb.sources.listing import Source

_ARROW_FILE = b"ARROW1"
_READ_BUFFER = 1 << 20
# Rows decoded at a time from a dictionary, since its values can be of any length.
_DICTIONARY_ROWS = 1 << 12
# Size of the largest footer that Python parses, in about a second. Arrow parses any footer, but some corrupt footers
# crash the process.
_LARGE_FOOTER = 1 << 20


def columnar_batches(
    source: Source, columns: Columns, errors: str, on_read: OnRead | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the selected columns of one file.

    Args:
        source: The file.
        columns: The selection of columns.
        errors: ``"strict"``, or ``"replace"`` to read bytes that are not UTF-8 as U+FFFD.
        on_read: A function that is called with the size of the file once it has been read.

    Raises:
        TextError: If the file is corrupt, has another format, or contains token counts. The message names the file.
    """
    read = _parquet if source.format == "parquet" else _arrow
    row = 1
    with open_seekable(source) as file:
        for names, batch in read(source, file, columns):
            location = Location(source.name, "row", row)
            text, *kept = (validate(batch.column(name), name, location, errors) for name in names)
            yield from columns.batches(names[0], text, dict(zip(names[1:], kept, strict=True)), location)
            row += len(batch)
    if on_read is not None:
        on_read(source.size() or 0)


def _parquet(source: Source, file: Any, columns: Columns) -> Iterator[tuple[list[str], pa.RecordBatch]]:  # noqa: ANN401
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, buffer_size=_READ_BUFFER, pre_buffer=False, page_checksum_verification=True) as parquet:
        schema = parquet.schema_arrow  # each access builds a new schema
        if COUNTS_KEY in (schema.metadata or {}):
            raise TextError(f"{source.name} contains token counts, not texts: pass them to fit_vocab")
        names = _choose(schema.names, columns, source)
        yield names, _no_rows(schema, names)
        for group, (size, in_dictionary) in enumerate(_group_sizes(source, file, parquet, names)):
            remaining = parquet.metadata.row_group(group).num_rows
            rows = _batch_rows(remaining, size, in_dictionary)
            for batch in parquet.iter_batches(rows, row_groups=[group], columns=names, use_threads=False):
                yield names, batch
                remaining -= len(batch)
            if remaining:
                raise TextError(f"{source.name} is truncated: {remaining:,} rows of its row group {group} are missing")


def _group_sizes(source: Source, file: Any, parquet: Any, names: list[str]) -> list[tuple[int, bool]]:  # noqa: ANN401
    """Return the bytes of the columns ``names``, and whether one has a dictionary, for each row group."""
    if parquet.metadata.serialized_size > _LARGE_FOOTER:
        return list(_group_sizes_by_arrow(parquet, names))
    try:
        groups = read_chunks(file)
    except ValueError as error:
        raise TextError(f"{source.name} is not a valid Parquet file: {error}") from None
    selected = [[chunk for chunk in group if _belongs(chunk.path, set(names))] for group in groups]
    return [(sum(chunk.unpacked for chunk in group), any(chunk.in_dictionary for chunk in group)) for group in selected]


def _group_sizes_by_arrow(parquet: Any, names: list[str]) -> Iterator[tuple[int, bool]]:  # noqa: ANN401 - ParquetFile
    paths = (parquet.schema.column(index).path.split(".") for index in range(len(parquet.schema)))
    columns = [index for index, path in enumerate(paths) if _belongs(path, set(names))]
    for number in range(parquet.num_row_groups):
        group = parquet.metadata.row_group(number)
        chunks = [group.column(index) for index in columns]
        size = sum(chunk.total_uncompressed_size for chunk in chunks)
        yield size, any(chunk.has_dictionary_page for chunk in chunks)


def _belongs(path: Sequence[str], names: Container[str]) -> bool:
    """Return whether a column chunk is part of one of the columns ``names``. The names may contain dots."""
    return any(".".join(path[:depth]) in names for depth in range(1, len(path) + 1))


def _batch_rows(rows: int, size: int, in_dictionary: bool) -> int:
    """Return the rows per batch of about ``BATCH_BYTES``, for a row group of ``rows`` rows and ``size`` bytes."""
    step = min(texts.BATCH_BYTES * rows // max(size, 1), texts.BATCH_ROWS)
    return max(min(step, _DICTIONARY_ROWS) if in_dictionary else step, 1)


def _arrow(source: Source, file: Any, columns: Columns) -> Iterator[tuple[list[str], pa.RecordBatch]]:  # noqa: ANN401
    is_file = file.read(len(_ARROW_FILE)) == _ARROW_FILE
    file.seek(0)
    if not is_file:
        yield from _arrow_stream(source, file, columns)
        return
    with pa.ipc.open_file(file) as reader:
        names = _choose(reader.schema.names, columns, source)
        yield names, _no_rows(reader.schema, names)
        options = pa.ipc.IpcReadOptions(
            use_threads=False, included_fields=[reader.schema.get_field_index(name) for name in names]
        )
    file.seek(0)
    with pa.ipc.open_file(file, options=options) as reader:
        for index in range(reader.num_record_batches):
            yield names, reader.get_batch(index)


def _arrow_stream(source: Source, file: Any, columns: Columns) -> Iterator[tuple[list[str], pa.RecordBatch]]:  # noqa: ANN401
    """Read all streams of a file. A file that is truncated between two batches contains the start of one."""
    is_first = True
    while is_first or file.tell() < file.size():
        is_first = False
        with pa.ipc.open_stream(file, options=pa.ipc.IpcReadOptions(use_threads=False)) as reader:
            names = _choose(reader.schema.names, columns, source)
            yield names, _no_rows(reader.schema, names)
            for batch in reader:
                yield names, batch


def _choose(names: list[str], columns: Columns, source: Source) -> list[str]:
    text, kept = columns.choose(names, source.name)
    return [text, *kept]


def _no_rows(schema: pa.Schema, names: list[str]) -> pa.RecordBatch:
    """Return an empty batch. It gives the types of the columns, also for files without rows."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, schema.field(name).type) for name in names], names)


def validate(column: pa.Array, name: str, location: Location, errors: str) -> pa.Array:
    """Check the offsets and the UTF-8 of a column, which Arrow does not check when it reads.

    Args:
        column: The column.
        name: Its name.
        location: The location of its rows.
        errors: ``"strict"``, or ``"replace"`` to read bytes that are not UTF-8 as U+FFFD.

    Raises:
        TextError: If the column is corrupt. The message names the file.
    """
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        if is_text and errors == "replace":
            content = column.cast(pa.binary() if pa.types.is_string(column.type) else pa.large_binary()).to_pylist()
            replaced = [None if value is None else value.decode(errors="replace") for value in content]
            return pa.array(replaced, column.type)
        raise TextError(
            f"the column {name!r} of {location.file} is corrupt from {location.unit} {location.first} on: {error}"
        ) from None
    return column
