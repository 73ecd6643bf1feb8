"""The source of ids for a file, by the extension of its name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tokemb.errors import ArgumentError
from tokemb.reading_ids.source import IdsSource

_SOURCES = {".npy": "npy", ".npz": "npz", ".parquet": "parquet", ".jsonl": "jsonl"}

SUFFIXES = tuple(_SOURCES)


def open_ids(path: Path) -> IdsSource:
    """Open a file of ids: ``.npy``, ``.npz``, ``.parquet`` or ``.jsonl``, as tokemb and others write them.

    Nothing in it is ever unpickled. Raises ``ArgumentError`` for another extension, and for a file that is broken or
    holds no ids; ``OSError`` if it cannot be read.
    """
    if path.suffix not in SUFFIXES:
        raise ArgumentError(f"a file of ids must end in one of {', '.join(SUFFIXES)}; received {path}")
    if path.is_dir():
        raise ArgumentError(f"{path} is a folder, not a {path.suffix} file")
    source: IdsSource = import_module(f"tokemb.reading_ids.{_SOURCES[path.suffix]}").open_source(path)
    return source


def find_ids(path: Path) -> IdsSource | None:
    """The ids of a file that could as well hold rows of tokens, ``None`` if that is what it seems to hold.

    They are ids if the file says of which vocabulary, as ``.parquet`` by tokemb does. Without that they could be, if
    they are called so and there is no column of texts.
    """
    try:
        source = open_ids(path)
    except ArgumentError:
        return None
    could_be = source.column == "ids" and "text" not in source.kept.names
    return source if source.fingerprint or could_be else None
