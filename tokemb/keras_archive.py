"""What a ``.keras`` file says of its model, read without Keras and without running anything in it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from tokemb.errors import ModelError

WEIGHTS = "model.weights.h5"


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config and the metadata in a ``.keras`` file; raises ``ModelError`` if it is none."""
    if not path.is_file():
        raise ModelError(f"there is no model at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            config, metadata = (json.loads(archive.read(name)) for name in ("config.json", "metadata.json"))
    except Exception as error:  # a broken archive can make zipfile, zlib and json raise anything
        raise ModelError(f"{path} is not a .keras model: {' '.join(str(error).split()):.200}") from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict) or not isinstance(metadata, dict):
        raise ModelError(f"{path} is not a .keras model: its config describes none")
    return config, metadata
