"""Corpora in files: text, CSV, JSON Lines, Parquet and Arrow, compressed or not, as one stream of Arrow batches."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tokemb._validation import check_choice
from tokemb.sources import texts
from tokemb.sources.blocks import utf8_blocks, whole_lines
from tokemb.sources.columns import Columns, Location
from tokemb.sources.compressed import OnRead, is_worth_a_thread, open_stream
from tokemb.sources.lines import rows_of_lines
from tokemb.sources.listing import Source, find_sources
from tokemb.sources.prefetch import Item, prefetch
from tokemb.sources.signatures import CheckedStream

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

Batches = Generator[pa.RecordBatch, None, None]


def read_corpus(
    files: str | Path | Iterable[str | Path],
    *,
    column: str | None = None,
    keep: Iterable[str] = (),
    format: str | None = None,  # noqa: A002 - what everyone calls it
    missing: str = "error",
    errors: str = "strict",
    header: bool = True,
    delimiter: str | None = None,
    quoting: str | None = None,
    filesystem: FileSystem | None = None,
    on_read: OnRead | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read texts, and columns beside them, from files of any size, some megabytes at a time.

    ``files``: one or many of: names of files, patterns (``"data/*.jsonl.gz"``), folders (all files of known extensions
    in them, sorted by name), ``"-"`` for standard input, addresses (``s3://``, ``gs://``, ``hdfs://``, ``file://``).
    ``column``: the one that holds the texts; ``None`` for the only one, or the one called ``text``.
    ``keep``: other columns to read along.
    ``format``: ``"text"``, ``"csv"``, ``"tsv"``, ``"jsonl"``, ``"parquet"`` or ``"arrow"``; ``None`` for what the
    extensions say. ``.gz``, ``.bz2``, ``.zst`` and ``.xz`` after them are decompressed.
    ``missing``: ``"error"``, or ``"empty"`` to read missing texts as empty ones.
    ``errors``: ``"strict"``, or ``"replace"`` to read bytes that are not UTF-8 as U+FFFD.
    ``header``: whether CSV files name their columns; without they are ``"0"``, ``"1"``, ...
    ``delimiter``: the character between the fields of CSV files; text files and unknown extensions are CSV then.
    ``quoting``: ``"minimal"`` if fields of CSV files may be enclosed in quotes, ``"none"`` if quotes are text; ``None``
    for ``"none"`` where a tab is the delimiter, and ``"minimal"`` elsewhere.
    ``filesystem``: a ``pyarrow.fs.FileSystem`` in which all ``files`` are paths.
    ``on_read``: called, from any thread, with how many bytes more were read from disk, compressed as they are.

    Yields ``pyarrow.RecordBatch`` (rows,) of one schema, at least one: first the texts, ``large_string`` (whole numbers
    become their decimal digits) or, of a column of lists, ``large_list<large_string>``; then the kept columns.
    Raises ``TextError``, naming file and row or line, for what is not as it should be, ``OSError`` for files that
    cannot be read, ``ArgumentError`` for wrong settings.
    """
    columns = Columns(column, keep, missing)
    check_choice("errors", errors, ("strict", "replace"))
    sources = find_sources(files, format, filesystem, delimiter, quoting)
    return _in_good_size(_batches(sources, columns, errors, bool(header), on_read), columns)


def read_table(
    files: str | Path | Iterable[str | Path],
    columns: Iterable[str] | None = None,
    *,
    typed: Iterable[str] = (),
    format: str | None = None,  # noqa: A002
    errors: str = "strict",
    header: bool = True,
    delimiter: str | None = None,
    quoting: str | None = None,
    filesystem: FileSystem | None = None,
    on_read: OnRead | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read columns of tables, none of which is the text; all arguments but these are those of ``read_corpus``.

    ``columns``: the wanted ones, ``None`` for all that the first file has. ``typed``: those in which the numbers of a
    CSV file are numbers, as in kept columns of ``read_corpus``; the others hold its fields as texts.

    Yields ``pyarrow.RecordBatch`` (rows,) of one schema, at least one; texts are ``large_string``, null is missing.
    """
    from tokemb.sources.table_columns import TableColumns  # here, so that texts do not wait for it

    check_choice("errors", errors, ("strict", "replace"))
    wanted = TableColumns(columns, typed)
    sources = find_sources(files, format, filesystem, delimiter, quoting)
    return _in_good_size(_batches(sources, wanted, errors, bool(header), on_read), wanted)


def _batches(sources: list[Source], columns: Columns, errors: str, header: bool, on_read: OnRead | None) -> Batches:
    for source in sources:
        of_one = _of_one(source, columns, errors, header, on_read)
        with closing(_ahead(of_one, is_worth_a_thread(source))) as batches:
            yield from batches
    columns.check_seen()


def _of_one(source: Source, columns: Columns, errors: str, header: bool, on_read: OnRead | None) -> Batches:
    if source.format in ("parquet", "arrow"):
        from tokemb.sources.columnar import columnar_batches  # here, so that text files do not wait for Parquet

        yield from columnar_batches(source, columns, errors, on_read)
        return
    # Decompressing takes the longest, so that it has a thread of its own, apart from parsing.
    apart = source.compression is not None and is_worth_a_thread(source)
    with closing(_ahead(_blocks(source, on_read), apart)) as blocks:
        yield from _parsed(utf8_blocks(blocks, source.name, errors), source, columns, header)


def _ahead(items: Generator[Item, None, None], is_worth_it: bool) -> Generator[Item, None, None]:
    return prefetch(items) if is_worth_it else items


def _parsed(blocks: Iterator[bytes], source: Source, columns: Columns, header: bool) -> Iterator[pa.RecordBatch]:
    if source.format == "jsonl":
        from tokemb.sources.json_lines import json_batches

        return json_batches(blocks, source.name, columns)
    if source.delimiter is not None:
        from tokemb.sources.delimited import Dialect, delimited_batches

        dialect = Dialect(source.delimiter, source.quoting, header, source.own_delimiter is not None)
        return delimited_batches(blocks, source.name, columns, dialect)
    return _lines(blocks, source.name, columns)


def _blocks(source: Source, on_read: OnRead | None) -> Generator[bytes, None, None]:
    with open_stream(source, on_read) as opened:
        stream = CheckedStream(opened, source.name)
        if source.delimiter is None or source.quoting == "none":
            yield from whole_lines(stream)
        else:
            from tokemb.sources.records import whole_records  # here, so that text files do not wait for it

            yield from whole_records(stream, source.name, source.delimiter)


def _lines(blocks: Iterator[bytes], name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    column, line = columns.choose_lines(name), 1
    for block in blocks:
        rows = rows_of_lines(block)
        yield from columns.batches(column, rows, {}, Location(name, "line", line))
        line += len(rows)


def _in_good_size(batches: Batches, columns: Columns) -> Batches:
    """Join batches that are much smaller than they might be; without any, yield one of no rows."""
    waiting: list[pa.RecordBatch] = []
    size = rows = total = 0
    for batch in batches:
        size += columns.size(batch)
        rows += len(batch)
        total += len(batch)
        waiting.append(batch)
        if 2 * size >= texts.BATCH_BYTES or 2 * rows >= texts.BATCH_ROWS:
            yield _joined(waiting)
            waiting, size, rows = [], 0, 0
    if waiting:
        yield _joined(waiting)
    elif not total:
        yield pa.RecordBatch.from_pylist([], schema=columns.schema())


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
