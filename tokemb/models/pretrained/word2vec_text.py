"""Read vectors as text: one row per line, a token and its numbers separated by spaces.

GloVe, word2vec and fastText's ``.vec`` use this format. Every row must have the right number of fields. Only the
numbers of required rows are parsed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokemb._arrays import Float64
from tokemb.errors import VectorsError
from tokemb.models.pretrained.pretrained_vectors import VectorCollector
from tokemb.models.pretrained.stream import Stream
from tokemb.models.pretrained.word2vec_header import Header, check_rows

_BLOCK = 1 << 22
_LONGEST_ROW = 1 << 26


def read_text(stream: Stream, header: Header | None, dim: int, collector: VectorCollector, *, lenient: bool) -> int:
    """Read the rows after the header.

    Args:
        stream: The file, after the header.
        header: The header. ``None`` if the format has none.
        dim: The dimension of the vectors.
        collector: The collector of the vectors.
        lenient: Whether to accept another number of rows than that of the header.

    Returns:
        The number of rows.

    Raises:
        VectorsError: If a row has another dimension, a required row has a field that is not a finite number, or the
            number of rows is wrong. The message names the file and line.
    """
    rows, first_line = 0, 1 if header is None else 2
    for lines, complete in _blocks_of_lines(stream):
        # A line without a newline may be truncated within its last number.
        if lenient and not complete and (stream.ends_early or (header is not None and rows + 1 < header.rows)):
            collector.remarks.append("the last row is truncated and skipped")
            break
        for line in lines:
            try:
                _read_row(line, dim, collector)
            except ValueError as error:
                if lenient and not complete:
                    collector.remarks.append("the last row is truncated and skipped")
                    continue
                raise VectorsError(f"{stream.name}, line {first_line + rows}: {error}") from None
            rows += 1
    check_rows(stream, header, rows, collector, lenient=lenient)
    return rows


def _blocks_of_lines(stream: Stream) -> Iterator[tuple[list[bytes], bool]]:
    """Yield lists of lines, and whether the last line of the list has a newline."""
    rest: list[bytes] = []  # the start of a line whose end has not been read
    length = 0
    while block := stream.read(_BLOCK):
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join([*rest, block[: end - 1]]).split(b"\n"), True
            rest, length = [], 0
        if end < len(block):
            rest.append(block[end:])
            length += len(block) - end
        if length > _LONGEST_ROW:
            raise VectorsError(
                f"{stream.name} is not a file of vectors: it holds a line of more than {_LONGEST_ROW:,} bytes"
            )
    if rest:
        yield [b"".join(rest)], False


def _read_row(line: bytes, dim: int, collector: VectorCollector) -> None:
    """Collect the vector of one line if it is required. Raise ``ValueError`` if the line is not a token and numbers."""
    line = line.rstrip(b" \r")  # fastText ends each row with a space
    spaces = line.count(b" ")
    if spaces == dim:
        token = line[: line.find(b" ")]
    elif spaces > dim:
        token = line.rsplit(b" ", dim)[0]
        if _is_decimal(token.rpartition(b" ")[2]):
            raise ValueError(f"the row has more than {dim} numbers")
    else:
        raise ValueError(f"the row must have a token and {dim} numbers; it has {spaces + bool(line)} fields")
    row = collector.row_for(token)
    if row is not None:
        collector.put(row, _parse_numbers(line[len(token) + 1 :]))


def _parse_numbers(text: bytes) -> Float64:
    """Parse numbers separated by single spaces. Raise ``ValueError`` if a field is not a number."""
    fields = text.split(b" ")
    try:
        if b"_" in text:  # float() accepts it
            raise ValueError
        return np.array([float(field) for field in fields])
    except ValueError:
        invalid = next(field for field in fields if not is_number(field))
        raise ValueError(f"{invalid.decode(errors='backslashreplace')[:40]!r} is not a number") from None


def is_number(field: bytes) -> bool:
    """Return whether a field is a number, finite or not."""
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field


def _is_decimal(field: bytes) -> bool:
    """Return whether a field is a number with a point. A token may contain "7" ("Windows 7"), but hardly "7.0"."""
    return b"." in field and is_number(field)
