"""Streams in blocks of some megabytes that end where a row ends."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tokemb import texts
from tokemb.errors import TextError
from tokemb.reading.streams import Stream
from tokemb.texts import STRINGS

_BOM = b"\xef\xbb\xbf"
_NEWLINE, _RETURN, _QUOTE = b'\n\r"'


def whole_lines(stream: Stream) -> Iterator[bytes]:
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


def whole_records(stream: Stream, name: str, delimiter: str) -> Iterator[bytes]:
    """Yield blocks of about ``BATCH_BYTES`` of CSV that end where a record does, not at a newline within quotes.

    Raises ``TextError``, naming the file, for a quote that is never closed.
    """
    rest = b""
    while more := stream.read(max(texts.BATCH_BYTES, len(rest))):  # a long record is looked at few times
        rest += more
        ends, _ = record_ends(rest, delimiter)
        if len(ends):
            yield rest[: ends[-1]]
            rest = rest[ends[-1] :]
    if rest:
        _, is_open = record_ends(rest, delimiter)
        if is_open:
            raise TextError(f'{name} ends within a quoted field: close the last quote (")')
        # Arrow finds no columns in a single record whose end is missing.
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def record_ends(data: bytes, delimiter: str) -> tuple[npt.NDArray[np.int64], bool]:
    """Where the whole records of ``data`` end, and whether ``data``, which start with one, end within quotes.

    Only runs of an odd number of quotes change anything. At the start of a field one opens quotes; within quotes any
    closes them; elsewhere quotes are text. A run after a delimiter or a newline may be either of the first two.
    """
    text = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    quotes = np.flatnonzero(text == _QUOTE)
    if not len(quotes):
        return newlines + 1, False
    gaps = np.flatnonzero(np.diff(quotes) > 1)
    first = quotes[np.concatenate([[0], gaps + 1])]
    last = quotes[np.concatenate([gaps, [-1]])]
    odd = (last - first) % 2 == 0
    before = text[first - 1]
    after_break = (first == 0) | (before == ord(delimiter)) | (before == _NEWLINE) | (before == _RETURN)
    changes = np.cumsum(odd & after_break)
    closed = np.maximum.accumulate(np.where(odd & ~after_break, changes, 0))
    is_open = (changes - closed) % 2 == 1
    run = np.searchsorted(first, newlines) - 1
    return newlines[(run < 0) | ~is_open[run]] + 1, bool(is_open[-1])


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
        yield sound.removeprefix(_BOM) if not offset else sound
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
