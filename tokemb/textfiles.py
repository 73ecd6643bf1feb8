r"""Text files, a row a line.

``\n`` ends a line and one ``\r`` before it goes; nothing else ends a line. A byte-order mark at the start of a file
goes. The bytes must be UTF-8.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from tokemb.errors import TextError
from tokemb.texts import BATCH_BYTES, STRINGS, slices

_BOM = b"\xef\xbb\xbf"
_NEWLINE = ord("\n")


def read_lines(paths: Iterable[Path]) -> Iterator[pa.Array]:
    """Yield the lines of files as Arrow ``large_string`` arrays of about ``BATCH_BYTES`` each.

    ``paths``: in this order; ``Path("-")`` is standard input.
    Raises ``TextError`` for bytes that are not UTF-8 (with file, line and byte offset), ``OSError`` for a file that
    cannot be read.
    """
    for path in paths:
        if str(path) == "-":
            if sys.stdin is None:
                raise TextError("there is no standard input to read")
            yield from _lines(sys.stdin.buffer, "standard input")
        else:
            with path.open("rb") as file:
                yield from _lines(file, str(path))


def _lines(file: BinaryIO, name: str) -> Iterator[pa.Array]:
    line, offset = 1, 0
    for block in _blocks_of_whole_lines(file):
        _check_utf8(block, name, line, offset)
        offset += len(block)
        rows = _rows_of(block.removeprefix(_BOM) if line == 1 else block)
        line += len(rows)
        yield from slices(rows)


def _blocks_of_whole_lines(file: BinaryIO) -> Iterator[bytes]:
    rest: list[bytes] = []  # the start of a line whose end has not been read: joined once, however long it is
    while block := file.read(BATCH_BYTES):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, block[:cut]])
            rest = []
        if cut < len(block):
            rest.append(block[cut:])
    if rest:
        yield b"".join(rest)


def _check_utf8(block: bytes, name: str, line: int, offset: int) -> None:
    try:
        block.decode()
    except UnicodeDecodeError as error:
        line += block.count(b"\n", 0, error.start)
        at = offset + error.start
        raise TextError(
            f"{name}, line {line}: byte {at} (0x{block[error.start]:02x}) is not UTF-8; save the file as UTF-8 first"
        ) from None


def _rows_of(block: bytes) -> pa.Array:
    """Cut a block of whole lines into rows, without a Python object for each."""
    block = block.replace(b"\r\n", b"\n")
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
    if block and not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    offsets = np.zeros(len(ends) + 1, np.int64)
    offsets[1:] = ends - np.arange(len(ends))  # where the row ends once the newlines before it are gone
    text = pa.py_buffer(block.replace(b"\n", b""))
    return pa.Array.from_buffers(STRINGS, len(ends), [None, pa.py_buffer(offsets), text])
