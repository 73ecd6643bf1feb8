"""The choice of a reader of ids by the file extension."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tokemb.errors import ArgumentError
from tokemb.files.folders import MANIFEST
from tokemb.formats.chained import ChainedSource
from tokemb.formats.source import IdsSource

_SOURCES = {".npy": "npy", ".npz": "npz", ".parquet": "parquet", ".jsonl": "jsonl"}

SUFFIXES = tuple(_SOURCES)


def open_ids(*paths: Path) -> IdsSource:
    """Open a file of ids, a folder of them as ``tokemb encode`` or Spark writes it, or several of these in order.

    Files are ``.npy``, ``.npz``, ``.parquet`` or ``.jsonl``, written by tokemb or other programs. Nothing in them is
    ever unpickled.

    Args:
        *paths: The files and folders.

    Returns:
        The ids of all files, in order.

    Raises:
        ArgumentError: If an extension is unknown, a file is damaged or holds no ids, or files have different maxlen,
            vocabulary, padding id or kept columns.
        OSError: If a file cannot be read.
    """
    sources = [_open_folder(path) if path.is_dir() else _open_file(path) for path in paths]
    return sources[0] if len(sources) == 1 else ChainedSource(Path(f"{paths[0]} and others"), sources)


def _open_file(path: Path) -> IdsSource:
    if path.suffix not in SUFFIXES:
        raise ArgumentError(f"a file of ids must end in one of {', '.join(SUFFIXES)}; received {path}")
    if path.exists() and not path.is_file():
        raise ArgumentError(f"{path} must be a file, since ids are read twice: write the output of the pipe to a file")
    opened = path.stat()
    source: IdsSource = import_module(f"tokemb.formats.{_SOURCES[path.suffix]}").open_source(path)
    source.opened = opened
    return source


def _open_folder(folder: Path) -> IdsSource:
    """Open the files of a folder in the order of the manifest, or else of their names, without hidden files."""
    files = sorted(path for path in folder.iterdir() if not path.name.startswith(("_", ".")))
    if (folder / MANIFEST).exists():
        files = _manifest_shards(folder, files)
    if not files:
        raise ArgumentError(f"{folder} holds no files of ids")
    return ChainedSource(folder, [_open_file(path) for path in files])


def _manifest_shards(folder: Path, files: list[Path]) -> list[Path]:
    """Return the shards of the manifest in order. From 100,000 shards on, this is not the order of their names.

    Raises:
        ArgumentError: If ``files`` are not exactly these shards, or a shard has another size than when it was written.
    """
    from tokemb.formats.manifest import read_manifest, shard_path

    manifest = read_manifest(folder / MANIFEST)
    suffix = str(manifest.settings.get("format"))
    shards = [shard_path(folder, index, suffix) for index in range(len(manifest.rows))]
    if not manifest.complete or not set(shards) <= set(files):
        raise ArgumentError(f"{folder} is not complete: run the command that made it again")
    for path in sorted(set(files) - set(shards)):
        raise ArgumentError(
            f"{path} is not one of the shards that {folder / MANIFEST} lists: move it to another folder"
        )
    for path, size in zip(shards, manifest.bytes, strict=True):
        if path.stat().st_size != size:
            raise ArgumentError(f"{path} was changed after it was written: run the command that made {folder} again")
    return shards


def find_ids(*paths: Path) -> IdsSource | None:
    """Open files of ids, or return ``None`` for files that seem to hold texts or tokens.

    Files hold ids if they name the fingerprint of a vocabulary, as those of tokemb do, or if they have a column ``ids``
    and no column ``text``.
    """
    try:
        source = open_ids(*paths)
    except ArgumentError:
        return None
    looks_like_ids = source.column == "ids" and "text" not in source.kept_columns.names
    return source if source.fingerprint or looks_like_ids else None
