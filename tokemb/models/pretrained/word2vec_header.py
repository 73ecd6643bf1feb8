"""The header of word2vec's formats, and the check that a file holds as many rows as it says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokemb.errors import VectorsError
from tokemb.models.pretrained.pretrained_vectors import Gathered
from tokemb.models.pretrained.stream import REMEDY, Stream

_HEADER = re.compile(rb"(\d{1,18})[ \t]+(\d{1,18})[ \t\r]*(?:\n|\Z)")
_LARGEST_DIM = 1 << 20


@dataclass(frozen=True)
class Header:
    """What the first line says: how many rows there are, and how many numbers each has. ``size``: of it in bytes."""

    rows: int
    dim: int
    size: int


def header_of(beginning: bytes) -> Header | None:
    """The header at the beginning of a file, ``None`` if the first line is not two whole numbers."""
    match = _HEADER.match(beginning)
    return Header(int(match[1]), int(match[2]), match.end()) if match else None


def check_dim(name: str, dim: int) -> int:
    """``dim``; raises ``VectorsError`` if vectors of this size cannot be."""
    if not 1 <= dim <= _LARGEST_DIM:
        raise VectorsError(f"{name} must have vectors of 1 to {_LARGEST_DIM:,} numbers; it says {dim}")
    return dim


def check_rows(stream: Stream, header: Header | None, rows: int, gathered: Gathered, *, lenient: bool) -> None:
    """Raise ``VectorsError`` unless the file holds as many rows as it says; if ``lenient``, remark on it instead."""
    if stream.ends_early:
        gathered.remarks.append("its compressed data ends early")
    if header is None or rows == header.rows:
        return
    if not lenient:
        raise VectorsError(
            f"{stream.name} must hold the {header.rows:,} rows that its header says; it holds {rows:,}: {REMEDY}"
        )
    gathered.remarks.append(f"its header says {header.rows:,} rows")
