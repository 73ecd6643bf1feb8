"""The writer of a file, by the extension of its name."""

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

# The format is the extension; each module is imported when it is needed.
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
    """Write rows to ``target``: a path, whose extension is one of ``FORMATS``, or a binary stream for lines of JSON.

    The file appears under its name when the context is left without an error, whole; until then, and for good if there
    is one, whatever was there stays. The stream is flushed, not closed.

    Args:
        target: The path or the stream.
        layout: What the file holds.
        force: Replace a file of another kind, or a read-only one.
        folder: A temporary folder on the same file system. By default one is created.

    Raises:
        ArgumentError: If the extension is another one, or a file of the format cannot hold the layout.
        OutputExistsError: If a file is there that must not be replaced.
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
    """Raise ``ArgumentError`` if ``open_writer`` would: to know it before any work that comes first."""
    _writer(target).check(layout)


def check_target(target: Path | BinaryIO, layout: OutputOptions, force: bool) -> None:
    """Raise ``OSError`` if ``open_writer`` would for what is at ``target``, to know it before any work."""
    if isinstance(target, Path):
        check_output(target, rows_kind(target.suffix, layout.name), force=force)


def least_row_bytes(target: Path | BinaryIO, layout: OutputOptions) -> int:
    """Return the least number of bytes that a row takes; 0 if it cannot be told, as padding is compressed."""
    return _writer(target).least_row_bytes(layout)


def _writer(target: Path | BinaryIO) -> type[Writer]:
    suffix = target.suffix if isinstance(target, Path) else ".jsonl"
    if suffix not in _WRITERS:
        raise ArgumentError(f"the output must end in one of {', '.join(FORMATS)}; received {target}")
    module, name = _WRITERS[suffix].split(".")
    kind: type[Writer] = getattr(import_module(f"tokemb.formats.{module}"), name)
    return kind
