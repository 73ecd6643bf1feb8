"""The texts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path


class CorpusError(Exception):
    """There is no text to measure with."""


def texts(path: Path, rows: int | None) -> list[str]:
    """The rows of a text file, of the last column of a .tsv file, or of a folder of .tsv.gz; raises ``CorpusError``."""
    files = sorted(path.glob("*.tsv.gz")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise CorpusError(
            f"there is no corpus at {path}: name one, for example TEXT=reviews.txt (a row a line; a .tsv file's last "
            "column; a folder of .tsv.gz)"
        )
    try:
        found = list(chain.from_iterable(_rows(file) for file in files))
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8: {error}") from error
    if not found:
        raise CorpusError(f"there is no row in {path}")
    return some(found, rows)


def poems(path: Path, rows: int | None) -> list[str]:
    """The ``text`` of each line of a JSON Lines file."""
    return some([json.loads(line)["text"] for line in _lines(path)], rows)


def some(rows: list[str], number: int | None) -> list[str]:
    """So many of the rows, evenly from the whole of them: they may be sorted by something."""
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
