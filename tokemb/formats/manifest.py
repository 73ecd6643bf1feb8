"""``_manifest.json``: what a folder of shards is made from, and which of its shards are whole."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tokemb.errors import ArgumentError, OutputExistsError
from tokemb.files.atomic import atomic_file
from tokemb.files.json_content import parse_json
from tokemb.files.temporaries import is_temporary

# Programs that read a folder of Parquet files leave out names that begin so.
MANIFEST = "_manifest.json"
FORMAT_VERSION = 1

# Bytes of a shard that are read at a time.
_CHUNK = 1 << 20


_SHARD = re.compile(r"part-[0-9]{5,}\.[a-z]+")


def shard_path(folder: Path, index: int, suffix: str) -> Path:
    """Where the shard with this index, from 0, lies; ``suffix``: its format, ``".npz"`` for instance."""
    return folder / f"part-{index:05d}{suffix}"


def remove_shards(folder: Path) -> None:
    """Remove all files of ``folder`` that are called like a shard."""
    for file in folder.iterdir():
        if _SHARD.fullmatch(file.name) and (file.is_symlink() or file.is_file()):
            file.unlink()


@dataclass
class Manifest:
    """What shards are made from, and those that are whole.

    ``vocabulary``: the fingerprint. ``settings``: all that decides the bytes besides vocabulary and texts.
    ``inputs``: what tells the texts from others, ``None`` if they cannot be read again.
    ``rows``, ``bytes``, ``crc32``: of each whole shard.
    ``complete``: whether the last one is among them.
    """

    vocabulary: str
    settings: dict[str, Any]
    inputs: dict[str, Any] | None
    rows: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    crc32: list[int] = field(default_factory=list)
    complete: bool = False

    def is_sound(self) -> bool:
        """Whether what was read from a file can be."""
        numbers = [self.rows, self.bytes, self.crc32]
        if not all(isinstance(each, list) and all(type(n) is int and n >= 0 for n in each) for each in numbers):
            return False
        if not isinstance(self.settings, dict) or not isinstance(self.settings.get("keep", []), list):
            return False
        if type(self.complete) is not bool or (self.complete and not self.rows):
            return False
        # All are full, but the last of all.
        full = self.rows[:-1] if self.complete else self.rows
        rows = self.settings.get("rows_per_shard")
        return len(self.rows) == len(self.bytes) == len(self.crc32) and all(n == rows for n in full)

    def add(self, path: Path, rows: int) -> None:
        """Count a shard that is whole."""
        self.rows.append(rows)
        self.bytes.append(path.stat().st_size)
        self.crc32.append(_checksum(path))

    def drop_corrupt(self, paths: Iterable[Path]) -> None:
        """Have the first shard that is not as it was, and all after it, made again; ``paths``: where they lie."""
        for index, (path, size, crc32) in enumerate(zip(paths, self.bytes, self.crc32, strict=False)):
            if not path.is_file() or path.stat().st_size != size or _checksum(path) != crc32:
                self.rows, self.bytes, self.crc32 = self.rows[:index], self.bytes[:index], self.crc32[:index]
                self.complete = False
                return

    def drop_all(self) -> None:
        """Have all shards made again."""
        self.rows, self.bytes, self.crc32, self.complete = [], [], [], False

    def save(self, folder: Path, temporary_folder: Path) -> None:
        """Write it into ``folder``, whole or not at all, by way of a ``temporary_folder``."""
        content = {"format_version": FORMAT_VERSION, **asdict(self)}
        with atomic_file(folder / MANIFEST, folder=temporary_folder) as temporary:
            temporary.write_bytes(_encoded(content))

    def resume(self, folder: Path) -> None:
        """Take over which shards are whole from the manifest in ``folder``, if there is one.

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
        before = read_manifest(path)
        if self.inputs is None:
            raise OutputExistsError(
                f"{folder} holds shards already, and what comes through a pipe cannot be read again: name a new "
                "folder, or pass force=True to replace them"
            )
        for name in ("vocabulary", "settings", "inputs"):
            if getattr(before, name) != getattr(self, name):
                raise OutputExistsError(
                    f"{folder} holds shards of {_difference(name, getattr(before, name), getattr(self, name))}: "
                    "name a new folder, run the command that made them, or pass force=True to replace them"
                )
        self.rows, self.bytes, self.crc32, self.complete = before.rows, before.bytes, before.crc32, before.complete


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; raises ``ArgumentError`` if it is none, or newer than this library."""
    if not path.is_file():  # a pipe would never give anything
        raise _no_manifest(path)
    try:
        content = parse_json(path.read_bytes())
        version = content.pop("format_version")
        if type(version) is int and version > FORMAT_VERSION:  # before the rest, which may be said otherwise there
            raise ArgumentError(f"{path} was written by a newer tokemb (format {version}): upgrade tokemb")
        manifest = Manifest(**content)
    except ArgumentError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _no_manifest(path) from None
    if type(version) is not int or version != FORMAT_VERSION or not manifest.is_sound():
        raise _no_manifest(path)
    return manifest


def _encoded(content: dict[str, Any]) -> bytes:
    """Return JSON in UTF-8, with escapes where names of files are not UTF-8."""
    try:
        return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(content, indent=1) + "\n").encode()


def _checksum(path: Path) -> int:
    """The CRC-32 of a file."""
    try:
        from isal.isal_zlib import crc32  # several times as fast
    except ImportError:  # it is not made for every processor
        from zlib import crc32
    checksum = 0
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            checksum = crc32(part, checksum)
    return checksum


def _no_manifest(path: Path) -> ArgumentError:
    return ArgumentError(f"{path} is not a manifest of shards: name another folder")


# What messages call settings that are no arguments.
_NAMES = {"pad_id": "padding id", "truncate_to": "maxlen"}


def _difference(name: str, before: Any, now: Any) -> str:  # noqa: ANN401
    if name == "settings":
        keys = [key for key in now if before.get(key) != now[key]]
        return "other settings" + "".join(
            f", {_NAMES.get(key, key)} {_plain(before.get(key))} and not {_plain(now[key])}" for key in keys[:1]
        )
    if name == "vocabulary":
        return f"another vocabulary ({str(before)[:12]}, this is {now[:12]})"
    return "other texts"


def _plain(value: object) -> str:
    """A setting in words: ``yes``, ``no``, ``none``, names in a row, or a text in quotes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(repr, value)) or "none"
    return "none" if value is None else repr(value)
