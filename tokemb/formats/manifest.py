"""``_manifest.json``: the origin of a folder of shards and its list of complete shards."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tokemb.errors import ArgumentError, OutputExistsError
from tokemb.files.atomic import atomic_file
from tokemb.files.folders import MANIFEST, shard_name
from tokemb.files.json_content import check_format_version, encode_json, parse_json
from tokemb.files.temporaries import is_temporary

FORMAT_VERSION = 1

# Bytes of a shard that are read at a time.
_CHUNK = 1 << 20

_SHARD = re.compile(r"part-[0-9]{5,}\.[a-z_]+")


def shard_path(folder: Path, index: int, suffix: str) -> Path:
    """Return the path of a shard. ``index`` and ``suffix`` are those of ``shard_name``."""
    return folder / shard_name(index, suffix)


def remove_shards(folder: Path) -> None:
    """Remove all files of ``folder`` that are named like a shard."""
    for file in folder.iterdir():
        if _SHARD.fullmatch(file.name) and (file.is_symlink() or file.is_file()):
            file.unlink()


@dataclass
class Manifest:
    """The origin of a folder of shards, and its complete shards.

    Attributes:
        vocabulary: The fingerprint of the vocabulary.
        settings: All settings that determine the bytes, besides the vocabulary and the texts.
        inputs: The identity of the texts. ``None`` if they cannot be read again.
        rows: The number of rows of each complete shard.
        bytes: The size of each complete shard.
        crc32: The checksum of each complete shard.
        complete: Whether all shards are complete.
    """

    vocabulary: str
    settings: dict[str, Any]
    inputs: dict[str, Any] | None
    rows: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    crc32: list[int] = field(default_factory=list)
    complete: bool = False

    def is_valid(self) -> bool:
        """Return whether the values, which come from a file, have the right types and agree with each other."""
        lists = [self.rows, self.bytes, self.crc32]
        if not all(isinstance(numbers, list) and all(type(n) is int and n >= 0 for n in numbers) for numbers in lists):
            return False
        if not isinstance(self.settings, dict) or not isinstance(self.settings.get("keep", []), list):
            return False
        if type(self.complete) is not bool or (self.complete and not self.rows):
            return False
        # All shards are full except the very last one.
        full = self.rows[:-1] if self.complete else self.rows
        rows = self.settings.get("rows_per_shard")
        return len(self.rows) == len(self.bytes) == len(self.crc32) and all(n == rows for n in full)

    def add(self, path: Path, rows: int) -> None:
        """Add a complete shard."""
        self.rows.append(rows)
        self.bytes.append(path.stat().st_size)
        self.crc32.append(_checksum(path))

    def drop_corrupt(self, paths: Iterable[Path]) -> None:
        """Drop the first shard that is missing or was changed, and all shards after it, so that they are written again.

        Args:
            paths: The paths of the shards, in order.
        """
        for index, (path, size, crc32) in enumerate(zip(paths, self.bytes, self.crc32, strict=False)):
            if not path.is_file() or path.stat().st_size != size or _checksum(path) != crc32:
                self.rows, self.bytes, self.crc32 = self.rows[:index], self.bytes[:index], self.crc32[:index]
                self.complete = False
                return

    def drop_all(self) -> None:
        """Drop all shards, so that they are written again."""
        self.rows, self.bytes, self.crc32, self.complete = [], [], [], False

    def save(self, folder: Path, temporary_folder: Path) -> None:
        """Write the manifest into ``folder`` atomically, by way of a ``temporary_folder``."""
        content = {"format_version": FORMAT_VERSION, **asdict(self)}
        with atomic_file(folder / MANIFEST, folder=temporary_folder) as temporary:
            temporary.write_bytes(encode_json(content, indent=1))

    def resume(self, folder: Path) -> None:
        """Take over the list of complete shards from the manifest in ``folder``, if there is one.

        Raises:
            OutputExistsError: If the manifest names another vocabulary, other settings or other inputs, or the rows
                cannot be read again.
            ArgumentError: If the folder holds other files and no manifest.
        """
        path = folder / MANIFEST
        if not os.path.lexists(path):
            if any(not is_temporary(file) for file in folder.iterdir()):
                raise ArgumentError(f"{folder} holds files but no {MANIFEST}: name a new folder")
            return
        saved = read_manifest(path)
        if self.inputs is None:
            raise OutputExistsError(
                f"{folder} holds shards already, and the input, which comes through a pipe, cannot be read "
                "again: name a new folder, or pass force=True to replace them"
            )
        for name in ("vocabulary", "settings", "inputs"):
            if getattr(saved, name) != getattr(self, name):
                difference = _describe_difference(name, getattr(saved, name), getattr(self, name))
                raise OutputExistsError(
                    f"{folder} holds shards of {difference}: "
                    "name a new folder, run the command that made them, or pass force=True to replace them"
                )
        self.rows, self.bytes, self.crc32, self.complete = saved.rows, saved.bytes, saved.crc32, saved.complete


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        ArgumentError: If the file is not a manifest or is newer than this library.
    """
    if not path.is_file():  # reading a pipe would wait forever
        raise _not_a_manifest(path)
    try:
        content = parse_json(path.read_bytes())
        version = content.pop("format_version")
        if type(version) is int:  # checked first: the other keys may differ in a newer one
            check_format_version(path, version, FORMAT_VERSION, ArgumentError)
        manifest = Manifest(**content)
    except ArgumentError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _not_a_manifest(path) from None
    if type(version) is not int or version != FORMAT_VERSION or not manifest.is_valid():
        raise _not_a_manifest(path)
    return manifest


def _checksum(path: Path) -> int:
    """Return the CRC-32 of a file."""
    try:
        from isal.isal_zlib import crc32  # several times faster
    except ImportError:  # it is not available for every processor
        from zlib import crc32
    checksum = 0
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            checksum = crc32(part, checksum)
    return checksum


def _not_a_manifest(path: Path) -> ArgumentError:
    return ArgumentError(f"{path} is not a manifest of shards: name another folder")


# Names in messages of settings that are not arguments.
_SETTING_NAMES = {"pad_id": "padding id", "truncate_to": "maxlen"}


def _describe_difference(name: str, saved: Any, current: Any) -> str:  # noqa: ANN401
    if name == "settings":
        key = next((key for key in current if saved.get(key) != current[key]), None)
        if key is None:
            return "other settings"
        values = f"{_describe_value(saved.get(key))} and not {_describe_value(current[key])}"
        return f"other settings, {_SETTING_NAMES.get(key, key)} {values}"
    if name == "vocabulary":
        return f"another vocabulary ({str(saved)[:12]}, this is {current[:12]})"
    return "other texts"


def _describe_value(value: object) -> str:
    """Return a setting for a message: ``yes``, ``no``, ``none``, names joined by commas, or a quoted text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(repr, value)) or "none"
    return "none" if value is None else repr(value)
