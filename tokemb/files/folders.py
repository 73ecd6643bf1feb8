"""Names of the files by which folders that tokemb wrote are recognized."""

from __future__ import annotations

from pathlib import Path

METADATA = "tokemb.json"
# The file of a folder of columns, which contains vocabulary folders.
COLUMNS = "columns.json"


def is_vocabulary_folder(path: Path) -> bool:
    """Return whether ``path`` is a vocabulary folder that tokemb wrote."""
    return (path / METADATA).is_file()


def is_columns_folder(path: Path) -> bool:
    """Return whether ``path`` is a folder of a ``tokemb.ColumnEncoder``."""
    return (path / COLUMNS).is_file()
