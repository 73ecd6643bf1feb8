"""Tables of the normalization and the class of each character, made by querying the normalizer and the pre-tokenizer.

Both components are those of the installed `tokenizers`, so this module contains no knowledge of Unicode. They are
queried for 256 characters at a time when one of these occurs for the first time, which takes about a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np

from tokemb.engine.components import NeighborSplit, Step, first_match, overlaps
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
    """The tables of all characters that were queried so far.

    Attributes:
        table: The arrays for the kernels. They are replaced and never changed.
        growth: The maximum number of bytes that normalization makes of one byte.
        neighbor_split: The pre-tokenizer.
        method: How the text is split.
    """

    method = "by comparing neighbouring characters"

    def __init__(
        self,
        steps: Sequence[Step],
        neighbor_split: NeighborSplit,
        tokens: Sequence[str] = (),
        normal_tokens: Sequence[str] = (),
    ) -> None:
        """Initialize the tables with the first 256 characters.

        Args:
            steps: The steps of the normalizer.
            neighbor_split: The pre-tokenizer.
            tokens: The added tokens that are matched before normalization.
            normal_tokens: The added tokens that are matched after normalization.
        """
        self._steps = steps
        self.neighbor_split = neighbor_split
        self._tokens = tokens
        self._normal_tokens = normal_tokens
        self._first_characters = {token[0] for token in tokens}
        self._runs: list[str] = []  # one character of each run
        self._classes: dict[str, int | None] = {}
        for alternative in (alternative for group in neighbor_split.groups for alternative in group):
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
        """One character of each run so far."""
        return tuple(self._runs)

    def query_tokenizers(self, pages: Iterable[int]) -> None:
        """Add pages of 256 characters to the table if they are not in it."""
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

    def reason_for_reference(self, text: str) -> str | None:
        """Return why only the reference can encode ``text``, or ``None`` if the scanner can."""
        for position, character in enumerate(text):
            _, _, flag = self._describe(ord(character))
            if flag & NEEDS_REFERENCE:
                return f"the result for U+{ord(character):04X} depends on the characters around it"
            for token in self._tokens:
                if text.startswith(token, position):
                    return f"the text contains the added token {token!r}"
        normal = "".join(self._normalize(character) or "" for character in text)
        contained = (token for token in self._normal_tokens if token in normal)
        return next((f"the text contains the added token {token!r}" for token in contained), None)

    def _ranges(self) -> tuple[UInt8, UInt8]:
        """Return the ``ranges`` and ``folded`` of the table."""
        upper = range(ord("A"), ord("Z") + 1)
        folds = all(self._single_byte(byte) == byte + 32 for byte in upper)
        classes = np.full(256, SPECIAL, np.uint8)
        for byte in range(128):
            if self._single_byte(byte) == byte + 32 * (folds and byte in upper):
                classes[byte] = self.table.classes[self.table.starts[byte]]
        boundaries = np.flatnonzero(np.diff(classes)) + 1
        lows, ends = np.append(0, boundaries), np.append(boundaries, 256)
        ranges = np.stack([lows, ends - lows - 1, classes[lows]], axis=1).astype(np.uint8)
        ranges = ranges[ranges[:, 2] != 0]
        # The ranges are sorted by class because the kernel processes one class after the other.
        ranges = ranges[np.argsort(ranges[:, 2], kind="stable")]
        return ranges, np.array([upper[0], len(upper) - 1] if folds else [255, 0], np.uint8)

    def _single_byte(self, byte: int) -> int | None:
        """Return the one byte that an ASCII ``byte`` always becomes, or ``None``."""
        table = self.table
        first, last = table.starts[byte], table.starts[byte + 1]
        if last - first != 1 or table.flags[byte] or table.classes[first] & JOINS:
            return None
        return int(table.text[first])

    def _describe(self, code: int) -> tuple[bytes, bytes, int]:
        """Return the normalized character in UTF-8, the class of each of its bytes, and its flags."""
        if 0xD800 <= code < 0xE000:  # a surrogate, which no text contains
            return b"", b"", NEEDS_REFERENCE
        character = chr(code)
        flag = BEGINS_TOKEN if character in self._first_characters else 0
        text = self._normalize(character)
        if text is None or len(text) > MAX_CHARACTERS:
            return b"", b"", flag | NEEDS_REFERENCE
        classes = b""
        for part in text:
            char_class = self.class_of(part)
            if char_class is None or (char_class & JOINS and len(text) > 1):
                return b"", b"", flag | NEEDS_REFERENCE
            classes += bytes([char_class]) + bytes([TAIL]) * (len(part.encode()) - 1)
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
        """Return the class of a character of normalized text, or ``None`` if it depends on more than the neighbours."""
        if character not in self._classes:
            self._classes[character] = self._query_class(character)
        return self._classes[character]

    def _query_class(self, character: str) -> int | None:
        if overlaps(self.neighbor_split.groups, character):
            return None
        if not self._pretoken_count(character):
            joined = [
                number
                for number, member in enumerate(self._runs)
                if self._pretoken_count(member + character + member) == 1
            ]
            if len(joined) > 1:
                return None
            return JOINS | joined[0] << RUN_SHIFT if joined else 0
        if self._pretoken_count(character * 2) == 2:
            return KEPT | ALONE
        for number, member in enumerate(self._runs):
            if self._pretoken_count(member + character) == 1:
                return KEPT | number << RUN_SHIFT
        if len(self._runs) == MAX_RUNS:
            return None
        self._runs.append(character)
        return KEPT | (len(self._runs) - 1) << RUN_SHIFT

    def _pretoken_count(self, text: str) -> int:
        return len(self.neighbor_split.pre_tokenizer.pre_tokenize_str(text))


def _utf8_length(code: int) -> int:
    return 1 + (code >= 0x80) + (code >= 0x800) + (code >= 0x10000)


def _concatenate(texts: Sequence[str]) -> tuple[UInt8, Int32]:
    encoded = [text.encode() for text in texts]
    starts = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return np.array(list(b"".join(encoded)), np.uint8), starts
