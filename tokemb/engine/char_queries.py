"""The normalization and the class of one character, found by querying the normalizer and the pre-tokenizer.

Both components are those of the installed `tokenizers`, so this module contains no knowledge of Unicode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokemb.engine.components import NeighborSplit, Step, first_match, overlaps
from tokemb.kernels.structs import ALONE, JOINS, KEPT, MAX_CHARACTERS, MAX_RUNS, PAGE, RUN_SHIFT, TAIL


class CharQueries:
    """Queries about single characters. The runs are numbered in the order in which they are found."""

    def __init__(self, steps: Sequence[Step], neighbor_split: NeighborSplit, runs: Sequence[int] = ()) -> None:
        """Initialize the runs with those of the first page.

        Args:
            steps: The steps of the normalizer.
            neighbor_split: The pre-tokenizer.
            runs: The code of one character of each further run.
        """
        self._steps = steps
        self._neighbor_split = neighbor_split
        self._runs: list[str] = []  # one character of each run
        self._classes: dict[str, int | None] = {}
        self._described: dict[str, list[tuple[str, int]] | None] = {}
        for alternative in (alternative for group in neighbor_split.groups for alternative in group):
            if alternative.joined_by and (first := first_match(alternative.characters)):
                self.class_of(first)
        for code in range(PAGE):
            self.describe(chr(code))
        for code in runs:
            self.class_of(chr(code))

    @property
    def runs(self) -> tuple[str, ...]:
        """One character of each run so far."""
        return tuple(self._runs)

    def describe(self, character: str) -> list[tuple[str, int]] | None:
        """Return the normalization of a character.

        Returns:
            The characters of the normalized text and their classes, or ``None`` if they depend on more than the
            neighbours or if the character is a surrogate, which no text contains.
        """
        if character not in self._described:
            self._described[character] = self._describe(character)
        return self._described[character]

    def _describe(self, character: str) -> list[tuple[str, int]] | None:
        if "\ud800" <= character <= "\udfff":
            return None
        text = self._normalize(character)
        if text is None or len(text) > MAX_CHARACTERS:
            return None
        parts = []
        for part in text:
            char_class = self.class_of(part)
            if char_class is None or (char_class & JOINS and len(text) > 1):
                return None
            parts.append((part, char_class))
        return parts

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
        if overlaps(self._neighbor_split.groups, character):
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
        return len(self._neighbor_split.pre_tokenizer.pre_tokenize_str(text))


def encode(parts: Sequence[tuple[str, int]]) -> tuple[bytes, bytes]:
    """Return the normalized characters of ``describe`` in UTF-8, and the class of each byte."""
    text = "".join(part for part, _ in parts)
    classes = (bytes([char_class]).ljust(len(part.encode()), bytes([TAIL])) for part, char_class in parts)
    return text.encode(), b"".join(classes)


def growth(encoded: Mapping[int, bytes]) -> int:
    """Return the maximum number of bytes that normalization makes of one byte. ``encoded`` are the normalized texts."""
    return max((-(-len(text) // len(chr(code).encode())) for code, text in encoded.items()), default=1)
