"""Read word2vec's binary format: a header, then for each row the token, a space, and the numbers as float32."""

from __future__ import annotations

import numpy as np

from tokemb.errors import VectorsError
from tokemb.models.pretrained.pretrained_vectors import VectorCollector
from tokemb.models.pretrained.stream import REMEDY, Stream
from tokemb.models.pretrained.word2vec_header import Header, check_rows

_BLOCK = 1 << 22
_LONGEST_TOKEN = 1 << 16
_FLOAT = np.dtype("<f4")


def read_binary(stream: Stream, header: Header, collector: VectorCollector, *, lenient: bool) -> int:
    """Read the rows after the header.

    word2vec ends each row with a newline, other programs do not, so newlines before a token are skipped. If the first
    row ends with one, all must: after a row of another dimension, the bytes of tokens would be read as numbers.

    Args:
        stream: The file, after the header.
        header: The header.
        collector: The collector of the vectors.
        lenient: Whether to accept another number of rows than that of the header.

    Returns:
        The number of rows.

    Raises:
        VectorsError: If a token has no end, a row has another dimension than the header, a required row contains NaN
            or infinity, or the number of rows is wrong. The message names the file and row.
    """
    size = header.dim * _FLOAT.itemsize
    buffer, start, rows, has_newlines = b"", 0, 0, False
    while True:
        if len(buffer) - start < _LONGEST_TOKEN + 1 + size:
            buffer = buffer[start:] + stream.read(_BLOCK + size)
            start = 0
        token_start = _skip_newlines(buffer, start)
        if token_start == len(buffer):
            break
        if rows == 1:
            has_newlines = token_start > start
        _check_newline(stream, header, rows, not has_newlines or token_start > start)
        start = token_start
        space = buffer.find(b" ", start, start + _LONGEST_TOKEN)
        if space < 0 and len(buffer) - start >= _LONGEST_TOKEN:
            raise VectorsError(
                f"{stream.name}, row {rows + 1}: no space ends the token: "
                "use load_vectors(..., format=...) if the file has another format"
            )
        if space < 0 or space + 1 + size > len(buffer):
            if lenient:
                collector.remarks.append("the last row is truncated and skipped")
                break
            raise VectorsError(
                f"{stream.name} must hold the {header.rows:,} rows that its header says; it ends within row "
                f"{rows + 1:,}: {REMEDY}"
            )
        row = collector.row_for(buffer[start:space])
        if row is not None:
            try:
                collector.put(row, np.frombuffer(buffer, _FLOAT, header.dim, space + 1))
            except ValueError as error:
                raise VectorsError(f"{stream.name}, row {rows + 1}: {error}") from None
        rows += 1
        start = space + 1 + size
    check_rows(stream, header, rows, collector, lenient=lenient)
    return rows


def _skip_newlines(buffer: bytes, start: int) -> int:
    while buffer.startswith(b"\n", start):
        start += 1
    return start


def _check_newline(stream: Stream, header: Header, row: int, is_as_before: bool) -> None:
    """Raise ``VectorsError`` if a row does not end as the first one. Row 0 is the header."""
    if row and not is_as_before:
        raise VectorsError(
            f"{stream.name}, row {row}: {header.dim} numbers and a newline must follow the token, as in the row "
            "before; the row has another dimension or is damaged: download the file again"
        )
