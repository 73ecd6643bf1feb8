"""Compressed files of gzip, bzip2, xz, zstd and joblib, decompressed up to a size limit."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokemb.errors import VocabularyError, one_line

# Maximum size of a decompressed vocabulary, enough for millions of tokens.
_MAX_BYTES = 1 << 30
# xz files state the memory that they need. The strongest preset needs 65 MiB.
_XZ_MEMORY = 256 << 20
# Bytes that are read at a time.
_PART = 1 << 20

_Reader = Callable[[bytes, int], bytes]


def decompress(content: bytes, path: Path, max_bytes: int = _MAX_BYTES) -> bytes:
    """Decompress the content of a file. Content that is not compressed is returned unchanged.

    Raises:
        VocabularyError: If the file is corrupt, or exceeds ``max_bytes`` when decompressed.
    """
    name = next((name for name, signatures in _SIGNATURES.items() if content.startswith(signatures)), None)
    if name is None:
        return content
    try:
        unpacked = _READERS[name](content, max_bytes + 1)
    except Exception as error:  # the decompressors raise errors of many kinds
        if name == "zlib" and content.isascii():
            return content  # a text that starts with the two characters of a zlib signature
        reason = one_line(error) or type(error).__name__
        raise VocabularyError(f"{path} is compressed with {name}, but is corrupt: {reason:.120}") from None
    if len(unpacked) > max_bytes:
        raise VocabularyError(
            f"{path} must have at most {max_bytes:,} bytes when decompressed, as every vocabulary has; it has more"
        )
    return unpacked


def _as_stream(open_stream: Callable[[bytes], Any]) -> _Reader:
    """Return a reader of the streams that ``open_stream`` opens."""

    def read(content: bytes, limit: int) -> bytes:
        with open_stream(content) as stream:
            return _read_parts(stream.read, limit)

    return read


def _at_once(decompressor_of: Callable[[], Any]) -> _Reader:
    """Return a reader with a new decompressor for each file."""

    def read(content: bytes, limit: int) -> bytes:
        decompressor = decompressor_of()
        unpacked: bytes = decompressor.decompress(content, limit)
        _check_end(decompressor.eof or len(unpacked) == limit, decompressor.unused_data)
        return unpacked

    return read


def _read_parts(read: Callable[[int], bytes], limit: int) -> bytes:
    """Read at most ``limit`` bytes, without allocating memory for all of them in advance."""
    parts, size = [], 0
    while size < limit and (part := read(min(_PART, limit - size))):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _check_end(is_complete: bool, rest: bytes) -> None:
    if not is_complete:
        raise EOFError("it is truncated")
    if rest.strip(b"\0"):
        raise ValueError("other bytes follow its end")


_READERS: dict[str, _Reader] = {
    # The modules are imported when they are needed. Python can be built without some of them.
    "gzip": _as_stream(lambda content: import_module("gzip").GzipFile(fileobj=io.BytesIO(content))),
    "bzip2": _as_stream(lambda content: import_module("bz2").BZ2File(io.BytesIO(content))),
    "xz": _at_once(lambda: import_module("lzma").LZMADecompressor(memlimit=_XZ_MEMORY)),
    "zlib": _at_once(lambda: import_module("zlib").decompressobj()),
    "zstd": _as_stream(lambda content: pa.CompressedInputStream(pa.BufferReader(content), "zstd")),
    "lz4": _as_stream(lambda content: pa.CompressedInputStream(pa.BufferReader(content), "lz4")),
}
_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "gzip": (b"\x1f\x8b",),
    "bzip2": tuple(b"BZh%d1AY&SY" % level for level in range(1, 10)),
    "xz": (b"\xfd7zXZ\0", b"\x5d\0\0"),  # the second is the older format that joblib calls lzma
    "zlib": (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"),
    "zstd": (b"\x28\xb5\x2f\xfd",),
    "lz4": (b"\x04\x22\x4d\x18",),
}
