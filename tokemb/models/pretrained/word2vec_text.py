"""Vectors as text: a row a line, the token and its numbers with spaces between (GloVe, word2vec, fastText ``.vec``).

Every row must have the right number of fields. The numbers of the rows that nobody needs are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tokemb.errors import VectorsError
from tokemb.models.pretrained.pretrained_vectors import Gathered
from tokemb.models.pretrained.stream import Stream
from tokemb.models.pretrained.word2vec_header import Header, check_rows

_BLOCK = 1 << 22
_LONGEST_ROW = 1 << 26


def read_text(stream: Stream, header: Header | None, dim: int, gathered: Gathered, *, lenient: bool) -> int:
    """Gather from the rows that follow the header, which has been read, if there is one; give how many there are.

    Raises ``VectorsError``, naming file and line, for a row of another size than ``dim``, for what is no finite number
    in a row that is needed, and for more or fewer rows than the header says unless ``lenient``.
    """
    rows, first_line = 0, 1 if header is None else 2
    for lines, whole in _blocks_of_lines(stream):
        # What has no newline may be cut within its last number.
        if lenient and not whole and (stream.ends_early or (header is not None and rows + 1 < header.rows)):
            gathered.remarks.append("the last row is cut and left out")
            break
        for line in lines:
            try:
                _read_row(line, dim, gathered)
            except ValueError as error:
                if lenient and not whole:
                    gathered.remarks.append("the last row is cut and left out")
                    continue
                raise VectorsError(f"{stream.name}, line {first_line + rows}: {error}") from None
            rows += 1
    check_rows(stream, header, rows, gathered, lenient=lenient)
    return rows


def _blocks_of_lines(stream: Stream) -> Iterator[tuple[list[bytes], bool]]:
    """Lists of lines, and whether the last line of the list has its newline."""
    rest: list[bytes] = []  # the start of a line whose end has not been read
    length = 0
    while block := stream.read(_BLOCK):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, block[: cut - 1]]).split(b"\n"), True
            rest, length = [], 0
        if cut < len(block):
            rest.append(block[cut:])
            length += len(block) - cut
        if length > _LONGEST_ROW:
            raise VectorsError(f"{stream.name} holds a line of more than {_LONGEST_ROW:,} bytes: it is not vectors")
    if rest:
        yield [b"".join(rest)], False


def _read_row(line: bytes, dim: int, gathered: Gathered) -> None:
    """Take the vector of one line if it is wanted; raises ``ValueError`` if the line is none."""
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
    row = gathered.row_for(token)
    if row is not None:
        gathered.put(row, _parse_numbers(line[len(token) + 1 :]))


def _parse_numbers(text: bytes) -> npt.NDArray[np.float64]:
    """The numbers in ``text``, with one space between any two; raises ``ValueError`` if one is none."""
    fields = text.split(b" ")
    try:
        if b"_" in text:  # which Python takes
            raise ValueError
        return np.array([float(field) for field in fields])
    except ValueError:
        wrong = next(field for field in fields if not is_number(field))
        raise ValueError(f"{wrong.decode(errors='backslashreplace')[:40]!r} is not a number") from None


def is_number(field: bytes) -> bool:
    """Whether a field is a number, finite or not."""
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field


def _is_decimal(field: bytes) -> bool:
    """Whether a field is a number with a point: a token may have a space in it ("Windows 7"), but hardly this."""
    return b"." in field and is_number(field)
