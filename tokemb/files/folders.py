"""Names of the files by which folders that tokemb wrote are recognized."""

from __future__ import annotations

from pathlib import Path

from tokemb.files.json_content import parse_json

METADATA = "tokemb.json"
# The file of a folder of columns, which contains vocabulary folders.
COLUMNS = "columns.json"
# The files of the folder of a training.
MODEL, VOCABULARY, REPORT = "model.keras", "vocabulary", "training.json"
# The file of an exported SavedModel. TensorFlow's guides recommend its folder for files of other programs.
ABOUT = Path("assets.extra", "tokemb.json")

# The file of a folder of shards. Programs that read a folder of Parquet files ignore names that begin with "_".
MANIFEST = "_manifest.json"


def is_vocabulary_folder(path: Path) -> bool:
    """Return whether ``path`` is a vocabulary folder that tokemb wrote."""
    return (path / METADATA).is_file()


def is_columns_folder(path: Path) -> bool:
    """Return whether ``path`` is a folder of a ``tokemb.ColumnEncoder``."""
    return (path / COLUMNS).is_file()


def lacks_shards(manifest: Path) -> bool:
    """Return whether a folder lacks a shard of its manifest, or not all shards are written yet."""
    try:
        content = parse_json(manifest.read_bytes()) if manifest.is_file() else None
    except (OSError, ValueError):  # a file of another program
        return False
    if not isinstance(content, dict) or "crc32" not in content:
        return False
    if content.get("complete") is False:
        return True
    shards, settings = content["crc32"], content.get("settings")
    if not isinstance(shards, list) or not isinstance(settings, dict):
        return False
    # A run that replaces all shards and is killed leaves the manifest of those that it has removed.
    suffix = str(settings.get("format"))
    return not all((manifest.parent / shard_name(index, suffix)).exists() for index in range(len(shards)))


def shard_name(index: int, suffix: str) -> str:
    """Return the name of a shard in its folder.

    Args:
        index: The index of the shard, from 0.
        suffix: The extension of its format, for example ``".npz"``.
    """
    return f"part-{index:05d}{suffix}"


def is_training_folder(path: Path) -> bool:
    """Return whether ``path`` is a folder that ``tokemb train`` wrote."""
    return (path / REPORT).is_file()
