"""``_manifest.json``: what a folder of shards is made from, and which of its shards are whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tokemb.atomic import atomic_file
from tokemb.errors import ArgumentError

# Programs that read a folder of Parquet files leave out names that begin so.
MANIFEST = "_manifest.json"
FORMAT_VERSION = 1


@dataclass
class Manifest:
    """What shards are made from, and those that are whole.

    ``vocabulary``: the fingerprint. ``settings``: all that decides the bytes besides vocabulary and texts.
    ``inputs``: what tells the texts from others. ``rows``, ``bytes``: of each whole shard.
    ``complete``: whether the last one is among them.
    """

    vocabulary: str
    settings: dict[str, Any]
    inputs: dict[str, Any]
    rows: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    complete: bool = False

    def save(self, folder: Path) -> None:
        """Write it into ``folder``, whole or not at all."""
        content = {"format_version": FORMAT_VERSION, **asdict(self)}
        with atomic_file(folder / MANIFEST) as temporary:
            temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def goes_on(self, folder: Path) -> None:
        """Take over which shards are whole from the manifest in ``folder``, if there is one.

        Raises ``ArgumentError``, naming the difference, if that is of another vocabulary, other settings or other
        inputs, or no manifest; and if the folder holds anything but no manifest.
        """
        path = folder / MANIFEST
        if not path.exists():
            if any(folder.iterdir()):
                raise ArgumentError(f"{folder} holds files but no {MANIFEST}: name a new folder")
            return
        before = _read(path)
        for name in ("vocabulary", "settings", "inputs"):
            if getattr(before, name) != getattr(self, name):
                raise ArgumentError(
                    f"{folder} holds shards of {_difference(name, getattr(before, name), getattr(self, name))}: "
                    "name a new folder, or run the command that made them"
                )
        self.rows, self.bytes, self.complete = before.rows, before.bytes, before.complete


def _read(path: Path) -> Manifest:
    try:
        content = json.loads(path.read_bytes())
        version = content.pop("format_version")
        manifest = Manifest(**content)
        numbers = [*manifest.rows, *manifest.bytes]
        sound = len(manifest.rows) == len(manifest.bytes) and all(type(n) is int and n >= 0 for n in numbers)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        version, sound = None, False
    if not sound or not isinstance(version, int):
        raise ArgumentError(f"{path} is not a manifest of shards: name a new folder")
    if version > FORMAT_VERSION:
        raise ArgumentError(f"{path} was written by a newer tokemb (format {version}): upgrade tokemb")
    return manifest


def _difference(name: str, before: Any, now: Any) -> str:  # noqa: ANN401
    if name == "settings":
        keys = [key for key in now if before.get(key, None) != now[key]] if isinstance(before, dict) else []
        return "other settings" + "".join(f", {key} {before.get(key)!r} and not {now[key]!r}" for key in keys[:1])
    if name == "vocabulary":
        return f"another vocabulary ({str(before)[:12]}, this is {now[:12]})"
    return "other texts"
