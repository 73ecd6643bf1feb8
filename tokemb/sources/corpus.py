"""Corpora in files of text, tables, CoNLL or documents, optionally compressed, as one stream of Arrow batches."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tokemb._validation import check_choice
from tokemb.errors import ArgumentError
from tokemb.files.output_stream import ByteStream
from tokemb.sources import texts
from tokemb.sources.blocks import join_last_line, utf8_blocks, whole_lines
from tokemb.sources.columns import Columns, Location
from tokemb.sources.compressed import OnRead, open_stream, worth_thread
from tokemb.sources.documents import document_batches
from tokemb.sources.lines import rows_of_lines
from tokemb.sources.listing import CONLL, DOCUMENTS, Source, find_sources
from tokemb.sources.prefetch import Item, prefetch
from tokemb.sources.signatures import CheckedStream

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

    from tokemb.sources.cells import CellParser

Batches = Generator[pa.RecordBatch, None, None]


def read_corpus(
    files: str | Path | Iterable[str | Path],
    *,
    column: str | Sequence[str] | None = None,
    tags: str | None = None,
    keep: Iterable[str] = (),
    format: str | None = None,  # noqa: A002 - the usual name
    missing: str = "error",
    errors: str = "strict",
    header: bool = True,
    delimiter: str | None = None,
    quoting: str | None = None,
    filesystem: FileSystem | None = None,
    on_read: OnRead | None = None,
    as_text: Iterable[str] = (),
) -> Iterator[pa.RecordBatch]:
    """Read texts, and other columns of the same rows, from files of any size in batches of a few megabytes.

    Args:
        files: One or several file names, globs (``"data/*.jsonl.gz"``), folders (all files with a known extension,
            sorted by name), URLs (``s3://``, ``gs://``, ``hdfs://``, ``file://``), or ``"-"`` for standard input.
        column: The text column. ``None`` selects the only column, or the one named ``text``. Two names select two text
            columns, for pairs of texts.
        tags: The column of the tags, one for each token of the text column. Texts in both columns are split at white
            space, so that both hold lists.
        keep: Other columns to read.
        format: ``"text"``, ``"csv"``, ``"tsv"``, ``"jsonl"``, ``"parquet"``, ``"arrow"`` or ``"conll"``. ``None``
            detects it from the extensions. ``.gz``, ``.bz2``, ``.zst`` and ``.xz`` after them are decompressed.
            ``"documents"`` reads each file as one row, with the columns ``text``, ``label`` (the name of its folder)
            and ``file``.
        missing: ``"error"``, or ``"empty"`` to read missing texts as empty texts.
        errors: ``"strict"``, or ``"replace"`` to read bytes that are not UTF-8 as U+FFFD.
        header: Whether the first row of CSV files has the column names. Otherwise they are ``"0"``, ``"1"``, ...
        delimiter: The character between the fields of CSV files. With it, text files and files with an unknown
            extension are read as CSV.
        quoting: ``"minimal"`` if fields of CSV files may be enclosed in quotes, ``"none"`` if quotes are text. ``None``
            means ``"none"`` if the delimiter is a tab, and otherwise ``"minimal"``.
        filesystem: A ``pyarrow.fs.FileSystem``. All ``files`` are paths in it.
        on_read: A function that is called, from any thread, with the number of (compressed) bytes read since its last
            call.
        as_text: Columns of ``keep`` that are read as texts from CSV files. By default, a column that contains only
            numbers in the first megabytes is a column of numbers, and other values further on are an error.

    Yields:
        At least one ``pyarrow.RecordBatch`` ``(rows,)``. All have one schema: first the texts as ``large_string``
        (integers become their decimal digits), or ``large_list<large_string>`` for a column of lists, then the second
        texts if ``column`` has two names, then the tags if there are any, then the kept columns.

    Raises:
        TextError: If the content of a file is invalid. The message names the file, and the row or line.
        OSError: If a file cannot be read.
        ArgumentError: If an argument is invalid.
    """
    columns = _columns_of(column, tags, keep, missing, as_text)
    check_choice("errors", errors, ("strict", "replace"))
    sources = find_sources(files, format, filesystem, delimiter, quoting)
    return _merge_small_batches(_batches(sources, columns, errors, bool(header), on_read), columns)


def _columns_of(
    column: str | Sequence[str] | None, tags: str | None, keep: Iterable[str], missing: str, as_text: Iterable[str]
) -> Columns:
    if column is None or isinstance(column, str):
        if tags is None:
            return Columns(column, keep, missing, as_text)
        from tokemb.sources.tag_columns import TagColumns  # imported late: most corpora have no tags

        return TagColumns(column, tags, keep, missing, as_text)
    if tags is not None:
        raise ArgumentError("tags must be left out for pairs of texts: pass one column of tokens")
    names = list(column)
    if len(set(names)) != 2 or len(names) != 2:
        received = ", ".join(map(repr, names)) or "no name"
        raise ArgumentError(
            f"column must be the name of a text column, or two different names; received {received:.80}"
        )
    from tokemb.sources.table_columns import PairColumns  # imported late: single texts do not need it

    return PairColumns(names, keep, missing, as_text)


def read_table(
    files: str | Path | Iterable[str | Path],
    columns: Iterable[str] | None = None,
    *,
    typed: Iterable[str] = (),
    cells: Mapping[str, CellParser] | None = None,
    exact: Iterable[str] = (),
    format: str | None = None,  # noqa: A002
    errors: str = "strict",
    header: bool = True,
    delimiter: str | None = None,
    quoting: str | None = None,
    filesystem: FileSystem | None = None,
    on_read: OnRead | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read columns of tables without a text column. The errors are those of ``read_corpus``.

    Args:
        files: As for ``read_corpus``.
        columns: The columns to read. ``None`` reads all columns of the first file.
        typed: Columns of CSV files in which numbers are read as numbers, as in the kept columns of ``read_corpus``. In
            the others, all fields are texts.
        cells: Parsers of the cells of some columns, for numbers and lists.
        exact: Columns whose values have to keep their spelling, because they are encoded: ``1.0`` and ``1`` differ. If
            they are ``typed`` too, integers are read as numbers, and other numbers as texts.
        format: As for ``read_corpus``.
        errors: As for ``read_corpus``.
        header: As for ``read_corpus``.
        delimiter: As for ``read_corpus``.
        quoting: As for ``read_corpus``.
        filesystem: As for ``read_corpus``.
        on_read: As for ``read_corpus``.

    Yields:
        At least one ``pyarrow.RecordBatch`` ``(rows,)``. All have one schema. Texts are ``large_string``, and missing
        values are null.
    """
    from tokemb.sources.table_columns import TableColumns  # imported late: texts do not need it

    check_choice("errors", errors, ("strict", "replace"))
    table_columns = TableColumns(columns, typed, cells, exact)
    sources = find_sources(files, format, filesystem, delimiter, quoting)
    return _merge_small_batches(_batches(sources, table_columns, errors, bool(header), on_read), table_columns)


def _batches(sources: list[Source], columns: Columns, errors: str, header: bool, on_read: OnRead | None) -> Batches:
    for source in sources:
        source_batches = _source_batches(source, columns, errors, header, on_read)
        with closing(_prefetch_if(worth_thread(source), source_batches)) as batches:
            yield from batches
    columns.check_all_seen()


def _source_batches(source: Source, columns: Columns, errors: str, header: bool, on_read: OnRead | None) -> Batches:
    if source.format in ("parquet", "arrow"):
        from tokemb.sources.columnar import columnar_batches  # imported late: text files do not need it

        yield from columnar_batches(source, columns, errors, on_read)
        return
    # Decompression takes the longest, so it runs in a thread of its own, separate from parsing.
    in_thread = source.compression is not None and worth_thread(source)
    with closing(_prefetch_if(in_thread, _blocks(source, on_read))) as blocks:
        yield from _parse(utf8_blocks(blocks, source.name, errors), source, columns, header)


def _prefetch_if(in_thread: bool, items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    return prefetch(items) if in_thread else items


def _parse(blocks: Iterator[bytes], source: Source, columns: Columns, header: bool) -> Iterator[pa.RecordBatch]:
    if source.format == "jsonl":
        from tokemb.sources.json_lines import json_batches

        return json_batches(blocks, source.name, columns)
    if source.format == DOCUMENTS:
        return document_batches(blocks, source, columns)
    if source.format == CONLL:
        from tokemb.sources.conll import conll_batches

        return conll_batches(blocks, source.name, columns)
    if source.delimiter is not None:
        from tokemb.sources.delimited import Dialect, delimited_batches

        dialect = Dialect(source.delimiter, source.quoting, header, source.explicit_delimiter is not None)
        return delimited_batches(blocks, source.name, columns, dialect)
    return _lines(blocks, source.name, columns)


def _blocks(source: Source, on_read: OnRead | None) -> Generator[bytes, None, None]:
    with open_stream(source, on_read) as opened:
        yield from _split_stream(CheckedStream(opened, source.name), source)


def stream_batches(
    stream: ByteStream, source: Source, columns: Columns, errors: str, header: bool
) -> Iterator[pa.RecordBatch]:
    """Yield the selected columns of an open stream of text, CSV, TSV or JSON Lines, whose first bytes were checked."""
    return _parse(utf8_blocks(_split_stream(stream, source), source.name, errors), source, columns, header)


def _split_stream(stream: ByteStream, source: Source) -> Iterator[bytes]:
    """Return blocks of whole lines, or of whole records if fields may contain newlines."""
    if source.delimiter is None or source.quoting == "none":
        return join_last_line(whole_lines(stream))
    from tokemb.sources.records import whole_records  # imported late: text files do not need it

    return join_last_line(whole_records(stream, source.name, source.delimiter))


def _lines(blocks: Iterator[bytes], name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    column, line = columns.choose_lines(name), 1
    for block in blocks:
        rows = rows_of_lines(block)
        yield from columns.batches(column, rows, {}, Location(name, "line", line))
        line += len(rows)


def _merge_small_batches(batches: Batches, columns: Columns) -> Batches:
    """Merge small batches. If there are none at all, yield one batch without rows."""
    pending: list[pa.RecordBatch] = []
    size = rows = total = 0
    for batch in batches:
        size += columns.size(batch)
        rows += len(batch)
        total += len(batch)
        pending.append(batch)
        if 2 * size >= texts.BATCH_BYTES or 2 * rows >= texts.BATCH_ROWS:
            yield _concat(pending)
            pending, size, rows = [], 0, 0
    if pending:
        yield _concat(pending)
    elif not total:
        yield pa.RecordBatch.from_pylist([], schema=columns.schema())


def _concat(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
