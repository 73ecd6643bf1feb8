"""CSV records with quoted fields: their ends, and misplaced quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tokemb._arrays import Int64, UInt8
from tokemb.errors import TextError
from tokemb.files.output_stream import ByteStream
from tokemb.sources import texts
from tokemb.sources.blocks import BOM

_NEWLINE, _RETURN, _QUOTE = b'\n\r"'
_NO_QUOTING = 'or pass quoting="none" if quotes are part of the text'

# Possible delimiters, and how messages show them.
_OTHER_DELIMITERS = {",": ",", ";": ";", "\t": r"\t", "|": "|"}

_Offsets = Int64


@dataclass(frozen=True)
class Scan:
    """The newlines and quotes of a block that starts with a record. All values are byte offsets into the block.

    Attributes:
        newlines: All newlines.
        ends: Ends of the complete records.
        open_quote: The quote whose field is still open at the end of the block.
        misplaced: The first text that follows a closing quote within a field.
        multiline_quote: The quote that opens the first field with a newline.
    """

    newlines: _Offsets
    ends: _Offsets
    open_quote: int | None = None
    misplaced: int | None = None
    multiline_quote: int | None = None

    @property
    def last_end(self) -> int:
        """The end of the last complete record. 0 if there is none."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def lines_before(self, offset: int) -> int:
        """Count the newlines before a byte offset."""
        return int(np.searchsorted(self.newlines, offset))


def whole_records(stream: ByteStream, name: str, delimiter: str) -> Iterator[bytes]:
    """Yield blocks of about ``BATCH_BYTES`` that end at the end of a record, not at a newline within quotes.

    Raises:
        TextError: If a quote is never closed, or text follows a closing quote. The message names file and line.
    """
    rest, line = stream.read(len(BOM)), 1
    start = len(BOM) if rest == BOM else 0
    may_warn = delimiter == "\t"
    is_more = True
    while is_more:
        more = stream.read(max(texts.BATCH_BYTES, len(rest)))  # a long record is scanned only a few times
        is_more = bool(more)
        rest += more
        scan = scan_records(rest, delimiter, start)
        if scan.misplaced is not None:
            raise _text_after_quote(name, line + scan.lines_before(scan.misplaced), chr(rest[scan.misplaced]))
        if may_warn and scan.multiline_quote is not None:
            may_warn = False
            _warn_of_lines(name, line + scan.lines_before(scan.multiline_quote))
        if not is_more and scan.open_quote is not None:
            raise _never_closed(name, line + scan.lines_before(scan.open_quote))
        end = len(rest) if not is_more else scan.last_end
        if end:
            yield rest[:end]
            line += scan.lines_before(end)
            rest, start = rest[end:], 0


def scan_records(data: bytes, delimiter: str, start: int = 0) -> Scan:
    """Find the ends of the records in ``data``. The first record begins at byte ``start``.

    Only runs of an odd number of quotes change the state. At the start of a field such a run opens quotes. Within
    quotes it closes them. Elsewhere quotes are text. A run after a delimiter or a newline may be either of the first
    two.
    """
    text = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    quotes = np.flatnonzero(text == _QUOTE)
    if not len(quotes):
        return Scan(newlines, newlines + 1)
    gaps = np.flatnonzero(np.diff(quotes) > 1)
    first = quotes[np.concatenate([[0], gaps + 1])]
    last = quotes[np.concatenate([gaps, [-1]])]
    odd = (last - first) % 2 == 0
    before = text[first - 1]
    starts_field = (first == start) | (before == ord(delimiter)) | (before == _NEWLINE) | (before == _RETURN)
    changes = np.cumsum(odd & starts_field)
    closed = np.maximum.accumulate(np.where(odd & ~starts_field, changes, 0))
    is_open = (changes - closed) % 2 == 1
    was_open = np.concatenate([[False], is_open[:-1]])
    run = np.searchsorted(first, newlines) - 1
    within = (run >= 0) & is_open[run]
    opening = np.where(is_open & ~was_open, first, 0)
    np.maximum.accumulate(opening, out=opening)
    closes = np.where(odd, was_open, starts_field & ~was_open)
    return Scan(
        newlines,
        newlines[~within] + 1,
        int(opening[-1]) if is_open[-1] else None,
        _first_text(text, last[closes] + 1, delimiter),
        int(opening[run[np.argmax(within)]]) if within.any() else None,
    )


def _first_text(text: UInt8, after: _Offsets, delimiter: str) -> int | None:
    """Return the first of the offsets ``after`` at which a field does not end. The end of the block is undecided."""
    after = after[: len(after) - bool(len(after) and after[-1] == len(text))]
    byte = text[after]
    is_text = (byte != ord(delimiter)) & (byte != _NEWLINE) & (byte != _RETURN)
    return int(after[np.argmax(is_text)]) if is_text.any() else None


def _text_after_quote(name: str, line: int, text: str) -> TextError:
    if text in _OTHER_DELIMITERS:
        remedy = f'pass delimiter="{_OTHER_DELIMITERS[text]}" if that separates the fields'
    else:
        remedy = "double the quotes within quoted fields"
    return TextError(f'{name}, line {line}: {text!r} follows a closing quote ("); {remedy}, {_NO_QUOTING}')


def _never_closed(name: str, line: int) -> TextError:
    return TextError(
        f'{name} ends within the quoted field that starts on line {line}: close it with a quote ("), {_NO_QUOTING}'
    )


def _warn_of_lines(name: str, line: int) -> None:
    import logging  # imported late: few files need it

    logging.getLogger("tokemb").warning(
        '%s, line %d: a quoted field spans several lines; pass quoting="none" if quotes are part of the text',
        name,
        line,
    )
