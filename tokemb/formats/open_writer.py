"""The choice of a writer by the file extension."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from tokemb.errors import ArgumentError
from tokemb.files.atomic import atomic_file, check_output
from tokemb.files.output_contents import check_rows, rows_kind
from tokemb.formats.output_options import OutputOptions
from tokemb.formats.writer import Writer

# The classes by extension. Each module is imported when it is needed.
_WRITERS = {
    ".npy": "npy.NpyWriter",
    ".npz": "npz.NpzWriter",
    ".parquet": "parquet.ParquetWriter",
    ".tfrecord": "tfrecord.TfrecordWriter",
    ".jsonl": "jsonl.JsonlWriter",
}
FORMATS = tuple(_WRITERS)


@contextmanager
def open_writer(
    target: Path | BinaryIO, layout: OutputOptions, *, force: bool = False, folder: Path | None = None
) -> Iterator[Writer]:
    """Open a writer of rows to a file or a stream.

    A file appears under its name when the context is left without an error. Until then, and after an error, an existing
    file is unchanged. A stream is flushed but not closed.

    Args:
        target: A path whose extension is one of ``FORMATS``, or a binary stream for JSON Lines.
        layout: The options of the file.
        force: Whether to replace a file of another kind or a read-only file.
        folder: A temporary folder on the same file system. By default one is created.

    Yields:
        The writer.

    Raises:
        ArgumentError: If the extension is unknown, or the format cannot hold ``layout``.
        OutputExistsError: If an existing file must not be replaced.
        OSError: If ``target`` cannot be written.
    """
    kind = _writer(target)
    kind.check(layout)
    if not isinstance(target, Path):
        with kind(target, layout) as writer:
            yield writer
        return
    with atomic_file(target, rows_kind(target.suffix, layout.name), force=force, folder=folder) as temporary:
        with kind(temporary, layout) as writer:
            yield writer
        check_rows(temporary, target.suffix, layout.name, writer.rows)


def check_layout(target: Path | BinaryIO, layout: OutputOptions) -> None:
    """Raise the ``ArgumentError`` that ``open_writer`` would raise, before any work is done."""
    _writer(target).check(layout)


def check_target(target: Path | BinaryIO, layout: OutputOptions, force: bool) -> None:
    """Raise the ``OSError`` that ``open_writer`` would raise for an existing file, before any work is done."""
    if isinstance(target, Path):
        check_output(target, rows_kind(target.suffix, layout.name), force=force)


def least_row_bytes(target: Path | BinaryIO, layout: OutputOptions) -> int:
    """Return the minimum number of bytes of a row. 0 if it is not known, because the format compresses padding."""
    return _writer(target).least_row_bytes(layout)


def _writer(target: Path | BinaryIO) -> type[Writer]:
    suffix = target.suffix if isinstance(target, Path) else ".jsonl"
    if suffix not in _WRITERS:
        raise ArgumentError(f"the output must end in one of {', '.join(FORMATS)}; received {target}")
    module, name = _WRITERS[suffix].split(".")
    kind: type[Writer] = getattr(import_module(f"tokemb.formats.{module}"), name)
    return kind
