"""Blocks of a few megabytes that end at the end of a row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.errors import TextError
from tokemb.files.output_stream import ByteStream
from tokemb.sources import texts
from tokemb.sources.lines import newlines_in

BOM = b"\xef\xbb\xbf"


def whole_lines(stream: ByteStream) -> Iterator[bytes]:
    r"""Yield blocks of about ``BATCH_BYTES`` that end in ``\n``. The last block may end without it."""
    rest: list[bytes] = []  # the start of an incomplete line; joined only once, even if the line is long
    while block := stream.read(texts.BATCH_BYTES):
        end = block.rfind(b"\n") + 1
        if end:
            yield b"".join([*rest, memoryview(block)[:end]])
            rest = []
        if end < len(block):
            rest.append(block[end:])
    if rest:
        yield b"".join(rest)


def join_last_line(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks of whole lines. A last line without newline is part of the block before it.

    The first block decides the types of columns, and they must not depend on the newline at the end of a short file.
    """
    held = next(blocks, b"")
    for block in blocks:
        if not block.endswith(b"\n"):
            held += block
            continue
        yield held
        held = block
    if held:
        yield held


def utf8_blocks(blocks: Iterator[bytes], name: str, errors: str) -> Iterator[bytes]:
    """Yield the blocks of one file as valid UTF-8, without the byte-order mark.

    Args:
        blocks: The blocks.
        name: The name of the file, for messages.
        errors: ``"strict"``, or ``"replace"`` to replace invalid bytes with U+FFFD.

    Raises:
        TextError: If ``errors`` is ``"strict"`` and a byte is invalid. The message names file, line and byte offset.
    """
    line, offset = 1, 0
    for block in blocks:
        valid = block
        if not _is_utf8(block):
            if errors == "strict":
                raise _invalid_byte(block, name, line, offset)
            valid = block.decode(errors="replace").encode()
        yield valid.removeprefix(BOM) if not offset else valid
        line += newlines_in(block)
        offset += len(block)


def _is_utf8(block: bytes) -> bool:
    """Return whether a block is UTF-8. Arrow is faster than ``bytes.decode`` and releases the interpreter lock."""
    ends = pa.py_buffer(np.array([0, len(block)], np.int64))
    try:
        pa.Array.from_buffers(STRINGS, 1, [None, ends, pa.py_buffer(block)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _invalid_byte(block: bytes, name: str, line: int, offset: int) -> TextError:
    try:
        block.decode()
    except UnicodeDecodeError as error:
        line += block.count(b"\n", 0, error.start)
        at = offset + error.start
        return TextError(
            f"{name}, line {line}: byte {at} (0x{block[error.start]:02x}) is not UTF-8; save the file as UTF-8 first, "
            'or read it with errors="replace"'
        )
    raise AssertionError("Arrow and Python agree on UTF-8")
