"""Readers of the benchmark texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path


class CorpusError(Exception):
    """A corpus that does not exist, is empty or is not UTF-8."""


def texts(path: Path, rows: int | None) -> list[str]:
    """Return the rows of a text file, of the last column of a .tsv file, or of a folder of .tsv.gz files.

    Raises:
        CorpusError: If there is no such file or no row, or the text is not UTF-8.
    """
    files = sorted(path.glob("*.tsv.gz")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise CorpusError(
            f"there is no corpus at {path}: name one, for example TEXT=reviews.txt (one row per line; the last "
            "column of a .tsv file; a folder of .tsv.gz files)"
        )
    try:
        found = list(chain.from_iterable(_rows(file) for file in files))
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8: {error}") from error
    if not found:
        raise CorpusError(f"{path} has no rows")
    return take_evenly(found, rows)


def poems(path: Path, rows: int | None) -> list[str]:
    """Return the ``text`` of each line of a JSON Lines file."""
    return take_evenly([json.loads(line)["text"] for line in _lines(path)], rows)


def take_evenly(rows: list[str], number: int | None) -> list[str]:
    """Return ``number`` rows at equal distances, because the rows may be sorted."""
    if number is None or number >= len(rows):
        return rows
    return [rows[i * len(rows) // number] for i in range(number)]


def _rows(file: Path) -> Iterator[str]:
    if ".tsv" in file.suffixes:
        return (line.rpartition("\t")[2] for line in _lines(file))
    return _lines(file)


def _lines(file: Path) -> Iterator[str]:
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8-sig", newline="\n") as stream:
        for line in stream:
            yield line.removesuffix("\n").removesuffix("\r")
