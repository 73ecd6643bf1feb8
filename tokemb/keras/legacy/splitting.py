"""Split text as the legacy ``Tokenizer`` does: in Python, or with an equivalent profile of the engine."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_uppercase
from typing import Any

import pyarrow as pa

from tokemb._arrays import STRINGS
from tokemb.vocabulary.profiles import Profile
from tokemb.vocabulary.tokenizers_library import Regex, normalizers, pre_tokenizers

# Characters per chunk, so many that most words are new to the engine only once.
_CHUNK = 1 << 26
# The minimum number of characters for the engine, which Python splits in about 20 ms.
_WORTH_KERNELS = 1 << 18
# The minimum if the kernels are not loaded. Python splits them in the time that loading takes.
_WORTH_LOADING = 1 << 21


@dataclass(frozen=True)
class Splitting:
    """The settings of a ``Tokenizer`` that determine how it splits text."""

    filters: Any
    lower: bool
    split: Any
    char_level: bool

    def column(self, rows: list[Any]) -> pa.LargeStringArray | None:
        """Convert rows to a column that the engine splits with ``profile_of``.

        Returns:
            ``large_string`` array ``(rows,)``. ``None`` if Python must split the rows: they are short, not all ``str``,
            or contain a lone surrogate, or the engine does not support the settings.
        """
        is_supported = isinstance(self.filters, str) and isinstance(self.split, str) and len(self.split) == 1
        if not (self.char_level or is_supported) or not all(isinstance(row, str) for row in rows):
            return None
        if sum(map(len, rows)) < (_WORTH_KERNELS if "llvmlite" in sys.modules else _WORTH_LOADING):
            return None
        if self.lower:
            # The profile lowercases A to Z. Python lowercases the rest, since its Unicode version may differ from the
            # engine's.
            rows = [row if row.isascii() else row.lower() for row in rows]
        try:
            return pa.array(rows, STRINGS)
        except UnicodeEncodeError:
            return None


@lru_cache(16)
def profile_of(splitting: Splitting) -> Profile:
    """Return the profile that splits the result of ``splitting.column``."""
    to_lower = normalizers.Sequence([normalizers.Replace(letter, letter.lower()) for letter in ascii_uppercase])
    if splitting.char_level:
        pre_tokenizer = pre_tokenizers.Split("", "isolated")
    else:
        separators = "".join(rf"\x{{{ord(character):X}}}" for character in splitting.filters + splitting.split)
        pre_tokenizer = pre_tokenizers.Split(Regex(f"[{separators}]+"), "removed")
    return Profile("legacy Keras", to_lower if splitting.lower else None, pre_tokenizer, ties="first seen")


def split_words(text: str, filters: Iterable[str], lower: bool, split: str) -> list[str]:
    """Replace every character of ``filters`` by ``split``, and return the words between the ``split``."""
    if lower:
        text = text.lower()
    table = _replacements(filters if isinstance(filters, str) else tuple(filters), split)
    return [word for word in text.translate(table).split(split) if word]


@lru_cache(16)
def _replacements(filters: Iterable[str], split: str) -> dict[int, str]:
    return str.maketrans(dict.fromkeys(filters, split))


def chunks(texts: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield rows of any type in lists of bounded size."""
    rows: list[Any] = []
    size = 0
    for row in texts:
        rows.append(row)
        # The size of a text is its number of characters. That of a row of tokens is estimated at eight per token.
        size += len(row) if isinstance(row, str) else 8 * len(row) if isinstance(row, list) else 1
        if size >= _CHUNK:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows
