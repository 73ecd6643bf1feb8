"""Which format a file of vectors has, told by what it holds."""

from __future__ import annotations

from collections import Counter

from tokemb.errors import VectorsError
from tokemb.models.pretrained.fasttext import MAGIC, looks_like_first_format
from tokemb.models.pretrained.word2vec_header import header_of
from tokemb.models.pretrained.word2vec_text import is_number

FORMATS = ("glove", "word2vec", "word2vec-binary", "fasttext", "npz")
"""GloVe's text, word2vec's text (fastText's ``.vec`` too), word2vec's binary, fastText's ``.bin``, NumPy's ``.npz``."""

BEGINNING = 1 << 20
"""How many bytes of a file are looked at."""

_BOM = b"\xef\xbb\xbf"
_PRINTABLE = bytes([*b"\t\n\r", *range(0x20, 0x7F)])


def format_of(name: str, beginning: bytes) -> str:
    """One of ``FORMATS``; raises ``VectorsError`` if the file has none of them.

    Two whole numbers alone on the first line are a header: then it is word2vec's.
    """
    beginning = beginning.removeprefix(_BOM)
    if not beginning.strip():
        raise VectorsError(f"{name} is empty, not a file of vectors")
    if beginning.startswith(MAGIC):
        return "fasttext"
    if beginning.startswith(b"PK\x03\x04"):
        return "npz"
    header = header_of(beginning)
    if header is not None:
        return "word2vec-binary" if _is_binary(beginning[header.size :], header.dim) else "word2vec"
    if looks_like_first_format(beginning):
        return "fasttext"
    if b"\0" in beginning:
        raise VectorsError(f"{name} is not a file of vectors: it is binary, and none of {', '.join(FORMATS)}")
    return "glove"


def _is_binary(rows: bytes, dim: int) -> bool:
    """Whether the first row after the header holds numbers as bytes, not as text."""
    fields = rows.partition(b"\n")[0].rstrip(b" \r").split(b" ")
    if len(fields) > dim and all(map(is_number, fields[-dim:])):
        return False
    numbers = rows[rows.find(b" ") + 1 :][: 4 * dim]
    return bool(numbers.translate(None, _PRINTABLE))


def dim_of(name: str, beginning: bytes) -> int:
    """The size of the vectors in text without a header: that of most rows at the beginning.

    Raises ``VectorsError`` if the rows are no vectors.
    """
    lines = beginning.split(b"\n")
    whole = lines[:-1] or lines
    # A token may hold spaces, but most do not.
    dim = Counter(line.rstrip(b" \r").count(b" ") for line in whole).most_common(1)[0][0]
    if dim < 1 or not any(all(map(is_number, line.split()[-dim:])) for line in whole[:10]):
        raise VectorsError(f"{name} is not a file of vectors: no token with its numbers on a line")
    return dim


def without_bom(beginning: bytes) -> int:
    """How many bytes of a byte-order mark are at the beginning."""
    return len(_BOM) if beginning.startswith(_BOM) else 0
