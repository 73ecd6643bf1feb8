"""The tables of the normalization and the class of each character for the kernels.

A page of 256 characters is made by querying the normalizer and the pre-tokenizer, which takes some milliseconds. The
tables of all of Unicode take a second or two, so they are made when texts contain characters of many pages, and saved
on disk. Saved tables are loaded when a text contains a character of another page than the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from threading import Lock
from typing import Literal

import numpy as np

from tokemb._arrays import Int32, UInt8
from tokemb.engine.all_characters import describe_all
from tokemb.engine.char_queries import CharQueries, encode, growth
from tokemb.engine.character_sets import SURROGATES
from tokemb.engine.components import NeighborSplit, Step
from tokemb.engine.query_cache import Arrays, cached_arrays, saved_arrays
from tokemb.kernels.structs import BEGINS_TOKEN, CODES, JOINS, NEEDS_REFERENCE, PAGE, PAGES, SPECIAL, UNCHANGED, Table

# The number of characters of saved tables that are queried again.
_SAMPLE = 64
# Querying more pages than this takes longer than making the tables of all of Unicode.
_MANY_PAGES = 24


class CharTable:
    """The tables of the first page, and of all characters when they are needed.

    Attributes:
        table: The arrays for the kernels. They are replaced and never changed.
        growth: The maximum number of bytes that normalization makes of one byte.
        neighbor_split: The pre-tokenizer.
        method: How the text is split.
        by_automata: Whether automata split it.
    """

    method = "by comparing neighbouring characters"
    by_automata: Literal[False] = False

    def __init__(
        self,
        steps: Sequence[Step],
        neighbor_split: NeighborSplit,
        key: str,
        tokens: Sequence[str] = (),
        normal_tokens: Sequence[str] = (),
        replaced: Sequence[str] = (),
    ) -> None:
        """Initialize the tables with the first 256 characters.

        Args:
            steps: The steps of the normalizer.
            neighbor_split: The pre-tokenizer.
            key: A name of both components, under which their tables are saved.
            tokens: The added tokens that are matched before normalization.
            normal_tokens: The added tokens that are matched after normalization.
            replaced: The texts that are replaced before the steps. Only the reference encodes a text with one of them.
        """
        self._steps = steps
        self.neighbor_split = neighbor_split
        self._key = key
        self._tokens = tokens
        self._normal_tokens = normal_tokens
        self._replaced = replaced
        self._first_characters = {text[0] for text in (*tokens, *replaced)}
        self._queries = CharQueries(steps, neighbor_split)
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
            *_concatenate((*tokens, *replaced)),
            *_concatenate(normal_tokens),
        )
        self._pages = {0}
        self._add(self._describe_pages())
        ranges, folded = self._ranges()
        self.table = self.table._replace(ranges=ranges, folded=folded)

    def query_tokenizers(self, pages: Iterable[int]) -> None:
        """Add ``pages`` to the table, or all of Unicode if these tables are saved or many pages were added."""
        with self._lock:
            missing = {page for page in pages if self.table.page_of[page] < 0}
            if not missing:
                return
            self._pages |= missing
            arrays = saved_arrays(self._key, self._is_valid)
            if arrays is None and len(self._pages) <= _MANY_PAGES:
                self._add(self._describe_pages())
                return
            if arrays is None:
                build = partial(describe_all, self._steps, self.neighbor_split)
                arrays = cached_arrays(self._key, build, self._is_valid)
            self._add(arrays)
            self._queries = CharQueries(self._steps, self.neighbor_split, arrays["runs"].tolist())

    @property
    def runs(self) -> tuple[str, ...]:
        """One character of each run so far."""
        return self._queries.runs

    def class_of(self, character: str) -> int | None:
        """Return the class of a character of normalized text, or ``None`` if it depends on more than the neighbours."""
        return self._queries.class_of(character)

    def _describe_pages(self) -> Arrays:
        """Return the arrays of ``describe_all`` for ``_pages``, without ``UNCHANGED``."""
        pages = sorted(self._pages)
        codes = [code for page in pages for code in range(PAGE * page, PAGE * (page + 1))]
        described = [None if _is_surrogate(code) else self._queries.describe(chr(code)) for code in codes]
        encoded = [encode(parts or []) for parts in described]
        text, classes = (np.frombuffer(b"".join(parts), np.uint8) for parts in zip(*encoded, strict=True))
        page_of = np.full(PAGES, -1, np.int32)
        page_of[pages] = np.arange(len(pages))
        return {
            "page_of": page_of,
            "lengths": np.array([len(text) for text, _ in encoded], np.uint8),
            "text": text,
            "classes": classes,
            "flags": np.array([NEEDS_REFERENCE * (parts is None) for parts in described], np.uint8),
            "growth": np.array(growth({code: text for code, (text, _) in zip(codes, encoded, strict=True) if text})),
        }

    def _add(self, arrays: Arrays) -> None:
        """Replace the table by one with ``arrays``, as ``describe_all`` returns them."""
        page_of, lengths, text, classes, flags = (
            arrays[name].copy() for name in ("page_of", "lengths", "text", "classes", "flags")
        )
        starts = np.append(0, np.cumsum(lengths, dtype=np.int32)).astype(np.int32)
        # Equal pages are stored once, so a page whose flags change is copied.
        pages = sorted({ord(character) // PAGE for character in self._first_characters})
        for page in (page for page in pages if page_of[page] >= 0):
            first = PAGE * int(page_of[page])
            part = slice(starts[first], starts[first + PAGE])
            text, classes = np.append(text, text[part]), np.append(classes, classes[part])
            starts = np.append(starts, starts[first + 1 : first + PAGE + 1] - starts[first] + starts[-1])
            flags = np.append(flags, flags[first : first + PAGE])
            page_of[page] = len(flags) // PAGE - 1
        for code in (code for code in map(ord, self._first_characters) if page_of[code // PAGE] >= 0):
            flags[PAGE * page_of[code // PAGE] + code % PAGE] |= BEGINS_TOKEN
        self.growth = int(arrays["growth"])
        self.table = self.table._replace(page_of=page_of, starts=starts, text=text, classes=classes, flags=flags)

    def _is_valid(self, arrays: Arrays) -> bool:
        """Return whether saved arrays agree with new queries of some characters."""
        queries = CharQueries(self._steps, self.neighbor_split, arrays["runs"].tolist())
        starts = np.append(0, np.cumsum(arrays["lengths"], dtype=np.int64))
        for code in (*range(PAGE), *range(PAGE, CODES, CODES // _SAMPLE)):
            parts = queries.describe(chr(code))
            entry = PAGE * int(arrays["page_of"][code // PAGE]) + code % PAGE
            part = slice(starts[entry], starts[entry + 1])
            text, classes, flag = arrays["text"][part], arrays["classes"][part], arrays["flags"][entry]
            if flag & UNCHANGED:
                is_same = parts == [(chr(code), int(classes[0]))]
            else:
                is_same = (parts is None) == bool(flag & NEEDS_REFERENCE) and encode(parts or []) == (
                    text.tobytes(),
                    classes.tobytes(),
                )
            if not is_same:
                return False
        return True

    def reason_for_reference(self, text: str) -> str | None:
        """Return why only the reference can encode ``text``, or ``None`` if the scanner can."""
        normal = ""
        for position, character in enumerate(text):
            parts = self._queries.describe(character)
            if parts is None:
                return f"the result for U+{ord(character):04X} depends on the characters around it"
            for token in self._tokens:
                if text.startswith(token, position):
                    return f"the text contains the added token {token!r}"
            for replaced in self._replaced:
                if text.startswith(replaced, position):
                    return f"the text contains {replaced!r}, which the normalizer replaces"
            normal += "".join(part for part, _ in parts)
        contained = (token for token in self._normal_tokens if token in normal)
        return next((f"the text contains the added token {token!r}" for token in contained), None)

    def _ranges(self) -> tuple[UInt8, UInt8]:
        """Return the ``ranges`` and ``folded`` of the table."""
        upper = range(ord("A"), ord("Z") + 1)
        folds = all(self._single_byte(byte) == byte + 32 for byte in upper)
        classes = np.full(256, SPECIAL, np.uint8)
        for byte in range(128):
            if self._single_byte(byte) == byte + 32 * (folds and byte in upper):
                classes[byte] = self.table.classes[self.table.starts[self._first_entry + byte]]
        boundaries = np.flatnonzero(np.diff(classes)) + 1
        lows, ends = np.append(0, boundaries), np.append(boundaries, 256)
        ranges = np.stack([lows, ends - lows - 1, classes[lows]], axis=1).astype(np.uint8)
        ranges = ranges[ranges[:, 2] != 0]
        # The ranges are sorted by class because the kernel processes one class after the other.
        ranges = ranges[np.argsort(ranges[:, 2], kind="stable")]
        return ranges, np.array([upper[0], len(upper) - 1] if folds else [255, 0], np.uint8)

    @property
    def _first_entry(self) -> int:
        """The entry of U+0000."""
        return PAGE * int(self.table.page_of[0])

    def _single_byte(self, byte: int) -> int | None:
        """Return the one byte that an ASCII ``byte`` always becomes, or ``None``."""
        table, entry = self.table, self._first_entry + byte
        first, last = table.starts[entry], table.starts[entry + 1]
        if last - first != 1 or table.flags[entry] or table.classes[first] & JOINS:
            return None
        return int(table.text[first])


def _is_surrogate(code: int) -> bool:
    return SURROGATES.start <= code < SURROGATES.stop


def _concatenate(texts: Sequence[str]) -> tuple[UInt8, Int32]:
    encoded = [text.encode() for text in texts]
    starts = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return np.array(list(b"".join(encoded)), np.uint8), starts
