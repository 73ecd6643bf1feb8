"""Streams in blocks of some megabytes that end where a row ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.files.output_stream import ByteStream
from tokemb.sources import texts

BOM = b"\xef\xbb\xbf"
_NEWLINE = ord("\n")


def whole_lines(stream: ByteStream) -> Iterator[bytes]:
    r"""Yield blocks of about ``BATCH_BYTES`` that end in ``\n``; the last may not."""
    rest: list[bytes] = []  # the start of a line whose end has not been read: joined once, however long it is
    while block := stream.read(texts.BATCH_BYTES):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, memoryview(block)[:cut]])
            rest = []
        if cut < len(block):
            rest.append(block[cut:])
    if rest:
        yield b"".join(rest)


def utf8_blocks(blocks: Iterator[bytes], name: str, errors: str) -> Iterator[bytes]:
    """Yield ``blocks`` of one file, all UTF-8, without its byte-order mark.

    ``errors``: ``"strict"`` raises ``TextError`` for other bytes, with file, line and byte offset; ``"replace"`` makes
    them U+FFFD.
    """
    line, offset = 1, 0
    for block in blocks:
        sound = block
        if not _is_utf8(block):
            if errors == "strict":
                raise _misplaced(block, name, line, offset)
            sound = block.decode(errors="replace").encode()
        yield sound.removeprefix(BOM) if not offset else sound
        line += int(np.count_nonzero(np.frombuffer(block, np.uint8) == _NEWLINE))  # faster than bytes.count
        offset += len(block)


def _is_utf8(block: bytes) -> bool:
    """Have Arrow look, which takes a fraction of the time of ``bytes.decode`` and lets other threads run."""
    ends = pa.py_buffer(np.array([0, len(block)], np.int64))
    try:
        pa.Array.from_buffers(STRINGS, 1, [None, ends, pa.py_buffer(block)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _misplaced(block: bytes, name: str, line: int, offset: int) -> TextError:
    try:
        block.decode()
    except UnicodeDecodeError as error:
        line += block.count(b"\n", 0, error.start)
        at = offset + error.start
        return TextError(
            f"{name}, line {line}: byte {at} (0x{block[error.start]:02x}) is not UTF-8; save the file as UTF-8 first, "
            'or read it with errors="replace"'
        )
    raise AssertionError("Arrow and Python know the same UTF-8")
