"""The source of ids for files, by the extensions of their names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tokemb.errors import ArgumentError
from tokemb.reading_ids.chained import ChainedSource
from tokemb.reading_ids.source import IdsSource

_SOURCES = {".npy": "npy", ".npz": "npz", ".parquet": "parquet", ".jsonl": "jsonl"}

SUFFIXES = tuple(_SOURCES)


def open_ids(*paths: Path) -> IdsSource:
    """Open a file of ids, a folder of them as ``tokemb encode`` or Spark writes it, or several of these in order.

    Files are ``.npy``, ``.npz``, ``.parquet`` or ``.jsonl``, as tokemb and others write them. Nothing in them is ever
    unpickled. Raises ``ArgumentError`` for another extension, for a file that is broken or holds no ids, and for files
    that do not go together; ``OSError`` if one cannot be read.
    """
    sources = [_open_folder(path) if path.is_dir() else _open_file(path) for path in paths]
    return sources[0] if len(sources) == 1 else ChainedSource(Path(f"{paths[0]} and others"), sources)


def _open_file(path: Path) -> IdsSource:
    if path.suffix not in SUFFIXES:
        raise ArgumentError(f"a file of ids must end in one of {', '.join(SUFFIXES)}; received {path}")
    source: IdsSource = import_module(f"tokemb.reading_ids.{_SOURCES[path.suffix]}").open_source(path)
    return source


def _open_folder(folder: Path) -> IdsSource:
    """The files of a folder by their names, but those that begin with ``_`` or ``.``; all that a manifest counts."""
    from tokemb.pipeline.manifest import MANIFEST, read_manifest

    files = sorted(path for path in folder.iterdir() if not path.name.startswith(("_", ".")))
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder / MANIFEST)
        if not manifest.complete or len(manifest.rows) != len(files):
            raise ArgumentError(f"{folder} is not complete: give the command that made it again")
    if not files:
        raise ArgumentError(f"{folder} holds no files of ids")
    return ChainedSource(folder, [_open_file(path) for path in files])


def find_ids(*paths: Path) -> IdsSource | None:
    """The ids of files that could as well hold rows of tokens, ``None`` if that is what they seem to hold.

    They are ids if the files say of which vocabulary, as those by tokemb do. Without that they could be, if they are
    called so and there is no column of texts.
    """
    try:
        source = open_ids(*paths)
    except ArgumentError:
        return None
    could_be = source.column == "ids" and "text" not in source.kept.names
    return source if source.fingerprint or could_be else None
