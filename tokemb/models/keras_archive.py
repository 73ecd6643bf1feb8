"""Read and check ``.keras`` and ``.h5`` files without Keras and without running anything in them."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokemb.errors import ModelError, one_line
from tokemb.files.expansion import is_bomb
from tokemb.files.hdf5 import open_hdf5
from tokemb.files.json_content import parse_json
from tokemb.files.output_kind import Kind

if TYPE_CHECKING:
    import h5py

_WEIGHTS = "model.weights.h5"
_ASSETS = "assets"
_HDF5_ENDINGS = (".h5", ".hdf5")
_CHUNK = 1 << 20

# The settings of layers of Keras and KerasHub whose value is a vocabulary, or the path of a file with one.
_FILES_OF_TOKENS = ("vocabulary", "merges", "proto", "special_tokens", "language_tokens")

# Layers that run a program of TensorFlow or unpickle a module of PyTorch.
_LAYERS_OF_CODE = ("TFSMLayer", "TorchModuleWrapper")

# Start of the comment of the zip archive. It is lost when Keras saves the model again, for example after training.
_COMMENT = b"tokemb "


def note_maker(path: Path, command: str) -> None:
    """Record in a ``.keras`` file which command wrote it, until Keras saves the model again."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = _COMMENT + command.encode()


def is_unchanged(path: Path, command: str) -> bool:
    """Return whether ``command`` wrote a ``.keras`` file and its weights have not been trained since."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment == _COMMENT + command.encode()
    except zipfile.BadZipFile:
        return False


def model_kind(command: str) -> Kind:
    """Return the kind of ``.keras`` files that ``command`` wrote and that have not been trained since."""
    return Kind(f"a model as tokemb {command} wrote it, and may be trained", partial(is_unchanged, command=command))


def read_archive(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the config and the metadata in a ``.keras`` file.

    Raises:
        ModelError: If there is no file, or it is not a ``.keras`` file.
    """
    if not path.is_file():
        raise ModelError(f"there is no model at {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            config, metadata = (parse_json(read_member(archive, name)) for name in ("config.json", "metadata.json"))
    except Exception as error:  # a broken archive can make zipfile and zlib raise anything
        raise ModelError(f"{path} is not a .keras model: {one_line(error):.200}") from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict) or not isinstance(metadata, dict):
        raise ModelError(f"{path} is not a .keras model: its config does not describe a model")
    return config, metadata


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a member of a zip archive.

    Raises:
        KeyError: If there is no such member.
        ModelError: If it is a zip bomb.
    """
    info = archive.getinfo(name)
    if is_bomb(info.file_size, info.compress_size):
        raise ModelError(_bomb(name, info.file_size, info.compress_size))
    return archive.read(info)


@contextmanager
def open_weights(path: Path) -> Iterator[h5py.File]:
    """Open the weights in a ``.keras`` file after checking them.

    Raises:
        ModelError: If they refer to anything outside the file, or are a zip bomb.
        zipfile.BadZipFile: If the archive is damaged.
        OSError: If the weights are damaged.
    """
    with zipfile.ZipFile(path) as archive:
        _check_members(archive, path)
        # zipfile compares the checksum only at the end of a member, and HDF5 does not read that far. Without this,
        # damaged weights would be accepted.
        with archive.open(_WEIGHTS) as weights:
            while weights.read(_CHUNK):
                pass
        with archive.open(_WEIGHTS) as weights, open_hdf5(weights, f"{_WEIGHTS} in {path}") as file:
            yield file


def check_model_file(path: Path) -> Any:  # noqa: ANN401 - any JSON
    """Check a saved model before Keras opens it.

    Keras versions differ in what they refuse. After this check, none of them reads other files of this machine.

    Args:
        path: A ``.keras`` file, an ``.h5`` file, or a folder that Keras wrote with ``zipped=False``.

    Returns:
        The config of the model, in an ``.h5`` file together with that of its training. ``None`` if it has none.

    Raises:
        ModelError: If the model refers to other files, is a zip bomb, or is a folder that Keras did not write.
        Exception: Any error of zipfile, zlib and h5py for a damaged file.
    """
    if path.is_dir():
        _check_folder(path)
        weights = path / _WEIGHTS
        if weights.is_file():
            with open_hdf5(weights, str(weights)):
                pass
        return _checked_config((path / "config.json").read_bytes(), path)
    if path.suffix in _HDF5_ENDINGS:  # by the name, as in Keras: a file can be HDF5 and a zip archive at once
        with open_hdf5(path, str(path)) as file:
            configs = [file.attrs.get(name) for name in ("model_config", "training_config")]
            return [_checked_config(config, path, legacy=True) for config in configs if config is not None] or None
    return _check_archive(path) if zipfile.is_zipfile(path) else None


def _check_folder(path: Path) -> None:
    """Raise ``ModelError`` for a folder of another program, or one with links in place of vocabularies."""
    if not (path / "config.json").is_file():
        raise ModelError(f"Keras cannot load {path}: it is a folder without config.json, and no model that Keras saved")
    assets = path / _ASSETS
    for item in (assets, *assets.rglob("*")):
        if item.is_symlink():
            raise ModelError(
                f"{path} was refused: {item.relative_to(path)} is a link, which may lead to a file that is not part of "
                "the model; copy the folder with the files that its links lead to"
            )


def _check_archive(path: Path) -> Any:  # noqa: ANN401
    with zipfile.ZipFile(path) as archive:
        _check_members(archive, path)
        config = _checked_config(read_member(archive, "config.json"), path)
        has_weights = _WEIGHTS in archive.namelist()
    if has_weights:
        with open_weights(path):
            pass
    return config


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise ``ModelError`` for names outside the archive, links, duplicate names and zip bombs."""
    names: set[str] = set()
    for info in archive.infolist():
        name = info.filename
        outside = name.startswith(("/", "\\")) or ":" in name or ".." in name.replace("\\", "/").split("/")
        if outside or stat.S_ISLNK(info.external_attr >> 16):
            raise ModelError(f"{path} was refused: its member {name!r:.100} leads out of the archive")
        if name in names:
            raise ModelError(f"{path} was refused: it has two members named {name!r:.100}")
        names.add(name)
    unpacked = sum(info.file_size for info in archive.infolist())
    size = path.stat().st_size
    if is_bomb(unpacked, size):
        raise ModelError(f"{path} was refused: {_bomb('it', unpacked, size)}")


def _checked_config(content: bytes | str, path: Path, *, legacy: bool = False) -> Any:  # noqa: ANN401
    """Parse a config. Raise ``ModelError`` for layers that read files, run code, or are far larger than the file.

    A ``Lambda`` runs code in a ``legacy`` file.
    """
    config = parse_json(content)
    stored = sum(item.stat().st_size for item in path.iterdir()) if path.is_dir() else path.stat().st_size
    for layer in serialized_objects(config):
        kind = layer["class_name"]
        for file in filter(None, map(layer["config"].get, _FILES_OF_TOKENS)):
            if isinstance(file, str):
                raise ModelError(
                    f"{path} was refused: its layer {kind} reads the file {file!r:.100} when it is loaded; save the "
                    "model with the vocabulary in it"
                )
        if kind in _LAYERS_OF_CODE or (legacy and kind == "Lambda"):
            raise ModelError(f"{path} was refused: its layer {kind} runs code that is not part of Keras")
        if kind == "Embedding":  # Keras allocates it before it reads the weights
            size = 4 * _whole(layer["config"].get("input_dim")) * _whole(layer["config"].get("output_dim"))
            if is_bomb(size, stored):
                raise ModelError(
                    f"{path} was refused: its layer Embedding declares {size:,} bytes, and the file has {stored:,}"
                )
    return config


def _whole(number: Any) -> int:  # noqa: ANN401 - any JSON
    """Return a number of a config, or 0 if it is not an integer."""
    return number if isinstance(number, int) else 0


def serialized_objects(config: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    """Yield all serialized Keras objects in a config, outer before inner."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict):
                yield value
            pending += reversed(value.values())
        elif isinstance(value, list):
            pending += reversed(value)


def _bomb(name: str, unpacked: int, stored: int) -> str:
    return f"{name} unpacks from {stored:,} to {unpacked:,} bytes, which is too much for a saved model"
