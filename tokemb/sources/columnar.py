"""Parquet and Arrow (Feather): columns of their own types, of which only the wanted ones are read."""

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
# Rows decoded at a time where a dictionary hides how long they are.
_DICTIONARY_ROWS = 1 << 12
# Bytes of a footer that Python parses at most, in a second. Arrow parses any, but ends the process for some damage.
_LARGE_FOOTER = 1 << 20


def columnar_batches(
    source: Source, columns: Columns, errors: str, on_read: OnRead | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of one file.

    ``on_read``: called with the size of the file once it is read, as it is read here and there.
    Raises ``TextError``, naming the file, for one that is broken or not of its format, and for token counts.
    """
    read = _parquet if source.format == "parquet" else _arrow
    row = 1
    with open_seekable(source) as file:
        for names, batch in read(source, file, columns):
            place = Location(source.name, "row", row)
            text, *kept = (validate(batch.column(name), name, place, errors) for name in names)
            yield from columns.batches(names[0], text, dict(zip(names[1:], kept, strict=True)), place)
            row += len(batch)
    if on_read is not None:
        on_read(source.size() or 0)


def _parquet(source: Source, file: Any, columns: Columns) -> Iterator[tuple[list[str], pa.RecordBatch]]:  # noqa: ANN401
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, buffer_size=_READ_BUFFER, pre_buffer=False, page_checksum_verification=True) as parquet:
        schema = parquet.schema_arrow  # made anew each time it is asked for
        if COUNTS_KEY in (schema.metadata or {}):
            raise TextError(f"{source.name} holds token counts, not texts: pass them to fit_vocab")
        names = _choose(schema.names, columns, source)
        yield names, _no_rows(schema, names)
        for group, (size, in_dictionary) in enumerate(_group_sizes(source, file, parquet, names)):
            left = parquet.metadata.row_group(group).num_rows
            rows = _rows_at_a_time(left, size, in_dictionary)
            for batch in parquet.iter_batches(rows, row_groups=[group], columns=names, use_threads=False):
                yield names, batch
                left -= len(batch)
            if left:
                raise TextError(f"{source.name} must hold all rows that its row group {group} counts; {left:,} lack")


def _group_sizes(source: Source, file: Any, parquet: Any, names: list[str]) -> list[tuple[int, bool]]:  # noqa: ANN401
    """Return, for each row group, the bytes of the columns ``names`` and whether one of them has a dictionary."""
    if parquet.metadata.serialized_size > _LARGE_FOOTER:
        return list(_group_sizes_of_arrow(parquet, names))
    try:
        groups = read_chunks(file)
    except ValueError as error:
        raise TextError(f"{source.name} is not a sound Parquet file: {error}") from None
    wanted = [[chunk for chunk in group if _belongs(chunk.path, set(names))] for group in groups]
    return [(sum(chunk.unpacked for chunk in group), any(chunk.in_dictionary for chunk in group)) for group in wanted]


def _group_sizes_of_arrow(parquet: Any, names: list[str]) -> Iterator[tuple[int, bool]]:  # noqa: ANN401 - ParquetFile
    wanted = set(names)
    paths = (parquet.schema.column(index).path.split(".") for index in range(len(parquet.schema)))
    columns = [index for index, path in enumerate(paths) if _belongs(path, wanted)]
    for number in range(parquet.num_row_groups):
        group = parquet.metadata.row_group(number)
        chunks = [group.column(index) for index in columns]
        size = sum(chunk.total_uncompressed_size for chunk in chunks)
        yield size, any(chunk.has_dictionary_page for chunk in chunks)


def _belongs(path: Sequence[str], names: Container[str]) -> bool:
    """Whether a column chunk is a part of one of the columns ``names``, whose names may hold dots."""
    return any(".".join(path[:depth]) in names for depth in range(1, len(path) + 1))


def _rows_at_a_time(rows: int, size: int, in_dictionary: bool) -> int:
    """Return how many of the ``rows`` of a row group, whose columns have ``size`` bytes, make about ``BATCH_BYTES``."""
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
        wanted = pa.ipc.IpcReadOptions(
            use_threads=False, included_fields=[reader.schema.get_field_index(name) for name in names]
        )
    file.seek(0)
    with pa.ipc.open_file(file, options=wanted) as reader:
        for index in range(reader.num_record_batches):
            yield names, reader.get_batch(index)


def _arrow_stream(source: Source, file: Any, columns: Columns) -> Iterator[tuple[list[str], pa.RecordBatch]]:  # noqa: ANN401
    """Read all streams of a file, one after the other; a file that is cut between two batches has the start of one."""
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
    """A batch that tells the types, in files without rows too."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, schema.field(name).type) for name in names], names)


def validate(column: pa.Array, name: str, place: Location, errors: str) -> pa.Array:
    """Check what Arrow does not when it reads: offsets, and that texts are UTF-8."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        if is_text and errors == "replace":
            content = column.cast(pa.binary() if pa.types.is_string(column.type) else pa.large_binary()).to_pylist()
            validate = [None if value is None else value.decode(errors="replace") for value in content]
            return pa.array(validate, column.type)
        raise TextError(
            f"the column {name!r} of {place.file} is not sound from {place.unit} {place.first} on: {error}"
        ) from None
    return column
