"""Describe models and the folders of trainings and exports, without running or importing anything in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokemb.errors import ModelError, one_line
from tokemb.files.folders import ABOUT, MODEL, REPORT, VOCABULARY, is_columns_folder, is_training_folder
from tokemb.files.json_content import parse_json
from tokemb.models.embedding_model import fingerprint_in_name
from tokemb.models.keras_archive import read_archive, serialized_objects

Description = dict[str, Any]

SAVED_MODEL = "saved_model.pb"


def is_training(path: Path) -> bool:
    """Return whether a path is a folder that ``tokemb train`` wrote, or the report in it."""
    return is_training_folder(path) or (path.is_file() and path.name == REPORT)


def describe_training(path: Path) -> Description:
    """Describe a folder of ``tokemb train``: its task, settings, classes, metrics, vocabulary and model.

    Raises:
        ModelError: If the report in it is invalid.
    """
    folder = path if path.is_dir() else path.parent
    report = _read(folder / REPORT)
    vocabulary, model = folder / VOCABULARY, folder / MODEL
    described = describe_model(model) if model.is_file() else {}
    return {
        "kind": "training",
        "task": report.get("task"),
        "fingerprint": report.get("fingerprint"),
        "vocabulary": None if not vocabulary.is_dir() else "columns" if is_columns_folder(vocabulary) else "vocabulary",
        "classes": report.get("classes"),
        "settings": report.get("settings"),
        "metrics": report.get("metrics"),
        "training": report.get("training"),
        "embeddings": described.get("embeddings", []),
        "layers": described.get("layers", []),
    }


def is_saved_model(path: Path) -> bool:
    """Return whether a path is a folder with a TensorFlow SavedModel."""
    return path.is_dir() and (path / SAVED_MODEL).is_file()


def describe_saved_model(path: Path) -> Description:
    """Describe a SavedModel that ``tokemb export`` wrote.

    Raises:
        ModelError: If another program wrote it.
    """
    if not (path / ABOUT).is_file():
        raise ModelError(f"{path} is a SavedModel that tokemb export did not write, so its vocabulary is unknown")
    about = _read(path / ABOUT)
    return {
        "kind": "saved model",
        "input": "texts",
        "answer": about.get("answer"),
        "maxlen": about.get("maxlen"),
        "fingerprint": about.get("fingerprint"),
        "bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {one_line(error):.200}") from None
    if not isinstance(content, dict) or "fingerprint" not in content:
        raise ModelError(f"{path} is not a file that tokemb wrote: it holds no fingerprint")
    return content


def describe_model(path: Path) -> Description:
    """Describe a ``.keras`` file from its ``config.json``, without running or importing anything."""
    config, metadata = read_archive(path)
    objects = list(serialized_objects(config))
    names = [str(item.get("config", {}).get("name")) for item in objects]
    embeddings = [item["config"] for item in objects if item["class_name"] == "Embedding"]
    return {
        "kind": "model",
        "name": config["config"].get("name"),
        "keras_version": metadata.get("keras_version"),
        "vocabulary": next(filter(None, map(fingerprint_in_name, names)), None),
        "embeddings": [
            {
                "name": embedding.get("name"),
                "input_dim": embedding.get("input_dim"),
                "output_dim": embedding.get("output_dim"),
                "mask_zero": embedding.get("mask_zero"),
            }
            for embedding in embeddings
        ],
        "layers": [item["class_name"] for item in objects if item.get("module") == "keras.layers"],
    }
