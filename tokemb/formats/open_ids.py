"""The source of ids for files, by the extensions of their names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tokemb.errors import ArgumentError
from tokemb.formats.chained import ChainedSource
from tokemb.formats.source import IdsSource

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
    if path.exists() and not path.is_file():
        raise ArgumentError(f"{path} must be a file, since ids are read twice: write what comes from a pipe to one")
    source: IdsSource = import_module(f"tokemb.formats.{_SOURCES[path.suffix]}").open_source(path)
    return source


def _open_folder(folder: Path) -> IdsSource:
    """The files of a folder by their names, but those that begin with ``_`` or ``.``; all that a manifest counts."""
    from tokemb.formats.manifest import MANIFEST

    files = sorted(path for path in folder.iterdir() if not path.name.startswith(("_", ".")))
    if (folder / MANIFEST).exists():
        files = _counted(folder, files)
    if not files:
        raise ArgumentError(f"{folder} holds no files of ids")
    return ChainedSource(folder, [_open_file(path) for path in files])


def _counted(folder: Path, files: list[Path]) -> list[Path]:
    """The shards that the manifest counts, in their order, which from 100,000 on is not that of their names.

    Raises ``ArgumentError`` unless ``files`` are those, as long as they were written.
    """
    from tokemb.formats.manifest import MANIFEST, read_manifest, shard_path

    manifest = read_manifest(folder / MANIFEST)
    suffix = str(manifest.settings.get("format"))
    shards = [shard_path(folder, index, suffix) for index in range(len(manifest.rows))]
    if not manifest.complete or not set(shards) <= set(files):
        raise ArgumentError(f"{folder} is not complete: give the command that made it again")
    for path in sorted(set(files) - set(shards)):
        raise ArgumentError(f"{path} is not one of the files that {folder / MANIFEST} counts: move it away")
    for path, size in zip(shards, manifest.bytes, strict=True):
        if path.stat().st_size != size:
            raise ArgumentError(f"{path} is not as it was written: give the command that made {folder} again")
    return shards


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
