"""Detection of files that are read as text, CSV or JSON Lines, but whose first bytes are not UTF-8 text."""

from __future__ import annotations

import codecs
from typing import NamedTuple

import numpy as np

from tokemb.errors import TextError
from tokemb.files.output_stream import ByteStream

# Bytes at the start of a file that are checked.
_PREFIX_BYTES = 1 << 12
# Minimum number of bytes, and minimum share of NUL characters among them, of data that is called binary.
_BINARY_BYTES, _BINARY_SHARE = 256, 0.3
# Minimum number of NUL characters in UTF-16 or UTF-32, and minimum share of small values in the high bytes of UTF-16.
_MIN_NULS, _HIGH_SHARE = 3, 0.9


class _Signature(NamedTuple):
    prefixes: tuple[bytes, ...]
    content: str
    remedy: str


_EXTRACT = "extract the texts from it first"
_EXPORT = "write its texts to a text file, one per line, first"
_RENAME = "decompress it, or give it a name that ends in "
# A bzip2 file starts with its block size and a block, or with its end if it is empty.
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
        self._pending: bytes | None = None  # bytes that were checked but not yet returned

    def read(self, size: int) -> bytes:
        """Read the next ``size`` bytes, fewer at the end.

        Raises:
            TextError: If the first bytes are not UTF-8 text.
        """
        if self._pending is None:
            block = self._stream.read(max(size, _PREFIX_BYTES))
            check_text(block[:_PREFIX_BYTES], self._name)
            self._pending = block[size:]
            return block[:size]
        if not self._pending:
            return self._stream.read(size)
        block, self._pending = self._pending[:size], self._pending[size:]
        return block if len(block) == size else block + self._stream.read(size - len(block))


def check_text(prefix: bytes, name: str) -> None:
    """Raise ``TextError`` if the first bytes of a file are not UTF-8 text. The message names file and content."""
    for prefixes, content, remedy in _SIGNATURES:
        if prefix.startswith(prefixes):
            raise TextError(f"{name} contains {content}, not text: {remedy}")
    if _is_tar(prefix):
        raise TextError(f"{name} contains a tar archive, not text: {_EXTRACT}")
    encoding = _wide_encoding(prefix)
    if encoding is not None:
        raise TextError(
            f"{name} is {encoding}, but files must be UTF-8: convert it, for example with iconv -f {encoding} -t UTF-8"
        )
    if len(prefix) >= _BINARY_BYTES and prefix.count(0) >= _BINARY_SHARE * len(prefix):
        raise TextError(
            f"{name} contains binary data, not text: {prefix.count(0):,} of its first {len(prefix):,} bytes are NUL"
        )


def _is_tar(prefix: bytes) -> bool:
    """Return whether the first 512 bytes have the checksum of a tar header."""
    header = prefix[:512]
    try:
        checksum = int(header[148:156].strip(b"\0 "), 8)
    except ValueError:
        return False
    # The checksum is the sum of all bytes, with the bytes of the checksum itself counted as spaces.
    return checksum == sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _wide_encoding(prefix: bytes) -> str | None:
    """Return UTF-16 or UTF-32 if the bytes are text in that encoding, with or without a byte-order mark."""
    for mark, encoding in _MARKS:
        if prefix.startswith(mark):
            return encoding
    if prefix.count(0) < _MIN_NULS or len(prefix) % 2:
        return None
    for encoding in ("UTF-32LE", "UTF-32BE"):
        if len(prefix) % 4 == 0 and _is_text(prefix, encoding):
            return encoding
    first = 0 if 0 in prefix[::2] else 1
    high = np.frombuffer(prefix[first::2], np.uint8)
    # In scripts before U+2100 the high bytes are NUL, other control characters and spaces. No low byte is NUL.
    is_wide = 0 not in prefix[1 - first :: 2] and (high <= ord(" ")).mean() > _HIGH_SHARE
    encoding = "UTF-16LE" if first else "UTF-16BE"
    return encoding if is_wide and _is_text(prefix, encoding) else None


def _is_text(data: bytes, encoding: str) -> bool:
    """Return whether data decodes to characters of texts. The data may end within a character."""
    import unicodedata  # imported late: hardly any file has NUL characters

    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    return all(character.isspace() or unicodedata.category(character) not in _NOT_TEXT for character in text)


# Control characters, surrogates, private use and unassigned.
_NOT_TEXT = frozenset(("Cc", "Cs", "Co", "Cn"))
