"""What becomes of each character: found by asking the normalizer and the pre-tokenizer.

Both are those of the installed `tokenizers`, so nothing about Unicode is written down here. They are asked when a
character is met: 256 at a time, about a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np

from tokemb.engine.components import Cutting, Step, first_match, overlaps
from tokemb.kernels.structs import (
    ALONE,
    BEGINS_TOKEN,
    JOINS,
    KEPT,
    MAX_CHARACTERS,
    MAX_RUNS,
    NEEDS_REFERENCE,
    PAGE,
    PAGES,
    RUN_SHIFT,
    SPECIAL,
    TAIL,
    Int32,
    Table,
    UInt8,
)


class CharTable:
    """The table, as far as it was asked for.

    ``table``: it; replaced, never changed. ``growth``: the most bytes that one byte of text becomes.
    ``cutting``: the pre-tokenizer.
    """

    def __init__(
        self, steps: Sequence[Step], cutting: Cutting, tokens: Sequence[str] = (), normal_tokens: Sequence[str] = ()
    ) -> None:
        """``tokens``, ``normal_tokens``: the added tokens to be found in the text, before and after normalization."""
        self._steps = steps
        self.cutting = cutting
        self._tokens = tokens
        self._normal_tokens = normal_tokens
        self._first_of_tokens = {token[0] for token in tokens}
        self._runs: list[str] = []  # a character of each
        self._classes: dict[str, int | None] = {}
        for alternative in (alternative for group in cutting.groups for alternative in group):
            if alternative.joined_by and (first := first_match(alternative.characters)):
                self.class_of(first)
        self._lock = Lock()
        self.growth = 1
        self.table = Table(
            np.zeros((0, 3), np.uint8),
            np.zeros(2, np.uint8),
            np.full(PAGES, -1, np.int32),
            np.zeros(1, np.int32),
            np.zeros(0, np.uint8),
            np.zeros(0, np.uint8),
            np.zeros(0, np.uint8),
            *_concatenate(tokens),
            *_concatenate(normal_tokens),
        )
        self.query_tokenizers([0])
        ranges, folded = self._ranges()
        self.table = self.table._replace(ranges=ranges, folded=folded)

    @property
    def runs(self) -> tuple[str, ...]:
        """A character of each run that was met."""
        return tuple(self._runs)

    def query_tokenizers(self, pages: Iterable[int]) -> None:
        """Put more pages of characters into the table, as far as they are not in it."""
        with self._lock:
            pages = [page for page in pages if self.table.page_of[page] < 0]
            if pages:
                self.table = self._with_pages(pages)

    def _with_pages(self, pages: Sequence[int]) -> Table:
        table = self.table
        codes = [code for page in pages for code in range(page * PAGE, (page + 1) * PAGE)]
        texts, classes, flags = zip(*map(self._describe, codes), strict=True)
        self.growth = max(
            self.growth, *(-(-len(text) // _utf8_length(c)) for text, c in zip(texts, codes, strict=True))
        )
        page_of = table.page_of.copy()
        page_of[pages] = np.arange(len(pages)) + len(table.flags) // PAGE
        ends = table.starts[-1] + np.cumsum(np.fromiter(map(len, texts), np.int32, len(texts)), dtype=np.int32)
        return table._replace(
            page_of=page_of,
            starts=np.append(table.starts, ends),
            text=np.append(table.text, np.frombuffer(b"".join(texts), np.uint8)),
            classes=np.append(table.classes, np.frombuffer(b"".join(classes), np.uint8)),
            flags=np.append(table.flags, np.array(flags, np.uint8)),
        )

    def why_reference(self, text: str) -> str | None:
        """What in ``text`` only the reference can do, or ``None`` if there is nothing."""
        for position, character in enumerate(text):
            _, _, flag = self._describe(ord(character))
            if flag & NEEDS_REFERENCE:
                return f"what becomes of U+{ord(character):04X} depends on the characters around it"
            for token in self._tokens:
                if text.startswith(token, position):
                    return f"it holds the added token {token!r}"
        normal = "".join(self._normalize(character) or "" for character in text)
        return next((f"it holds the added token {token!r}" for token in self._normal_tokens if token in normal), None)

    def _ranges(self) -> tuple[UInt8, UInt8]:
        """The ``ranges`` and ``folded`` of the table."""
        upper = range(ord("A"), ord("Z") + 1)
        folds = all(self._becomes_byte(byte) == byte + 32 for byte in upper)
        kinds = np.full(256, SPECIAL, np.uint8)
        for byte in range(128):
            if self._becomes_byte(byte) == byte + 32 * (folds and byte in upper):
                kinds[byte] = self.table.classes[self.table.starts[byte]]
        cuts = np.flatnonzero(np.diff(kinds)) + 1
        lows, ends = np.append(0, cuts), np.append(cuts, 256)
        ranges = np.stack([lows, ends - lows - 1, kinds[lows]], axis=1).astype(np.uint8)
        ranges = ranges[ranges[:, 2] != 0]
        # By class, so that a kernel is done with one before it comes to the next.
        ranges = ranges[np.argsort(ranges[:, 2], kind="stable")]
        return ranges, np.array([upper[0], len(upper) - 1] if folds else [255, 0], np.uint8)

    def _becomes_byte(self, byte: int) -> int | None:
        """The one byte that ``byte``, of ASCII, becomes whatever is around it, or ``None``."""
        table = self.table
        first, last = table.starts[byte], table.starts[byte + 1]
        if last - first != 1 or table.flags[byte] or table.classes[first] & JOINS:
            return None
        return int(table.text[first])

    def _describe(self, code: int) -> tuple[bytes, bytes, int]:
        """What a character becomes in UTF-8, the class of each byte, and its flags."""
        if 0xD800 <= code < 0xE000:  # a surrogate, which no text holds
            return b"", b"", NEEDS_REFERENCE
        character = chr(code)
        flag = BEGINS_TOKEN if character in self._first_of_tokens else 0
        text = self._normalize(character)
        if text is None or len(text) > MAX_CHARACTERS:
            return b"", b"", flag | NEEDS_REFERENCE
        classes = b""
        for part in text:
            kind = self.class_of(part)
            if kind is None or (kind & JOINS and len(text) > 1):
                return b"", b"", flag | NEEDS_REFERENCE
            classes += bytes([kind]) + bytes([TAIL]) * (len(part.encode()) - 1)
        return text.encode(), classes, flag

    def _normalize(self, character: str) -> str | None:
        text = character
        for step in self._steps:
            parts = [step.of_character(part) for part in text]
            if None in parts:
                return None
            text = "".join(filter(None, parts))
        return text

    def class_of(self, character: str) -> int | None:
        """The class of a character of normalized text, or ``None`` if it depends on more than its neighbours."""
        if character not in self._classes:
            self._classes[character] = self._ask_class(character)
        return self._classes[character]

    def _ask_class(self, character: str) -> int | None:
        if overlaps(self.cutting.groups, character):
            return None
        if not self._pieces(character):
            joined = [
                number for number, member in enumerate(self._runs) if self._pieces(member + character + member) == 1
            ]
            if len(joined) > 1:
                return None
            return JOINS | joined[0] << RUN_SHIFT if joined else 0
        if self._pieces(character * 2) == 2:
            return KEPT | ALONE
        for number, member in enumerate(self._runs):
            if self._pieces(member + character) == 1:
                return KEPT | number << RUN_SHIFT
        if len(self._runs) == MAX_RUNS:
            return None
        self._runs.append(character)
        return KEPT | (len(self._runs) - 1) << RUN_SHIFT

    def _pieces(self, text: str) -> int:
        return len(self.cutting.pre_tokenizer.pre_tokenize_str(text))


def _utf8_length(code: int) -> int:
    return 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)


def _concatenate(texts: Sequence[str]) -> tuple[UInt8, Int32]:
    encoded = [text.encode() for text in texts]
    starts = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return np.array(list(b"".join(encoded)), np.uint8), starts
