"""Files that are not UTF-8 text although they are read as text, CSV or JSON Lines, recognized by their first bytes."""

from __future__ import annotations

import codecs
from typing import NamedTuple

import numpy as np

from tokemb.errors import TextError
from tokemb.files.output_stream import ByteStream

# Bytes that are looked at.
_BEGINNING = 1 << 12
# Fewer bytes are not called binary for the NUL characters among them, and neither is a smaller share of them.
_BINARY_BYTES, _BINARY_SHARE = 256, 0.3
# NUL characters that may be there by chance, and the share of small bytes among the high bytes of UTF-16.
_FEWEST, _HIGH_SHARE = 3, 0.9


class _Signature(NamedTuple):
    prefixes: tuple[bytes, ...]
    content: str
    remedy: str


_EXTRACT = "extract the texts from it first"
_EXPORT = "write its texts to a text file, one per line, first"
_RENAME = "decompress it, or give it a name that ends in "
# A file of bzip2 starts with its block size and with a block, or with its end if it is empty.
_BZIP2 = tuple(b"BZh%d" % size + block for size in range(1, 10) for block in (b"1AY&SY", b"\x17rE8P\x90"))
_SIGNATURES = (
    _Signature((b"\x1f\x8b\x08",), "gzip data", _RENAME + ".gz"),
    _Signature(_BZIP2, "bzip2 data", _RENAME + ".bz2"),
    _Signature((b"\x28\xb5\x2f\xfd",), "zstd data", _RENAME + ".zst"),
    _Signature((b"\xfd7zXZ\0",), "xz data", _RENAME + ".xz"),
    _Signature((b"\x04\x22\x4d\x18",), "LZ4 data", "decompress it first"),
    _Signature((b"PAR1\x15",), "a Parquet file", 'pass format="parquet"'),
    _Signature((b"ARROW1\0\0", b"\xff\xff\xff\xff"), "Arrow data", 'pass format="arrow"'),
    _Signature((b"PK\x03\x04", b"PK\x05\x06"), "a ZIP archive (or .xlsx, .docx, .npz, .keras)", _EXTRACT),
    _Signature((b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07"), "a compressed archive", _EXTRACT),
    _Signature((b"\x93NUMPY",), "a NumPy array", _EXPORT),
    _Signature((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), "a Python pickle", _EXPORT),
    _Signature((b"\x89HDF\r\n\x1a\n",), "an HDF5 file", _EXPORT),
    _Signature((b"SQLite format 3\0",), "an SQLite database", _EXPORT),
    _Signature((b"%PDF-1.", b"%PDF-2."), "a PDF document", _EXTRACT),
    _Signature((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",), "an old Office document", _EXTRACT),
    _Signature((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"), "an image", "pass files of texts"),
)
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class CheckedStream:
    """A stream whose first bytes are checked when they are read."""

    def __init__(self, stream: ByteStream, name: str) -> None:
        self._stream = stream
        self._name = name
        self._waiting: bytes | None = None  # what was read to be checked, and not taken

    def read(self, size: int) -> bytes:
        """Read the next ``size`` bytes, fewer at the end.

        Raises:
            TextError: If the first bytes tell that the stream is not UTF-8 text.
        """
        if self._waiting is None:
            block = self._stream.read(max(size, _BEGINNING))
            check_text(block[:_BEGINNING], self._name)
            self._waiting = block[size:]
            return block[:size]
        if not self._waiting:
            return self._stream.read(size)
        block, self._waiting = self._waiting[:size], self._waiting[size:]
        return block if len(block) == size else block + self._stream.read(size - len(block))


def check_text(beginning: bytes, name: str) -> None:
    """Raise ``TextError``, naming the file and what it holds, if its ``beginning`` tells that it is not UTF-8 text."""
    for prefixes, content, remedy in _SIGNATURES:
        if beginning.startswith(prefixes):
            raise TextError(f"{name} holds {content}, not text: {remedy}")
    if _is_tar(beginning):
        raise TextError(f"{name} holds a tar archive, not text: {_EXTRACT}")
    encoding = _wide_encoding(beginning)
    if encoding is not None:
        raise TextError(
            f"{name} is {encoding}, but files must be UTF-8: convert it, for example with iconv -f {encoding} -t UTF-8"
        )
    if len(beginning) >= _BINARY_BYTES and beginning.count(0) >= _BINARY_SHARE * len(beginning):
        raise TextError(
            f"{name} holds binary data, not text: {beginning.count(0):,} of its first {len(beginning):,} bytes are NUL"
        )


def _is_tar(beginning: bytes) -> bool:
    """Whether the first 512 bytes have the checksum of a tar header."""
    header = beginning[:512]
    try:
        checksum = int(header[148:156].strip(b"\0 "), 8)
    except ValueError:
        return False
    # It is the sum of all bytes, of which those of the checksum count as spaces.
    return checksum == sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _wide_encoding(beginning: bytes) -> str | None:
    """Return the encoding of text whose code units have several bytes, with or without a byte-order mark."""
    for mark, encoding in _MARKS:
        if beginning.startswith(mark):
            return encoding
    if beginning.count(0) < _FEWEST or len(beginning) % 2:
        return None
    for encoding in ("UTF-32LE", "UTF-32BE"):
        if len(beginning) % 4 == 0 and _is_text(beginning, encoding):
            return encoding
    first = 0 if 0 in beginning[::2] else 1
    high = np.frombuffer(beginning[first::2], np.uint8)
    # In scripts before U+2100 the high bytes are NUL, other control characters and spaces. No low byte is NUL.
    is_wide = 0 not in beginning[1 - first :: 2] and (high <= ord(" ")).mean() > _HIGH_SHARE
    encoding = "UTF-16LE" if first else "UTF-16BE"
    return encoding if is_wide and _is_text(beginning, encoding) else None


def _is_text(data: bytes, encoding: str) -> bool:
    """Whether data, which may end within a character, decode to characters that texts are made of."""
    import unicodedata  # here, as hardly any file has NUL characters

    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    return all(character.isspace() or unicodedata.category(character) not in _NOT_TEXT for character in text)


# Control characters, surrogates, private use and unassigned.
_NOT_TEXT = frozenset(("Cc", "Cs", "Co", "Cn"))
