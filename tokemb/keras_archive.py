"""What a ``.keras`` file says of its model, read without Keras and without running anything in it."""

from __future__ import annotations

import json
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

from tokemb.errors import ModelError
from tokemb.outputs.kind import Kind

WEIGHTS = "model.weights.h5"

# The comment of the zip archive; Keras writes none when it saves a model again, after training for instance.
_NOTE = b"tokemb "


def note_maker(path: Path, command: str) -> None:
    """Note in a ``.keras`` file which command wrote it, until Keras saves the model again."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = _NOTE + command.encode()


def is_unchanged(path: Path, command: str) -> bool:
    """Whether a ``.keras`` file is as ``command`` wrote it: its weights have not been trained since."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment == _NOTE + command.encode()
    except zipfile.BadZipFile:
        return False


def model_kind(command: str) -> Kind:
    """Return the kind of ``.keras`` files that ``command`` wrote and nothing has trained since."""
    return Kind(f"a model as tokemb {command} wrote it, and may be trained", partial(is_unchanged, command=command))


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
