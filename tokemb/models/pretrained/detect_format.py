"""Detect the format of a file of vectors from its content."""

from __future__ import annotations

import re
from collections import Counter

from tokemb._validation import VECTOR_FORMATS
from tokemb.errors import VectorsError
from tokemb.models.pretrained.fasttext import MAGIC, looks_like_unversioned
from tokemb.models.pretrained.word2vec_header import parse_header
from tokemb.models.pretrained.word2vec_text import is_number

BEGINNING_SIZE = 1 << 20
"""The number of bytes from which the format is detected."""

# The first two pairs are enough: a row can be longer than the beginning of the file.
_SPARSE_ROW = re.compile(rb"\S+ \d+:[-+.\deE]+ \d+:[-+.\deE]+(?:[ \r]|\Z)")

_BOM = b"\xef\xbb\xbf"
_PRINTABLE = bytes([*b"\t\n\r", *range(0x20, 0x7F)])


def detect_format(name: str, beginning: bytes) -> str:
    """Return the format of a file of vectors.

    A first line of two integers is the header of a word2vec format.

    Args:
        name: The name of the file, for messages.
        beginning: The first bytes of the file.

    Returns:
        One of ``VECTOR_FORMATS``.

    Raises:
        VectorsError: If the file has none of them.
    """
    beginning = beginning.removeprefix(_BOM)
    if not beginning.strip():
        raise VectorsError(f"{name} is empty, not a file of vectors")
    if beginning.startswith(MAGIC):
        return "fasttext"
    if beginning.startswith(b"PK\x03\x04"):
        return "npz"
    header = parse_header(beginning)
    if is_sparse(beginning[header.size if header else 0 :].partition(b"\n")[0]):
        raise VectorsError(
            f"{name} contains pairs of position and value (sparse vectors, such as ppmi.*), which have no fixed "
            "length: use the dense vectors of the same words, such as sgns.*"
        )
    if header is not None:
        return "word2vec-binary" if _is_binary(beginning[header.size :], header.dim) else "word2vec"
    if looks_like_unversioned(beginning):
        return "fasttext"
    if b"\0" in beginning:
        raise VectorsError(f"{name} is not a file of vectors: it is binary, and none of {', '.join(VECTOR_FORMATS)}")
    return "glove"


def _is_binary(rows: bytes, dim: int) -> bool:
    """Return whether the first row after the header contains numbers as bytes, not as text."""
    fields = rows.partition(b"\n")[0].rstrip(b" \r").split(b" ")
    if len(fields) > dim and all(map(is_number, fields[-dim:])):
        return False
    numbers = rows[rows.find(b" ") + 1 :][: 4 * dim]
    # The bytes of a number such as 0.7 can all be printable, but those of others are not, or are zero.
    return b"\0" in rows or bool(numbers.translate(None, _PRINTABLE))


def is_sparse(row: bytes) -> bool:
    """Return whether a line is a word and pairs of position and value."""
    return _SPARSE_ROW.match(row) is not None


def detect_dim(name: str, beginning: bytes) -> int:
    """Return the dimension of the vectors in text without a header: the most frequent one at the beginning.

    Raises:
        VectorsError: If the rows are not vectors.
    """
    lines = beginning.split(b"\n")
    complete = lines[:-1] or lines
    # A token may contain spaces, but most do not.
    dim = Counter(line.rstrip(b" \r").count(b" ") for line in complete).most_common(1)[0][0]
    if dim < 1 or not any(all(map(is_number, line.split()[-dim:])) for line in complete[:10]):
        raise VectorsError(f"{name} is not a file of vectors: no line holds a token and its numbers")
    return dim


def bom_size(beginning: bytes) -> int:
    """Return the number of bytes of a byte-order mark at the beginning."""
    return len(_BOM) if beginning.startswith(_BOM) else 0
