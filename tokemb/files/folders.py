"""Names of the files by which folders that tokemb wrote are recognized."""

from __future__ import annotations

from pathlib import Path

METADATA = "tokemb.json"
# The file of a folder of columns, which contains vocabulary folders.
COLUMNS = "columns.json"
# The files of the folder of a training.
MODEL, VOCABULARY, REPORT = "model.keras", "vocabulary", "training.json"
# The file of an exported SavedModel. TensorFlow's guides recommend its folder for files of other programs.
ABOUT = Path("assets.extra", "tokemb.json")


def is_vocabulary_folder(path: Path) -> bool:
    """Return whether ``path`` is a vocabulary folder that tokemb wrote."""
    return (path / METADATA).is_file()


def is_columns_folder(path: Path) -> bool:
    """Return whether ``path`` is a folder of a ``tokemb.ColumnEncoder``."""
    return (path / COLUMNS).is_file()


def is_training_folder(path: Path) -> bool:
    """Return whether ``path`` is a folder that ``tokemb train`` wrote."""
    return (path / REPORT).is_file()
