"""word2vec's binary format: a header, then for each row the token, a space, and the numbers as float32."""

from __future__ import annotations

import numpy as np

from tokemb.errors import VectorsError
from tokemb.models.pretrained.pretrained_vectors import Gathered
from tokemb.models.pretrained.stream import REMEDY, Stream
from tokemb.models.pretrained.word2vec_header import Header, check_rows

_BLOCK = 1 << 22
_LONGEST_TOKEN = 1 << 16
_FLOAT = np.dtype("<f4")


def read_binary(stream: Stream, header: Header, gathered: Gathered, *, lenient: bool) -> int:
    """Gather from the rows that follow the header, which has been read; give how many there are.

    The original program ends each row with a newline, others do not: newlines before a token are left out.
    Raises ``VectorsError``, naming file and row, for a token without an end and for NaN or infinity in a row that is
    needed, and for more or fewer rows than the header says unless ``lenient``.
    """
    size = header.dim * _FLOAT.itemsize
    buffer, start, rows = b"", 0, 0
    while True:
        if len(buffer) - start < _LONGEST_TOKEN + 1 + size:
            buffer = buffer[start:] + stream.read(_BLOCK + size)
            start = 0
        while buffer.startswith(b"\n", start):
            start += 1
        if start == len(buffer):
            break
        space = buffer.find(b" ", start, start + _LONGEST_TOKEN)
        if space < 0 and len(buffer) - start >= _LONGEST_TOKEN:
            raise VectorsError(f"{stream.name}, row {rows + 1}: the token has no end; is it another format?")
        if space < 0 or space + 1 + size > len(buffer):
            if lenient:
                gathered.remarks.append("the last row is cut and left out")
                break
            raise VectorsError(
                f"{stream.name} must hold the {header.rows:,} rows that its header says; it ends within row "
                f"{rows + 1:,}: {REMEDY}"
            )
        row = gathered.row_for(buffer[start:space])
        if row is not None:
            try:
                gathered.put(row, np.frombuffer(buffer, _FLOAT, header.dim, space + 1))
            except ValueError as error:
                raise VectorsError(f"{stream.name}, row {rows + 1}: {error}") from None
        rows += 1
        start = space + 1 + size
    check_rows(stream, header, rows, gathered, lenient=lenient)
    return rows
