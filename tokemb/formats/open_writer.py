"""The choice of a writer by the file extension."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from tokemb._validation import PREDICTION_FORMATS
from tokemb.errors import ArgumentError
from tokemb.files.atomic import atomic_file, check_output
from tokemb.files.output_contents import check_rows, check_table_rows, predictions_kind, rows_kind, table_kind
from tokemb.files.output_kind import Kind
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.writer import Writer

# The classes by extension. Each module is imported when it is needed.
_WRITERS = {
    ".npy": "npy.NpyWriter",
    ".npz": "npz.NpzWriter",
    ".parquet": "parquet.ParquetWriter",
    ".tfrecord": "tfrecord.TfrecordWriter",
    ".array_record": "array_record.ArrayRecordWriter",
    ".jsonl": "jsonl.JsonlWriter",
    ".csv": "csv_writer.CsvWriter",
}
# The extensions of files of ids and vectors.
FORMATS = tuple(suffix for suffix in _WRITERS if suffix != ".csv")

# The array or metadata of the fingerprint.
FINGERPRINT = "fingerprint"


@contextmanager
def open_writer(
    target: Path | BinaryIO, layout: OutputOptions, *, force: bool = False, folder: Path | None = None
) -> Iterator[Writer]:
    """Open a writer of rows to a file or a stream.

    A file appears under its name when the context is left without an error. Until then, and after an error, an existing
    file is unchanged. A stream is flushed but not closed.

    Args:
        target: A path whose extension is a format of ``layout``, or a binary stream for JSON Lines.
        layout: The options of the file.
        force: Whether to replace a file of another kind or a read-only file.
        folder: A temporary folder on the same file system. By default one is created.

    Yields:
        The writer.

    Raises:
        ArgumentError: If the extension is unknown, or the format cannot hold ``layout``.
        MissingPackageError: If the library that writes the format is not installed.
        OutputExistsError: If an existing file must not be replaced.
        OSError: If ``target`` cannot be written.
    """
    check_layout(target, layout)
    kind = _writer(target)
    if not isinstance(target, Path):
        with kind(target, layout) as writer:
            yield writer
        return
    with atomic_file(target, _kind(target, layout), force=force, folder=folder) as temporary:
        with kind(temporary, layout) as writer:
            yield writer
        if layout.table or layout.name == "predictions":
            check_table_rows(temporary, target.suffix, layout.names, writer.rows)
        else:
            check_rows(temporary, target.suffix, layout.name, writer.rows)


def check_layout(target: Path | BinaryIO, layout: OutputOptions) -> None:
    """Raise the ``ArgumentError`` that ``open_writer`` would raise, before any work is done."""
    allowed = PREDICTION_FORMATS if layout.name == "predictions" else FORMATS
    if isinstance(target, Path) and target.suffix not in allowed:
        raise ArgumentError(f"the output must end in one of {', '.join(allowed)}; received {target}")
    if layout.table or layout.name == "predictions":
        _check_table_names(target, layout.names)
    _writer(target).check(layout)


def check_target(target: Path | BinaryIO, layout: OutputOptions, force: bool) -> None:
    """Raise the ``OSError`` that ``open_writer`` would raise for an existing file, before any work is done."""
    if isinstance(target, Path):
        check_output(target, _kind(target, layout), force=force)


def least_row_bytes(target: Path | BinaryIO, layout: OutputOptions) -> int:
    """Return the minimum number of bytes of a row. 0 if it is not known, because the format compresses padding."""
    return _writer(target).least_row_bytes(layout)


def _kind(target: Path, layout: OutputOptions) -> Kind:
    if layout.name == "predictions":
        return predictions_kind(target.suffix)
    # A table of ids and of their tags is recognized by its ids.
    is_table = layout.table and layout.table[0].name != layout.name
    return table_kind(target.suffix) if is_table else rows_kind(target.suffix, layout.name)


def _check_table_names(target: Path | BinaryIO, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1 or name == FINGERPRINT:
            why = "another column has" if name != FINGERPRINT else "tokemb uses"
            file = target if isinstance(target, Path) else "the output"
            raise ArgumentError(
                f"a column of {file} cannot be called {name!r}, a name that {why}: rename it, or leave it out"
            )


def _writer(target: Path | BinaryIO) -> type[Writer]:
    suffix = target.suffix if isinstance(target, Path) else ".jsonl"
    module, name = _WRITERS[suffix].split(".")
    kind: type[Writer] = getattr(import_module(f"tokemb.formats.{module}"), name)
    return kind
