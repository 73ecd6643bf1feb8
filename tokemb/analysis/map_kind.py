"""Recognize maps of tokens: HTML pages and images that name tokemb as their creator."""

from __future__ import annotations

from pathlib import Path

from tokemb.files.output_kind import Kind

MAKER = "made with tokemb"

# The number of bytes at the start of a file that contain its metadata.
_HEAD = 1 << 12


def _is_map(path: Path) -> bool:
    with path.open("rb") as file:
        return MAKER.encode() in file.read(_HEAD)


MAP = Kind("a map by tokemb", _is_map)
