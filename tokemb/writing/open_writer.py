"""The writer of a file, by the extension of its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from tokemb.atomic import atomic_file
from tokemb.errors import ArgumentError
from tokemb.writing.layout import Layout
from tokemb.writing.writer import Writer

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
def open_writer(target: Path | BinaryIO, layout: Layout) -> Iterator[Writer]:
    """Write rows to ``target``: a path, whose extension is one of ``FORMATS``, or a binary stream for lines of JSON.

    The file appears under its name when the context is left without an error, whole; until then, and for good if there
    is one, whatever was there stays. The stream is flushed, not closed.
    Raises ``ArgumentError`` for another extension and what a file of the format cannot hold; ``OSError`` if ``target``
    cannot be written.
    """
    kind = _writer(target)
    kind.check(layout)
    if not isinstance(target, Path):
        with kind(target, layout) as writer:
            yield writer
        target.flush()
        return
    with atomic_file(target) as temporary, kind(temporary, layout) as writer:
        yield writer


def check_layout(target: Path | BinaryIO, layout: Layout) -> None:
    """Raise ``ArgumentError`` if ``open_writer`` would: to know it before any work that comes first."""
    _writer(target).check(layout)


def _writer(target: Path | BinaryIO) -> type[Writer]:
    suffix = target.suffix if isinstance(target, Path) else ".jsonl"
    if suffix not in _WRITERS:
        raise ArgumentError(f"the output must end in one of {', '.join(FORMATS)}; received {target}")
    module, name = _WRITERS[suffix].split(".")
    kind: type[Writer] = getattr(import_module(f"tokemb.writing.{module}"), name)
    return kind
