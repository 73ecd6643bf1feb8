"""How the legacy ``Tokenizer`` splits text: in Python, and as a profile of the engine where one says the same."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_uppercase
from typing import Any

import pyarrow as pa
from tokenizers import Regex, normalizers, pre_tokenizers

from tokemb._arrays import STRINGS
from tokemb.vocabulary.profiles import Profile

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'

# Characters that go through the engine at a time: enough for it to meet most words only once.
_CHUNK = 1 << 26
# Python splits the first in some 20 ms, the second in as long as it takes to load the kernels.
_WORTH_KERNELS = 1 << 18
_WORTH_LOADING = 1 << 21


@dataclass(frozen=True)
class Splitting:
    """The settings of a ``Tokenizer`` that say how it splits text."""

    filters: Any
    lower: bool
    split: Any
    char_level: bool

    def column(self, rows: list[Any]) -> pa.LargeStringArray | None:
        """``rows`` for the engine and ``profile_of``, ``large_string`` (rows,); ``None`` if Python is to split them.

        That is if they are few, are not all ``str``, hold a lone surrogate, or the settings are not the engine's.
        """
        one_character = isinstance(self.filters, str) and isinstance(self.split, str) and len(self.split) == 1
        if not (self.char_level or one_character) or not all(isinstance(row, str) for row in rows):
            return None
        if sum(map(len, rows)) < (_WORTH_KERNELS if "llvmlite" in sys.modules else _WORTH_LOADING):
            return None
        if self.lower:
            # The profile does A to Z. The rest is for Python, whose Unicode tables may be older than the engine's.
            rows = [row if row.isascii() else row.lower() for row in rows]
        try:
            return pa.array(rows, STRINGS)
        except UnicodeEncodeError:
            return None


@lru_cache(16)
def profile_of(splitting: Splitting) -> Profile:
    """The profile that splits as ``splitting`` what its ``column`` returns."""
    to_lower = normalizers.Sequence([normalizers.Replace(letter, letter.lower()) for letter in ascii_uppercase])
    if splitting.char_level:
        pre_tokenizer = pre_tokenizers.Split("", "isolated")
    else:
        separators = "".join(rf"\x{{{ord(character):X}}}" for character in splitting.filters + splitting.split)
        pre_tokenizer = pre_tokenizers.Split(Regex(f"[{separators}]+"), "removed")
    return Profile("legacy Keras", to_lower if splitting.lower else None, pre_tokenizer, ties="first seen")


def split_words(text: str, filters: Iterable[str], lower: bool, split: str) -> list[str]:
    """The words of ``text``: every character in ``filters`` becomes ``split``, at which it is split."""
    if lower:
        text = text.lower()
    table = _replacements(filters if isinstance(filters, str) else tuple(filters), split)
    return [word for word in text.translate(table).split(split) if word]


@lru_cache(16)
def _replacements(filters: Iterable[str], split: str) -> dict[int, str]:
    return str.maketrans(dict.fromkeys(filters, split))


def chunks(texts: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield ``texts``, rows of any kind, in lists of bounded size."""
    rows: list[Any] = []
    size = 0
    for row in texts:
        rows.append(row)
        # Characters for texts; for rows of tokens eight times their number, near enough.
        size += len(row) if isinstance(row, str) else 8 * len(row) if isinstance(row, list) else 1
        if size >= _CHUNK:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows
