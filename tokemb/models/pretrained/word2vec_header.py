"""The header of word2vec's formats, and the check of the number of rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokemb.errors import VectorsError
from tokemb.models.pretrained.pretrained_vectors import VectorCollector
from tokemb.models.pretrained.stream import REMEDY, Stream

_HEADER = re.compile(rb"(\d{1,18})[ \t]+(\d{1,18})[ \t\r]*(?:\n|\Z)")
_LARGEST_DIM = 1 << 20


@dataclass(frozen=True)
class Header:
    """The first line of a file.

    Attributes:
        rows: The number of rows.
        dim: The dimension of the vectors.
        size: The size of the line in bytes.
    """

    rows: int
    dim: int
    size: int


def parse_header(beginning: bytes) -> Header | None:
    """Parse the header at the beginning of a file. Return ``None`` if the first line is not two integers."""
    match = _HEADER.match(beginning)
    return Header(int(match[1]), int(match[2]), match.end()) if match else None


def check_dim(name: str, dim: int) -> int:
    """Return ``dim``, or raise ``VectorsError`` if it is not a valid dimension."""
    if not 1 <= dim <= _LARGEST_DIM:
        raise VectorsError(f"{name} must have vectors of 1 to {_LARGEST_DIM:,} numbers; received {dim}")
    return dim


def check_rows(stream: Stream, header: Header | None, rows: int, collector: VectorCollector, *, lenient: bool) -> None:
    """Raise ``VectorsError`` if the file has another number of rows than its header says. If ``lenient``, remark it."""
    if stream.ends_early:
        collector.remarks.append("its compressed data ends early")
    if header is None or rows == header.rows:
        return
    if not lenient:
        raise VectorsError(
            f"{stream.name} must hold the {header.rows:,} rows that its header says; it holds {rows:,}: {REMEDY}"
        )
    collector.remarks.append(f"its header says {header.rows:,} rows")
