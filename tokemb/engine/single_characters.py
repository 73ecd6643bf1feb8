"""The characters that are pre-tokens of their own, which the kernels look up without hashing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tokemb._arrays import STRINGS, Int32, Int64, UInt8
from tokemb.kernels.structs import ALONE, CODES, KEPT, PAGE, TAIL, UNCHANGED, Table


def single_characters(table: Table) -> tuple[Int64, Int64]:
    """Return the characters that are pre-tokens of their own after normalization.

    Returns:
        Their codes, and the codes of the normalized characters, both int64 (characters,). There are none if added
        tokens are matched in the normalized text, which must then be complete.
    """
    if len(table.normal_token_starts) > 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    leads = np.append(0, np.cumsum(table.classes != TAIL))
    is_single = (np.diff(leads[table.starts]) == 1) & (table.flags & ~np.uint8(UNCHANGED) == 0)
    is_single[is_single] = table.classes[table.starts[:-1][is_single]] == KEPT | ALONE
    in_page = is_single.reshape(-1, PAGE)
    # Few of the pages of all of Unicode contain such characters.
    pages = np.flatnonzero((table.page_of >= 0) & in_page.any(axis=1)[table.page_of])
    codes = (PAGE * pages[:, np.newaxis] + np.arange(PAGE))[in_page[table.page_of[pages]]]
    entries = PAGE * table.page_of[codes // PAGE] + codes % PAGE
    normalized = codes.copy()
    changed = table.flags[entries] == 0
    normalized[changed] = decode_characters(table.text, table.starts[entries[changed]].astype(np.int64))
    return codes, normalized


class CharacterIds:
    """The ids of the characters that are pre-tokens of their own, of a growing number of pre-tokens.

    Attributes:
        table: The tables of the characters.
        ids: int32 (CODES,), one plus the id of each character, or 0.
    """

    def __init__(self, table: Table) -> None:
        """Initialize the ids without pre-tokens."""
        self.table = table
        self._codes, self._normalized = single_characters(table)
        # Most pages of these arrays are never written and take no memory.
        self._ids_of_normalized = np.zeros(CODES, np.int32)
        self.ids: Int32 = np.zeros(CODES, np.int32)

    def add(self, text: UInt8, starts: Int64, ids: Int32) -> None:
        """Add pre-tokens.

        Args:
            text: uint8 (total,), the pre-tokens in UTF-8.
            starts: int64 (pre-tokens + 1,), their starts in ``text``.
            ids: int32 (pre-tokens,), their ids, -1 for pre-tokens to leave out.
        """
        lengths = np.diff(starts)
        short = np.flatnonzero((lengths <= 4) & (lengths > 0) & (ids >= 0))
        numbers = short[_lengths(text[starts[short]]) == lengths[short]]
        if len(numbers):
            self._ids_of_normalized[decode_characters(text, starts[numbers])] = ids[numbers] + 1
            self.ids[self._codes] = self._ids_of_normalized[self._normalized]


def decode_characters(text: UInt8, starts: Int64) -> Int64:
    """Return the codes of the characters that begin at ``starts`` in UTF-8 text: int64 (starts,)."""
    first = text[starts].astype(np.int64)
    lengths = _lengths(text[starts])
    codes = np.where(lengths == 1, first, first & (0x7F >> lengths))
    for offset in range(1, 4):
        more = lengths > offset
        codes[more] = codes[more] << 6 | text[starts[more] + offset] & 0x3F
    return codes


def _lengths(first_bytes: UInt8) -> Int64:
    """Return the number of bytes of characters in UTF-8 by their first bytes."""
    return 1 + np.searchsorted(np.array([0xC0, 0xE0, 0xF0], np.uint8), first_bytes, side="right")


def texts_of_codes(codes: Int64) -> pa.LargeStringArray:
    """Return one text for each of ``codes``, int64 (characters,): the character, ``large_string`` (characters,)."""
    data = np.frombuffer(codes.astype("<u4").tobytes().decode("utf-32-le").encode(), np.uint8)
    offsets = np.append(np.flatnonzero(data & 0xC0 != 0x80), len(data))  # a byte 10xxxxxx continues a character
    return pa.Array.from_buffers(STRINGS, len(codes), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
