"""Numbers of distinct tokens, in memory that grows with them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb import kernels
from tokemb._arrays import STRINGS, Int32
from tokemb.engine.pretoken_cache import free_slots, text_of, with_slack
from tokemb.engine.single_characters import CharacterIds
from tokemb.kernels.structs import SLACK, SLOT, PretokenTable, Table

# The memory at first, in tokens and bytes.
_TOKENS, _BYTES = 1 << 15, 1 << 18


class TokenNumbers:
    """Distinct tokens, numbered from 0 in the order in which they are added.

    Attributes:
        pretokens: The hash table.
        size: The number of tokens.
        ids: int32 (0,). No token has several ids.
        density: The maximum number of ids per byte of a token.
    """

    ids: Int32 = np.zeros(0, np.int32)
    density = 1

    def __init__(self) -> None:
        slots, text, starts = free_slots(2 * _TOKENS), np.zeros(_BYTES, np.uint8), np.zeros(_TOKENS, np.int64)
        self.pretokens = PretokenTable(slots, text, starts)
        self.size = 0
        self._characters: CharacterIds | None = None
        self._size_of_characters = 0

    def add(self, tokens: pa.LargeStringArray) -> Int32:
        """Return the numbers of ``tokens``, ``large_string`` (tokens,): int32 (tokens,). New tokens get new numbers."""
        texts = with_slack(text_of(tokens))
        self._make_room(len(tokens), int(texts.offsets[-1] - texts.offsets[0]))
        numbers = np.empty(len(tokens), np.int32)
        self.size = kernels.number_tokens(self.pretokens, self.size, texts, numbers)
        return numbers

    def texts(self) -> pa.LargeStringArray:
        """Return the tokens in the order of their numbers, ``large_string`` (size,)."""
        starts = self.pretokens.starts[: self.size + 1].copy()
        text = self.pretokens.text[: starts[-1]].copy()
        return pa.Array.from_buffers(STRINGS, self.size, [None, pa.py_buffer(starts), pa.py_buffer(text)])

    def clear(self) -> None:
        """Remove all tokens, and keep the memory for others."""
        self.pretokens.slots[:] = 0
        self.size = 0
        self._characters = None

    def character_ids(self, table: Table) -> Int32:
        """Return one plus the numbers of characters that are tokens of their own, int32 (CODES,). 0 for others."""
        if self._characters is None or self._characters.table is not table:
            self._characters, self._size_of_characters = CharacterIds(table), 0
        if self._size_of_characters < self.size:
            _, text, starts = self.pretokens
            new = np.arange(self._size_of_characters, self.size, dtype=np.int32)
            self._characters.add(text, starts[self._size_of_characters : self.size + 1], new)
            self._size_of_characters = self.size
        return self._characters.ids

    def _make_room(self, tokens: int, size: int) -> None:
        """Make room for more tokens and their bytes. Other arrays then replace those of ``pretokens``."""
        slots, text, starts = self.pretokens
        while 2 * (self.size + tokens) * SLOT > len(slots):
            more = free_slots(2 * len(slots) // SLOT)
            kernels.move_slots(slots, more)
            slots = more
        self.pretokens = PretokenTable(
            slots,
            _with_room(text, int(starts[self.size]) + size + SLACK),
            _with_room(starts, self.size + tokens + 1),
        )


def _with_room(values: np.ndarray, size: int) -> np.ndarray:
    """Return ``values``, or a copy of at least ``size`` and 1.5 times as long."""
    if size <= len(values):
        return values
    copy = np.zeros(max(size, len(values) * 3 // 2), values.dtype)
    copy[: len(values)] = values
    return copy
