"""Checkpoints: the state of a training after its last complete epoch, from which the training is resumed."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tokemb._arrays import Array
from tokemb.errors import ArgumentError
from tokemb.files.atomic import atomic_file
from tokemb.files.json_content import parse_json
from tokemb.files.temporaries import remove_abandoned
from tokemb.training.early_stopping import EarlyStopping

if TYPE_CHECKING:
    import keras


_SUFFIX = ".checkpoint.npz"
# The folders of the parts of several trainings (``Schedule.part``).
_PART = re.compile(r"(seed|fold|trial)-\d+|final")
# The entries of a file: one in JSON, and arrays with these prefixes and a number.
_PROGRESS, _VARIABLE, _BEST = "progress", "variable_", "best_"


class Checkpoint:
    """The state of a training in a file.

    It contains the weights, the state of the optimizer and of the random numbers, and what early stopping has seen, so
    that a training that is resumed gives the same weights as one that was not stopped.
    """

    def __init__(self, folder: Path | str, name: str, model: keras.Model, identity: str) -> None:
        """Initialize the checkpoint of a compiled model.

        Args:
            folder: The folder of the file. It is created.
            name: The name of this training in the folder.
            model: The model.
            identity: A digest of everything that decides the course of the training (``digest_of``).

        Raises:
            OSError: If the folder cannot be created.
        """
        self.path = Path(folder) / f"{name}{_SUFFIX}"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        model.optimizer.build(model.trainable_variables)
        self._variables = [*model.variables, *model.optimizer.variables]
        self._identity = identity

    def save(self, stopping: EarlyStopping, timing: Mapping[str, float]) -> None:
        """Write the state after an epoch. The file of the epoch before is replaced in one step."""
        progress = {"identity": self._identity, "timing": dict(timing), "stopping": stopping.to_json()}
        arrays = {_PROGRESS: np.frombuffer(json.dumps(progress).encode(), np.uint8)}
        arrays |= {f"{_VARIABLE}{number}": variable.numpy() for number, variable in enumerate(self._variables)}
        arrays |= {f"{_BEST}{number}": weights for number, weights in enumerate(stopping.best_weights or ())}
        with atomic_file(self.path) as path, path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def restore(self, stopping: EarlyStopping) -> Mapping[str, float]:
        """Restore the state that was saved, if there is one.

        Args:
            stopping: The early stopping of the training. Its state is replaced.

        Returns:
            The ``timing`` that was saved. It is empty if there is no file.

        Raises:
            ArgumentError: If the file is damaged, or belongs to a training with other data or settings.
        """
        if not self.path.exists():
            return {}
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as content:
                arrays = dict(content)
            progress = parse_json(arrays[_PROGRESS].tobytes())
            # The model of another training can have more variables than the file.
            if progress["identity"] != self._identity:
                raise ArgumentError(f"{self.path} belongs to a training with other data or settings{_ADVICE}")
            values = [arrays[f"{_VARIABLE}{number}"] for number in range(len(self._variables))]
            best = [arrays[f"{_BEST}{number}"] for number in range(sum(name.startswith(_BEST) for name in arrays))]
            for variable, value in zip(self._variables, values, strict=True):
                variable.assign(value)
            stopping.resume(progress["stopping"], best)
            timing: Mapping[str, float] = progress["timing"]
        except ArgumentError:
            raise
        except _DAMAGES as error:
            raise ArgumentError(f"{self.path} is not a checkpoint that can be read{_ADVICE} ({error})") from None
        return timing


# The errors of NumPy and ``zipfile`` for damaged files. ``RuntimeError`` is raised for methods that are not supported.
_DAMAGES = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
_ADVICE = ": delete it to train from the start, or pass another folder with checkpoint=..."


def digest_of(model: keras.Model, batches: Iterable[Any], settings: Mapping[str, Any]) -> str:
    """Return a digest of what decides the course of a training.

    Args:
        model: The compiled model before training.
        batches: The batches of the first epoch.
        settings: The settings that decide the course. They can be written as JSON.
    """
    # Keras numbers the layers of a process, so that their names differ between equal models.
    architecture = re.sub(r'_\d+(?=")', "", model.to_json(sort_keys=True))
    digest = hashlib.sha256(f"{architecture}{json.dumps(settings, sort_keys=True)}".encode())
    for array in _arrays([model.get_weights(), batches]):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:32]


def _arrays(nested: Any) -> Iterator[Array]:  # noqa: ANN401 - arrays in any containers
    if isinstance(nested, np.ndarray):
        yield nested
        return
    for item in nested.values() if isinstance(nested, dict) else nested:
        yield from _arrays(item)


def has_checkpoint(folder: Path) -> bool:
    """Return whether a folder contains checkpoints of a training, or of several."""
    return bool(_files(folder))


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a training, or of several, and their folders if these are then empty."""
    for file in _files(folder):
        file.unlink(missing_ok=True)
    for path in reversed(_folders(folder)):
        remove_abandoned(path)
        with suppress(OSError):  # it contains other files
            path.rmdir()


def _files(folder: Path) -> list[Path]:
    return [file for path in _folders(folder) for file in path.glob(f"*{_SUFFIX}")]


def _folders(folder: Path) -> list[Path]:
    """Return a folder of checkpoints and those of its parts. Other folders in it can be of other trainings."""
    return [folder, *(path for path in folder.glob("*") if _PART.fullmatch(path.name))]
